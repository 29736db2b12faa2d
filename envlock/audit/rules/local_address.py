"""EL104: addresses that only one machine, or one network, has.

A folder beside the lock is part of the project and travels with it: a note. One above it is there
where the whole repository is: a warning. An absolute path, `file://` and localhost nobody else has.
`prefix:` of an exported environment is somebody's home; conda writes it unless told otherwise.
conda-lock may leave virtual packages in a lock, as files of a temporary folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from envlock.audit.addresses import (
    is_absolute,
    is_loopback,
    is_path,
    is_private,
    parse_address,
)
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind, FoundPackage, NamedPlace, Origin, OriginKind


def _find(case: Case) -> Iterable[Hit]:
    prefix = case.reading.settings.get("prefix", "")
    if prefix:
        yield Hit(
            message=f"`prefix: {prefix}` is a folder of the machine that exported this file.",
            subject="prefix",
            severity=Severity.WARNING,
            remedy="remove the line; `conda env export | grep -v ^prefix:` leaves it out.",
        )
    yield from _sources(case.reading.settings.get("sources", ""))
    # Paths in a Dockerfile are those of the image, and `COPY` fills them from beside the file.
    is_inside = case.reading.kind is FileKind.DOCKERFILE
    for package in case.reading.packages:
        if not package.is_project:
            for origin in package.origins:
                if not (is_inside and is_path(parse_address(origin.address))):
                    yield from _origin(package, origin)
    for place in case.reading.places:
        if not (is_inside and is_path(parse_address(place.address))):
            yield from _place(place)


def _sources(told: str) -> Iterable[Hit]:
    """Tell where conda-lock writes what a lock was made from as places on somebody's disk."""
    sources = [item for item in told.split(", ") if item and is_absolute(parse_address(item))]
    if sources:
        more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        yield Hit(
            message=f"the lock says that it was made from `{sources[0]}`{more}: elsewhere nobody "
            "can tell whether it still fits.",
            subject="sources",
            severity=Severity.NOTE,
            remedy="lock it again in the folder of its sources, naming them by relative paths: "
            "`conda-lock lock --file environment.yml`.",
        )


def _origin(package: FoundPackage, origin: Origin) -> Iterable[Hit]:
    if origin.kind is OriginKind.IMAGE or origin.address in ("", ".", "./"):
        return  # the folder of the file is the project itself
    address = parse_address(origin.address)
    name, line = package.name, origin.line or package.line
    if is_path(address):
        if name.startswith("__"):
            yield _virtual(name, origin.address, line)
        elif is_absolute(address):
            yield Hit(
                message=f"`{name}` comes from `{origin.address}`, which only the machine that "
                "locked it has.",
                line=line,
                subject=name,
                remedy=_FREEZE if _CONDA_BUILD.search(origin.address) else "",
                together="{count} packages come from folders or files that only the machine that "
                "locked them has: {subjects}.",
            )
        elif address.path.startswith(".."):
            yield _above(name, origin.address, line)
        elif _is_source(origin):
            yield _beside(package, origin, line)
    elif is_loopback(address.host) or is_private(address.host):
        yield Hit(
            message=f"`{name}` comes from `{address.host}`, which only one "
            f"{'machine' if is_loopback(address.host) else 'network'} reaches.",
            line=line,
            subject=name,
            severity=None if is_loopback(address.host) else Severity.WARNING,
            together=f"{{count}} packages come from `{address.host}`, which only one "
            f"{'machine' if is_loopback(address.host) else 'network'} reaches: {{subjects}}.",
        )


_CONDA_BUILD = re.compile(r"/feedstock_root/|/croot/|/tmp/build/80754af9/|/home/task_\d+/")
"""Folders of the machines that conda packages are built on."""
_FREEZE = (
    "`pip freeze` in a conda environment writes the folders that conda's packages were built in: "
    "lock the conda environment itself, or write the list with `pip list --format=freeze`."
)


def _is_source(origin: Origin) -> bool:
    """Say whether a path without a root is really a folder: poetry writes bare file names."""
    return origin.kind is OriginKind.FOLDER or origin.address.startswith(("./", ".\\"))


def _virtual(name: str, address: str, line: int) -> Hit:
    return Hit(
        message=f"`{name}` is no package but a property of a machine, written into the lock as "
        f"`{address}`.",
        line=line,
        subject=name,
        remedy="remove the row, or lock again: newer versions of conda-lock leave it out.",
    )


def _above(name: str, address: str, line: int) -> Hit:
    return Hit(
        message=f"`{name}` comes from `{address}`, outside the folder of this file: who has this "
        "folder alone cannot install it.",
        line=line,
        subject=name,
        severity=Severity.WARNING,
        together="{count} packages come from outside the folder of this file: {subjects}. Who "
        "has this folder alone cannot install them.",
    )


def _beside(package: FoundPackage, origin: Origin, line: int) -> Hit:
    how = "is installed as editable from" if package.is_editable else "is built from"
    return Hit(
        message=f"`{package.name}` {how} `{origin.address}`, a folder beside this file: the lock "
        "says nothing about what is in it.",
        line=line,
        subject=package.name,
        severity=Severity.NOTE,
        remedy="keep the folder in the same repository and name the commit with the lock, or "
        "build a wheel of it and lock that with its hash.",
        together="{count} packages are built from folders beside this file: {subjects}. The lock "
        "says nothing about what is in them.",
    )


def _place(place: NamedPlace) -> Iterable[Hit]:
    address = parse_address(place.address)
    if not address.scheme and not is_absolute(address) and not address.path.startswith(".."):
        return  # a channel by its name, or a folder beside the file
    network = "one machine"
    if not is_path(address):
        if not (is_loopback(address.host) or is_private(address.host)):
            return
        network = "one machine" if is_loopback(address.host) else "one network"
    yield Hit(
        message=f"the {place.kind} `{place.address}` is there for {network} alone.",
        line=place.line,
        subject=place.address,
        severity=Severity.WARNING,
        remedy="publish the packages where everybody who needs them can get them, and name that "
        "address.",
    )


RULE = Rule(
    code="EL104",
    name="local-address",
    title="addresses that only one machine has",
    reason="A file or folder of one machine is on no other: everybody else's rebuild stops there.",
    remedy="publish the package, or put it into the repository, and lock it from there.",
    severity=Severity.ERROR,
    find=_find,
)
