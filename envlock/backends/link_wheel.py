"""A wheel's unpacked files into an environment, as the binary distribution format has it.

What `installer` knows (launchers, first lines of scripts) it does; here is where the files
go, and that they go there as links.
"""

from __future__ import annotations

import csv
import io
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from installer.scripts import Script
from installer.utils import fix_shebang

from envlock.backends.link_files import Linker
from envlock.backends.unpack_wheel import WheelLayout, read_wheel_layout
from envlock.errors import ArchiveError
from envlock.model.tree import EntryKind, TreeEntry

_RECORDS = ("RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER")
"""Rewritten or, since a signature over the old one proves nothing any more, left out."""
_URLSAFE = str.maketrans("+/", "-_", "=\n")

_Row = tuple[str, str, int | str]
"""Of RECORD: path, digest, size."""


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
        data = self._layout.data_folder
        self._scripts = (f"{data}/scripts/",) if data else ()
        self._special = (f"{self._layout.dist_info}/", *((f"{data}/",) if data else ()))
        """Nearly all files lie elsewhere, and go where packages go."""

    def link(self, linker: Linker, place: PythonPlace) -> dict[str, str]:
        """Have everything put in its place; return where each file goes, by its path in the wheel.

        Raises `ArchiveError`.
        """
        targets: dict[str, str] = {}
        rows: list[_Row] = []
        for entry in self._entries:
            path = entry.path
            if entry.kind is not EntryKind.FILE:
                continue
            is_special = path.startswith(self._special)
            target = self._target(path, place) if is_special else f"{place.site}/{path}"
            if not target:
                continue
            targets[path] = target
            if is_special and path.startswith(self._scripts):
                self._write_script(linker, path, target, place)
                rows.append(_row(target, place, None))
            else:
                linker.link(self._name, f"{self._tree}/{path}", entry, target)
                rows.append(_row(target, place, entry))
        rows += self._write_launchers(linker, place)
        self._write_records(linker, place, rows)
        return targets

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

    def _write_script(self, linker: Linker, path: str, target: str, place: PythonPlace) -> None:
        content = Path(self._tree, path).read_bytes()
        with fix_shebang(io.BytesIO(content), f"{place.prefix}/{place.program}") as fixed:
            linker.write(target, fixed.read(), is_executable=True)

    def _write_launchers(self, linker: Linker, place: PythonPlace) -> Iterator[_Row]:
        launchers: Iterable[Script] = (
            *(Script(*each, section="console") for each in self._layout.console_scripts),
            *(Script(*each, section="gui") for each in self._layout.gui_scripts),
        )
        for launcher in launchers:
            name, content = launcher.generate(f"{place.prefix}/{place.program}", "posix")
            linker.write(f"bin/{name}", content, is_executable=True)
            yield _row(f"bin/{name}", place, None)

    def _write_records(self, linker: Linker, place: PythonPlace, rows: list[_Row]) -> None:
        info = f"{place.site}/{self._layout.dist_info}"
        linker.write(f"{info}/INSTALLER", b"envlock\n")
        rows += [(f"{self._layout.dist_info}/{name}", "", "") for name in ("INSTALLER", "RECORD")]
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(
            sorted({row[0]: row for row in rows}.values())
        )
        linker.write(f"{info}/RECORD", text.getvalue().encode())


def _row(target: str, place: PythonPlace, entry: TreeEntry | None) -> _Row:
    """Return a row of RECORD. What differs by prefix has no digest, so that RECORD does not."""
    path = _from_site(target, place.site)
    if entry is None:
        return (path, "", "")
    return (path, _record_digest(entry.sha256), entry.size_bytes)


def _from_site(target: str, site: str) -> str:
    if target.startswith(f"{site}/"):
        return target[len(site) + 1 :]
    return "../" * (site.count("/") + 1) + target


def _record_digest(sha256: str) -> str:
    return f"sha256={b2a_base64(bytes.fromhex(sha256)).decode().translate(_URLSAFE)}"
