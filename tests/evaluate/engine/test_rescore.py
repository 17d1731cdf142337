from dataclasses import replace
from pathlib import Path

import pytest
from engine_runs import METHOD, assess, samples, score, subject
from reference.mock_server import MockServer

from kakehashi.errors import UnknownNameError
from kakehashi.evaluate.engine import RunFolder, rescore
from kakehashi.model import Answer, Sample, Score

BY_ID = {item.id: item for item in samples(6)}


async def test_stored_answers_are_judged_again_without_a_call_and_the_old_scores_stay_in_the_log(
    tmp_path: Path,
) -> None:
    def stricter(item: Sample, answer: Answer) -> Score:
        old = score(item, answer)
        return replace(old, label="wrong", scorer="test/scorer@2") if item.id == "s0003" else old

    async with MockServer() as server:
        await assess(tmp_path, subject(server.url), samples(6))
        with RunFolder.open(tmp_path) as folder:
            changed = await rescore(folder, {METHOD: stricter}, lambda method, name: BY_ID.get(name))
            rows = {row.job.sample: row for row in folder.rows()}
        assert server.calls == 6
    assert changed == 1
    assert rows["s0003"].score.scorer == "test/scorer@2"
    assert rows["s0003"].answer.text == "echo: Question s0003"
    assert rows["s0002"].score.label == "ok"
    assert len((tmp_path / "rows.jsonl").read_bytes().splitlines()) == 7


async def test_a_sample_that_is_not_known_any_more_is_named(tmp_path: Path) -> None:
    async with MockServer() as server:
        await assess(tmp_path, subject(server.url), samples(1))
    with RunFolder.open(tmp_path) as folder:
        with pytest.raises(UnknownNameError, match="s0000"):
            await rescore(folder, {METHOD: score}, lambda method, name: None)
        assert await rescore(folder, {}, lambda method, name: None) == 0
