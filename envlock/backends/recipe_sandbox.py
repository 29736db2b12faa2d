"""Walls around a build: bubblewrap where it is installed, else Linux's namespaces by ourselves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envlock.errors import WorldError
from envlock.model.recipe import Isolation

INSIDE = "/build"
"""What a build's folder is called within the walls: the same on every machine."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/nix")
_COMPILERS = ("/usr/lib/gcc", "/usr/include", "/usr/local/include")
"""Without these the machine's compiler compiles nothing."""
_TOOLKITS = "cuda*"
"""Of `/usr/local`: never seen, since a CUDA toolkit is an input that a lock can name."""
_NAMESPACES = "recipe_namespace.py"
_SOMEBODY = "1000"
"""Who a build is, as in `recipe_namespace`."""
_NO_WALLS = 125
_NO_BUBBLE = 1
_SAYS = ("no walls: ", "bwrap: ")
_LONGEST_LOG = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a build may see."""

    work: Path
    """The one folder that it may write to; within the walls it is called `INSIDE`."""
    reads: Sequence[str]
    """Folders that it may read, beside the system's."""
    has_compiler: bool
    """Whether it sees the machine's own compiler."""
    isolation: Isolation

    @property
    def inside(self) -> str:
        """Return what the folder is called by the program that runs in it."""
        return INSIDE if self.isolation is Isolation.ISOLATED else str(self.work)


def run_in_cell(
    cell: Cell, command: Sequence[str], environment: Mapping[str, str], log: Path
) -> int:
    """Run a command within the walls; what it says goes to `log`. Returns its exit status.

    Raises `WorldError` on a machine that has no walls.
    """
    if cell.isolation is Isolation.NONE:
        return _run(command, environment, log, cell.work)
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is not None:
        status = _run(_bubblewrapped(cell, bubblewrap, command), environment, log, cell.work)
        if not (status == _NO_BUBBLE and _last_words(log).startswith("bwrap: ")):
            return status
    if sys.platform == "linux":
        status = _run_in_namespaces(cell, command, environment, log)
        if status != _NO_WALLS:
            return status
    raise _no_walls(_last_words(log) if log.exists() else f"there are none on {sys.platform}")


def _run(command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path) -> int:
    with log.open("wb") as output:
        done = subprocess.run(  # noqa: S603 - our own programs, named in full
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return done.returncode


def _readable(cell: Cell) -> list[str]:
    """Return what is bound, outer folders first."""
    wanted = {*_SYSTEM, *cell.reads}
    return sorted(path for path in wanted if os.path.lexists(path))


def _hidden(cell: Cell) -> list[str]:
    compilers = [] if cell.has_compiler else [Path(path) for path in _COMPILERS]
    found = [*compilers, *Path("/usr/local").glob(_TOOLKITS)]
    return [str(path) for path in found if path.is_dir() and not path.is_symlink()]


def _bubblewrapped(cell: Cell, program: str, command: Sequence[str]) -> list[str]:
    words = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--uid", _SOMEBODY, "--gid", _SOMEBODY]
    words += ["--tmpfs", "/tmp"]  # noqa: S108 - within the walls, and empty
    for path in _readable(cell):
        if Path(path).is_symlink():
            words += ["--symlink", str(Path(path).readlink()), path]
        else:
            words += ["--ro-bind", path, path]
    for path in _hidden(cell):
        words += ["--tmpfs", path, "--remount-ro", path]
    words += ["--dev", "/dev", "--proc", "/proc", "--bind", str(cell.work), INSIDE]
    return [*words, "--remount-ro", "/", "--chdir", INSIDE, "--", *command]


def _run_in_namespaces(
    cell: Cell, command: Sequence[str], environment: Mapping[str, str], log: Path
) -> int:
    root = cell.work.with_name(f"{cell.work.name}.root")
    root.mkdir(exist_ok=True)
    plan = cell.work.with_name(f"{cell.work.name}.plan")
    plan.write_text(
        json.dumps(
            {
                "root": str(root),
                "work": str(cell.work),
                "inside": INSIDE,
                "reads": _readable(cell),
                "hidden": _hidden(cell),
                "command": list(command),
                "environment": dict(environment),
            }
        ),
        "utf-8",
    )
    program = str(Path(__file__).with_name(_NAMESPACES))
    return _run([sys.executable, "-I", "-S", program, str(plan)], environment, log, cell.work)


def read_log(log: Path) -> str:
    """Return what a build said, its end where it said a lot."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LONGEST_LOG))
        return file.read().decode(errors="replace")


def _last_words(log: Path) -> str:
    lines = read_log(log).strip().splitlines()
    return lines[-1] if lines else ""


def _no_walls(why: str) -> WorldError:
    for start in _SAYS:
        why = why.removeprefix(start)
    return WorldError(
        f"a recipe is built behind walls, and this machine has none: {why}\nNothing was built.",
        hints=[
            "install bubblewrap, as with `apt-get install bubblewrap`",
            (
                "or build with the network and the whole disk in reach, which the lock will say: "
                "`--sandbox none`"
            ),
        ],
    )
