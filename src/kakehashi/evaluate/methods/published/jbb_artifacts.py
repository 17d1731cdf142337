"""Artifacts of JailbreakBench in a folder, whose jailbreak prompts are put again; one file is read by the importer."""

from pathlib import Path

from kakehashi.errors import InputError
from kakehashi.ledger.importers.jailbreakbench import BESIDE, Artifact, read_artifact


def read_artifacts(folder: Path) -> tuple[Artifact, ...]:
    """All artifacts below a folder, in the order of their paths; none where there is no folder.

    What upstream keeps beside them (``attack-info.json`` and others) is passed over.

    Raises:
        InputError: One cannot be read, or two are of one attack and model.
    """
    paths = sorted(folder.rglob("*.json")) if folder.is_dir() else []
    found = tuple(read_artifact(path) for path in paths if path.name not in BESIDE)
    names: dict[str, Path] = {}
    for one in found:
        if one.name in names:
            raise InputError(f"{one.name} stands in {names[one.name]} as well", path=one.path)
        names[one.name] = one.path
    return found
