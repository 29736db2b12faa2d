"""A wheel's unpacked files into an environment, as the binary distribution format has it.

What `installer` knows (launchers, first lines of scripts, RECORD) it does; here is where the files
go, and that they go there as links.
"""

from __future__ import annotations

import io
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from installer.records import Hash, RecordEntry
from installer.scripts import Script
from installer.utils import Scheme, construct_record_file, fix_shebang

from envlock.backends.link_files import Linker
from envlock.backends.unpack_wheel import WheelLayout, read_wheel_layout
from envlock.errors import ArchiveError
from envlock.model.tree import EntryKind, TreeEntry

_SCHEME = cast("Scheme", "platlib")
"""Rows are already relative to where packages lie; `installer` asks for one all the same."""
_RECORDS = ("RECORD", "RECORD.jws", "RECORD.p7s")
"""Rewritten or, since a signature over the old one proves nothing any more, left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonPlace:
    """Where Python and its packages lie in an environment; paths are relative to its prefix."""

    prefix: str
    """Where the environment will lie in the end."""
    version: str
    """As `3.11`."""
    program: str
    """As `bin/python3.11`."""
    site: str
    """As `lib/python3.11/site-packages`."""


class WheelLinker:
    """Links one unpacked wheel."""

    def __init__(self, tree: Path, name: str, entries: Sequence[TreeEntry]) -> None:
        self._tree = str(tree)
        self._name = name
        self._entries = entries
        self._layout: WheelLayout = read_wheel_layout(tree)

    def sources(self, place: PythonPlace) -> Iterator[tuple[str, str]]:
        """Yield each file's path in the wheel and in the environment."""
        for entry in self._entries:
            target = self._target(entry.path, place) if entry.kind is EntryKind.FILE else ""
            if target:
                yield entry.path, target

    def link(self, linker: Linker, place: PythonPlace) -> None:
        """Put everything in its place. Raises `ArchiveError`, and `TreeDamagedError`."""
        rows: list[RecordEntry] = []
        for entry in self._entries:
            if entry.kind is not EntryKind.FILE:
                continue
            if self._is_script(entry.path):
                rows.append(self._write_script(linker, entry, place))
                continue
            target = self._target(entry.path, place)
            if target:
                linker.link(self._name, f"{self._tree}/{entry.path}", entry, target)
                rows.append(_row(target, place, entry))
        rows += self._write_launchers(linker, place)
        self._write_records(linker, place, rows)

    def _is_script(self, path: str) -> bool:
        data = self._layout.data_folder
        return data is not None and path.startswith(f"{data}/scripts/")

    def _target(self, path: str, place: PythonPlace) -> str:
        """Return where a file goes; empty for those that are written anew."""
        folder, _, rest = path.partition("/")
        if folder == self._layout.dist_info and rest in _RECORDS:
            return ""
        if folder != self._layout.data_folder:
            return f"{place.site}/{path}"
        scheme, _, rest = rest.partition("/")
        match scheme:
            case "purelib" | "platlib":
                return f"{place.site}/{rest}"
            case "scripts":
                return f"bin/{rest}"
            case "headers":
                name = self._layout.dist_info.partition("-")[0]
                return f"include/site/python{place.version}/{name}/{rest}"
            case "data":
                return rest
            case _:
                raise ArchiveError(f"{self._name}: `{path}` belongs to no known scheme")

    def _write_script(self, linker: Linker, entry: TreeEntry, place: PythonPlace) -> RecordEntry:
        target = self._target(entry.path, place)
        content = Path(self._tree, entry.path).read_bytes()
        with fix_shebang(io.BytesIO(content), f"{place.prefix}/{place.program}") as fixed:
            linker.write(target, fixed.read(), is_executable=True)
        return _row(target, place, None)

    def _write_launchers(self, linker: Linker, place: PythonPlace) -> Iterator[RecordEntry]:
        launchers: Iterable[Script] = (
            *(Script(*each, section="console") for each in self._layout.console_scripts),
            *(Script(*each, section="gui") for each in self._layout.gui_scripts),
        )
        for launcher in launchers:
            name, content = launcher.generate(f"{place.prefix}/{place.program}", "posix")
            linker.write(f"bin/{name}", content, is_executable=True)
            yield _row(f"bin/{name}", place, None)

    def _write_records(self, linker: Linker, place: PythonPlace, rows: list[RecordEntry]) -> None:
        info = f"{place.site}/{self._layout.dist_info}"
        linker.write(f"{info}/INSTALLER", b"envlock\n")
        names = (f"{self._layout.dist_info}/{name}" for name in ("INSTALLER", "RECORD"))
        rows += [RecordEntry(name, None, None) for name in names]
        ordered = sorted({row.path: row for row in rows}.values(), key=lambda row: row.path)
        with construct_record_file((_SCHEME, row) for row in ordered) as record:
            linker.write(f"{info}/RECORD", record.read())


def _row(target: str, place: PythonPlace, entry: TreeEntry | None) -> RecordEntry:
    """Return a row of RECORD. What differs by prefix has no digest, so that RECORD does not."""
    path = _from_site(target, place.site)
    if entry is None:
        return RecordEntry(path, None, None)
    digest = _urlsafe(entry.sha256)
    return RecordEntry(path, Hash("sha256", digest), entry.size_bytes)


def _from_site(target: str, site: str) -> str:
    if target.startswith(f"{site}/"):
        return target[len(site) + 1 :]
    return "../" * (site.count("/") + 1) + target


def _urlsafe(digest: str) -> str:
    return urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
