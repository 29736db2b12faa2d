"""EL404: one name has several versions in one environment."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from envlock.audit.environments import Environment, Placed, gathered, told_places
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import listed
from envlock.compat.locked import build_of
from envlock.model.finding import Severity
from envlock.model.reading import FileKind

_KINDS = frozenset({FileKind.CONDA_LOCK, FileKind.PIXI, FileKind.EXPLICIT, FileKind.REQUIREMENTS})
"""The formats that say what one environment installs: the others hold several answers at once."""


class _Several(Struct, frozen=True):
    """One name, and what it stands for."""

    name: str
    manager: str
    versions: tuple[str, ...]
    line: int


def _find(case: Case) -> Iterable[Hit]:
    for item, places in gathered(case.environments, _several).items():
        yield Hit(
            message=f"{item.name} is there {len(item.versions)} times {told_places(places)}: "
            f"{listed(item.versions)}.",
            line=item.line,
            subject=item.name,
            together="{count} packages are there several times: {subjects}.",
        )


def _several(place: Environment) -> Iterable[_Several]:
    groups: dict[tuple[str, str], list[Placed]] = {}
    for item in place.placed:
        if not item.found.marker:
            groups.setdefault((item.row.manager, item.row.name), []).append(item)
    for (manager, name), items in groups.items():
        versions = tuple(dict.fromkeys(map(_version, items)))
        if len(versions) > 1:
            line = items[1].found.line
            yield _Several(name=name, manager=manager, versions=versions, line=line)


def _version(item: Placed) -> str:
    build = build_of(item.row) if item.row.manager == "conda" else ""
    return f"{item.row.version} {build}".rstrip()


RULE = Rule(
    code="EL404",
    name="several-versions",
    title="packages that are there in several versions",
    reason="An environment holds one version of a package: which one is installed depends on the "
    "tool and on the order, and the file does not say.",
    remedy="lock it again: most often two versions of the file were merged by hand.",
    severity=Severity.ERROR,
    find=_find,
    kinds=_KINDS,
)
