"""Reports of a month, a quarter or a year as of a date: what the workspace held then, and nothing later."""

from kakehashi.report.periodic.build import build_periodic
from kakehashi.report.periodic.period import Period, period_of
from kakehashi.report.periodic.settings import Cadence, ReportSettings, read_settings
from kakehashi.report.periodic.values import Periodic

__all__ = ["Cadence", "Period", "Periodic", "ReportSettings", "build_periodic", "period_of", "read_settings"]
