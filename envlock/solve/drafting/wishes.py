"""Which packages of a file are wishes, and which only came along."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PypiRequirement

from envlock.compat.frameworks import framework, known_frameworks
from envlock.compat.import_names import meant_name
from envlock.compat.pypi_frameworks import framework_distributions
from envlock.errors import EnvlockError
from envlock.formats.plain import count
from envlock.formats.requirement import parse_requirement
from envlock.formats.secrets import redact, redact_value
from envlock.formats.stack_rules import normal_name
from envlock.formats.stack_values import CONDA_NAME, PYPI_NAME, Extra, Markers
from envlock.model.draft import Keep, LeftOut
from envlock.model.lock import Lock
from envlock.model.reading import Ecosystem, FoundPackage, OriginKind, Reading
from envlock.solve.drafting.versions import is_sayable, keep_specifiers, keep_version
from envlock.solve.graph import PYPI, find_roots, make_graph

_MARKERS = str(get_args(Markers)[1].pattern)
_EXTRA = str(get_args(Extra)[1].pattern)
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_SOURCES = (OriginKind.GIT, OriginKind.FOLDER)
_GUESSED_ROOT = "asked for, since nothing else in the file needs it"


class Wish(Struct, frozen=True, kw_only=True):
    """One package that the stack is to ask for."""

    name: str
    """As the channel or the index calls it."""
    ecosystem: Ecosystem
    version: str
    platforms: tuple[str, ...] = ()
    """Empty: wherever the stack is solved."""
    reason: str
    is_guess: bool = False
    extras: tuple[str, ...] = ()
    marker: str = ""
    index: str = ""
    channel: str = ""
    line: int = 0
    wants_gpu: bool = False
    """Whether the name or an extra says that a GPU build was meant."""

    @property
    def key(self) -> tuple[Ecosystem, str]:
        """What makes two wishes the same package."""
        pypi = self.ecosystem is Ecosystem.PYPI
        return (self.ecosystem, normal_name(self.name) if pypi else self.name)


Found = Iterator[Wish | LeftOut]


def wishes_of(reading: Reading, lock: Lock, keep: Keep) -> Found:
    """Yield what a file wishes for, and what of its packages no stack can say.

    `lock` is the same reading as a lock. Python is among the wishes. Never raises.
    """
    wanted = _is_wanted(reading, lock)
    others = {_node(item) for item in reading.packages if _is_needed(item) and wanted(item) is None}
    if others:
        yield LeftOut(
            what=f"what came along: {count(len(others), 'package')}",
            reason="the packages that are asked for bring in what they need",
        )
    for package in _as_projects_ask(reading.packages):
        if package.ecosystem is Ecosystem.APT:
            yield _left(
                package,
                f"apt package {package.name}",
                "envlock does not manage the system: install it there, or find a conda package "
                "of the same library",
            )
        elif package.ecosystem is not Ecosystem.IMAGE and not package.is_project:
            yield from _of_package(package, reading, keep, wanted)


def _of_package(
    package: FoundPackage,
    reading: Reading,
    keep: Keep,
    wanted: Callable[[FoundPackage], str | None],
) -> Found:
    reason = wanted(package)
    if reason is None:
        return
    named = [item for item in package.origins if item.address]  # others only carry digests
    kinds = {item.kind for item in named}
    if package.is_editable or (kinds and kinds <= set(_SOURCES)):
        what = "git package" if OriginKind.GIT in kinds else "local package"
        yield _left(
            package,
            f"{what} {package.name}",
            "a stack takes packages from channels and indexes: build a wheel of it, or install "
            "it into the environment while you work on it",
        )
    elif named and not reading.kind.is_lock:
        address = redact_value(named[0].address)
        yield _left(
            package,
            f"package {package.name} at {address}",
            "named by its address: say it as `{ url = … }` in [pypi-dependencies]",
        )
    else:
        place = f"from {reading.file}:{package.line}" if package.line else f"from {reading.file}"
        guess = reason != ""
        yield from _as_wish(package, keep, reason if guess else place, is_guess=guess)


def _is_wanted(reading: Reading, lock: Lock) -> Callable[[FoundPackage], str | None]:
    """Return a function that says why a package is a wish: empty where the file says so itself."""
    if not reading.kind.is_lock:
        return lambda _: ""
    asked = _asked_by_projects(reading.packages)
    if asked:
        return lambda item: "" if normal_name(item.name) in asked else None
    roots = _roots(lock)
    if not any(item.dependencies for item in reading.packages):
        return lambda _: "the file does not say who needs it"
    return lambda item: _GUESSED_ROOT if _node(item) in roots else None


def _asked_by_projects(packages: Iterable[FoundPackage]) -> frozenset[str]:
    projects = [item for item in packages if item.is_project]
    own = {normal_name(item.name) for item in projects}
    texts = (text for item in projects for text in item.dependencies)
    names = (found[0] for text in texts if (found := _NAME.match(text.strip())))
    return frozenset(map(normal_name, names)) - own


def _as_projects_ask(packages: Sequence[FoundPackage]) -> Iterator[FoundPackage]:
    """Yield the packages, with the extras and the marker that a project asks for one of them."""
    asked: dict[str, list[PypiRequirement]] = {}
    for text in (text for item in packages if item.is_project for text in item.dependencies):
        with suppress(InvalidRequirement):
            requirement = PypiRequirement(text)
            asked.setdefault(normal_name(requirement.name), []).append(requirement)
    for package in packages:
        found = asked.get(normal_name(package.name), [])
        if len(found) == 1 and not package.wanted and package.ecosystem is Ecosystem.PYPI:
            extras = f"[{','.join(sorted(found[0].extras))}]" if found[0].extras else ""
            marker = f" ; {found[0].marker}" if found[0].marker else ""
            yield replace(package, wanted=f"{found[0].name}{extras}{marker}")
        else:
            yield package


def _roots(lock: Lock) -> frozenset[str]:
    """Return the nodes that a draft asks for: what nothing needs, Python, and the frameworks.

    What only a PyPI package needs is asked of conda all the same, where the lock has it from there.
    """
    facts = [found for name in known_frameworks() if (found := framework(name))]
    always = {"python", *(f"{PYPI}{name}" for name in framework_distributions())}
    always |= {item.asks[0] for item in facts}
    roots: set[str] = set()
    for platform in lock.head.platforms:
        rows = lock.packages_on(platform)
        conda = make_graph(row for row in rows if row.manager != "pip")
        roots |= set(find_roots(conda, always))
        roots |= {node for node in find_roots(make_graph(rows), always) if node.startswith(PYPI)}
    return frozenset(roots)


def _is_needed(package: FoundPackage) -> bool:
    return package.ecosystem in (Ecosystem.CONDA, Ecosystem.PYPI) and not package.is_project


def _node(package: FoundPackage) -> str:
    is_pypi = package.ecosystem is Ecosystem.PYPI
    return f"{PYPI}{normal_name(package.name)}" if is_pypi else package.name


def _as_wish(package: FoundPackage, keep: Keep, reason: str, *, is_guess: bool) -> Found:
    make = _of_pypi if package.ecosystem is Ecosystem.PYPI else _of_conda
    try:
        wish, others = make(package, keep)
    except (EnvlockError, InvalidRequirement):
        said = "that is no requirement: a name, perhaps with extras, and a range of versions"
        yield _left(package, f"package {package.wanted or package.name}", said)
        return
    renamed = meant_name(package.ecosystem.value, wish.key[1])
    if renamed:
        reason, is_guess = f"{reason}: {renamed.why}", True
    name = renamed.name if renamed else wish.name
    pypi = wish.ecosystem is Ecosystem.PYPI
    if re.search(PYPI_NAME if pypi else CONDA_NAME, name) is None:
        yield _left(package, f"package {name}", "that is no name that a stack can hold")
        return
    yield from others
    version = wish.version
    if not is_sayable(version, pypi=pypi) or (renamed and version.startswith("==0.")):
        yield _left(package, f"version {version} of {name}", "no version that a stack can hold")
        version = "*"
    yield Wish(
        name=name,
        ecosystem=wish.ecosystem,
        version=version,
        platforms=package.platforms,
        reason=reason,
        is_guess=is_guess,
        extras=wish.extras,
        marker=wish.marker,
        index=package.index,
        channel=wish.channel,
        line=package.line,
        wants_gpu=wish.wants_gpu or bool(renamed and renamed.wants_gpu),
    )


def _of_pypi(package: FoundPackage, keep: Keep) -> tuple[Wish, list[LeftOut]]:
    asked = PypiRequirement(package.wanted) if package.wanted else None
    marker = package.marker or str(asked.marker or "" if asked else "")
    if "'" not in marker:
        marker = marker.replace('"', "'")  # as people write it inside TOML's own quotes
    extras = tuple(sorted(asked.extras)) if asked else ()
    if asked and str(asked.specifier):
        version = keep_specifiers(str(asked.specifier), keep, pypi=True)
    else:
        version = keep_version(package.version, keep, pypi=True) if package.version else "*"
    others = []
    if marker and re.search(_MARKERS, marker) is None:
        others.append(_left(package, f"marker {marker} of {package.name}", _UNSAYABLE))
        marker = ""
    sayable = tuple(extra for extra in extras if re.search(_EXTRA, extra))
    others += [
        _left(package, f"extra {extra} of {package.name}", "no extra that a stack can hold")
        for extra in extras
        if extra not in sayable
    ]
    wish = Wish(
        name=asked.name if asked else package.name,
        ecosystem=Ecosystem.PYPI,
        version=version,
        reason="",
        extras=sayable,
        marker=marker,
        wants_gpu=any(extra == "and-cuda" or extra.startswith("cuda") for extra in extras),
    )
    return wish, others


_UNSAYABLE = "no marker that a stack can hold: the package is asked for everywhere"


def _of_conda(package: FoundPackage, keep: Keep) -> tuple[Wish, list[LeftOut]]:
    asked = parse_requirement(package.wanted.lower()) if package.wanted else None
    build = (asked.build if asked else "") or (package.build if package.wanted else "")
    version = asked.version if asked and asked.version != "*" else package.version or "*"
    others = []
    if build:
        said = "a stack names the CUDA line and versions, and no builds"
        others.append(_left(package, f"build {build} of {package.name}", said))
    wish = Wish(
        name=asked.name if asked else package.name.lower(),
        ecosystem=Ecosystem.CONDA,
        version=keep_specifiers(version, keep, pypi=False),
        reason="",
        channel=(asked.channel or "") if asked else "",
    )
    return wish, others


def _left(package: FoundPackage, what: str, reason: str) -> LeftOut:
    return LeftOut(what=redact(what), reason=reason, line=package.line)


def merge_wishes(wishes: Iterable[Wish]) -> tuple[Mapping[str, Wish], ...]:
    """Return each package's wish by platform, in the order of the file; `""` is every platform.

    Two wishes for one package on one platform become one: ranges are joined, and where they cannot
    be any version will do.
    """
    found: dict[tuple[Ecosystem, str], dict[str, Wish]] = {}
    for wish in wishes:
        places = found.setdefault(wish.key, {})
        for place in wish.platforms or ("",):
            places[place] = _both(places[place], wish) if place in places else wish
    return tuple(found.values())


def _both(first: Wish, second: Wish) -> Wish:
    extras = tuple(sorted({*first.extras, *second.extras}))
    wants_gpu = first.wants_gpu or second.wants_gpu
    first = _with(first, first.version, extras=extras, wants_gpu=wants_gpu)
    if first.version == second.version:
        return first if first.marker == second.marker else _with(first, first.version, marker="")
    if "*" in (first.version, second.version):
        return _with(first, second.version if first.version == "*" else first.version)
    ranges = [item.version for item in (first, second)]
    if first.marker == second.marker and all(text[0] in "<>!~" for text in ranges):
        return _with(first, ",".join(ranges))
    told = f"the file has {first.version} and {second.version}"
    return _with(first, "*", marker="", reason=f"{first.reason}; {told}", is_guess=True)


def _with(wish: Wish, version: str, **changes: object) -> Wish:
    return replace(wish, version=version, **changes)
