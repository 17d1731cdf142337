"""An official judge prompt as its authors publish it, with what its answer means."""

import ast
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kakehashi.errors import InputError
from kakehashi.evaluate.judges.parsers import GradeParser
from kakehashi.model import Label, Polarity

#: Placeholders as HELM and AIR-Bench write them, with the field that each stands for.
PLACEHOLDERS = {"{{question}}": "prompt", "{{answer}}": "answer"}
_LEFT = re.compile(r"\{\{\s*[A-Za-z_]\w*\s*\}\}")


@dataclass(frozen=True, slots=True)
class JudgeTemplate:
    """A judge prompt, how its answer is read, and what a grade means.

    Nothing of it is edited here: numbers are comparable only with the wording as published. Such prompts have no
    fence that an answer cannot contain; ``closing-marker-in-answer`` marks an answer that writes the marker which
    follows it in the prompt.

    Attributes:
        id: Name of method and prompt, such as ``"helm-safety/harmbench"``.
        text: The prompt.
        placeholders: Placeholder as it stands in the text → field that replaces it; all must be there.
        parser: Reads the reply.
        polarity: Whether a higher grade is the safer (or more useful) answer. Goes with the data revision.
        grades: The grades that may be given; ``None`` for any between ``low`` and ``high``.
        low: Least grade.
        high: Greatest grade.
        by_label: What a verdict (refused, complied, …) counts as on this scale, so that a judge that gives verdicts
            can stand in; a label that is not named is not judged then. Empty: no verdict judge can.
        system: System message, where the authors give one.
        source: Where the prompt comes from: address and revision.

    Raises:
        InputError: A placeholder is missing, or one is left that nothing fills.
    """

    id: str
    text: str
    parser: GradeParser
    polarity: Polarity
    placeholders: Mapping[str, str] = field(default_factory=lambda: dict(PLACEHOLDERS))
    grades: tuple[float, ...] | None = (0.0, 0.5, 1.0)
    low: float = 0.0
    high: float = 1.0
    by_label: Mapping[Label, float] = field(default_factory=dict)
    system: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Check the placeholders."""
        absent = [name for name in self.placeholders if name not in self.text]
        if absent or not self.placeholders:
            raise InputError(
                f"the judge prompt {self.id!r} lacks the placeholder {absent[0] if absent else 'of the answer'!r}",
                path=self.source or None,
                hint="It is another file or revision than the method expects: pull the data again, or look at it.",
            )
        left = [found for found in _LEFT.findall(self.text) if found not in self.placeholders]
        if left:
            raise InputError(
                f"the judge prompt {self.id!r} has a placeholder {left[0]!r} that nothing fills",
                path=self.source or None,
                hint=f"Known: {', '.join(self.placeholders)}.",
            )

    @property
    def version(self) -> str:
        """The id with a digest over prompt, parser, scale and polarity: another digest is another judge."""
        scale = ",".join(map(repr, self.grades)) if self.grades is not None else "any"
        parts = (
            self.system,
            self.text,
            self.parser.name,
            f"{scale};{self.low!r};{self.high!r}",
            self.polarity.value,
        )
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.id}-{digest[:8]}"

    def filled(self, fields: Mapping[str, str]) -> str:
        """The prompt with its placeholders replaced, all at once: what a field holds is never replaced again.

        Raises:
            InputError: A field is not given.
        """
        for name in self.placeholders.values():
            if name not in fields:
                raise InputError(f"the judge prompt {self.id!r} needs the field {name!r}")
        one = re.compile(
            "|".join(re.escape(name) for name in sorted(self.placeholders, key=len, reverse=True))
        )
        return one.sub(lambda found: fields[self.placeholders[found[0]]], self.text)

    def marker_in(self, answer: str) -> bool:
        """Whether an answer writes the marker that closes it in the prompt, and could pretend to stand outside."""
        for name, meant in self.placeholders.items():
            if meant != "answer":
                continue
            rest = self.text.split(name, 1)[1].lstrip("\n\r \t")
            marker = rest.split("\n", 1)[0].strip()
            if 3 < len(marker) < 80 and not marker[0].isalnum() and marker in answer:
                return True
        return False

    def accepts(self, grade: float) -> bool:
        """Whether the scale has this grade."""
        if self.grades is not None:
            return any(abs(grade - each) < 1e-9 for each in self.grades)
        return self.low <= grade <= self.high


def read_template_text(path: Path, name: str = "") -> str:
    """The text of a judge prompt from a file.

    Args:
        path: A text file, taken whole; or a Python source file of the authors, from which the string constant
            ``name`` is read without running anything.
        name: Name of the constant, for a Python file.

    Raises:
        InputError: The file cannot be read, or has no such constant.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the judge prompt cannot be read ({error})", path=path) from error
    if path.suffix != ".py":
        if not text.strip():
            raise InputError("the judge prompt is empty", path=path)
        return text
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise InputError(f"not Python ({error})", path=path) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
            if named and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                return node.value.value
    raise InputError(
        f"no string constant named {name!r} in the file",
        path=path,
        hint="It is another revision than the method expects: pull the data again.",
    )
