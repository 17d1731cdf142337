"""The engine: puts samples to systems, keeps everything, and can be killed and resumed at any time."""

from kakehashi.evaluate.engine.asking import Asker, asking
from kakehashi.evaluate.engine.budget import Estimate, Limits, Price, PriceTable, estimate
from kakehashi.evaluate.engine.cache import ResponseCache
from kakehashi.evaluate.engine.connect import checked_address, endpoint_for
from kakehashi.evaluate.engine.endpoint import Adaptation, Completion, Endpoint, split_thinking
from kakehashi.evaluate.engine.engine import Job, Scorer, run_jobs
from kakehashi.evaluate.engine.mock import MockEndpoint
from kakehashi.evaluate.engine.patience import Patience
from kakehashi.evaluate.engine.pool import PooledEndpoint
from kakehashi.evaluate.engine.rescore import rescore
from kakehashi.evaluate.engine.rows import FinishedRow, JobKey
from kakehashi.evaluate.engine.runfolder import RunFolder
from kakehashi.evaluate.engine.settings import AdaptationRecord, EngineSettings, Outcome, Progress
from kakehashi.evaluate.engine.transport import TransportSettings
from kakehashi.evaluate.engine.wire import wire_key

__all__ = [
    "Adaptation",
    "AdaptationRecord",
    "Asker",
    "Completion",
    "Endpoint",
    "EngineSettings",
    "Estimate",
    "FinishedRow",
    "Job",
    "JobKey",
    "Limits",
    "MockEndpoint",
    "Outcome",
    "Patience",
    "PooledEndpoint",
    "Price",
    "PriceTable",
    "Progress",
    "ResponseCache",
    "RunFolder",
    "Scorer",
    "TransportSettings",
    "asking",
    "checked_address",
    "endpoint_for",
    "estimate",
    "rescore",
    "run_jobs",
    "split_thinking",
    "wire_key",
]
