"""One CUDA line for the wheels too: constraints on NVIDIA's distributions, and ranges translated.

torch 2.1 to 2.4 pins no nvjitlink, jax and newer TensorFlow pin ranges that reach to the newest
CUDA 12: left alone, a "12.1" environment gets libraries of 12.9. A constraint installs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import Version

from envlock.compat.nvidia_wheels import (
    MAJORS,
    WheelKind,
    distributions,
    specifiers_for,
    wheel_component,
)
from envlock.model.pypi import PypiAsk
from envlock.model.stack import Gpu
from envlock.model.version import parse_dotted

_NO_VERSION = "<0"
"""No version is below zero: whoever needs the distribution cannot be taken."""
_METAPACKAGE = "cuda-toolkit"
_JAX_PLUGINS = ("jax-cuda{major}-plugin", "jax-cuda{major}-pjrt")

_CLAUSE = re.compile(
    r"(?P<sign>[=!~<>]=|[=<>])? *(?P<version>(?:[0-9]+!)?[0-9][0-9A-Za-z.]*?)(?P<star>\.?\*)?"
)
_ORDERINGS = frozenset({">=", ">", "<", "<="})

_Numbers = tuple[int, ...]
_Interval = tuple[_Numbers, _Numbers | None]
"""From, and up to but without; None: without end."""


def family_requirements(gpu: Gpu) -> tuple[PypiAsk, ...]:
    """Return what must hold for NVIDIA's distributions, for each that is installed at all."""
    return (*_toolkit(gpu), *_cudnn(gpu), *_other_majors(gpu))


def _toolkit(gpu: Gpu) -> Iterable[PypiAsk]:
    for name in (_METAPACKAGE, *distributions(gpu.cuda.major, WheelKind.TOOLKIT)):
        wheel = wheel_component(name)
        component = wheel.component if wheel else None
        # The metapackage of a newer minor is the way to a newer component; the others stay held.
        is_free = component in gpu.newer_components
        or_newer = is_free or (name == _METAPACKAGE and bool(gpu.newer_components))
        specifiers = specifiers_for(name, gpu.cuda, or_newer=or_newer)
        if specifiers:
            newer = f" or a newer {gpu.cuda.major}.x" if or_newer else ""
            yield PypiAsk(
                name=name,
                requirement=f"{name}{specifiers}",
                wish=f"{name} of CUDA {gpu.cuda}{newer}",
                where=gpu.where["cuda"],
            )


def _cudnn(gpu: Gpu) -> Iterable[PypiAsk]:
    specifiers = _held_cudnn(gpu.cudnn) if gpu.cudnn else ""
    if not specifiers:
        return
    for name in distributions(gpu.cuda.major, WheelKind.CUDNN):
        yield PypiAsk(
            name=name,
            requirement=f"{name}{specifiers}",
            wish=f"cudnn {gpu.cudnn}",
            where=gpu.where["cudnn"],
        )


def _held_cudnn(spec: str) -> str:
    """Return specifiers that admit at least what a range admits; empty where none can say it.

    What comes out is judged again, with the range itself.
    """
    try:
        return conda_to_specifiers(spec)
    except ValueError:
        pass
    try:
        intervals = _intervals(spec)
    except ValueError:
        return ""
    return _between((intervals[0][0], intervals[-1][1]))


def _other_majors(gpu: Gpu) -> Iterable[PypiAsk]:
    """Exclude what is made for another CUDA major: two of them do not share a process."""
    for major in MAJORS:
        if major == gpu.cuda.major:
            continue
        of_jax = (name.format(major=major) for name in _JAX_PLUGINS)
        for name in (*distributions(major, *WheelKind), *of_jax):
            yield PypiAsk(
                name=name,
                requirement=f"{name}{_NO_VERSION}",
                wish=f"CUDA {gpu.cuda}: no {name}, which is for CUDA {major}",
                where=gpu.where["cuda"],
            )


def conda_to_specifiers(spec: str) -> str:
    """Return a conda version range as PEP 440 specifiers that admit the same final releases.

    An "or" is translated where its parts meet: `8.*|9.*` is `>=8,<10`. Raises `ValueError` for what
    PEP 440 cannot say: parts with a gap between them, and versions of conda's own kind.
    """
    if "|" not in spec:
        return ",".join(_to_specifiers(spec))
    intervals = _intervals(spec)
    if len(intervals) > 1:
        raise _no_counterpart(spec)
    return _between(intervals[0])


def _to_specifiers(part: str) -> list[str]:
    """Return the clauses of a range without "or"."""
    bare = part.strip()
    if bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1]
    clauses = (clause.strip() for clause in bare.split(","))
    return [_to_specifier(clause) for clause in clauses if clause != "*"]


def _to_specifier(clause: str) -> str:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        raise _no_counterpart(clause)
    sign, version, star = match["sign"], match["version"], bool(match["star"])
    if star and sign in {"==", "~="}:
        raise _no_counterpart(clause)  # the solvers do not agree on what it means
    if sign == "=":
        star = True
    if sign in _ORDERINGS:
        star = False
    text = f"{'==' if sign in {None, '='} else sign}{version}" + (".*" if star else "")
    try:
        Specifier(text)
    except InvalidSpecifier as error:
        raise _no_counterpart(clause) from error
    return text


def _no_counterpart(text: str) -> ValueError:
    return ValueError(f"`{text}` has no counterpart among PEP 440 specifiers")


def _intervals(spec: str) -> Sequence[_Interval]:
    """Return the parts of an "or" in order, joined where they meet.

    Raises `ValueError` where a part is no interval: for `!=`, `>`, `<=` and exact versions.
    """
    merged: list[_Interval] = []
    for low, high in sorted(map(_interval, spec.split("|")), key=lambda one: _stripped(one[0])):
        if high is not None and _stripped(low) >= _stripped(high):
            continue
        end = merged[-1][1] if merged else ()
        if merged and (end is None or _stripped(low) <= _stripped(end)):
            ends = None if end is None or high is None else max(end, high, key=_stripped)
            merged[-1] = (merged[-1][0], ends)
        else:
            merged.append((low, high))
    if not merged:
        raise _no_counterpart(spec)
    return merged


def _interval(part: str) -> _Interval:
    low: _Numbers = (0,)
    high: _Numbers | None = None
    for clause in map(Specifier, _to_specifiers(part)):
        if re.fullmatch(r"[0-9]+(?:\.[0-9]+)*(?:\.\*)?", clause.version) is None:
            raise _no_counterpart(part)
        numbers = parse_dotted(clause.version)
        is_prefix = clause.version.endswith(".*")
        if clause.operator == "<":
            high = _lower(high, numbers)
            continue
        if clause.operator == "~=" or (clause.operator == "==" and is_prefix):
            high = _lower(high, _after(numbers if is_prefix else numbers[:-1]))
        elif clause.operator != ">=":
            raise _no_counterpart(part)
        low = max(low, numbers, key=_stripped)
    return low, high


def _lower(one: _Numbers | None, other: _Numbers) -> _Numbers:
    return other if one is None else min(one, other, key=_stripped)


def _after(prefix: _Numbers) -> _Numbers:
    """Return the first release that does not begin with a prefix: 9 for 8, 9.2 for 9.1."""
    return (*prefix[:-1], prefix[-1] + 1)


def _stripped(numbers: _Numbers) -> _Numbers:
    """Return a release without zeros at the end: 9.0 is 9."""
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers


def _between(interval: _Interval) -> str:
    low, high = interval
    bounds = [f">={_dotted(low)}"] if _stripped(low) else []
    return ",".join(bounds + ([f"<{_dotted(high)}"] if high else []))


def _dotted(numbers: _Numbers) -> str:
    return ".".join(map(str, numbers))


def pypi_to_conda(specifiers: str) -> str | None:
    """Return PEP 440 specifiers as a conda version range that admits the same final releases.

    The clauses come in the order in which `packaging` writes them. None for what conda cannot say:
    `===`, local versions, an exact development release. Of other releases than final ones the two
    think differently: conda's `<2` admits 2.0rc1.
    """
    try:
        items = _tightest(SpecifierSet(specifiers))
        clauses = [clause for item in items for clause in _to_conda(item)]
    except ValueError:
        return None
    return ",".join(sorted(set(clauses))) or "*"


def _tightest(wanted: SpecifierSet) -> list[Specifier]:
    """Leave out bounds that another one implies: of several wheels' lowest the highest counts."""
    lower = [item for item in wanted if item.operator in {">=", ">"}]
    upper = [item for item in wanted if item.operator in {"<=", "<"}]
    others = [item for item in wanted if item not in {*lower, *upper}]
    kept = [max(lower, key=_strictness)] if lower else []
    if upper:
        kept.append(min(upper, key=lambda item: (Version(item.version), item.operator == "<=")))
    return [*others, *kept]


def _strictness(item: Specifier) -> tuple[Version, bool]:
    return Version(item.version), item.operator == ">"


def _to_conda(item: Specifier) -> Iterable[str]:
    sign, text = item.operator, item.version
    if sign == "===" or "+" in text:
        raise ValueError(f"conda has no `{item}`")
    if text.endswith(".*"):
        yield text if sign == "==" else f"{sign}{text}"
        return
    version = Version(text)
    if version.is_devrelease:
        # conda takes a development release for newer than an alpha: name what it leads up to.
        sign = {">": ">=", "<=": "<"}.get(sign, sign)
        if sign in {"==", "~="}:
            raise ValueError(f"conda has no `{item}`")
        version = Version(version.base_version)
    if sign == "~=":
        epoch = f"{version.epoch}!" if version.epoch else ""
        yield f">={version}"
        yield f"<{epoch}{_dotted(_after(version.release[:-1]))}"
    else:
        yield f"{sign}{version}"
