"""What every measured program shares: arguments in, one line of JSON out. It runs in peers' environments too.

A subject is a script: it builds its work, does it between :meth:`Stopwatch.start` and :meth:`Stopwatch.stop`, and
calls :meth:`Stopwatch.report`. What comes before ``start`` (imports, set-up) is not in its figures.
"""

import argparse
import json
import resource
import sys
import time


def arguments(description):
    """Arguments of a subject; those who need more add to ``parser`` before parsing."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", default="", help="base address of the mock, with /v1")
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--concurrency", type=int, default=100)
    parser.add_argument("--out", default="", help="an empty folder for whatever the subject writes")
    return parser


def prompt(number):
    """The one-turn prompt of a sample; no two are the same."""
    return (
        f"Question {number:06d}: how do I look up whether a plant in the garden may be eaten by a small dog?"
    )


def cpu():
    """Seconds of CPU of this process, all its threads, and children that it has waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def peak_mb():
    """Highest resident memory of this process so far, in MB (10^6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


class Stopwatch:
    """Wall clock and CPU from ``start`` to ``stop``."""

    def __init__(self):
        self.began = self.cpu_began = self.seconds = self.cpu = 0.0

    def start(self):
        self.cpu_began, self.began = cpu(), time.perf_counter()

    def stop(self):
        self.seconds, self.cpu = time.perf_counter() - self.began, cpu() - self.cpu_began

    def report(self, samples, **more):
        """Print the figures as the last line of stdout."""
        figures = {"samples": samples, "seconds": self.seconds, "cpu": self.cpu, "peak_mb": peak_mb()}
        print("\n" + json.dumps({**figures, **more}), flush=True)
