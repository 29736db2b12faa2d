"""Which shell called, by the processes above and by SHELL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from envlock.backends import calling_shell
from envlock.backends.calling_shell import guess_shell, shell_command, shell_of
from envlock.errors import EnvlockError
from envlock.formats.activation import Activation, Shell

ASK = (
    "import os; from envlock.backends.calling_shell import guess_shell;"
    "print(guess_shell(os.environ))"
)


@pytest.mark.parametrize(
    ("program", "shell"),
    [
        ("-bash", Shell.BASH),
        ("/usr/local/bin/zsh", Shell.ZSH),
        ("fish", Shell.FISH),
        ("C:\\Program Files\\PowerShell\\7\\pwsh.exe", Shell.POWERSHELL),
        ("cmd.exe", Shell.CMD),
        ("/bin/dash", None),
        ("", None),
    ],
)
def test_a_shell_is_known_by_its_programs_name(program: str, shell: Shell | None):
    assert shell_of(program) is shell


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_that_calls_counts_and_not_the_one_that_is_named(shell: str):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")

    done = subprocess.run(
        [program, "-c", f'{sys.executable} -c "$ASK"; true'],
        env={**os.environ, "SHELL": "/bin/cmd", "ASK": ASK},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == f"{shell}\n", done.stderr


def test_where_no_shell_is_above_the_one_that_is_named_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calling_shell, "_ancestors", lambda: iter(["python3.11", "make"]))

    assert guess_shell({"SHELL": "/usr/bin/fish"}) is Shell.FISH
    assert guess_shell({"SHELL": "/bin/tcsh"}) is None
    assert guess_shell({}) is None


def test_processes_are_told_by_ps_as_they_are_by_proc():
    if shutil.which("ps") is None:
        pytest.skip("there is no ps")

    parent, name = calling_shell._ask_ps(os.getpid()) or (0, "")

    assert parent == os.getppid()
    assert name.rpartition("/")[2].startswith(("python", "pytest"))


def test_cmd_is_not_started():
    activation = Activation(prefix="/store/demo", name="demo", paths=("/store/demo/bin",))

    with pytest.raises(EnvlockError) as caught:
        shell_command(Shell.CMD, "cmd", activation, {})

    assert str(caught.value) == "`envlock shell` starts bash, zsh, fish or PowerShell, and not cmd"


def test_powershell_is_given_the_code_and_goes_on():
    activation = Activation(prefix="/store/demo", name="demo", paths=("/store/demo/bin",))

    command, environment = shell_command(Shell.POWERSHELL, "pwsh", activation, {"A": "b"})

    assert command[:4] == ["pwsh", "-NoLogo", "-NoExit", "-Command"]
    assert command[4].startswith("function global:_envlock_check {")
    assert environment == {"A": "b"}
