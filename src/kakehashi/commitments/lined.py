"""YAML with line numbers: what is wrong in a catalog is named with file and line."""

import re
from pathlib import Path
from typing import Any

import yaml

from kakehashi.errors import InputError

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Lined(dict[str, Any]):
    """A mapping that knows the line on which it begins, and those of its keys."""

    line: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}

    def line_of(self, key: str) -> int:
        """Line of a key; that of the mapping where it has no such key."""
        return self.lines.get(key, self.line)


class _LinedLoader(_LOADER):  # type: ignore[misc]  # CSafeLoader where it was built, else SafeLoader
    path: str = ""


def _mapping(loader: Any, node: yaml.MappingNode) -> Lined:
    made = Lined()
    made.line = node.start_mark.line + 1
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise InputError(
                f"the key {key_node.value!r} is read as {key!r}, which is not a text",
                path=loader.path,
                row=line,
                hint="YAML reads no, yes, on, off and bare numbers as other things: write 'num', or quote the key.",
            )
        if key in made:
            raise InputError(f"the key {key!r} stands twice", path=loader.path, row=line)
        made.lines[key] = line
        made[key] = loader.construct_object(value_node, deep=True)
    return made


def _text(loader: Any, node: yaml.ScalarNode) -> str:
    return str(node.value)


_LinedLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
# Dates stay as they are written: '2024-12' is no date to YAML, and the two must not differ in type.
_LinedLoader.add_constructor("tag:yaml.org,2002:timestamp", _text)


#: Deeper than anybody writes, and far from where the parser's stack ends.
_DEEPEST = 100


def _depth(text: str) -> int:
    """How deep the brackets and dashes of a text go at most; those within words are counted too."""
    most = max((len(run.group()) // 2 for run in re.finditer(r"(?:- )+", text)), default=0)
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if bracket.group() in "[{" else max(0, depth - 1)
        most = max(most, depth)
    return most


def read_lined(path: Path) -> Lined:
    """A YAML file as mappings that know their lines.

    Raises:
        InputError: It is not there, not UTF-8, not YAML, holds a key twice or one that is not a text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("no such file", path=path) from None
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", path=path, hint="Save it as UTF-8.") from None
    if _depth(text) > _DEEPEST:
        raise InputError("nested too deeply", path=path)
    loader = _LinedLoader(text)
    loader.path = str(path)
    try:
        found = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        lines = text.split("\n")
        # What ends too early is found behind the last line.
        row = min(error.problem_mark.line + 1, len(lines)) if error.problem_mark else None
        said = " ".join(part for part in (error.context, error.problem) if part)
        tabs = row is not None and "\t" in lines[row - 1]
        raise InputError(
            f"not YAML: {said}",
            path=path,
            row=row,
            hint="Indent with blanks, not with tabs." if tabs else None,
        ) from None
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {error}", path=path) from None
    finally:
        loader.dispose()
    if not isinstance(found, Lined):
        raise InputError("holds no mapping", path=path)
    return found
