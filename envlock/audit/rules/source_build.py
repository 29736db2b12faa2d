"""EL205: packages that are built on the machine that installs them.

What comes out depends on that machine: its compiler, its CUDA, the newest build tools of the day.
Folders are EL104's; a package of which there is a wheel, too, is built only where none fits.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.addresses import file_name
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FoundPackage, OriginKind

_SOURCES = frozenset({OriginKind.SDIST, OriginKind.GIT})


def _find(case: Case) -> Iterable[Hit]:
    for package in case.reading.packages:
        kinds = {origin.kind for origin in package.origins}
        if package.is_project or not kinds or not kinds <= _SOURCES:
            continue
        yield Hit(
            message=f"`{package.name}` has no built file, only {_source(package)}: it is built "
            "wherever it is installed, with the compiler and the build tools that are there.",
            line=package.line,
            subject=package.name,
            together="{count} packages have no built file, only source: {subjects}. They are "
            "built wherever they are installed, with the compiler and the build tools that are "
            "there.",
        )


def _source(package: FoundPackage) -> str:
    origin = package.origins[0]
    if origin.kind is OriginKind.GIT:
        return "a git repository"
    return f"the source archive `{file_name(origin.address)}`"


RULE = Rule(
    code="EL205",
    name="source-build",
    title="packages that are built where they are installed",
    reason="Two machines with one lock build two different things, and one without a compiler "
    "builds nothing; what has CUDA code in it fits only the GPUs and the CUDA of the builder.",
    remedy="take it from conda or as a wheel where there is one; else build a wheel once, "
    "publish it, and lock that with its hash.",
    severity=Severity.WARNING,
    find=_find,
)
