"""A program in an environment: its variables, and what happens when there is no such program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from envlock.backends.activated import (
    NoCommandError,
    NotAProgramError,
    activated_environment,
    pure,
    take_over,
)
from envlock.errors import EnvlockError, WorldError
from envlock.formats.activation import Activation

PARENT = {"PATH": "/usr/bin:/bin", "HOME": "/home/me", "KEPT": " odd\n'\"$x`y` \udcff "}


def make_activation(folder: Path, *scripts: str) -> Activation:
    (folder / "bin").mkdir(exist_ok=True)
    paths = []
    for number, text in enumerate(scripts):
        path = folder / f"{number}.sh"
        path.write_text(text, "utf-8")
        paths.append(str(path))
    return Activation(
        prefix=str(folder),
        name="demo",
        paths=(f"{folder}/bin",),
        variables=(("ODD", PARENT["KEPT"]),),
        unset=("PYTHONPATH",),
        scripts=tuple(paths),
    )


def test_only_what_a_program_cannot_do_without_passes_into_a_pure_environment():
    names = [
        *("PATH", "HOME", "TERM", "LANG", "USER", "TMPDIR"),
        *("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
    ]
    others = ["LD_LIBRARY_PATH", "PYTHONSTARTUP", "HOMEBREW", "MY_CUDA_HOME", "LC_ALL", "EDITOR"]

    assert list(pure(dict.fromkeys([*names, *others], "x"))) == names


def test_without_scripts_no_shell_is_needed(tmp_path: Path):
    found = activated_environment(make_activation(tmp_path), {**PARENT, "PATH": "/nowhere"})

    assert found == {**PARENT, "PATH": f"{tmp_path}/bin:/nowhere", "ODD": PARENT["KEPT"]}


def test_with_scripts_bash_says_the_same_and_what_they_add(tmp_path: Path):
    activation = make_activation(tmp_path, 'export HOOK="$ODD$HOME"', "export PATH=/opt:$PATH")

    found = activated_environment(activation, {**PARENT, "PYTHONPATH": "x"})

    assert found == {
        **PARENT,
        "PATH": f"/opt:{tmp_path}/bin:{PARENT['PATH']}",
        "ODD": PARENT["KEPT"],
        "HOOK": f"{PARENT['KEPT']}{PARENT['HOME']}",
    }


def test_what_bash_itself_sets_is_as_the_parent_has_it(tmp_path: Path):
    own = {"SHLVL": "7", "PWD": "/somewhere", "_": "/usr/bin/me"}

    found = activated_environment(make_activation(tmp_path, "true"), PARENT | own)

    assert {name: found.get(name) for name in (*own, "OLDPWD")} == {**own, "OLDPWD": None}


def test_files_that_bash_would_read_are_not_read(tmp_path: Path):
    (tmp_path / "rc").write_text("export FROM_RC=1; exit 3", "utf-8")
    functions = {"BASH_FUNC_builtin%%": "() { echo no; }", "BASH_ENV": str(tmp_path / "rc")}

    found = activated_environment(make_activation(tmp_path, "true"), PARENT | functions)

    assert found == {
        **PARENT,
        **functions,
        "PATH": f"{tmp_path}/bin:{PARENT['PATH']}",
        "ODD": PARENT["KEPT"],
    }


def test_what_scripts_print_goes_to_stderr_and_one_that_fails_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    activation = make_activation(tmp_path, "echo hello; cat", "false", "export LAST=1")

    found = activated_environment(activation, PARENT)

    assert found["LAST"] == "1"
    assert capfd.readouterr() == (
        "",
        f"hello\nenvlock: warning: {tmp_path}/1.sh failed; going on without it\n",
    )


def test_a_script_that_ends_the_shell_is_an_error(tmp_path: Path):
    with pytest.raises(WorldError) as caught:
        activated_environment(make_activation(tmp_path, "exit 3"), PARENT)

    assert str(caught.value) == (
        "the environment cannot be activated: bash ended with status 3 in its packages' scripts\n"
        "Nothing was run."
    )
    assert caught.value.hints == (f"the scripts are in {tmp_path}",)


def test_scripts_without_bash_are_an_error(tmp_path: Path):
    with pytest.raises(WorldError) as caught:
        activated_environment(make_activation(tmp_path, "true"), {"PATH": "/nowhere"})

    assert str(caught.value) == (
        "the activation scripts of the environment's packages need bash, and this machine has"
        f" none: {tmp_path}/0.sh\nNothing was run."
    )


# --- becoming the program -------------------------------------------------------------------------


def refused(command: str, path: Path) -> EnvlockError:
    with pytest.raises(EnvlockError) as caught:
        take_over([command], {"PATH": f"{path}:/bin"})
    return caught.value


def test_no_such_command_is_127_as_a_shell_says_it(tmp_path: Path):
    error = refused("nope", tmp_path)

    assert isinstance(error, NoCommandError)
    assert error.exit_code == 127
    assert str(error) == (
        f"there is no command `nope` in {tmp_path}, nor on the rest of PATH\nNothing was run."
    )


def test_no_such_file_is_127(tmp_path: Path):
    error = refused(f"{tmp_path}/nope", tmp_path)

    assert error.exit_code == 127
    assert str(error) == f"there is no file {tmp_path}/nope\nNothing was run."


def test_what_cannot_be_run_is_126(tmp_path: Path):
    (tmp_path / "text").touch()
    (tmp_path / "lost").write_text("#!/nowhere/sh\n", "utf-8")
    (tmp_path / "lost").chmod(0o755)

    errors = [refused(f"{tmp_path}/{name}", tmp_path) for name in ("text", "", "lost")]

    assert all(isinstance(error, NotAProgramError) for error in errors)
    assert [int(error.exit_code) for error in errors] == [126, 126, 126]
    assert [str(error).splitlines()[0] for error in errors] == [
        f"{tmp_path}/text cannot be run: it may not be executed",
        f"{tmp_path}/ cannot be run: it is a folder",
        f"{tmp_path}/lost cannot be run: the interpreter that its first line names is not there",
    ]


def become(command: str, *, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    """Have another Python become a program."""
    code = (
        "import sys; from envlock.backends.activated import take_over;"
        "take_over(sys.argv[2:], {'PATH': sys.argv[1], 'ONLY': '1'})"
    )
    return subprocess.run(
        [sys.executable, "-c", code, path, "sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_has_the_given_variables_only_and_its_own_status():
    done = become("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL=; exit 7")

    assert (done.returncode, done.stderr) == (7, "")
    assert sorted(done.stdout.splitlines()) == ["ONLY=1", "PATH=/usr/bin:/bin"]


def test_a_signal_ends_the_program_as_it_ends_any():
    assert become("kill -TERM $$").returncode == -15


def test_a_broken_pipe_ends_the_program_as_it_ends_any():
    """Python ignores SIGPIPE, and a program would inherit that."""
    assert become("(yes; echo $? >&2) | head -1").stderr == "141\n"


def test_a_script_without_a_first_line_is_run_by_sh(tmp_path: Path):
    script = tmp_path / "script"
    script.write_text('echo "$0 $1"\n', "utf-8")
    script.chmod(0o755)
    code = (
        "import sys; from envlock.backends.activated import take_over;"
        "take_over(['script', 'x'], {'PATH': sys.argv[1]})"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert done.stdout == f"{script} x\n"
