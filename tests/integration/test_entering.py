"""`envlock run`, `shell` and `activate`, on tiny environments that are really built."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock.backends.store_layout import StoreLayout
from envlock.backends.store_locks import live_names
from tiny_artifacts import conda_package, wheel, write_lock

HOOK = 'echo "activating $CONDA_DEFAULT_ENV"; export HOOK="hooked by $CONDA_PREFIX"\n'
HELLO = '#!/bin/sh\necho "$HOOK; $SAID" "$@"\n'
MODULE = """
import os, sys

def main():
    print(sys.prefix, os.environ.get("PYTHONPATH"), *sys.argv[1:])
"""


@dataclass(frozen=True)
class Site:
    """A store, and locks of tiny packages."""

    folder: Path
    hooks: str
    wheels: str
    stubs: str

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "ENVLOCK_HOME": str(self.home),
            "LANG": "C.UTF-8",
            **more,
        }

    def envlock(
        self, *arguments: str, stdin: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "envlock", *arguments],
            env=self.environment(**more),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def path_of(self, name: str) -> str:
        return next(str(path) for path in (self.home / "store").glob(f"*-{name}"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    hooks = conda_package(
        "hooks",
        files={
            "etc/conda/activate.d/hooks.sh": HOOK,
            "etc/conda/deactivate.d/hooks.sh": "unset HOOK\n",
            "etc/conda/env_vars.d/hooks.json": json.dumps({"SAID": "a 'b' $c"}),
            "bin/hello": HELLO,
        },
        programs=["bin/hello"],
    )
    stubs = conda_package("cuda-oddity", files={"lib/libcuda.so.1": "a stub"})
    tiny = wheel("tiny", files={"tiny.py": MODULE}, entry_points={"tiny": "tiny:main"})
    site = Site(
        folder,
        hooks=str(write_lock(folder, [hooks], name="hooks")),
        wheels=str(write_lock(folder, [tiny], name="wheels")),
        stubs=str(write_lock(folder, [stubs], name="stubs")),
    )
    assert site.envlock("build", site.hooks).returncode == 0
    assert site.envlock("build", site.wheels, "--python", sys.executable).returncode == 0
    return site


# --- run ------------------------------------------------------------------------------------------


def test_run_gives_the_command_the_environment_and_its_own_words(site: Site):
    done = site.envlock("run", site.hooks, "--", "hello", "--json", "-x", "a  b", "--", "c")

    prefix = site.path_of("hooks")
    assert done.stdout == f"hooked by {prefix}; a 'b' $c --json -x a  b -- c\n"
    assert done.stderr == "activating hooks\n"
    assert done.returncode == 0


def test_run_builds_what_is_not_there_and_keeps_stdout_for_the_command(site: Site):
    other = site.folder / "fresh"

    done = site.envlock("run", site.hooks, "--", "hello", ENVLOCK_HOME=str(other))

    assert done.stdout.startswith(f"hooked by {other}/store/")
    assert (other / "profiles" / "hooks-1-link").is_symlink()


def test_run_takes_the_stack_that_lies_beside_its_lock(site: Site):
    done = site.envlock("run", site.hooks.replace(".conda-lock.yml", ".toml"), "--", "hello")

    assert done.stdout.startswith("hooked by ")


def test_run_takes_a_profiles_current_generation(site: Site):
    done = site.envlock("run", "--profile", "hooks", "--", "hello")

    assert done.stdout.startswith(f"hooked by {site.path_of('hooks')}; ")


def test_run_does_not_roll_a_profile_that_has_the_environment_already(site: Site):
    home = {"ENVLOCK_HOME": str(site.folder / "rolled")}
    build = ["build", "-q", site.wheels, "--python", sys.executable, "--profile", "p"]
    site.envlock("build", "-q", site.hooks, "--profile", "p", **home)
    site.envlock(*build, **home)

    site.envlock("run", site.hooks, "--profile", "p", "--", "true", **home)

    profiles = site.folder / "rolled" / "profiles"
    assert (profiles / "p").readlink() == Path("p-2-link")
    assert sorted(path.name for path in profiles.iterdir()) == ["p", "p-1-link", "p-2-link"]


def test_run_uses_the_wheels_and_says_once_that_it_is_not_hermetic(site: Site):
    arguments = ["run", site.wheels, "--python", sys.executable]

    done = site.envlock(*arguments, "--", "tiny", "a", PYTHONPATH="/elsewhere")
    quiet = site.envlock(*arguments, "-q", "--", "python", "-c", "import tiny; tiny.main()")

    prefix = site.path_of("wheels")
    version = ".".join(map(str, sys.version_info[:3]))
    real = Path(sys.executable).resolve()
    assert done.stdout == f"{prefix} None a\n"
    assert done.stderr == (
        f"note: not hermetic: wheels runs on this machine's Python {version}, {real}\n"
    )
    assert (quiet.stdout, quiet.stderr) == (f"{prefix} None\n", "")


def test_run_says_a_commands_status_and_hands_stdin_on(site: Site):
    done = site.envlock("run", site.hooks, "--", "sh", "-c", "cat; exit 42", stdin="given\n")

    assert (done.returncode, done.stdout) == (42, "given\n")


def test_run_says_127_where_there_is_no_such_command(site: Site):
    done = site.envlock("run", site.hooks, "-q", "--", "nope", "--json")

    assert done.returncode == 127
    assert done.stdout == ""
    assert done.stderr == (
        "activating hooks\n"
        f"error: there is no command `nope` in {site.path_of('hooks')}/bin, nor on the rest of"
        " PATH\nNothing was run.\n\n"
        "hint: a program comes with a package: `envlock add STACK PACKAGE`\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (
            ["LOCK"],
            "envlock run: expected a command behind `--`, found none",
            "`envlock run LOCK -- python train.py`",
        ),
        (
            ["LOCK", "python", "-V"],
            "envlock run: unrecognized arguments: python -V",
            "put `--` before the command: `envlock run LOCK -- COMMAND`",
        ),
        (
            ["--", "python"],
            "which environment? expected LOCK or `--profile NAME`, found neither",
            "name a lock or its stack, or a profile: `envlock list` shows them",
        ),
        (
            ["--profile", "hooks", "--python", "host", "--", "true"],
            "`--python` says how to build a lock, and a profile is built already",
            "name the lock, too, or leave `--python` away",
        ),
        (
            ["--profile", "nope", "--", "true"],
            "there is no profile `nope` in the store",
            "`envlock list` shows what is built; `envlock build LOCK` builds",
        ),
    ],
)
def test_run_says_what_it_lacks(arguments: list[str], said: str, hint: str, site: Site):
    done = site.envlock("run", *[site.hooks if word == "LOCK" else word for word in arguments])

    assert done.returncode == 2
    assert done.stderr == f"error: {said}\n\nhint: {hint}\n"


def test_run_pure_passes_nothing_on_but_what_it_says(site: Site):
    arguments = ["run", site.hooks, "--pure", "--", "env", "-0"]

    done = site.envlock(*arguments, EDITOR="vi", CUDA_VISIBLE_DEVICES="1", TERM="dumb")

    names = {entry.partition("=")[0] for entry in done.stdout.split("\0") if entry}
    assert names == {
        *("PATH", "HOME", "LANG", "TERM", "CUDA_VISIBLE_DEVICES"),
        *("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "ENVLOCK_ENVIRONMENT", "PYTHONNOUSERSITE"),
        *("SAID", "HOOK"),
    }


@pytest.mark.parametrize("command", ["run", "shell", "activate"])
def test_an_environment_with_a_library_of_the_driver_is_refused(command: str, site: Site):
    done = site.envlock(command, site.stubs, *(["--", "true"] if command == "run" else []))

    assert done.returncode == 2
    assert done.stdout == ("false\n" if command == "activate" else "")
    assert done.stderr == (
        f"error: {site.path_of('stubs')}/lib/libcuda.so.1 stands in the way of the driver's own,"
        " which alone fits the kernel's\n"
        "  it came with the package cuda-oddity 1.0\n"
        "Nothing was activated.\n\n"
        "hint: take that package out of the stack: the machine's driver brings this\n"
    )


def test_a_stub_on_the_users_library_path_is_a_note(site: Site):
    stubs = site.folder / "cuda" / "stubs"
    stubs.mkdir(parents=True)
    (stubs / "libcuda.so").touch()

    done = site.envlock("run", site.hooks, "--", "true", LD_LIBRARY_PATH=str(stubs))

    assert done.returncode == 0
    assert done.stderr.startswith(f"note: LD_LIBRARY_PATH has {stubs}, and libcuda.so there is a ")


def start(site: Site, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "envlock", *arguments],
        env=site.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_a_running_environment_is_not_collected_and_signals_reach_its_program(site: Site):
    layout = StoreLayout(site.home)
    label = Path(site.path_of("hooks")).name
    ready = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done"
    with start(site, "run", site.hooks, "--", "sh", "-c", ready) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        during = live_names(layout, on_network=False)
        running.send_signal(signal.SIGTERM)
        rest, _ = running.communicate(timeout=30)

    assert label in during
    assert (running.returncode, rest) == (9, "caught\n")
    assert label not in live_names(layout, on_network=False)
    assert not list(layout.temporary_roots.iterdir())


def test_what_runs_on_behind_keeps_the_environment(site: Site):
    """A program that leaves others behind: they are still in the environment."""
    layout = StoreLayout(site.home)
    with start(
        site, "run", site.hooks, "--", "sh", "-c", "exec 3<&0; cat <&3 & echo ready"
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.wait(timeout=30)
        during = live_names(layout, on_network=False)

    assert Path(site.path_of("hooks")).name in during


def test_few_descriptors_are_enough(site: Site):
    call = f"ulimit -n 64; exec {sys.executable} -m envlock run {site.hooks} -- hello"

    done = subprocess.run(
        ["sh", "-c", call], env=site.environment(), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "activating hooks\n")


# --- activate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_activate_prints_code_for_the_shell_that_calls_it(shell: str, site: Site):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    call = f"{sys.executable} -m envlock activate -q {site.hooks}"
    evaluate = f"{call} | source" if shell == "fish" else f'eval "$({call})"'
    lines = [evaluate, "hello x", "envlock_deactivate", 'printf "[%s]" "$SAID$HOOK"', "hello"]

    done = subprocess.run(
        [program, "--no-config" if shell == "fish" else "-f", "-c", "\n".join(lines)],
        env=site.environment(SHELL="/bin/another"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.endswith("; a 'b' $c x\n[]")
    assert "hello" in done.stderr
    assert done.returncode == 127


def test_a_script_that_stops_at_errors_stops_where_it_cannot_activate(site: Site):
    lines = f'set -e; eval "$({sys.executable} -m envlock activate --profile nope)"; echo on'

    done = subprocess.run(
        ["bash", "-c", lines], env=site.environment(), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: there is no profile `nope` in the store\n")


def test_activate_leaves_with_the_code_that_it_prints(site: Site):
    done = site.envlock("activate", "--deactivate", "--shell", "fish")

    assert done.stdout == "if functions -q envlock_deactivate\nenvlock_deactivate\nend\n"


def test_activate_tells_other_programs_in_json(site: Site):
    told = json.loads(site.envlock("activate", "--profile", "hooks", "--json", SHELL="").stdout)

    assert told["prefix"] == site.path_of("hooks")
    assert told["scripts"] == [f"{told['prefix']}/etc/conda/activate.d/hooks.sh"]
    assert ["SAID", "a 'b' $c"] in told["variables"]
    assert told["code"].startswith("function _envlock_check {")


def test_activate_takes_no_lock_where_it_leaves(site: Site):
    done = site.envlock("activate", site.hooks, "--deactivate", "--shell", "bash")

    assert done.stderr == (
        "error: `--deactivate` leaves whichever environment is active, and takes no LOCK\n\n"
        "hint: leave LOCK away, or `--deactivate`\n"
    )


# --- shell ----------------------------------------------------------------------------------------


_ON_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes stdin the terminal that a person sits at; a fork in the tests' own process could hang."""


def type_into(site: Site, shell: str, home: Path, *lines: str, **more: str) -> tuple[int, str]:
    """Start `envlock shell` on a terminal and type; return its status and what the screen got."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    environment = site.environment(SHELL=program, TERM="dumb", HOME=str(home), **more)
    screen, terminal = pty.openpty()
    command = [sys.executable, "-c", _ON_TERMINAL, "-m", "envlock", "shell", site.hooks]
    with subprocess.Popen(
        command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as running:
        os.close(terminal)
        shown = _read_until(screen, "READY-GO")
        for line in lines:
            os.write(screen, f"{line}\n".encode())
        shown += _read_until(screen, None)
        os.close(screen)
    return running.returncode, shown


def _read_until(screen: int, text: str | None) -> str:
    shown = b""
    end = time.monotonic() + 60
    while time.monotonic() < end and not (text and text.encode() in shown):
        if select.select([screen], [], [], 0.2)[0]:
            try:
                got = os.read(screen, 65536)
            except OSError:  # nobody holds the other end any more
                break
            if not got:
                break
            shown += got
    return shown.decode("utf-8", "replace")


RC = {
    "bash": (".bashrc", "PS1='READY-GO> '; export PATH=/first:$PATH; export FROM_RC=yes"),
    "zsh": (".zshrc", "PS1='READY-GO> '; export PATH=/first:$PATH; export FROM_RC=yes"),
    "fish": (
        ".config/fish/config.fish",
        "function fish_prompt; echo 'READY-GO> '; end; set -gx PATH /first $PATH;"
        " set -gx FROM_RC yes; set -g fish_greeting",
    ),
}


@pytest.mark.parametrize("shell", list(RC))
def test_shell_reads_the_users_files_and_they_do_not_undo_it(
    shell: str, site: Site, tmp_path: Path
):
    name, text = RC[shell]
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(f"{text}\n", "utf-8")
    found = tmp_path / "found"
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    status, shown = type_into(
        site, shell, tmp_path, f"env -0 > {found}", "exit 5", TMPDIR=str(temporary)
    )

    entries = dict(entry.split("=", 1) for entry in found.read_text().split("\0") if entry)
    prefix = site.path_of("hooks")
    assert status == 5
    assert "(hooks) READY-GO" in shown
    assert entries["PATH"].startswith(f"{prefix}/bin:/first:")
    assert entries["FROM_RC"] == "yes"
    assert entries["SAID"] == "a 'b' $c"
    assert entries.get("HOOK") == (None if shell == "fish" else f"hooked by {prefix}")
    assert "ZDOTDIR" not in entries
    assert not list(temporary.glob("envlock-*"))


def test_zsh_finds_the_users_own_folder_again(site: Site, tmp_path: Path):
    own = tmp_path / "zsh files"
    own.mkdir()
    (own / ".zshenv").write_text("ENV_AT=$ZDOTDIR\n", "utf-8")
    (own / ".zshrc").write_text("PS1='READY-GO> '; RC_AT=$ZDOTDIR\n", "utf-8")
    found = tmp_path / "found"
    ask = f"print -rl -- $ZDOTDIR $ENV_AT $RC_AT ${{+_ENVLOCK_ZDOTDIR}} > {found}"

    type_into(site, "zsh", tmp_path, ask, "exit", ZDOTDIR=str(own))

    assert found.read_text().splitlines() == [str(own), str(own), str(own), "0"]


def test_shell_refuses_a_shell_that_it_cannot_start(site: Site):
    done = site.envlock("shell", site.hooks, "--shell", "powershell")

    if shutil.which("pwsh"):
        pytest.skip("PowerShell is installed here")
    assert done.returncode == 2
    assert done.stderr == (
        "error: there is no powershell on PATH\nNothing was started.\n\n"
        "hint: choose another: `--shell bash`\n"
    )
