"""Conda packages into an environment: what each file is, where it goes, and whose it is."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

from .rewrite import LinkError, shell_line
from .tree import Item, Tree

_SITE = "site-packages/"
_SCRIPTS = "python-scripts/"
_OLD_PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"
_LAUNCHER = """\
%s
# -*- coding: utf-8 -*-
import re
import sys

from %s import %s

if __name__ == '__main__':
\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
\tsys.exit(%s())
"""


class Python(NamedTuple):
    """Where Python and its packages lie; paths are relative to the prefix."""

    program: str
    site: str
    version: str


class Package(NamedTuple):
    """One unpacked conda package."""

    file_name: str
    sha256: str
    root: str
    about: Dict[str, Any]
    """Its `info/index.json`."""
    rows: List[Dict[str, Any]]
    commands: List[Tuple[str, str]]

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.about["name"])

    @property
    def is_noarch_python(self) -> bool:
        """Say whether its files go where the environment's Python has its packages."""
        return self.about.get("noarch") == "python"


def read_package(root: str, file_name: str, sha256: str) -> Package:
    """Read what an unpacked package says of itself."""
    link = _read_json(root, "info/link.json")
    points = (link.get("noarch") or {}).get("entry_points") or []
    commands = []
    for point in points:
        command, _, called = point.partition("=")
        commands.append((command.strip(), called.strip()))
    return Package(
        file_name=file_name,
        sha256=sha256,
        root=root,
        about=_read_json(root, "info/index.json"),
        rows=_rows(root),
        commands=commands,
    )


def _read_json(root: str, path: str) -> Dict[str, Any]:
    place = os.path.join(root, path)
    if not os.path.isfile(place):
        return {}
    with open(place, encoding="utf-8") as file:
        return dict(json.load(file))


def _rows(root: str) -> List[Dict[str, Any]]:
    """Return the rows of `paths.json`; of a package built before 2017, what its lists come to."""
    paths = _read_json(root, "info/paths.json")
    if paths:
        return list(paths["paths"])
    prefixes = {}
    for line in _lines(root, "info/has_prefix"):
        fields = line.split()
        if len(fields) == 3:
            prefixes[fields[2].strip('"')] = (fields[0].strip('"'), fields[1])
        else:
            prefixes[line] = (_OLD_PLACEHOLDER, "text")
    rows = []
    for path in _lines(root, "info/files"):
        kind = "softlink" if os.path.islink(os.path.join(root, path)) else "hardlink"
        row = {"_path": path, "path_type": kind}
        if path in prefixes:
            row["prefix_placeholder"], row["file_mode"] = prefixes[path]
        rows.append(row)
    return rows


def _lines(root: str, path: str) -> List[str]:
    place = os.path.join(root, path)
    if not os.path.isfile(place):
        return []
    with open(place, encoding="utf-8") as file:
        return [line for line in file.read().split("\n") if line.strip()]


def find_python(packages: Sequence[Package]) -> Python:
    """Return where the environment's Python is; a package may say where packages go (CEP 17)."""
    for package in packages:
        if package.name == "python":
            version = ".".join(str(package.about["version"]).split(".")[:2])
            named = package.about.get("python_site_packages_path")
            return Python(
                program="bin/python%s" % version,
                site=str(named or "lib/python%s/site-packages" % version),
                version=version,
            )
    raise LinkError("there is no package `python` among the artifacts")


class CondaLinker:
    """Gathers conda packages into a tree, and remembers where each package's files have gone."""

    def __init__(self, tree: Tree, python: Python, packages: Sequence[Package]) -> None:
        self._tree = tree
        self._python = python
        self._packages = sorted(packages, key=lambda package: package.name)
        self._needs = _needs(self._packages)
        self._owners: Dict[str, Package] = {}
        self.placed: Dict[str, Dict[str, str]] = {package.name: {} for package in packages}
        """By package: where each file of it lies, by its path in the package."""

    def link(self) -> None:
        """Gather every package."""
        for package in self._packages:
            for row in package.rows:
                self._link_row(package, row)
            for command, called in package.commands:
                self._put(package, "bin/" + command, self._launcher(called))

    def owner(self, path: str) -> str:
        """Return the name of the package whose file lies at a path."""
        return self._owners[path].name if path in self._owners else ""

    def _link_row(self, package: Package, row: Dict[str, Any]) -> None:
        path = str(row["_path"])
        target = self._place(package, path)
        if row.get("path_type") == "directory":
            if not path.startswith(_SITE):
                self._tree.folders[path] = None
            return
        source = os.path.join(package.root, path)
        if os.path.islink(source):
            item = Item(target=os.readlink(source))
        else:
            item = Item(
                source=source,
                placeholder=str(row.get("prefix_placeholder") or ""),
                is_binary=row.get("file_mode") == "binary",
                is_executable=bool(os.lstat(source).st_mode & 0o111),
            )
        self._put(package, target, item)
        self.placed[package.name][path] = target

    def _place(self, package: Package, path: str) -> str:
        if package.is_noarch_python and path.startswith(_SITE):
            return self._python.site + "/" + path[len(_SITE) :]
        if package.is_noarch_python and path.startswith(_SCRIPTS):
            return "bin/" + path[len(_SCRIPTS) :]
        return path

    def _put(self, package: Package, path: str, item: Item) -> None:
        """Have a file at a path: of two packages, that of the one that needs the other.

        Else that of the first by name, which has been here before.
        """
        owner = self._owners.get(path)
        if owner is None or owner.name in self._needs[package.name]:
            self._owners[path] = package
            self._tree.put(path, item)

    def _launcher(self, called: str) -> Item:
        module, _, function = (part.strip() for part in called.partition(":"))
        first = shell_line(self._tree.prefix + "/" + self._python.program)
        text = _LAUNCHER % (first, module, function.partition(".")[0], function)
        return Item(content=text.encode(), is_executable=True)


def _needs(packages: Sequence[Package]) -> Dict[str, Set[str]]:
    """Return by package all that it needs, near and far."""
    near = {
        package.name: {str(spec).split(" ")[0] for spec in package.about.get("depends") or ()}
        for package in packages
    }
    found = {}
    for name, specs in near.items():
        reached: Set[str] = set()
        waiting = sorted(specs)
        while waiting:
            other = waiting.pop()
            if other not in reached:
                reached.add(other)
                waiting += sorted(near.get(other, ()))
        found[name] = reached
    return found


# --- conda-meta -----------------------------------------------------------------------------------


def meta_files(
    packages: Sequence[Package], placed: Dict[str, Dict[str, str]]
) -> Iterator[Tuple[str, bytes]]:
    """Yield `conda-meta`: what conda has to find there to see an environment and its packages."""
    yield "conda-meta/history", b""
    for package in packages:
        stem = package.file_name
        for ending in (".conda", ".tar.bz2"):
            stem = stem[: -len(ending)] if stem.endswith(ending) else stem
        record = dict(package.about)
        record.update(
            fn=package.file_name,
            sha256=package.sha256,
            url="urn:sha256:" + package.sha256,
            channel="",
            files=sorted(placed[package.name].values()),
        )
        text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        yield "conda-meta/%s.json" % stem, text.encode()
