"""`init`, `add`, `remove` and `pin` on real files: what they print, and what is in the file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock, LockedPackage, LockHead

STACK = """\
[stack]
name = "a"
platforms = ["linux-64"]

[python]
version = "3.12.*"

[dependencies]
numpy = ">=2"   # arrays
"""

NEW = """\
# a
# What a machine-learning environment is made of. `envlock solve` turns it into a lock,
# `envlock add` and `envlock remove` change it; so can you, here.

[stack]
name = "a"
# Each gets a solution of its own: linux-64, linux-aarch64, osx-64, osx-arm64, win-64.
platforms = ["linux-64"]
# Where conda packages come from; a package is taken from the first channel that has it.
channels = ["conda-forge"]

[python]
# `3.12.*` is any 3.12; the lock holds the exact one.
version = "3.12.*"

[gpu]
# The CUDA toolkit line, major and minor.
cuda = "12.9"

[frameworks]
# envlock picks the build that fits the GPU, and refuses one that cannot run.
# `from` is "conda" or "pypi".
pytorch = { version = "*", from = "conda" }

[dependencies]
# Conda packages: "*" is any version, "2.1.*" a series, ">=2,<3" a range.
# numpy = ">=2"
"""

CHOSEN = """\
# Images
# What a machine-learning environment is made of. `envlock solve` turns it into a lock,
# `envlock add` and `envlock remove` change it; so can you, here.

[stack]
name = "vision"
description = "Images"
# Each gets a solution of its own: linux-64, linux-aarch64, osx-64, osx-arm64, win-64.
platforms = ["linux-64", "osx-arm64"]
# Where conda packages come from; a package is taken from the first channel that has it.
channels = ["pytorch", "conda-forge"]

[python]
# `3.12.*` is any 3.12; the lock holds the exact one.
version = "3.11.*"

[gpu]
# The CUDA toolkit line, major and minor.
cuda = "12.1"
# The range of cuDNN that the frameworks may bring along.
cudnn = ">=8.9,<10"
# The GPUs that must be able to run it, by compute capability:
# 7.5 T4, 8.0 A100, 8.6 RTX 30, 8.9 L4 and RTX 40, 9.0 H100, 10.0 B200, 12.0 RTX 50.
compute = ["7.5", "9.0"]

[fleet]
# The oldest NVIDIA driver that must run this; `nvidia-smi` prints a machine's own.
# A stack that needs a newer one is refused when it is solved.
driver = "535"

[frameworks]
# envlock picks the build that fits the GPU, and refuses one that cannot run.
# `from` is "conda" or "pypi".
pytorch = { version = "2.5.*", from = "conda" }

[dependencies]
# Conda packages: "*" is any version, "2.1.*" a series, ">=2,<3" a range.
numpy = ">=2"
scipy = "*"

[target.osx-arm64]
# Macs have no CUDA: mps is Apple's GPU, cpu leaves it unused.
accelerator = "mps"
"""

SOLVE_AGAIN = "\nhint: `envlock solve a.toml` locks it anew\n"

Said = tuple[int, str, str]
"""The exit status, stdout and stderr."""


class Shell:
    """Runs envlock in a temporary folder."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.stack = folder / "a.toml"
        self.capture = capture

    def run(self, *arguments: str) -> Said:
        status = main(arguments)
        out, err = self.capture.readouterr()
        return status, out, err

    @property
    def text(self) -> str:
        return self.stack.read_bytes().decode()

    def write(self, text: str) -> None:
        self.stack.write_bytes(text.encode())


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


def write_lock(folder: Path, *packages: tuple[str, str]) -> None:
    head = LockHead(
        channels=("conda-forge",),
        platforms=("linux-64",),
        sources=("a.toml",),
        content_hash={},
        facts={},
    )
    locked = [
        LockedPackage(
            name=name,
            version=version,
            manager="conda",
            platform="linux-64",
            url=f"https://host/{name}",
            md5=None,
            sha256=None,
            dependencies={},
        )
        for name, version in packages
    ]
    content = format_lock(Lock(head=head, packages=tuple(locked)))
    (folder / "a.conda-lock.yml").write_bytes(content)


# --- init ---------------------------------------------------------------------------------------


def test_init_takes_its_defaults_with_yes(shell: Shell):
    assert shell.run("init", "a.toml", "--yes") == (
        0,
        "a.toml\n",
        "wrote a.toml (a)\n\n"
        "hint: `envlock index pin a.toml` asks the channels once, then `envlock solve a.toml`\n",
    )
    assert shell.text == NEW


def test_init_writes_what_its_options_say(shell: Shell):
    said = shell.run(
        *("init", "a.toml", "--yes", "--name", "vision", "--description", "Images"),
        *("--platform", "linux-64", "--platform", "osx-arm64"),
        *("--channel", "pytorch", "--channel", "conda-forge"),
        *("--python", "3.11", "--framework", "pytorch=2.5", "--cuda", "12.1"),
        *("--cudnn", ">=8.9,<10", "--compute", "7.5,9.0", "--driver", "535"),
        *("--dependency", "numpy>=2", "--dependency", "scipy"),
    )

    assert said == (
        0,
        "a.toml\n",
        "wrote a.toml (vision)\n\n"
        "hint: `envlock index pin a.toml` asks the channels once, then `envlock solve a.toml`\n",
    )
    assert shell.text == CHOSEN


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def test_init_asks_on_a_terminal_what_no_option_says(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", Terminal("\njax=0.4\nnone\nlinux-64,win-64\n\n"))

    status, out, err = shell.run("init", "a.toml")

    assert (status, out) == (0, "a.toml\n")
    assert err.startswith(
        "name [a]: framework (pytorch, tensorflow, jax, none) [pytorch]: "
        "CUDA line, or none for CPU only [12.9]: platforms, with spaces between [linux-64]: "
        "Python [3.12]: wrote a.toml"
    )
    assert 'jax = { version = "0.4.*", from = "conda" }\n' in shell.text
    assert 'platforms = ["linux-64", "win-64"]\n' in shell.text
    assert "\n# No [gpu] table: this stack computes on CPUs." in shell.text


def test_init_says_at_once_what_is_wrong_with_an_answer_and_asks_again(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stdin", Terminal("?\n\nlinux64\nJAX\nnone\na lot\nlinux-64\n\n"))

    status, _, err = shell.run("init", "a.toml")

    assert status == 0
    assert "name [a]:   expected lower-case letters, digits, `.`, `_` and `-`\nname [a]: " in err
    assert "  expected pytorch, tensorflow, jax or none, with =VERSION\n" in err
    assert "  expected some of linux-64, linux-aarch64, osx-64, osx-arm64, win-64\n" in err
    assert 'jax = { version = "*"' in shell.text


def test_init_takes_one_framework_and_says_how_to_add_another(shell: Shell):
    status, _, err = shell.run(
        "init", "a.toml", "--yes", "--framework", "pytorch", "--framework", "jax"
    )

    assert status == 2
    assert err == (
        "error: --framework: expected one, found pytorch, jax\nNothing was written.\n\n"
        "hint: begin with pytorch, then `envlock add STACK jax`\n"
    )


def test_init_overwrites_nothing(shell: Shell):
    shell.write("mine")

    assert shell.run("init", "a.toml", "--yes") == (
        2,
        "",
        "error: a.toml: expected a new file, found one that exists\n"
        "Nothing was written.\n\n"
        "hint: choose another path, or change that stack with `envlock add`\n",
    )
    assert shell.text == "mine"


def test_init_writes_no_stack_that_is_at_fault(shell: Shell):
    assert shell.run("init", "a.toml", "--yes", "--cuda", "12") == (
        2,
        "",
        "error: a.toml:18: gpu.cuda: expected a CUDA line, major and minor, such as `12.1`, "
        "found `12`\n"
        "Nothing was written.\n",
    )
    assert not shell.stack.exists()


def test_a_new_stack_keeps_its_comments_above_what_is_added(shell: Shell):
    shell.run("init", "a.toml", "--yes")

    shell.run("add", "a.toml", "numpy>=2")

    assert shell.text == NEW + 'numpy = ">=2"\n'


# --- add ----------------------------------------------------------------------------------------


def test_add_says_what_is_new(shell: Shell):
    shell.write(STACK)

    assert shell.run("add", "a.toml", "pandas", "numpy>=2.1") == (
        0,
        'dependencies.numpy: ">=2" -> ">=2.1"\ndependencies.pandas: not there -> "*"\n',
        SOLVE_AGAIN,
    )
    assert shell.text == STACK.replace('">=2"', '">=2.1"') + 'pandas = "*"\n'


def test_add_reaches_pypi_and_one_platform(shell: Shell):
    shell.write(STACK)

    assert shell.run("add", "a.toml", "--pypi", "--platform", "linux-64", "rich[jupyter]") == (
        0,
        'target.linux-64.pypi-dependencies.rich.extras: not there -> ["jupyter"]\n'
        'target.linux-64.pypi-dependencies.rich.version: not there -> "*"\n',
        SOLVE_AGAIN,
    )
    assert shell.text == STACK + (
        "\n[target.linux-64.pypi-dependencies]  # PEP 508 requirements, wheels only\n"
        'rich = { version = "*", extras = ["jupyter"] }\n'
    )


def test_add_says_when_nothing_is_new(shell: Shell):
    shell.write(STACK)

    assert shell.run("add", "a.toml", "numpy") == (
        0,
        "",
        "a.toml says so already; nothing was written\n",
    )


def test_add_as_json_is_one_object(shell: Shell):
    shell.write(STACK)

    assert shell.run("add", "a.toml", "pandas", "--json") == (
        0,
        '{"changes":[{"after":"*","before":null,"key":"dependencies.pandas"}],"stack":"a.toml"}\n',
        "",
    )


def test_add_keeps_the_line_breaks_of_windows(shell: Shell):
    shell.write(STACK.replace("\n", "\r\n"))

    shell.run("add", "a.toml", "pandas")

    assert shell.text == (STACK + 'pandas = "*"\n').replace("\n", "\r\n")


# --- remove -------------------------------------------------------------------------------------


def test_remove_says_what_is_gone(shell: Shell):
    shell.write(STACK)

    assert shell.run("remove", "a.toml", "numpy") == (
        0,
        'dependencies.numpy: ">=2" -> not there\n',
        SOLVE_AGAIN,
    )
    assert shell.text == STACK.replace('numpy = ">=2"   # arrays\n', "")


def test_remove_as_json_is_one_object(shell: Shell):
    shell.write(STACK)

    assert shell.run("remove", "--json", "a.toml", "numpy") == (
        0,
        '{"changes":[{"after":null,"before":">=2","key":"dependencies.numpy"}],"stack":"a.toml"}\n',
        "",
    )


def test_remove_knows_a_misspelt_name(shell: Shell):
    shell.write(STACK)

    assert shell.run("remove", "a.toml", "nunpy") == (
        2,
        "",
        "error: a.toml: `nunpy` is not in the stack\n\nhint: did you mean `numpy`?\n",
    )
    assert shell.run("remove", "--json", "a.toml", "nunpy") == (
        2,
        '{"error":"EnvlockError","exit_code":2,"hints":["did you mean `numpy`?"],'
        '"message":"a.toml: `nunpy` is not in the stack"}\n',
        "",
    )
    assert shell.text == STACK


# --- pin ----------------------------------------------------------------------------------------


def test_pin_sets_the_version_that_is_given(shell: Shell):
    shell.write(STACK)

    assert shell.run("pin", "a.toml", "numpy==2.1.0") == (
        0,
        'dependencies.numpy: ">=2" -> "==2.1.0"\n',
        SOLVE_AGAIN,
    )
    assert shell.text == STACK.replace('">=2"', '"==2.1.0"')


def test_pin_takes_the_version_of_the_lock_for_a_name_alone(shell: Shell):
    shell.write(STACK)
    write_lock(shell.stack.parent, ("numpy", "2.1.3"), ("python", "3.12.7"))

    assert shell.run("pin", "a.toml", "numpy", "python") == (
        0,
        'dependencies.numpy: ">=2" -> "==2.1.3"\npython.version: "3.12.*" -> "==3.12.7"\n',
        SOLVE_AGAIN,
    )
    assert shell.run("pin", "a.toml", "numpy") == (
        0,
        "",
        "a.toml says so already; nothing was written\n",
    )


def test_pin_as_json_is_one_object(shell: Shell):
    shell.write(STACK)
    write_lock(shell.stack.parent, ("numpy", "2.1.3"))

    assert shell.run("pin", "a.toml", "numpy", "--json") == (
        0,
        '{"changes":[{"after":"==2.1.3","before":">=2","key":"dependencies.numpy"}],'
        '"stack":"a.toml"}\n',
        "",
    )


def test_pin_needs_a_lock_for_a_name_alone(shell: Shell):
    shell.write(STACK)

    assert shell.run("pin", "a.toml", "numpy") == (
        2,
        "",
        "error: a.toml: has no lock to take a version from: a.conda-lock.yml is missing\n\n"
        "hint: make it: `envlock solve a.toml`\n"
        "hint: or say the version: `NAME==VERSION`\n",
    )
    assert shell.text == STACK


@pytest.mark.parametrize("command", ["add", "remove", "pin"])
def test_a_stack_that_is_not_there_is_said(shell: Shell, command: str):
    assert shell.run(command, "a.toml", "numpy") == (
        2,
        "",
        "error: a.toml: there is no such file\n",
    )
