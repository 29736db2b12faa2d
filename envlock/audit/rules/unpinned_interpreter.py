"""EL202: Python packages without a Python that goes with them.

By format: conda's locks hold Python as a package, so one that has PyPI packages and no Python is
incomplete (a warning), and so is an environment file that names no version of it. uv, poetry,
pylock and requirements cannot hold an interpreter but name a range, or nothing: a note, unless it
is within one minor version. A Dockerfile has its Python from the image (EL203), or from conda; an
environment that is installed has the one that it is installed for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from envlock.audit.rule import LOCKS, WISHES, Case, Hit, Rule
from envlock.audit.wording import count
from envlock.model.finding import Severity
from envlock.model.reading import Ecosystem, FileKind, FoundPackage, Reading

_ONE_MINOR = re.compile(r"(?<![<>!~=])={1,3}\s*\d+\.\d+|~=\s*\d+\.\d+\.\d+|~\s*\d+\.\d+|^\d+\.\d+")
_FROM = re.compile(r">=?\s*(\d+)\.(\d+)")
_BELOW = re.compile(r"<\s*(\d+)\.(\d+)")
_RANGED = (FileKind.UV, FileKind.POETRY, FileKind.PYLOCK, FileKind.REQUIREMENTS)
_PIN = (
    'say which Python it was tried with: `.python-version`, `requires-python = "==3.11.*"`, '
    "or a stack of envlock, which locks Python with the rest."
)


def _find(case: Case) -> Iterable[Hit]:
    reading = case.reading
    if reading.kind in _RANGED:
        yield from _ranged(reading)
        return
    pythons = [item for item in reading.of(Ecosystem.CONDA) if item.name == "python"]
    yield from (_open(item) for item in pythons if _is_open(item))
    has_python = reading.kind in (FileKind.DOCKERFILE, FileKind.PREFIX)
    if has_python or pythons:
        return
    pypi = reading.of(Ecosystem.PYPI)
    if pypi:
        yield Hit(
            message=f"{count(len(pypi), 'package')} of PyPI and no Python: what is installed, "
            f"`{pypi[0].name}` first, goes into whatever Python is there.",
            line=pypi[0].line,
        )
    elif reading.kind is FileKind.ENVIRONMENT and reading.packages:
        yield Hit(
            message="no Python is asked for: where a package needs one, it is the newest that "
            "fits.",
            severity=Severity.NOTE,
        )


def _is_open(python: FoundPackage) -> bool:
    asked = re.sub(r"^(?:\S+::)?python", "", python.wanted.strip()).strip()
    return python.version is None and not is_one_minor(asked)


def _open(python: FoundPackage) -> Hit:
    wanted = python.wanted.strip()
    asked = f"as `{wanted}`" if wanted and wanted != "python" else "without a version"
    return Hit(
        message=f"Python is asked for {asked}: the newest that fits is installed.",
        line=python.line,
        subject="python",
    )


def _ranged(reading: Reading) -> Iterator[Hit]:
    if not reading.of(Ecosystem.PYPI):
        return
    asked = reading.python.strip()
    if not asked:
        yield Hit(
            message=f"the file does not say which Python its packages are for, and a "
            f"{reading.kind.value} file cannot hold one.",
            severity=Severity.NOTE,
            remedy=_PIN,
        )
    elif not is_one_minor(asked):
        yield Hit(
            message=f"any Python that is `{asked}` is accepted: other versions install other "
            "files.",
            severity=Severity.NOTE,
            remedy=_PIN,
        )


def is_one_minor(asked: str) -> bool:
    """Say whether a range of Pythons is within one minor version."""
    if _ONE_MINOR.search(asked):
        return True
    low, high = _FROM.search(asked), _BELOW.search(asked)
    if low is None or high is None:
        return False
    return low[1] == high[1] and int(high[2]) - int(low[2]) <= 1


RULE = Rule(
    code="EL202",
    name="unpinned-interpreter",
    title="Python packages without an exact Python",
    reason="The same packages come as other files for another Python, and numbers, hashes and "
    "pickles change with it.",
    remedy="add Python with its minor version at least (`python=3.11`), and lock it with the rest.",
    severity=Severity.WARNING,
    find=_find,
    is_met_by_lock=True,
    kinds=LOCKS | WISHES,
)
