"""Wheels into an environment, as the binary distribution format has it."""

from __future__ import annotations

import configparser
import csv
import io
import os
import re
import shlex
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Dict, Iterator, List, Tuple

from .conda import Python
from .rewrite import LinkError, wheel_line
from .tree import Item, Tree

_UNLINKED = ("RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER")
_SECTIONS = ("console_scripts", "gui_scripts")
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_OBJECT = re.compile(r"(%s)\s*:\s*(%s)\s*(?:\[.*\])?" % (_NAME, _NAME))
_LAUNCHER = """\
%s
# -*- coding: utf-8 -*-
import re
import sys
from %s import %s
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])
    sys.exit(%s())
"""


class WheelLinker:
    """Gathers one unpacked wheel into a tree."""

    def __init__(self, root: str, tree: Tree, python: Python) -> None:
        self._root = root
        self._tree = tree
        self._python = python
        names = sorted(os.listdir(root))
        self._info = next((name for name in names if name.endswith(".dist-info")), "")
        self._data = next((name for name in names if name.endswith(".data")), "")
        if not self._info:
            raise LinkError("%s: a wheel without a .dist-info folder" % root)
        self._program = "%s/%s" % (tree.prefix, python.program)

    def link(self) -> Dict[str, str]:
        """Gather everything; returns where each file goes, by its path in the wheel."""
        targets: Dict[str, str] = {}
        rows: Dict[str, Tuple[str, str]] = {}
        for path in sorted(_files(self._root)):
            target, is_script = self._target(path)
            if not target:
                continue
            targets[path] = target
            place = os.path.join(self._root, path)
            if is_script:
                self._tree.put(target, self._script(place))
                rows[self._from_site(target)] = ("", "")
            else:
                executable = bool(os.stat(place).st_mode & 0o111)
                self._tree.put(target, Item(source=place, is_executable=executable))
                rows[self._from_site(target)] = _describe(place)
        for command, module, function in self._entry_points():
            text = _LAUNCHER % (
                wheel_line(
                    self._program if " " not in self._program else shlex.quote(self._program)
                ),
                module,
                function.partition(".")[0],
                function,
            )
            self._tree.put("bin/" + command, Item(content=text.encode(), is_executable=True))
            rows[self._from_site("bin/" + command)] = ("", "")
        self._write_records(rows)
        return targets

    def _target(self, path: str) -> Tuple[str, bool]:
        """Return where a file goes, and whether its first line may name Python."""
        folder, _, rest = path.partition("/")
        site = self._python.site
        if folder == self._info and rest in _UNLINKED:
            return "", False
        if folder != self._data or not folder:
            return "%s/%s" % (site, path), False
        scheme, _, rest = rest.partition("/")
        if scheme in ("purelib", "platlib"):
            return "%s/%s" % (site, rest), False
        if scheme == "scripts":
            return "bin/" + rest, True
        if scheme == "headers":
            name = self._info.partition("-")[0]
            return "include/site/python%s/%s/%s" % (self._python.version, name, rest), False
        if scheme == "data":
            return rest, False
        raise LinkError("%s: `%s` belongs to no known scheme" % (self._root, path))

    def _script(self, place: str) -> Item:
        with open(place, "rb") as file:
            content = file.read()
        if content.startswith(b"#!python"):
            content = b"#!%s\n%s" % (self._program.encode(), content.partition(b"\n")[2])
        return Item(content=content, is_executable=True)

    def _entry_points(self) -> Iterator[Tuple[str, str, str]]:
        place = os.path.join(self._root, self._info, "entry_points.txt")
        if not os.path.isfile(place):
            return
        parser = configparser.ConfigParser(
            delimiters=("=",), interpolation=None, strict=False, default_section="\n"
        )
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        with open(place, encoding="utf-8") as file:
            parser.read_string(file.read())
        for section in _SECTIONS:
            for command, value in parser.items(section) if parser.has_section(section) else ():
                match = _OBJECT.fullmatch(value.strip())
                if match is None:
                    raise LinkError("%s: an entry point is none: %s" % (self._root, value))
                yield command, match.group(1), match.group(2)

    def _write_records(self, rows: Dict[str, Tuple[str, str]]) -> None:
        info = "%s/%s" % (self._python.site, self._info)
        for name in ("INSTALLER", "RECORD"):
            rows["%s/%s" % (self._info, name)] = ("", "")
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(
            [path, digest, size] for path, (digest, size) in sorted(rows.items())
        )
        self._tree.put(info + "/INSTALLER", Item(content=b"envlock\n"))
        self._tree.put(info + "/RECORD", Item(content=text.getvalue().encode()))

    def _from_site(self, target: str) -> str:
        site = self._python.site
        if target.startswith(site + "/"):
            return target[len(site) + 1 :]
        return "../" * (site.count("/") + 1) + target


def _files(root: str) -> List[str]:
    return [
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
    ]


def _describe(place: str) -> Tuple[str, str]:
    digest = sha256()
    with open(place, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    text = urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    return "sha256=" + text, str(os.path.getsize(place))
