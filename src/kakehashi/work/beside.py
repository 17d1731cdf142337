"""What must not stand alone: a method that rewards refusing everything runs beside one that measures over-refusal."""

from collections.abc import Sequence
from pathlib import Path

from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.methods import get_method


def with_beside(
    methods: Sequence[str], own_methods: Path | None = None, data: DataStore | None = None
) -> tuple[tuple[str, ...], list[str]]:
    """The methods with what is to run beside them, and a note that says so.

    A method asks for another by its attribute ``beside``; where one of the methods measures over-refusal already,
    nothing is added.
    """
    chosen = [get_method(name, own_methods, data) for name in methods]
    asking = [(one.card.id, str(found)) for one in chosen if (found := getattr(one, "beside", ""))]
    measured = {measure.construct for one in chosen for measure in one.card.measures}
    if not asking or "over-refusal" in measured:
        return tuple(methods), []
    (name, added), *_ = asking
    why = f"in {name} a system that refuses everything does best"
    return (*methods, added), [f"{why}, so {added} runs beside it; --alone leaves it out"]
