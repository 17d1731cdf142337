"""What Inspect loads by the entry point ``inspect_ai``: our tasks and our provider."""

from kakehashi.evaluate.inspect.provider import kakehashi_provider
from kakehashi.evaluate.inspect.tasks import attacks, core, facts

__all__ = ["attacks", "core", "facts", "kakehashi_provider"]
