"""EL302: packages of several CUDA lines are installed together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from envlock.audit.declared import newer_components
from envlock.audit.environments import Environment, Placed, gathered, told_places
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import listed
from envlock.compat.components import LOOSE_COMPONENTS, SHARED_COMPONENTS, component_of
from envlock.compat.cuda_signs import CudaSign, Role, cuda_sign
from envlock.compat.nvidia_wheels import wheel_component
from envlock.model.finding import Severity
from envlock.model.version import CudaLine


class _Mixture(Struct, frozen=True):
    """Several lines, each with the packages that say so."""

    told: str
    problem: str
    remedy: str
    severity: Severity
    line: int


def _find(case: Case) -> Iterable[Hit]:
    newer = newer_components(case)
    found = gathered(case.environments, lambda place: _mixtures(place, newer))
    for mixture, places in found.items():
        yield Hit(
            message=f"{mixture.problem} {told_places(places)}: {mixture.told}.",
            line=mixture.line,
            subject="cuda",
            remedy=mixture.remedy,
            severity=mixture.severity,
        )


def _mixtures(place: Environment, newer: frozenset[str]) -> Iterable[_Mixture]:
    platform = place.platform
    if platform is None:
        return
    certain = frozenset(map(id, place.certain))
    signs = [
        (item, sign)
        for item in place.placed
        if id(item.row) in certain and (sign := cuda_sign(item.row, platform))
    ]
    majors = _grouped((str(sign.major), item) for item, sign in signs)
    if len(majors) > 1:
        yield _of_majors(majors)
        return
    libraries = [pair for pair in signs if pair[1].role is Role.LIBRARY and pair[1].line]
    builds = [pair for pair in signs if pair[1].role is Role.BUILD and pair[1].line]
    too_new = _too_new(builds, libraries)
    if too_new:
        yield too_new
        return
    lines = _grouped(
        (str(sign.line), item) for item, sign in libraries if _component(item) not in newer
    )
    if len(lines) > 1:
        yield _of_minors(lines)


def _of_majors(majors: Mapping[str, list[Placed]]) -> _Mixture:
    grave = [items for items in majors.values() if not all(map(_is_shared, items))]
    return _Mixture(
        told=_told(majors),
        problem=f"CUDA {listed(majors)} are installed together",
        remedy="take everything for one CUDA major: two of them do not share a process."
        if len(grave) > 1
        else "hold `cuda-version` at one major, so that the rest follows.",
        severity=Severity.ERROR if len(grave) > 1 else Severity.WARNING,
        line=_odd_line(majors),
    )


def _is_shared(item: Placed) -> bool:
    return _component(item) in SHARED_COMPONENTS


def _component(item: Placed) -> str | None:
    if item.row.manager == "conda":
        return component_of(item.row.name)
    wheel = wheel_component(item.row.name)
    return wheel.component if wheel else None


def _of_minors(lines: Mapping[str, list[Placed]]) -> _Mixture:
    firm = [
        items
        for items in lines.values()
        if any(_component(one) not in LOOSE_COMPONENTS for one in items)
    ]
    return _Mixture(
        told=_told(lines),
        problem=f"libraries of CUDA {listed(lines)} are installed together",
        remedy="hold all of the toolkit on one line, with `cuda-version` for conda packages or "
        "constraints on the `nvidia-*` wheels: nobody tests such mixtures.",
        severity=Severity.WARNING if len(firm) > 1 else Severity.NOTE,
        line=_odd_line(lines),
    )


def _too_new(
    builds: list[tuple[Placed, CudaSign]], libraries: list[tuple[Placed, CudaSign]]
) -> _Mixture | None:
    """Return the builds that are newer than every library of the toolkit beside them."""
    newest = max((sign.line for _, sign in libraries if sign.line), default=None)
    late = [item for item, sign in builds if newest and sign.line and sign.line > newest]
    if not late or newest is None:
        return None
    lines = _grouped((str(sign.line), item) for item, sign in builds if item in late)
    beside = [item for item, sign in libraries if sign.line == newest]
    return _Mixture(
        told=_told({**lines, str(newest): beside}),
        problem=f"builds for CUDA {listed(lines)} meet libraries of CUDA {newest} at most",
        remedy=f"take builds for CUDA {newest} or older, or newer libraries.",
        severity=Severity.WARNING,
        line=late[0].found.line,
    )


def _grouped(pairs: Iterable[tuple[str, Placed]]) -> dict[str, list[Placed]]:
    found: dict[str, list[Placed]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return dict(sorted(found.items(), key=lambda pair: _number(pair[0])))


def _number(text: str) -> CudaLine:
    return CudaLine.parse(text) if "." in text else CudaLine(int(text), 0)


def _told(groups: Mapping[str, list[Placed]]) -> str:
    parts = (
        f"{listed((item.told for item in items), 3)} of {key}" for key, items in groups.items()
    )
    return "; ".join(parts)


def _odd_line(groups: Mapping[str, list[Placed]]) -> int:
    """Return the line of the first package of the smallest group: most likely the intruder."""
    smallest = min(groups.values(), key=len)
    return smallest[0].found.line


RULE = Rule(
    code="EL302",
    name="mixed-cuda",
    title="packages of several CUDA lines together",
    reason="A process loads one CUDA runtime and one of each library. Two majors do not share a "
    "process; of two minors nobody tests the mixture, and a build may miss what is newer.",
    remedy="take everything for one CUDA line.",
    severity=Severity.ERROR,
    find=_find,
)
