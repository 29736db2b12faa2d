"""EL201: packages that are asked for without an exact version.

Locks have versions; this is about the lists that people write: requirements, environment files, and
the pip and conda lines of a Dockerfile. apt is EL206's, Python itself EL202's.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import WISHES, Case, Hit, Rule
from envlock.audit.wishes import is_pinned
from envlock.model.finding import Severity
from envlock.model.reading import Ecosystem, FileKind, FoundPackage

_MANAGERS = {Ecosystem.PYPI: "pip", Ecosystem.CONDA: "conda"}


def _find(case: Case) -> Iterable[Hit]:
    remedy = _REMEDIES[case.reading.kind]
    for package in case.reading.packages:
        manager = _MANAGERS.get(package.ecosystem)
        if manager is None or not _is_open(package):
            continue
        yield Hit(
            message=f"`{package.name}` has no exact version{_asked(package)}: {manager} takes "
            "whatever is newest on the day.",
            line=package.line,
            subject=package.name,
            remedy=remedy,
            together=f"{{count}} packages have no exact version, so {manager} takes whatever is "
            "newest on the day: {subjects}.",
        )


def _is_open(package: FoundPackage) -> bool:
    is_python = package.ecosystem is Ecosystem.CONDA and package.name == "python"
    return not (is_python or package.is_project or is_pinned(package))


def _asked(package: FoundPackage) -> str:
    wanted = package.wanted.strip()
    return f" (`{wanted}`)" if wanted and wanted != package.name else ""


_REMEDIES = {
    FileKind.REQUIREMENTS: "keep this list as `requirements.in`, write all that is installed with "
    "versions and hashes (`uv pip compile --generate-hashes requirements.in -o requirements.txt`) "
    "and install from that; or let `envlock import` draft a stack, and `envlock solve` lock it.",
    FileKind.ENVIRONMENT: "keep this file as the wish list and install from a lock of it: `envlock "
    "import FILE` drafts a stack, `envlock solve` locks it.",
    FileKind.DOCKERFILE: "`envlock import Dockerfile` drafts a stack from these lines and `envlock "
    "solve` locks it; then install from the lock. For one package: `pip install NAME==VERSION`, "
    "with the version that `pip list` shows in an image that works.",
}

RULE = Rule(
    code="EL201",
    name="unpinned-package",
    title="packages without an exact version",
    reason="Tomorrow the same line installs another version: results change, or the build "
    "breaks, without anybody having changed the file.",
    remedy="lock the environment, and install from the lock.",
    severity=Severity.WARNING,
    find=_find,
    is_met_by_lock=True,
    kinds=WISHES,
)
