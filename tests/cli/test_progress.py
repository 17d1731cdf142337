"""Signs of work on standard error: lines now and then in a log, one living line on a terminal, none for short work."""

import io
import time

import pytest

from kakehashi.cli.progress import show_work


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def worked(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, every: float, signs: int) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    with show_work("agreement", every=every):
        for _ in range(2000):
            if stream.getvalue().count("at work") >= signs:
                break
            time.sleep(0.005)
    return stream.getvalue()


def test_long_work_says_that_it_goes_on(monkeypatch):
    said = worked(monkeypatch, io.StringIO(), 0.01, 3)
    lines = said.splitlines()
    assert len(lines) >= 3
    assert set(lines) == {"agreement: at work for 0:00"}


def test_on_a_terminal_the_line_is_gone_at_the_end(monkeypatch):
    said = worked(monkeypatch, Terminal(), 0.01, 2)
    assert "\n" not in said
    assert said.count("\ragreement: at work for 0:00") >= 2
    assert said.endswith("\r\x1b[K")


def test_short_work_says_nothing_in_a_log(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with show_work("agreement"):
        pass
    assert stream.getvalue() == ""


def test_an_error_ends_the_signs_and_goes_on(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with pytest.raises(ValueError, match="wrong"), show_work("agreement", every=0.01):
        raise ValueError("wrong")
    before = stream.getvalue()
    time.sleep(0.05)
    assert stream.getvalue() == before
