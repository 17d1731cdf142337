"""Judging stored answers again: no call is made."""

from collections.abc import Callable, Mapping

from kakehashi.errors import UnknownNameError
from kakehashi.evaluate.engine.engine import Scorer
from kakehashi.evaluate.engine.rows import FinishedRow
from kakehashi.evaluate.engine.runfolder import RunFolder
from kakehashi.model import Sample, Score, Status


async def rescore(
    folder: RunFolder,
    scorers: Mapping[str, Scorer],
    samples: Callable[[str, str], Sample | None],
) -> int:
    """Give every stored answer to the scorers again; a changed score is appended as a new row.

    Args:
        folder: The run folder, open for writing.
        scorers: Scorer by method; rows of other methods stay as they are.
        samples: Function from method and sample id to the sample, or ``None`` where it is not known any more.

    Returns:
        How many scores changed.

    Raises:
        UnknownNameError: A stored sample is not known any more.
    """
    changed = 0
    folder.add_event("rescore-begins", methods=sorted(scorers))
    for row in folder.rows():
        scorer = scorers.get(row.job.method)
        if scorer is None or row.answer.status is Status.ERROR:
            continue
        sample = samples(row.job.method, row.job.sample)
        if sample is None:
            raise UnknownNameError("sample", f"{row.job.method} {row.job.sample}")
        made = scorer(sample, row.answer)
        score = made if isinstance(made, Score) else await made
        if score != row.score:
            folder.add_row(FinishedRow(row.job, row.answer, score, row.calls))
            changed += 1
    folder.add_event("rescore-ends", changed=changed)
    folder.sync()
    return changed
