"""What others wrote stands in a table as text."""

import io
import sys

import pytest

from kakehashi.cli.options import print_table

EVIL = "a\x1b[31mred\n::error file=x::boo\tb [/red] [bold]z\u2028y"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_pipe_a_row_is_one_line_whatever_a_cell_holds(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": EVIL, "n": 1}], ("name", "n"))
    head, row = capsys.readouterr().out.splitlines()
    # no escape, no line that a CI would take for a command, no tab but those between the cells
    assert (head, row) == ("name\tn", "a [31mred ::error file=x::boo b [/red] [bold]z y\t1")


def test_on_a_terminal_a_cell_is_neither_markup_nor_a_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    print_table([{"name": EVIL, "n": 1}], ("name", "n"))
    said = shown.getvalue()
    assert "\x1b[31m" not in said
    assert "[/red] [bold]z y" in said
