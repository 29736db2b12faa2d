"""What an environment will hold, gathered before anything is written: one item per path."""

from __future__ import annotations

import os
import shutil
from typing import Dict, NamedTuple, Optional

from .rewrite import LinkError, rewrite


class Item(NamedTuple):
    """One file or link of an environment; a file lies somewhere, or its content is given."""

    source: str = ""
    content: Optional[bytes] = None
    target: Optional[str] = None
    """Of a symbolic link."""
    placeholder: str = ""
    is_binary: bool = False
    is_executable: bool = False


class Tree:
    """An environment that is being gathered. Paths are relative and never lead out of it."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.items: Dict[str, Item] = {}
        self.folders: Dict[str, None] = {}

    def put(self, path: str, item: Item) -> None:
        """Have an item at a path; what was to lie there gives way."""
        if not is_inside(path):
            raise LinkError("`%s` leads out of the environment" % path)
        self.items[path] = item

    def write(self) -> None:
        """Write everything. Raises `LinkError` where a path is a file and a folder at once."""
        for folder in self.folders:
            self._make(folder)
        for path in sorted(self.items):
            self._make(os.path.dirname(path))
            self._write(path, self.items[path])

    def _make(self, folder: str) -> None:
        place = os.path.join(self.prefix, folder)
        parts = folder.split("/")
        for depth in range(1, len(parts) + 1):
            if "/".join(parts[:depth]) in self.items:
                raise LinkError("`%s` is a file for one package and a folder for another" % folder)
        os.makedirs(place, exist_ok=True)

    def _write(self, path: str, item: Item) -> None:
        place = os.path.join(self.prefix, path)
        if item.target is not None:
            os.symlink(item.target, place)
            return
        content = item.content
        if item.placeholder:
            with open(item.source, "rb") as file:
                content = file.read()
            content = rewrite(
                content, item.placeholder.encode(), self.prefix.encode(), is_binary=item.is_binary
            )
        if content is None:
            shutil.copyfile(item.source, place)
        else:
            with open(place, "xb") as file:
                file.write(content)
        os.chmod(place, 0o755 if item.is_executable else 0o644)


def is_inside(path: str) -> bool:
    """Say whether a path of an archive stays where it is unpacked."""
    parts = path.split("/")
    return bool(path) and not path.startswith("/") and ".." not in parts and "" not in parts
