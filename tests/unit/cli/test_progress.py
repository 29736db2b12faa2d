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
