"""The entry: help, version, unknown commands, errors as text and JSON, bugs said as bugs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from envlock import __version__
from envlock.cli import main as entry
from envlock.cli.main import COMMANDS, main


def test_no_argument_prints_the_help_with_every_command(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0

    out = capsys.readouterr().out
    assert all(f"\n  {command}" in out for command in COMMANDS)


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0

    assert capsys.readouterr().out == f"envlock {__version__}\n"


def test_version_imports_nothing_that_takes_time():
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from envlock.cli.main import main; main(['--version']);"
            "print(sorted(n for n in sys.modules if n.partition('.')[0] in "
            "{'rattler', 'msgspec', 'argparse', 'dataclasses', 'yaml', 'pathlib', 'json'}))",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )

    # A site with .pth files may import pathlib and its kind before we begin.
    assert "rattler" not in found.stdout
    assert "msgspec" not in found.stdout
    assert "argparse" not in found.stdout


def test_a_misspelt_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]):
    assert main(["sovle"]) == 2

    assert capsys.readouterr().err == (
        "error: there is no command `sovle`\n\nhint: did you mean `envlock solve`?\n"
    )


def test_an_unknown_option_is_the_users_input(capsys: pytest.CaptureFixture[str]):
    assert main(["solve", "--frobnicate", "x.toml"]) == 2

    assert "--frobnicate" in capsys.readouterr().err


def test_a_bug_is_said_as_a_bug_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(name: str) -> str:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(entry, "_known", fail)
    monkeypatch.delenv("ENVLOCK_TRACEBACK", raising=False)

    assert main(["solve"]) == 70

    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "RuntimeError: on purpose" in err
    assert "hint: run it again with ENVLOCK_TRACEBACK=1" in err


def test_an_interrupt_leaves_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupt(name: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_known", interrupt)

    assert main(["solve"]) == 130
    assert capsys.readouterr().err == "interrupted; nothing was half-written\n"


def test_a_reader_that_goes_away_is_no_error():
    finished = subprocess.run(
        f"{sys.executable} -m envlock schema | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )

    assert finished.stderr == ""


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]):
    assert main(["schema"]) == 0

    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
