"""What must not stand alone: a method that rewards refusing everything runs beside one that measures over-refusal."""

from collections.abc import Sequence
from pathlib import Path

from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.methods.registry import PUBLISHED, published_sets

#: Construct that a card asks for → methods that measure it, the best known first; the last is always there.
COMPANY = {"over-refusal": ("xstest", "kakehashi/core")}


def with_beside(
    methods: Sequence[str],
    own_methods: Path | None = None,
    data: DataStore | None = None,
    *,
    grades: bool = False,
) -> tuple[tuple[str, ...], list[str]]:
    """The methods with what is to run beside them, and a note that says so.

    A card says by ``shown_with`` what must be measured beside it; where one of the methods measures that already,
    nothing is added. A published method is added where its data are here, else a suite of our own.

    Args:
        methods: Names of methods.
        own_methods: Folder of the user's own methods.
        data: Pulled data sets.
        grades: Whether a model judges: then a published method needs its official judge prompts as well.
    """
    cards = [get_method(name, own_methods, data).card for name in methods]
    measured = {measure.construct for card in cards for measure in card.measures}
    names, notes = tuple(methods), []
    for construct in dict.fromkeys(card.shown_with for card in cards):
        if not construct or construct in measured:
            continue
        asking = next(card.id for card in cards if card.shown_with == construct)
        added = next(name for name in COMPANY[construct] if _is_here(name, data, grades))
        names = (*names, added)
        notes.append(
            f"in {asking} a system that refuses everything does best, so {added} runs beside it; "
            "--alone leaves it out"
        )
    return names, notes


def beside_sets(methods: Sequence[str], data: DataStore) -> tuple[str, ...]:
    """Data sets of what may run beside the methods, to be taken from a mirror with theirs."""
    cards = [get_method(name, None, data).card for name in methods if name in PUBLISHED]
    asked = {card.shown_with for card in cards} - {""}
    wanted = asked - {measure.construct for card in cards for measure in card.measures}
    company = [name for construct in sorted(wanted) for name in COMPANY[construct]]
    if set(company) & set(methods) or "core" in methods:
        return ()
    return tuple(published_sets(name)[0] for name in company if name in PUBLISHED)


def _is_here(name: str, data: DataStore | None, grades: bool) -> bool:
    sets = published_sets(name)
    if not sets:
        return True
    return data is not None and all(data.is_here(one) for one in (sets if grades else sets[:1]))
