"""The entry: help, version, unknown commands, errors as text and JSON, bugs said as bugs."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pytest

from envlock import __version__
from envlock.cli import main as entry
from envlock.cli import progress
from envlock.cli.main import COMMANDS, main
from envlock.cli.usage import ELSEWHERE, Parser, unknown_command
from envlock.errors import EnvlockError


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


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("lock", "`envlock solve STACK` writes the lock of a stack"),
        ("relock", "`envlock solve STACK` writes the lock of a stack"),
        (
            "install",
            "the lock is conda-lock's format, which other tools install: "
            "`conda-lock install -n NAME LOCK` or `micromamba create -n NAME -f LOCK`",
        ),
        ("update", "`envlock solve STACK --update NAME` moves packages within the stack's pin"),
        ("upgrade", "`envlock index update STACK` asks the channels for newer ones"),
        ("tree", "`envlock show --tree LOCK` prints what needs what"),
        ("info", "`envlock show LOCK` tells what a lock holds"),
        ("freeze", "a lock is frozen: `envlock show --all LOCK` lists every package of it"),
        (
            "export",
            "the lock is the file to hand on; `envlock show --json LOCK` prints all of it as JSON",
        ),
        ("instal", "the lock is conda-lock's format, which other tools install: "),
        ("xyzzy", "`envlock --help` lists the commands"),
        ("--json", "options stand behind the command: `envlock COMMAND [options]`"),
    ],
)
def test_a_command_of_another_tool_names_what_to_run_here(command: str, hint: str):
    error = unknown_command(command, COMMANDS)

    assert error.message == f"there is no command `{command}`"
    assert any(item.startswith(hint) for item in error.hints)


def test_every_command_that_a_hint_names_is_one():
    named = re.findall(r"`envlock (\w+)", str(ELSEWHERE))

    assert set(named) <= COMMANDS.keys()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "solve a.toml --pyton 3.11",
            "error: envlock solve: unrecognized arguments: --pyton 3.11\n\n"
            "hint: `envlock solve --help` lists the options\n",
        ),
        (
            "solve a.toml --chekc",
            "error: envlock solve: unrecognized arguments: --chekc\n\n"
            "hint: did you mean `--check`?\n",
        ),
        (
            "init a.toml --pyton=3.11",
            "error: envlock init: unrecognized arguments: --pyton=3.11\n\n"
            "hint: did you mean `--python`?\n",
        ),
        (
            "solve a.toml --dry",
            "error: envlock solve: unrecognized arguments: --dry\n\n"
            "hint: did you mean `--dry-run`?\n",
        ),
        (
            "solve --chekc",
            "error: envlock solve: the following arguments are required: STACK\n\n"
            "hint: did you mean `--check`?\n",
        ),
        (
            "solve --update numpy a.toml",
            "error: envlock solve: the following arguments are required: STACK\n\n"
            "hint: put the stack before `--update`, which takes all names after it\n",
        ),
        (
            "why numpy",
            "error: envlock why: the following arguments are required: LOCK\n\n"
            "hint: `envlock why --help` lists the options\n",
        ),
        (
            "show a.yml --depth deep",
            "error: envlock show: argument --depth: invalid int value: 'deep'\n\n"
            "hint: `envlock show --help` lists the options\n",
        ),
        (
            "show a.yml --sort sise",
            "error: envlock show: --sort: expected one of name, size, channel, found `sise`\n\n"
            "hint: did you mean `size`?\n",
        ),
        (
            "index shw",
            "error: envlock index: ACTION: expected one of pin, update, record, join, show, "
            "found `shw`\n\n"
            "hint: did you mean `envlock index show`?\n",
        ),
        (
            "index show a.toml --jsn",
            "error: envlock index show: unrecognized arguments: --jsn\n\n"
            "hint: did you mean `--json`?\n",
        ),
        (
            "index",
            "error: envlock index: the following arguments are required: ACTION\n\n"
            "hint: `envlock index --help` lists the options\n",
        ),
    ],
)
def test_a_mistake_in_the_options_reads_as_every_other_error(
    capsys: pytest.CaptureFixture[str], line: str, told: str
):
    assert main(line.split()) == 2

    said = capsys.readouterr()
    assert said.err == told
    assert said.out == ""


@pytest.mark.parametrize(
    "choices", ["'pin', 'update', 'record', 'join', 'show'", "pin, update, record, join, show"]
)
def test_every_python_quotes_choices_in_its_own_way_and_is_understood(choices: str):
    with pytest.raises(EnvlockError) as refused:
        Parser(prog="envlock index").error(
            f"argument ACTION: invalid choice: 'shw' (choose from {choices})"
        )

    assert refused.value.message == (
        "envlock index: ACTION: expected one of pin, update, record, join, show, found `shw`"
    )
    assert refused.value.hints == ("did you mean `envlock index show`?",)


def test_a_mistake_in_the_options_is_json_for_whom_asks_for_json(
    capsys: pytest.CaptureFixture[str],
):
    assert main(["solve", "a.toml", "--chekc", "--json"]) == 2

    assert json.loads(capsys.readouterr().out) == {
        "error": "EnvlockError",
        "message": "envlock solve: unrecognized arguments: --chekc",
        "hints": ["did you mean `--check`?"],
        "exit_code": 2,
    }


@pytest.mark.parametrize("command", ["solve", "why", "index", "index show"])
def test_the_help_of_a_command_begins_with_its_own_name(
    capsys: pytest.CaptureFixture[str], command: str
):
    assert main([*command.split(), "--help"]) == 0

    assert capsys.readouterr().out.startswith(f"usage: envlock {command} ")


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


def test_an_interrupt_on_a_terminal_leaves_the_echo_of_the_key_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def interrupt(name: str) -> str:
        raise KeyboardInterrupt

    terminal = Terminal()
    monkeypatch.setattr(entry, "_known", interrupt)
    monkeypatch.setattr(sys, "stderr", terminal)

    assert main(["solve"]) == 130
    assert terminal.getvalue() == "\ninterrupted; nothing was half-written\n"


def test_an_interrupt_takes_the_line_of_a_step_off_the_terminal(monkeypatch: pytest.MonkeyPatch):
    def interrupt(name: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_known", interrupt)
    monkeypatch.setattr(progress, "clear_line", lambda: True)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    assert main(["solve"]) == 130
    assert sys.stderr.getvalue() == "interrupted; nothing was half-written\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("options", "stream"), [([], "stderr"), (["--json"], "stdout")])
def test_a_character_that_a_terminal_lacks_is_escaped(options: list[str], stream: str):
    finished = subprocess.run(
        [sys.executable, "-m", "envlock", "show", "\u00fcber.yml", *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "1"},
    )

    assert finished.returncode == 2
    assert "\\xfcber.yml: there is no such file" in getattr(finished, stream)


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
