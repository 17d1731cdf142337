"""A sandbox for generated code: what it is cut off from, what it may use, and how it ended."""

from kakehashi.evaluate.sandbox.sandbox import (
    REQUIRED,
    CodeLimits,
    CodeRun,
    Isolation,
    Sandbox,
    find_isolation,
)

__all__ = ["REQUIRED", "CodeLimits", "CodeRun", "Isolation", "Sandbox", "find_isolation"]
