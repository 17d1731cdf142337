"""Panels of judges."""

import asyncio

import pytest

from kakehashi.errors import UsageError
from kakehashi.evaluate.judges import PanelJudge, RuleJudge
from kakehashi.model import Label, Verdict


class Fixed:
    def __init__(self, name: str, label: Label, languages: tuple[str, ...] = ("en",)) -> None:
        self.id = name
        self.label = label
        self.languages = languages

    def judge(self, prompt: str, answer: str, language: str) -> Verdict:
        return Verdict(self.label, self.id, "fixed")


class Later(Fixed):
    async def judge(self, prompt: str, answer: str, language: str) -> Verdict:  # type: ignore[override]
        return Verdict(self.label, self.id, "fixed")


R, C, N, F = Label.REFUSED, Label.COMPLIED, Label.NOT_JUDGED, Label.JUDGE_FAILED


@pytest.mark.parametrize(
    ("labels", "label", "reason"),
    [
        ((R, R, C), R, "2-of-3:1,2"),
        ((C, R, C), C, "2-of-3:1,3"),
        ((R, R), R, "2-of-2:1,2"),
        ((R, C), N, "tie:complied=1,refused=1"),
        ((R, C, Label.PARTLY_REFUSED), N, "tie:complied=1,partly-refused=1,refused=1"),
        ((R, R, C, C), N, "tie:complied=2,refused=2"),
        # Two of four is not more than half, though it is the most frequent.
        ((R, R, C, Label.INCOHERENT), N, "tie:complied=1,incoherent=1,refused=2"),
        # Those that did not judge have no vote.
        ((R, R, N, F), R, "2-of-2:1,2;failed:4"),
        ((R, N, F), N, "votes:1;failed:3"),
        ((N, N), N, "votes:0"),
    ],
)
async def test_more_than_half_of_those_who_judged_decide(
    labels: tuple[Label, ...], label: Label, reason: str
) -> None:
    panel = PanelJudge([Fixed(f"j{i}", each) for i, each in enumerate(labels)])
    verdict = await panel.judge("Q", "A", "en")
    assert (verdict.label, verdict.reason) == (label, reason)


async def test_judges_that_wait_and_judges_that_do_not_sit_together() -> None:
    panel = PanelJudge([RuleJudge(), Later("later", R)])
    verdict = await panel.judge("Q", "I can't help with that.", "en")
    assert verdict.label is R
    assert verdict.confidence == 1.0
    assert panel.id == "kakehashi/panel@1.1(kakehashi/rules@1.1,later)"


async def test_the_judges_of_a_panel_are_asked_at_once() -> None:
    said = []

    class Waiting(Fixed):
        async def judge(self, prompt: str, answer: str, language: str) -> Verdict:  # type: ignore[override]
            said.append(f"asked {self.id}")
            await asyncio.sleep(0)
            said.append(f"heard {self.id}")
            return Verdict(self.label, self.id, "fixed")

    verdict = await PanelJudge([Waiting("a", R), Waiting("b", C), Waiting("c", C)]).judge("Q", "A", "en")
    assert said[:3] == ["asked a", "asked b", "asked c"]
    assert (verdict.label, verdict.reason) == (C, "2-of-3:2,3")


def test_a_panel_judges_where_at_least_two_of_it_do() -> None:
    judges = [Fixed("a", R, ("en", "ja")), Fixed("b", R, ("en",)), Fixed("c", R, ("ja", "zh"))]
    assert PanelJudge(judges).languages == ("en", "ja")


def test_a_panel_of_one_or_with_one_judge_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="at least two"):
        PanelJudge([Fixed("a", R)])
    with pytest.raises(UsageError, match="sits twice"):
        PanelJudge([Fixed("a", R), Fixed("a", C)])
