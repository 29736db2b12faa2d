"""Where the files of conda packages go, and what no two packages may do to each other.

rattler writes launchers into whatever lies at their place, and follows what lies there if it is a
link. Where that is a file of another package, it is a hard link to the store's own copy, which then
is no longer what it was. So such places are refused before anything is linked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from envlock.errors import ArchiveError
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.links import follow_link

_SITE = "site-packages/"
_SCRIPTS = "python-scripts/"


class CondaPlacing(Struct, frozen=True, kw_only=True):
    """One package, as far as it decides where things go."""

    file_name: str
    is_noarch_python: bool
    commands: Mapping[str, str]
    """Launchers, and what each calls."""
    entries: Sequence[TreeEntry]


def placed(path: str, site: str, *, is_noarch_python: bool) -> str:
    """Return where a package's file goes; `site` is the environment's `site-packages`."""
    if is_noarch_python and path.startswith(_SITE):
        return f"{site}/{path[len(_SITE) :]}"
    if is_noarch_python and path.startswith(_SCRIPTS):
        return f"bin/{path[len(_SCRIPTS) :]}"
    return path


def refuse_takeovers(packages: Sequence[CondaPlacing], site: str) -> None:
    """Refuse files that go through another package's link, and launchers over anybody's files.

    Raises `ArchiveError`.
    """
    launchers = _launchers(packages)
    links: dict[str, str] = {}
    targets: dict[str, str] = {}
    for package, entry, path in _places(packages, site):
        if entry.kind is EntryKind.LINK:
            links[path] = package.file_name
            targets[path] = entry.target
    if not launchers and not links:
        return
    for path, owner in links.items():
        if follow_link(path, targets[path], targets.get).fault is not None:
            raise ArchiveError(
                f"`{owner}` has a link `{path}` that leads out of the environment or round in a"
                f" circle, to `{targets[path]}`\nNothing was installed."
            )
    for package, entry, path in _places(packages, site):
        if path in launchers and entry.kind is not EntryKind.FOLDER:
            raise ArchiveError(
                f"two packages disagree: `{path}` is a file of `{package.file_name}` and a launcher"
                f" of `{launchers[path]}`\nNothing was installed."
            )
        _refuse_ways_through(path, package.file_name, links)
    for path, owner in launchers.items():
        _refuse_ways_through(path, owner, links)


def _launchers(packages: Iterable[CondaPlacing]) -> Mapping[str, str]:
    """Return whose launcher lies at which path."""
    calls: dict[str, tuple[str, str]] = {}
    for package in packages:
        for command, called in package.commands.items():
            owner, before = calls.setdefault(command, (package.file_name, called))
            if before != called:
                raise ArchiveError(
                    f"two packages disagree: `{command}` calls `{before}` for `{owner}` and"
                    f" `{called}` for `{package.file_name}`\nNothing was installed."
                )
    return {f"bin/{command}": owner for command, (owner, _) in calls.items()}


def _places(
    packages: Iterable[CondaPlacing], site: str
) -> Iterable[tuple[CondaPlacing, TreeEntry, str]]:
    for package in packages:
        for entry in package.entries:
            if not entry.path.startswith("info/"):
                path = placed(entry.path, site, is_noarch_python=package.is_noarch_python)
                yield package, entry, path


def _refuse_ways_through(path: str, owner: str, links: Mapping[str, str]) -> None:
    folder = path.rpartition("/")[0]
    while folder:
        if links.get(folder, owner) != owner:
            raise ArchiveError(
                f"`{owner}` has `{path}`, and `{folder}` is a link of `{links[folder]}`\n"
                "Nothing was installed."
            )
        folder = folder.rpartition("/")[0]
