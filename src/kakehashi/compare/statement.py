"""Results on selections, groups and gaps as sentences, in English and Japanese, with what must stand beside them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isnan
from typing import Any

from kakehashi.compare.contrast import PartyContrast
from kakehashi.compare.gap import FrontierGap, GapPoint
from kakehashi.compare.grouping import By, GroupRule
from kakehashi.compare.groups import Group, Groups
from kakehashi.compare.selective import SelectionTest, Selective
from kakehashi.errors import NotEstimableError, UnknownNameError

LANGUAGES = ("en", "ja")


@dataclass(frozen=True, slots=True)
class Reply:
    """What an organisation that is named was asked, and what it answered.

    Attributes:
        organisation: Its name.
        asked: When it was asked, ISO 8601.
        answered: When it answered, ``""`` where it has not.
        text: Its answer in its own words.
    """

    organisation: str
    asked: str
    answered: str = ""
    text: str = ""


@cache
def words() -> Mapping[str, Any]:
    """The texts and the innocent explanations, each in both languages."""
    text = files("kakehashi.compare").joinpath("data/words.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def innocent_explanations(language: str = "en") -> tuple[str, ...]:
    """Why a selection may be favourable without anybody having meant it so."""
    _check(language)
    return tuple(str(one[language]) for one in words()["innocent"])


def selective_lines(
    found: Selective,
    contrast: PartyContrast | NotEstimableError | None = None,
    *,
    replies: Sequence[Reply] = (),
    on: str,
    language: str = "en",
) -> list[str]:
    """The tests as sentences, each organisation with its right of reply, and the innocent explanations.

    Args:
        found: The tests.
        contrast: First-party against third-party scores, or why there is no such figure.
        replies: What organisations were asked and answered.
        on: The date of the record of replies, ISO 8601.
        language: ``"en"`` or ``"ja"``.
    """
    say = _Voice(language)
    lines = [
        say("selective.head", source=found.facts_source, as_of=found.facts_as_of),
        say("selective.smallest", n=found.smallest_n, alpha=f"{found.alpha:g}"),
        say("selective.family", n=found.n_tested),
    ]
    by_name = {one.organisation: one for one in replies}
    for test in found.tests:
        lines += [_verdict(say, test), f"  {_within(say, test)}"]
        lines.append(f"  {_reply(say, test.vendor, by_name.get(test.vendor), on)}")
    if isinstance(contrast, PartyContrast):
        lines.append(_contrast(say, contrast))
    elif contrast is not None:
        lines.append(say("contrast.none", reason=contrast.diagnostic))
    lines += [say("selective.meaning"), say("selective.innocent")]
    return [*lines, *(f"  - {one}" for one in innocent_explanations(language))]


def group_lines(found: Groups, *, rule: GroupRule | None = None, language: str = "en") -> list[str]:
    """The groups as sentences, in the order of their names, with rule, selection, language and dates."""
    say, rule = _Voice(language), rule or GroupRule()
    lines = [
        say(
            "groups.context",
            head=say(f"groups.head.{found.by}"),
            method=found.method,
            value=say(f"value.{found.value_of_a_developer}"),
        )
    ]
    lines += _context(say, found)
    lines += [_group(say, rule, found.by, one) for one in found.groups]
    if found.difference is not None:
        low, high = found.difference_range
        lines.append(
            say(
                "groups.difference",
                value=_number(found.difference.value),
                low=_number(found.difference.low),
                high=_number(found.difference.high),
                lowest=_number(low),
                highest=_number(high),
            )
        )
    return lines if found.by == "developer" else [*lines, say("groups.interval")]


def gap_lines(
    found: Sequence[FrontierGap | NotEstimableError],
    methods: Sequence[str],
    *,
    rule: GroupRule | None = None,
    language: str = "en",
) -> list[str]:
    """Gaps by several methods as sentences, side by side."""
    say, rule = _Voice(language), rule or GroupRule()
    lines = [say("gap.siblings")] if len(found) > 1 else []
    for method, one in zip(methods, found, strict=True):
        if isinstance(one, NotEstimableError):
            lines.append(say("gap.not-estimated", method=method, reason=one.diagnostic))
            continue
        lines += list(_gap(say, rule, one))
    return lines


class _Voice:
    def __init__(self, language: str) -> None:
        _check(language)
        self.language = language
        self._texts = words()["texts"]

    def __call__(self, key: str, **parts: object) -> str:
        return str(self._texts[key][self.language]).format(**parts)

    def join(self, parts: Sequence[str]) -> str:
        return ("、" if self.language == "ja" else ", ").join(parts)


def _check(language: str) -> None:
    if language not in LANGUAGES:
        raise UnknownNameError("language", language, LANGUAGES)


def _number(value: float) -> str:
    return "–" if isnan(value) else f"{value:.1f}" if abs(value) >= 100 else f"{value:.3f}"


def _verdict(say: _Voice, test: SelectionTest) -> str:
    how = say(f"selective.how.{'exact' if test.exact else 'sampled'}", count=test.n_subsets)
    return say(
        f"selective.{test.verdict}",
        vendor=test.vendor,
        k=test.n_published,
        n=test.n_measured,
        p=_number(test.p_adjusted),
        how=how,
        published=_number(test.mean_published),
        all=_number(test.mean_all),
        power="–" if isnan(test.power) else f"{test.power:.0%}",
        least=_number(test.least_p),
        smallest=test.smallest_n,
    )


def _within(say: _Voice, test: SelectionTest) -> str:
    return say(
        "selective.within",
        published=test.cells_published,
        measured=test.cells_measured,
        only=test.first_party_only,
    )


def _reply(say: _Voice, organisation: str, reply: Reply | None, on: str) -> str:
    if reply is None:
        return say("reply.none", organisation=organisation, on=on)
    if not reply.answered:
        return say("reply.asked", organisation=organisation, asked=reply.asked, on=on)
    return say(
        "reply.answered",
        organisation=organisation,
        asked=reply.asked,
        answered=reply.answered,
        text=reply.text,
    )


def _contrast(say: _Voice, found: PartyContrast) -> str:
    return say(
        "contrast.head",
        value=_number(found.estimate.value),
        low=_number(found.estimate.low),
        high=_number(found.estimate.high),
        unit=say(f"unit.{found.estimate.settings['unit']}"),
        models=found.n_models,
        pairs=found.n_pairs,
        p=_number(found.p_value),
        how=say(f"how.{'exact' if found.exact else 'sampled'}"),
        least=_number(found.least_p),
    )


def _context(say: _Voice, found: Groups | FrontierGap) -> list[str]:
    missing = say("not-stated")
    rule = {
        key: say(f"rule.{key}.{found.rule[key]}")
        for key in ("joint", "hong_kong", "taiwan", "eu", "joint_developers")
    }
    lines = [
        say("context.selection", selection=found.selection or missing),
        say("context.language", language=found.test_language or missing),
        say("context.facts", source=found.facts_source, as_of=found.facts_as_of),
        say("context.rule", **rule, as_of=found.rule["as_of"]),
    ]
    if found.left_out:
        lines.append(say("context.left-out", count=len(found.left_out)))
    return lines


def _weights(say: _Voice, rule: GroupRule, counts: Mapping[str, int]) -> str:
    return say.join(
        [f"{rule.title('weights', name, say.language)} {count}" for name, count in counts.items()]
    )


def _endpoints(say: _Voice, counts: Mapping[str, int]) -> str:
    return say.join([f"{name or say('not-stated')} {count}" for name, count in counts.items()])


def _group(say: _Voice, rule: GroupRule, by: By, one: Group) -> str:
    title = rule.title(by, one.name, say.language)
    if one.estimate is None:
        return say(f"groups.{one.status}", group=title)
    parts = {
        "group": title,
        "value": _number(one.estimate.value),
        "models": one.n_models,
        "weights": _weights(say, rule, one.weights),
        "endpoints": _endpoints(say, one.endpoints),
    }
    if by == "developer":
        lowest, highest = (one.estimate.diagnostics[key] for key in ("lowest_model", "highest_model"))
        return say(
            "groups.developer",
            **parts,
            lowest=_number(float(str(lowest))),
            highest=_number(float(str(highest))),
        )
    return say(
        "groups.shown",
        **parts,
        low=_number(one.estimate.low),
        high=_number(one.estimate.high),
        lowest=_number(one.lowest_without_one),
        highest=_number(one.highest_without_one),
        developers=len(one.developers),
    )


def _gap(say: _Voice, rule: GroupRule, found: FrontierGap) -> Iterator[str]:
    titles = [rule.title(found.by, name, say.language) for name in found.groups]
    yield say(
        "gap.head" if found.shrunken else "gap.head.raw",
        first=titles[0],
        second=titles[1],
        head=say(f"groups.head.{found.by}"),
        method=found.method,
    )
    yield from _context(say, found)
    for title, weights, endpoints in zip(titles, found.weights, found.endpoints, strict=True):
        yield say(
            "gap.members",
            group=title,
            weights=_weights(say, rule, weights),
            endpoints=_endpoints(say, endpoints),
        )
    for point in found.points:
        yield _gap_point(say, point)
    if found.beside:
        regions = [
            say(f"beside.{status}", group=rule.title("country", code, say.language))
            for code, status in found.beside.items()
        ]
        yield say("gap.beside", regions=("；" if say.language == "ja" else "; ").join(regions))
    assumed = found.diagnostics.get("assumed_std_error_for")
    if assumed:
        yield say("gap.assumed", error=found.settings["assumed_std_error"], count=assumed)
    if found.shrunken:
        yield say("gap.interval")


def _gap_point(say: _Voice, point: GapPoint) -> str:
    if point.status != "shown":
        return say("gap.too-few-developers", date=point.date.isoformat())
    share = point.lag_at_least
    return say(
        "gap.point",
        date=point.date.isoformat(),
        gap=_number(point.gap),
        low=_number(point.low),
        high=_number(point.high),
        uncorrected=_number(point.uncorrected),
        lowest=_number(point.lowest_without_one),
        highest=_number(point.highest_without_one),
        lag=f"{point.lag:.1f}",
        lag_low="–" if isnan(point.lag_low) else f"{point.lag_low:.1f}",
        lag_high="–" if isnan(point.lag_high) else f"{point.lag_high:.1f}",
        open="" if isnan(share) or share < 0.005 else say("gap.open", share=f"{share:.0%}"),
        developers=" + ".join(str(n) for n in point.n_developers),
        models=" + ".join(str(n) for n in point.n_models),
    )
