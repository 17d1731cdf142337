"""Whether generated code may be run, and where."""

from dataclasses import dataclass

from kakehashi.errors import UsageError
from kakehashi.evaluate.methods.base import Method, RunsCode
from kakehashi.evaluate.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class CodeWords:
    """What the user has said of generated code.

    Attributes:
        allow: It may be run in a sandbox.
        unisolated: It may be run even where the machine cannot isolate it.
    """

    allow: bool = False
    unisolated: bool = False


def with_sandbox(method: Method, words: CodeWords) -> tuple[Method, Sandbox | None]:
    """The method ready to run code, with its sandbox; any other method as it is.

    Raises:
        UsageError: The method runs code, and that was not allowed.
        IsolationError: This machine cannot isolate it.
    """
    if not isinstance(method, RunsCode):
        return method, None
    if not (words.allow or words.unisolated):
        raise UsageError(
            f"{method.card.id} runs code that the model writes, and that is off",
            hint="Add --allow-code: each program runs in a sandbox without network, with limits on time, memory, "
            "files and processes.",
        )
    sandbox = Sandbox(unisolated=words.unisolated)
    return method.in_sandbox(sandbox), sandbox
