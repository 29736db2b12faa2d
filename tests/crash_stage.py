"""One store at one path that commands are run over, and the scenes that it can be in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crash_points import Commands, Reference, faults, let_a_day_pass, remove
from tiny_builds import PLACEHOLDER, make_conda, make_python, make_wheel, module_of, write_lock


@dataclass
class Stage:
    """One store at one path, what lies around it, and what it is when nothing goes wrong."""

    folder: Path
    home: Path
    commands: Commands
    reference: Reference = field(default_factory=Reference)

    @property
    def out_link(self) -> Path:
        return self.folder / "out" / "result"

    def build(self, name: str, *more: str) -> list[str]:
        host = [] if name == "mix" else ["--python", "host"]
        return ["build", str(self.folder / f"{name}.conda-lock.yml"), *host, *more]

    def run(self, *arguments: str) -> str:
        ended = self.commands.run(*arguments)
        assert ended.status == 0, ended.output
        return ended.output

    def learn(self) -> None:
        """Build everything once, where nothing goes wrong."""
        for name in ("one", "two", "mix"):
            self.run(*self.build(name))
        self.reference.learn(self.home)

    def faults(self) -> list[str]:
        return faults(self.home, self.reference, [self.out_link])


def short_folder() -> Path:
    """A folder in memory where there is one: what is flushed to a disk is waited for."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    parent = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="ek", dir=parent))


@contextmanager
def open_stage(place: str = "s") -> Iterator[Stage]:
    """Make packages and locks; the store will lie at `place` in the stage's folder."""
    folder = short_folder()
    packages = folder / "packages"
    one = make_wheel(packages, "aaa", module_of("aaa"))
    two = make_wheel(packages, "bbb", module_of("bbb"))
    text = {"share/a.txt": f"at {PLACEHOLDER}\n".encode(), "lib/plain.txt": b"plain\n"}
    conda = make_conda(packages, "text", text)
    write_lock(folder / "one.conda-lock.yml", one, host_python=True)
    write_lock(folder / "two.conda-lock.yml", one, two, host_python=True)
    write_lock(folder / "mix.conda-lock.yml", make_python(packages), conda, one)
    (folder / "out").mkdir()
    commands = Commands(folder, folder / place)
    try:
        yield Stage(folder, folder / place, commands)
    finally:
        commands.close()
        remove(folder)


# --- scenes ---------------------------------------------------------------------------------------


def nothing(stage: Stage) -> None:
    """Leave the place empty."""


def with_one(stage: Stage) -> None:
    stage.run(*stage.build("one"))


def with_two_generations(stage: Stage) -> None:
    stage.run(*stage.build("one", "--profile", "demo"))
    stage.run(*stage.build("two", "--profile", "demo"))


def with_a_link(stage: Stage) -> None:
    stage.run(*stage.build("one"))
    stage.run(*stage.build("two", "--out-link", str(stage.out_link)))


def with_garbage(stage: Stage) -> None:
    """What nobody needs, and what killed processes have left, of every kind."""
    stage.run(*stage.build("one"))
    stage.run(*stage.build("mix"))
    stage.run(*stage.build("two", "--out-link", str(stage.out_link)))
    stage.out_link.unlink()
    home = stage.home
    for link in (home / "profiles").iterdir():
        if not link.name.startswith("one"):
            link.unlink()
    (mixed,) = (home / "store").glob("*-mix")
    shutil.copytree(mixed, home / "store" / ("." + "0" * 31 + "-mix"), symlinks=True)
    shutil.copytree(mixed, home / "trees" / ("." + "0" * 31 + "-" + "1" * 41), symlinks=True)
    (home / "temproots" / ("2" * 32)).write_text(f"{mixed.name}\n", encoding="utf-8")
    (home / "artifacts" / "partial" / ("3" * 64)).write_bytes(b"some")
    (home / "profiles" / ("." + "4" * 32)).symlink_to("one-1-link")
    let_a_day_pass(home)
