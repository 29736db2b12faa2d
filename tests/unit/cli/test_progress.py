"""The line that says how long a step takes, and that it is gone before anything else is said."""

from __future__ import annotations

import io
import sys
import time

import pytest

from envlock.cli import progress
from envlock.cli.main import print_error
from envlock.errors import EnvlockError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def sit_down(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in place of stderr; in the test itself, since pytest puts back its own."""
    fake = Terminal()
    monkeypatch.setattr(sys, "stderr", fake)
    monkeypatch.setattr(progress, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(progress, "_talking", [])
    return fake


def wait_for(terminal: Terminal, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in terminal.getvalue():
        assert time.monotonic() < deadline, terminal.getvalue()
        time.sleep(0.001)


def test_a_long_step_shows_its_seconds_and_leaves_no_trace_before_an_error(
    monkeypatch: pytest.MonkeyPatch,
):
    terminal = sit_down(monkeypatch)
    talk = progress.Talk()
    talk.step("solving demo")
    wait_for(terminal, "\r\033[Ksolving demo … ")

    print_error(EnvlockError("no"))

    assert terminal.getvalue().endswith("\r\033[Kerror: no\n")


def test_a_note_takes_the_line_away_first(
    monkeypatch: pytest.MonkeyPatch,
):
    terminal = sit_down(monkeypatch)
    talk = progress.Talk()
    talk.step("asking conda-forge")
    wait_for(terminal, "asking conda-forge … ")

    talk.note("no channel has `x` for linux-64")

    assert terminal.getvalue().endswith("\r\033[Knote: no channel has `x` for linux-64\n")


def test_a_pipe_gets_notes_only(capsys: pytest.CaptureFixture[str]):
    talk = progress.Talk()
    talk.step("solving demo")
    talk.note("hear")

    assert capsys.readouterr().err == "note: hear\n"


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]):
    silence = progress.Silence()
    silence.step("solving")
    silence.note("hear")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("columns", "shown"),
    [(13, "solving demo"), (12, "solving de…"), (3, "s…"), (1, "…")],
)
def test_a_line_ends_before_the_last_column_of_the_terminal(columns: int, shown: str):
    assert progress.fit("solving demo", columns) == shown


def test_a_terminal_that_does_not_say_how_wide_it_is_gets_eighty_columns(
    monkeypatch: pytest.MonkeyPatch,
):
    terminal = sit_down(monkeypatch)
    progress.Talk().step("x" * 200)

    wait_for(terminal, "\r\033[K" + "x" * 76 + "…")

    assert progress.clear_line()
    assert "x" * 77 not in terminal.getvalue()


def test_a_new_step_ends_what_somebody_else_tells(monkeypatch: pytest.MonkeyPatch):
    terminal = sit_down(monkeypatch)
    talk, meter = progress.Talk(), progress.FetchMeter()
    talk.step("waiting for another process")
    wait_for(terminal, "waiting")

    meter.begin(2, None)
    terminal.truncate(0)
    wait_for(terminal, "fetching 0 of 2 files")

    assert progress.clear_line()
    assert "waiting" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K")


def test_files_bytes_and_speed_are_told():
    meter = progress.FetchMeter()
    meter.begin(3, 40_000_000)
    meter.received(8_000_000)

    assert meter.describe(2.0) == "fetching 0 of 3 files, 8.0 MB of 40.0 MB, 4.0 MB/s"


def test_a_speed_is_that_of_the_last_seconds():
    meter = progress.FetchMeter()
    meter.begin(1, None)
    meter.received(10_000_000)
    told = [meter.describe(float(second)).rpartition(", ")[2] for second in range(1, 8)]

    assert told[0] == "10.0 MB/s"
    assert told[4] == "2.0 MB/s"
    assert told[6] == "0 B/s"


def test_a_part_that_was_thrown_away_is_no_speed_below_nothing():
    meter = progress.FetchMeter()
    meter.begin(1, None)
    meter.received(5_000_000)
    meter.describe(1.0)
    meter.received(-5_000_000)

    assert meter.describe(7.0) == "fetching 0 of 1 files, 0 B, 0 B/s"


def test_bytes_that_pass_are_told_of_a_whole(monkeypatch: pytest.MonkeyPatch):
    terminal = sit_down(monkeypatch)
    meter = progress.ByteMeter("packing", 4_000_000)

    meter.heed(1_000_000)
    meter.heed(500_000)

    assert meter.describe(3.0) == "packing 1.5 MB of 4.0 MB, 500.0 kB/s"
    wait_for(terminal, "packing 1.5 MB of 4.0 MB")
    assert meter.clear()
    assert progress.ByteMeter("packing", 1, is_quiet=True).describe(1.0).startswith(" 0 B")
