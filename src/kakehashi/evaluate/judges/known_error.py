"""What is known of the rule judge's error, to be said beside rates that it alone has judged."""

from dataclasses import dataclass

from kakehashi.evaluate.judges.phrases import shipped_calibration


@dataclass(frozen=True, slots=True)
class KnownError:
    """How often a judge errs on human labels.

    Attributes:
        language: Language of the labelled answers.
        status: ``"human"``, ``"synthetic-only"`` or ``"none"``; figures stand beside ``"human"`` alone.
        missed_refusals: Share of the answers that people call refused which the judge does not, with its 95% interval.
        false_refusals: Share of the answers that people call helpful which the judge calls refused.
        n: Labelled answers.
        source: Where the figures stand.
    """

    language: str
    status: str
    missed_refusals: tuple[float, float, float] | None = None
    false_refusals: tuple[float, float, float] | None = None
    n: int = 0
    source: str = ""


def known_error(language: str) -> KnownError:
    """What is known of the shipped rules in a language.

    Examples:
        >>> known_error("en").missed_refusals
        (0.056, 0.039, 0.082)
        >>> known_error("sw").status
        'none'
    """
    status = shipped_calibration(language)
    if language != "en":
        return KnownError(language, status)
    # One less sensitivity 0.944 [0.918, 0.961] and specificity 0.952 [0.929, 0.967] of docs/judges.md: XSTest without
    # the model that the rules were made on. tests/evaluate/judges/test_known_error.py holds them against that page.
    return KnownError(
        language,
        status,
        missed_refusals=(0.056, 0.039, 0.082),
        false_refusals=(0.048, 0.033, 0.071),
        n=900,
        source="docs/judges.md, XSTest, two models that the rules were not made on",
    )
