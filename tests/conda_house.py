"""A folder with one stack and its lock, and a store: everything through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conda_packages import Packed
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock, LockedPackage
from locks import make_lock

STACK = """\
[stack]
name = "{name}"
platforms = ["linux-64"]
channels = ["{channel}"]

[python]
version = "3.11.*"

[fleet]
glibc = "2.36"
"""
_LIMIT_SECONDS = 600
WANTED = """
[dependencies]
activated = "*"
bare = "*"
folders = "*"
binary = "*"
greeting = "*"
linked = "*"
oldstyle = "*"
shebang = "*"

[pypi-dependencies]
numpy = "*"
pip = "*"
"""
"""What a stack of this house asks for: each kind of package that there is."""


@dataclass(frozen=True, kw_only=True)
class CondaHouse:
    """A folder to work in, with a store."""

    folder: Path
    home: Path
    """The store."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to what a command sees."""

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run `envlock`, in the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            [sys.executable, "-m", "envlock", *command],
            cwd=self.folder,
            env=self._variables(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_SECONDS,
        )

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start `envlock`, in the folder, and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "envlock", *command],
            cwd=self.folder,
            env=self._variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "ENVLOCK_HOME": str(self.home),
            "ENVLOCK_CACHE": str(self.folder / "cache"),
            **self.environment,
        }

    def succeed(self, *command: str) -> str:
        """Run `envlock`; returns what it says on stdout."""
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def solve(self, name: str, channel: str, rest: str, *record: str) -> str:
        """Pin, record and solve a stack; returns the path of its lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = STACK.format(name=name, channel=channel) + rest
        (self.folder / f"{name}.toml").write_text(text, "utf-8")
        self.succeed("index", "pin", "-q", f"{name}.toml")
        if "pypi" in rest:
            self.succeed("index", "record", "-q", f"{name}.toml", *record)
        self.succeed("solve", "-q", f"{name}.toml")
        return str(self.folder / f"{name}.conda-lock.yml")

    def build(self, lock: str, *options: str) -> dict[str, Any]:
        """Build a lock; returns what `--json` tells."""
        return dict(json.loads(self.succeed("build", "--json", *options, lock)))


def write_lock(
    path: Path,
    packages: Sequence[Packed],
    wheels: Sequence[LockedPackage] = (),
    facts: Mapping[str, str] | None = None,
) -> str:
    """Write a lock of these packages, where they lie; nothing is solved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        LockedPackage(
            name=str(each.record["name"]),
            version=str(each.record["version"]),
            manager="conda",
            platform="linux-64",
            url=each.path.as_uri(),
            md5=str(each.record["md5"]),
            sha256=each.sha256,
            dependencies={},
        )
        for each in packages
    ]
    lock: Lock = make_lock(*rows, *wheels, facts=facts, platforms=("linux-64",))
    path.write_bytes(format_lock(lock))
    return str(path)
