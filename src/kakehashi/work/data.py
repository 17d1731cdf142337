"""Pulled data for a run: the sets that its methods are made of, taken from a mirror where one is named."""

from collections.abc import Callable, Sequence
from pathlib import Path

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import DataStore, form_to_pull, licence_lines, pull_set
from kakehashi.evaluate.methods.registry import published_sets
from kakehashi.work.beside import beside_sets


def pull_for(
    methods: Sequence[str],
    store: DataStore,
    mirror: Path | str,
    *,
    alone: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[str, ...]:
    """Bring from a mirror what published methods need and is not here; licences and terms are shown.

    A set that the mirror lacks is told and left out: the method that needs it says so itself.

    Args:
        methods: Names of methods.
        store: Where the sets go.
        mirror: A folder, or an http(s) address.
        alone: Leave out what would run beside a method that rewards refusing everything.
        say: Called with short messages.

    Returns:
        Names of the sets that were brought.

    Raises:
        VerificationError: A file's bytes are not those that were pinned.
        InputError: There is no such mirror.
    """
    if not str(mirror).startswith(("http://", "https://")) and not Path(mirror).is_dir():
        raise InputError("no such folder", path=mirror, hint="Give a mirror's folder or its address.")
    needed = dict.fromkeys(one for name in methods for one in published_sets(name))
    if not alone:
        needed |= dict.fromkeys(beside_sets(methods, store))
    brought = []
    for name in needed:
        if store.is_here(name):
            continue
        for line in licence_lines(store.set(name), form_to_pull(store, name, mirror=mirror)):
            say(line)
        try:
            done = pull_set(store, name, mirror=mirror, say=say)
        except InputError as error:
            say(f"{name}: {error.message}")
            continue
        say(f"{name}: {len(done.files)} files of form {done.form!r} taken from the mirror, {done.revision}")
        brought.append(name)
    return tuple(brought)
