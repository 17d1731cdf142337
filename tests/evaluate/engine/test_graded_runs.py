"""Graded judges within a run: their calls are cached by judge, prompt and answer, and a second run asks nothing."""

from dataclasses import replace

from engine_runs import METHOD, QUICK, samples, subject
from reference.mock_server import MockServer

from kakehashi.evaluate.engine import (
    Asker,
    EngineSettings,
    Job,
    ResponseCache,
    RunFolder,
    endpoint_for,
    run_jobs,
)
from kakehashi.evaluate.judges import GraderPanel, JudgeTemplate, ModelGrader, TagParser
from kakehashi.evaluate.methods.graded import graded
from kakehashi.model import Polarity

TEMPLATE = JudgeTemplate("test/one", "Grade {{question}}: {{answer}}", TagParser(), Polarity.HIGHER)
GRADES = {"judge-a": "1", "judge-b": "0.5", "judge-c": "no grade at all"}


def reply(body):
    grade = GRADES.get(body["model"])
    return "Sure, this is it." if grade is None else f"<reasoning>x</reasoning><score>{grade}</score>"


async def test_a_second_run_asks_nothing_and_another_prompt_or_judge_asks_the_judges_alone(tmp_path) -> None:
    async with MockServer(answer=reply) as server:
        system = subject(server.url)

        async def run(
            name: str, template: JudgeTemplate, judges: tuple[str, ...]
        ) -> list[tuple[float | None, str]]:
            askers = [Asker(replace(subject(server.url, each), model=each)) for each in judges]
            panel = GraderPanel([ModelGrader(asker, asker.subject.model) for asker in askers])
            with (
                ResponseCache(tmp_path / "cache.sqlite") as cache,
                RunFolder.create(tmp_path / name, {"test": 1}) as folder,
            ):
                outcome = await run_jobs(
                    [Job(system, METHOD, item) for item in samples(5)],
                    endpoints={
                        system.name: endpoint_for(system),
                        **{asker.name: endpoint_for(asker.subject) for asker in askers},
                    },
                    scorers={METHOD: graded(panel, lambda _: template)},
                    folder=folder,
                    cache=cache,
                    settings=EngineSettings(patience=QUICK),
                    askers=askers,
                )
                assert outcome.is_complete
                return [(row.score.value, row.score.reason) for row in folder.rows()]

        two, three = ("judge-a", "judge-b"), ("judge-a", "judge-b", "judge-c")
        assert await run("first", TEMPLATE, two) == [(0.75, "mean-of-2:1=1,2=0.5")] * 5  # (1 + 0.5) / 2
        assert server.calls == 5 + 2 * 5
        assert await run("second", TEMPLATE, two) == [(0.75, "mean-of-2:1=1,2=0.5")] * 5
        assert server.calls == 15
        assert await run("third", TEMPLATE, three) == [(0.75, "mean-of-2:1=1,2=0.5;failed:3")] * 5
        assert server.calls == 15 + 5  # the new judge alone
        again = replace(TEMPLATE, text="Grade anew {{question}}: {{answer}}")
        await run("fourth", again, two)
        assert server.calls == 20 + 2 * 5  # both judges, by the new prompt; no answer is generated again
