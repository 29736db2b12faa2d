"""Post-link scripts of conda packages, for the packages that a stack names.

A script is a program of the package's author, run where the environment is made: what it does is in
no archive. So none runs unless it was allowed by name, and then

- it sees a clean environment and no file of another environment: what packages share by hard links
  is its own copy while it runs, and is shared again where it was left alone;
- it works in the staging folder, which `PREFIX` names. Where it wrote that path into a file, the
  final prefix is put in its place: both are equally long. Inside of what is compressed it stays;
- it may take so long and no longer, and is ended with all that it started.

Nothing here keeps it from the network, or from writing elsewhere as the user who builds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from hashlib import file_digest
from pathlib import Path

from envlock.backends.store_sources import Source
from envlock.backends.store_trees import EPOCH_SECONDS, Known, sweep
from envlock.errors import ArchiveError, StoreError, WorldError
from envlock.model.store import Artifact
from envlock.model.tree import EntryKind

LIMIT_SECONDS = 600.0
_SHOWN = 800
_MESSAGES = ".messages.txt"
"""What a script wants a person to read; conda shows and removes it."""
_SHELLS = "/bin:/usr/bin:/usr/local/bin:/opt/homebrew/bin"
_CLONE = 0x40049409
"""`FICLONE` of Linux's `linux/fs.h`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkScript:
    """The post-link script of one package."""

    name: str
    version: str
    build_number: int

    @property
    def path(self) -> str:
        """Where it lies in an environment."""
        return script_path(self.name)


def script_path(name: str) -> str:
    """Return where a package's post-link script lies in an environment."""
    return f"bin/.{name}-post-link.sh"


def find_scripts(
    conda: Sequence[tuple[Artifact, Source]], allowed: Iterable[str]
) -> tuple[tuple[LinkScript, ...], tuple[str, ...]]:
    """Return the scripts that may run, what a package needs before it, and what to tell of them."""
    names = set(allowed)
    run: dict[str, LinkScript] = {}
    notes: list[str] = []
    for artifact, source in conda:
        path = script_path(artifact.name)
        has_one = any(
            entry.path == path and entry.kind is EntryKind.FILE for entry in source.entries
        )
        if has_one and artifact.name in names:
            run[artifact.name] = _script(artifact, source)
            notes.append(f"{artifact} has run its post-link script: what that did is in no archive")
        elif has_one:
            notes.append(
                f"{artifact} has a post-link script, which was not run; to allow it: "
                f'`link-scripts = ["{artifact.name}"]` under [build] of the stack'
            )
        elif artifact.name in names:
            notes.append(f"{artifact} is allowed a post-link script and has none")
    return tuple(run[name] for name in _ordered(conda) if name in run), tuple(notes)


def _script(artifact: Artifact, source: Source) -> LinkScript:
    number = _index(source).get("build_number")
    return LinkScript(
        name=artifact.name,
        version=artifact.version,
        build_number=number if isinstance(number, int) else 0,
    )


def _index(source: Source) -> Mapping[str, object]:
    found = json.loads((source.path / "info" / "index.json").read_bytes())
    return found if isinstance(found, dict) else {}


def _ordered(conda: Sequence[tuple[Artifact, Source]]) -> Iterable[str]:
    """Return the names, what a package needs before it; by name where they go round in a circle."""
    needs: dict[str, list[str]] = {}
    for artifact, source in sorted(conda, key=lambda each: each[0].name):
        depends = _index(source).get("depends")
        specs = depends if isinstance(depends, list) else []
        needs[artifact.name] = sorted({str(spec).split(" ")[0] for spec in specs})
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError:
        return sorted(needs)


# --- running --------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ScriptRunner:
    """Runs scripts in one staging folder that conda packages have been linked into."""

    staging: Path
    prefix: str
    known: Known
    limit_seconds: float = LIMIT_SECONDS
    _shared: dict[str, Path] = field(default_factory=dict)
    """By path: the file as its package has it, kept aside while scripts run."""

    def run(self, scripts: Sequence[LinkScript]) -> tuple[frozenset[str], tuple[str, ...]]:
        """Run them; returns the paths of packages' files that they changed, and their messages.

        Raises `ArchiveError` when one fails, takes too long or writes into the final prefix.
        """
        if not scripts:
            return frozenset(), ()
        was_there = os.path.lexists(self.prefix)  # when a valid environment is built again
        aside = self.staging.with_name(f"{self.staging.name}.shared")
        try:
            aside.mkdir()
            self._take_apart(aside)
            for script in scripts:
                self._run(script)
            messages = tuple(self._messages())
            if os.path.lexists(self.prefix) and not was_there:
                raise _wrote_ahead(self.prefix)
            return self._put_right(), messages
        finally:
            sweep(aside)

    def _take_apart(self, aside: Path) -> None:
        """Give the staging folder files of its own, which a script may write to."""
        for path, status in list(_files(self.staging)):
            place = self.staging / path
            if self.known.digest(status) is not None:
                kept = aside / str(len(self._shared))
                place.rename(kept)
                _copy(kept, place)
                self._shared[path] = kept
            place.chmod(0o755 if status.st_mode & 0o111 else 0o644)

    def _run(self, script: LinkScript) -> None:
        shell = shutil.which("bash", path=_SHELLS)
        if shell is None:
            raise WorldError(
                f"the post-link script of {script.name} needs bash, which this machine lacks\n"
                "Nothing was installed."
            )
        with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603 - allowed by name in the stack
                [shell, str(self.staging / script.path)],
                cwd=self.staging,
                env=self._environment(script, home),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o022,
            )
            try:
                status: int | None = process.wait(self.limit_seconds)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(process)
            if status != 0:
                raise self._failed(script, status, _tail(said.fileno()))

    def _environment(self, script: LinkScript, home: str) -> Mapping[str, str]:
        """Return what conda tells a script, and nothing of this machine."""
        prefix = str(self.staging)
        return {
            "PREFIX": prefix,
            "CONDA_PREFIX": prefix,
            "PKG_NAME": script.name,
            "PKG_VERSION": script.version,
            "PKG_BUILDNUM": str(script.build_number),
            "PATH": f"{prefix}/bin:/usr/bin:/bin",
            "HOME": home,
            "TMPDIR": home,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "SOURCE_DATE_EPOCH": str(EPOCH_SECONDS),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
        }

    def _failed(self, script: LinkScript, status: int | None, said: str) -> ArchiveError:
        what = (
            f"did not end within {self.limit_seconds:g} seconds"
            if status is None
            else f"failed: exit status {status}"
        )
        lines = [f"  {line}" for line in said.replace(str(self.staging), "$PREFIX").splitlines()]
        return ArchiveError(
            "\n".join(
                [
                    f"the post-link script of {script.name} {script.version} {what}",
                    *lines,
                    "Nothing was installed.",
                ]
            ),
            hints=[f"take `{script.name}` out of link-scripts in the stack, if it runs without"],
        )

    def _messages(self) -> Iterator[str]:
        place = self.staging / _MESSAGES
        if place.is_file() and not place.is_symlink():
            with place.open("rb") as file:
                text = file.read(_SHOWN).decode(errors="replace")
            text = text.replace(str(self.staging), self.prefix)
            yield from (f"a post-link script says: {line}" for line in _lines(text))
        if os.path.lexists(place):
            place.unlink()

    # --- afterwards -------------------------------------------------------------------------------

    def _put_right(self) -> frozenset[str]:
        """Share again what was left alone; put the prefix where the staging folder is named."""
        changed = set(self._shared)
        for path, status in list(_files(self.staging)):
            place = self.staging / path
            kept = self._shared.get(path)
            if kept is not None and self._is_same(place, status, kept):
                kept.replace(place)
                changed.discard(path)
            else:
                self._name_prefix(place)
        for place in _links(self.staging):
            self._make_relative(place)
        return frozenset(changed)

    def _is_same(self, place: Path, status: os.stat_result, kept: Path) -> bool:
        was = kept.lstat()
        if status.st_size != was.st_size or bool(status.st_mode & 0o111) != bool(
            was.st_mode & 0o111
        ):
            return False
        with place.open("rb", buffering=0) as file:
            return file_digest(file, "sha256").hexdigest() == self.known.digest(was)

    def _name_prefix(self, place: Path) -> None:
        here, there = str(self.staging).encode(), self.prefix.encode()
        if len(here) != len(there):
            raise StoreError(f"{self.staging}: expected a name as long as {self.prefix}")
        content = place.read_bytes()
        if here in content:
            place.write_bytes(content.replace(here, there))

    def _make_relative(self, place: Path) -> None:
        """Let a link that names the environment in full lead there wherever it lies."""
        target = str(place.readlink())
        for base in (str(self.staging), self.prefix):
            if target == base or target.startswith(f"{base}/"):
                inside = f"{self.staging}{target.removeprefix(base)}"
                place.unlink()
                place.symlink_to(os.path.relpath(inside, place.parent))


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                yield os.path.relpath(path, root), status


def _links(root: Path) -> list[Path]:
    return [
        Path(folder, name)
        for folder, folders, names in os.walk(root)
        for name in (*folders, *names)
        if os.path.islink(os.path.join(folder, name))
    ]


def _copy(source: Path, target: Path) -> None:
    """Copy a file; where the file system can, its bytes stay shared."""
    with source.open("rb") as old, target.open("xb") as new:
        if sys.platform == "linux":
            try:
                fcntl.ioctl(new.fileno(), _CLONE, old.fileno())
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise
            else:
                return
        shutil.copyfileobj(old, new, 1 << 20)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a script with all that it started and did not hide."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    text = os.pread(descriptor, _SHOWN, max(0, size - _SHOWN)).decode(errors="replace")
    return "\n".join(_lines(text))


def _lines(text: str) -> list[str]:
    """Return lines that a terminal can be shown."""
    shown = (
        "".join(sign if sign.isprintable() else "?" for sign in line) for line in text.split("\n")
    )
    return [line for line in shown if line.strip()]


def _wrote_ahead(prefix: str) -> ArchiveError:
    return ArchiveError(
        f"a post-link script has written to {prefix}, before anything may lie there\n"
        "  expected it to write where `PREFIX` says\nNothing was installed.",
        hints=["take its package out of link-scripts in the stack, if it runs without"],
    )
