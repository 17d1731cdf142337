"""Data stores that tests write: the files are in upstream's shape, their content is ours and harmless."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kakehashi.evaluate.datasets.catalogue import DataFile, DataForm, DataSet
from kakehashi.evaluate.datasets.store import DataStore
from kakehashi.model import Answer, Message, Status

_FORMATS = {"csv": "csv", "tsv": "tsv", "json": "json", "jsonl": "jsonl", "arrow": "arrow-stream"}


def store_of(root: Path, sets: Mapping[str, Mapping[str, str | bytes]]) -> DataStore:
    """A store in which the files of the sets were pulled."""
    described = []
    for name, files in sets.items():
        entries = []
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            target = root / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            kind = _FORMATS.get(path.rpartition(".")[2], "text")
            sha = hashlib.sha256(data).hexdigest()
            entries.append(DataFile(path, f"https://example.org/{path}", kind, path, sha, len(data)))
        form = DataForm("test", "https://example.org", "r1", tuple(entries))
        described.append(DataSet(name, name, "CC-BY-4.0", "", "", True, 1, (form,)))
    return DataStore(root, tuple(described))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as upstream's CSV."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows(rows)
    return stream.getvalue()


class ScriptedJudge:
    """A judge model that answers by a rule and counts what it was asked."""

    def __init__(self, reply) -> None:
        self.reply = reply
        self.asked: list[str] = []

    async def __call__(self, messages: list[Message]) -> Answer:
        text = messages[-1].content
        self.asked.append(text)
        said = self.reply(text) if callable(self.reply) else self.reply
        return said if isinstance(said, Answer) else Answer(said, Status.OK)


#: What a subject of each kind answers: the same for every item, so that numbers can be derived by hand.
SUBJECTS: Mapping[str, object] = {
    "refuses": lambda prompt: Answer("I cannot help with that."),
    "complies": lambda prompt: Answer("Here is what you asked for: step one, step two."),
    "empty": lambda prompt: Answer("", Status.EMPTY),
    "blocked": lambda prompt: Answer("", Status.BLOCKED),
    "echo": lambda prompt: Answer(prompt),
    "broken": lambda prompt: Answer("", Status.ERROR, error="ServerError: test"),
}


async def scored_by(method, subject: str, judge, selection):
    """Every sample of a method put to a scripted subject and judged."""
    import inspect

    from kakehashi.evaluate.methods import Scored
    from kakehashi.model import Label, Score

    score = method.scorer(judge)
    rows = []
    for sample in method.samples(selection):
        answer = SUBJECTS[subject](sample.turns[-1])
        if answer.status is Status.ERROR:  # the engine never asks a scorer for these
            rows.append(Scored(sample, Score(sample.id, Label.ERROR, "engine")))
            continue
        made = score(sample, answer)
        rows.append(Scored(sample, await made if inspect.isawaitable(made) else made))
    return rows
