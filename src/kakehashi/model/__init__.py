"""The records that every room speaks. No I/O, nothing from outside the standard library."""

from kakehashi.model.constructs import CONSTRUCTS
from kakehashi.model.judgement import Judgement, Label, Verdict
from kakehashi.model.measurement import Interval, Measure, Measurement, Polarity
from kakehashi.model.method import JudgeError, MethodCard, Policy
from kakehashi.model.provenance import Claim, Provenance
from kakehashi.model.sample import Answer, Message, Sample, Score, Status
from kakehashi.model.subject import GuardSpec, Subject

__all__ = [
    "CONSTRUCTS",
    "Answer",
    "Claim",
    "GuardSpec",
    "Interval",
    "JudgeError",
    "Judgement",
    "Label",
    "Measure",
    "Measurement",
    "Message",
    "MethodCard",
    "Polarity",
    "Policy",
    "Provenance",
    "Sample",
    "Score",
    "Status",
    "Subject",
    "Verdict",
]
