"""Which two packages cannot be in one environment, whatever their requirements say.

The rules are those that a solve holds an answer to, as far as two rows of a lock can tell: one CUDA
line for the toolkit, builds that run on it, one copy of cuDNN and of NCCL, wheels for the Python
that is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envlock.compat.builds import CudaBuild, read_build, runs_on, vendored_cudnn
from envlock.compat.components import line_of
from envlock.compat.copies import CUDNN_PACKAGES
from envlock.compat.nvidia_wheels import WheelKind, wheel_component, wheel_line
from envlock.compat.wheels import wheel_facts
from envlock.model.lock import LockedPackage
from envlock.model.platform import Platform
from envlock.model.version import CudaLine, parse_dotted
from envlock.solve.difference import parse_archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a package is to the others, apart from what it needs of them."""

    line: CudaLine | None = None
    """The toolkit line that it is a component of."""
    built_for: CudaLine | None = None
    """The toolkit line that it was compiled with."""
    major: int | None = None
    """The CUDA major that it is for, where that is all it says."""
    copies: tuple[tuple[str, str], ...] = ()
    """A library that must be there once, and who brings it."""
    python: tuple[int, int] | None = None
    """The version of Python that it is."""
    tags: frozenset[Tag] = frozenset()
    """Of a wheel that is not for every Python 3."""

    @property
    def cuda_major(self) -> int | None:
        """The CUDA major that it is for, None where it says nothing."""
        line = self.line or self.built_for
        return line.major if line else self.major


_NOTHING = Role()


def role_of(row: LockedPackage) -> Role:
    """Return what a row of a lock is to the others."""
    return _wheel_role(row) if row.manager == "pip" else _conda_role(row)


def _conda_role(row: LockedPackage) -> Role:
    if row.name == "python":
        return Role(python=_minor(row.version))
    archive = parse_archive(row)
    system = Platform(row.platform).system
    build = read_build(row.name, archive.build, archive.channel, system)
    vendored = vendored_cudnn(row.name, archive.build)
    copies = [("cuDNN", "its own package")] if row.name in CUDNN_PACKAGES else []
    copies += [("cuDNN", row.name)] if vendored else []
    copies += [("NCCL", "its own package")] if row.name == "nccl" else []
    return Role(
        line=line_of(row.name, row.version),
        built_for=build.line if isinstance(build, CudaBuild) else None,
        copies=tuple(copies),
    )


def _minor(version: str) -> tuple[int, int] | None:
    try:
        major, minor, *_ = parse_dotted(version)
    except ValueError:
        return None
    return major, minor


def _wheel_role(row: LockedPackage) -> Role:
    name = canonicalize_name(row.name)
    component, facts = wheel_component(name), wheel_facts(name, row.version, Platform(row.platform))
    library = {WheelKind.CUDNN: "cuDNN", WheelKind.NCCL: "NCCL"}.get(
        component.kind if component else WheelKind.OTHER
    )
    return Role(
        line=wheel_line(name, row.version),
        built_for=facts.line if facts else None,
        major=component.cuda_major if component else None,
        copies=((library, "a wheel"),) if library else (),
        tags=_tags(parse_archive(row).file_name),
    )


@cache
def _tags(file_name: str) -> frozenset[Tag]:
    try:
        tags = parse_wheel_filename(file_name)[3]
    except InvalidWheelFilename:
        return frozenset()
    return frozenset() if any(tag.interpreter == "py3" for tag in tags) else tags


def clash(one: LockedPackage, other: LockedPackage) -> str | None:
    """Say why two packages cannot be in one environment; None where nothing is known."""
    mine, theirs = role_of(one), role_of(other)
    if _NOTHING in (mine, theirs):
        return None
    return (
        _two_lines(one, mine, other, theirs)
        or _wrong_python(one, mine, other, theirs)
        or _wrong_python(other, theirs, one, mine)
        or _two_copies(mine, theirs)
    )


def _two_lines(one: LockedPackage, mine: Role, other: LockedPackage, theirs: Role) -> str | None:
    told = f"{_told(one, mine)}, {_told(other, theirs)}"
    if mine.line and theirs.line and mine.line != theirs.line:
        return told
    for built, line in ((mine.built_for, theirs.line), (theirs.built_for, mine.line)):
        if built and line and not runs_on(built, line):
            return told
    majors = mine.cuda_major, theirs.cuda_major
    return told if None not in majors and majors[0] != majors[1] else None


def _told(row: LockedPackage, role: Role) -> str:
    if role.line:
        return f"{row.name} {row.version} is of CUDA {role.line}"
    return f"{row.name} {row.version} is for CUDA {role.built_for or role.major}"


def _wrong_python(python: LockedPackage, its: Role, wheel: LockedPackage, role: Role) -> str | None:
    if its.python is None or not role.tags or any(_runs(tag, its.python) for tag in role.tags):
        return None
    tags = ", ".join(sorted({tag.interpreter for tag in role.tags}))
    return f"{wheel.name} {wheel.version} is a wheel for {tags}, python is {python.version}"


def _runs(tag: Tag, python: tuple[int, int]) -> bool:
    """Say whether CPython of a version takes a wheel's tag, the platform aside."""
    kind, digits = tag.interpreter[:2], tag.interpreter[2:]
    if not digits.isdecimal() or kind not in ("cp", "py") or int(digits[0]) != python[0]:
        return False
    minor = int(digits[1:] or 0)
    is_for_later = kind == "py" or tag.abi == "abi3"
    return minor <= python[1] if is_for_later else minor == python[1]


def _two_copies(mine: Role, theirs: Role) -> str | None:
    for library, bringer in mine.copies:
        for again, other in theirs.copies:
            if library == again and bringer != other:
                return f"two copies of {library}: in {bringer} and in {other}"
    return None


def clashes(
    rows: Sequence[LockedPackage],
) -> Iterator[tuple[LockedPackage, LockedPackage, str]]:
    """Yield every clash among packages, and why."""
    for one, other in combinations(_with_roles(rows), 2):
        told = clash(one, other)
        if told:
            yield one, other, told


def _with_roles(rows: Iterable[LockedPackage]) -> list[LockedPackage]:
    return [row for row in rows if role_of(row) != _NOTHING]
