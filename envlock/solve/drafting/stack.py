"""A reading becomes a draft: every decision, in the order of a stack file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from envlock.compat.base_images import BaseImage, read_image
from envlock.compat.frameworks import framework, known_frameworks
from envlock.compat.pypi_frameworks import distribution_names
from envlock.formats.channel import channel_url
from envlock.formats.secrets import redact_value
from envlock.formats.stack_values import PYPI_SPECIFIERS
from envlock.model.draft import Decision, Draft, Keep, LeftOut
from envlock.model.lock import Lock
from envlock.model.platform import Accelerator, Platform, System
from envlock.model.reading import Ecosystem, FoundPackage, Reading
from envlock.model.stack import FrameworkSource
from envlock.solve.drafting.gpu import (
    LINE_PACKAGES,
    FoundLine,
    comes_with_framework,
    cpu_platforms,
    find_line,
    is_held_to_line,
    newer_components,
)
from envlock.solve.drafting.narrow import Narrowed
from envlock.solve.drafting.own import own_decisions
from envlock.solve.drafting.places import channels_of, indexes_of
from envlock.solve.drafting.python import decide_python
from envlock.solve.drafting.rest import main_image, unsaid
from envlock.solve.drafting.versions import keep_version
from envlock.solve.drafting.wishes import Wish, merge_wishes, wishes_of

Parts = Iterator[Decision | LeftOut]
_ORDER = ("stack", "python", "gpu", "frameworks", "dependencies", "pypi-dependencies")
_NO_NAME = "stack"
_USUAL_NAMES = frozenset(
    (
        *("dockerfile", "containerfile", "requirements", "environment", "conda-lock", "pixi"),
        *("uv", "poetry", "pylock", "explicit"),
    )
)
"""Names that a file has by its format, and that say nothing of the project."""
_FRAMEWORK_IMAGE = "the base image brings it along"


class Asked(Struct, frozen=True, kw_only=True):
    """What the user says of the draft."""

    name: str | None = None
    """Of the stack; else it is found or guessed."""
    keep: Keep | None = None
    """None: minor versions, and the wishes themselves where a lock of ours has them."""
    pythons: tuple[str, ...] = ()
    """The series that the pin beside the stack to be has."""


def draft_stack(narrowed: Narrowed, lock: Lock, asked: Asked) -> Draft:
    """Return the stack that a file leads to. Never raises.

    `lock` is the narrowed reading as a lock.
    """
    reading = narrowed.reading
    own = own_decisions(reading) if asked.keep is None else ()
    parts = list(_own(own, reading, asked) if own else _parts(narrowed, lock, asked))
    decisions = [item for item in parts if isinstance(item, Decision)]
    left_out = [item for item in parts if isinstance(item, LeftOut)]
    return Draft(
        file=reading.file,
        kind=f"{reading.kind.value} {reading.format_version}".rstrip(),
        decisions=tuple(sorted(decisions, key=_place)),
        left_out=tuple(
            sorted(dict.fromkeys(left_out), key=lambda item: (not item.line, item.line))
        ),
    )


def _place(decision: Decision) -> tuple[object, ...]:
    table = decision.path[0]
    rank = _ORDER.index(str(table)) if table in _ORDER else len(_ORDER)
    scope = decision.path[1:3] if table == "target" else decision.path[:2]
    return (rank, str(table), *map(str, scope if rank == len(_ORDER) else ()))


def _own(own: Sequence[Decision], reading: Reading, asked: Asked) -> Parts:
    named = _name(reading, asked.name)
    found = next((item for item in own if item.path == named.path), named)
    yield named if asked.name else found
    yield from (item for item in own if item.path != named.path)


def _parts(narrowed: Narrowed, lock: Lock, asked: Asked) -> Parts:
    reading, keep = narrowed.reading, asked.keep or Keep.MINOR
    row = main_image(reading)
    image = read_image(row.name, row.version or "") if row else None
    found = list(wishes_of(reading, lock, keep))
    if row and image:
        found += _wish_of_image(row, image, reading, keep)
    wishes = [item for item in found if isinstance(item, Wish)]
    channels = list(channels_of(reading))
    line = _line(narrowed, lock, image, wishes)
    pythons = [item for item in wishes if item.key == (Ecosystem.CONDA, "python")]
    yield _name(reading, asked.name)
    yield narrowed.platforms
    yield from channels
    yield decide_python(reading, pythons, image, _from_pypi(wishes), asked.pythons)
    yield from _gpu(narrowed, lock, line, wishes)
    merged = merge_wishes(wish for wish in wishes if wish not in pythons)
    yield from _wished(merged, narrowed, line, _urls(channels))
    yield from indexes_of(reading, wishes)
    yield from narrowed.left_out
    yield from (item for item in found if isinstance(item, LeftOut))
    yield from unsaid(reading, image)


def _name(reading: Reading, given: str | None) -> Decision:
    path = ("stack", "name")
    if given:
        return Decision(path=path, value=_as_name(given), reason="from the name of the stack file")
    project = next((item.name for item in reading.packages if item.is_project), "")
    said = project or reading.settings.get("name", "")
    if re.search(r"[a-z0-9]", said, re.IGNORECASE):  # `pip install .` names no project
        return Decision(path=path, value=_as_name(said), reason=f"from {reading.file}")
    *folders, file = [part for part in re.split(r"[/\\]", reading.file) if part]
    stem = file.partition(".")[0]
    if stem.lower() in _USUAL_NAMES and folders and _as_name(folders[-1]) != _NO_NAME:
        value, reason = _as_name(folders[-1]), "from the folder of the file that it is drawn from"
    else:
        value, reason = _as_name(stem), "from the name of the file that it is drawn from"
    return Decision(path=path, value=value, reason=reason, is_guess=True)


def _as_name(text: str) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")
    return name or _NO_NAME


def _wish_of_image(
    row: FoundPackage, image: BaseImage, reading: Reading, keep: Keep
) -> Iterator[Wish]:
    if image.framework is None:
        return
    version = image.framework_version
    place = f"from {reading.file}:{row.line}" if row.line else f"from {reading.file}"
    yield Wish(
        name=distribution_names(image.framework)[0],
        ecosystem=Ecosystem.PYPI,
        version=keep_version(version, keep, pypi=True) if version else "*",
        reason=f"{place}: {_FRAMEWORK_IMAGE}",
        line=row.line,
    )


def _framework_name(wish: Wish) -> str | None:
    for name in known_frameworks():
        facts = framework(name)
        names = distribution_names(name) if wish.ecosystem is Ecosystem.PYPI else ()
        if wish.ecosystem is Ecosystem.CONDA and facts:
            names = facts.asks[:1]
        if wish.key[1] in names:
            return name
    return None


def _from_pypi(wishes: Iterable[Wish]) -> dict[str, str]:
    found = ((_framework_name(wish), wish) for wish in wishes)
    return {name: wish.version for name, wish in found if name and wish.ecosystem is Ecosystem.PYPI}


def _line(
    narrowed: Narrowed, lock: Lock, image: BaseImage | None, wishes: Sequence[Wish]
) -> FoundLine | None:
    if all(Platform(name).system is System.MACOS for name in narrowed.names):
        return None
    return find_line(narrowed.reading, lock, image, wishes)


def _gpu(narrowed: Narrowed, lock: Lock, line: FoundLine | None, wishes: Sequence[Wish]) -> Parts:
    if line is None:
        return
    yield Decision(
        path=("gpu", "cuda"), value=str(line.line), reason=line.reason, is_guess=line.is_guess
    )
    newer = newer_components(lock, line.line) if narrowed.reading.kind.is_lock else ()
    if newer:
        yield Decision(
            path=("gpu", "newer-components"),
            value=list(newer),
            reason=f"from {narrowed.reading.file}: it has them from a newer line",
        )
    has_torch = any(_framework_name(wish) == "pytorch" for wish in wishes)
    on_cpu = cpu_platforms(lock) if narrowed.reading.kind.is_lock else ()
    for name in narrowed.names:
        is_mac = Platform(name).system is System.MACOS
        if is_mac or name in on_cpu:
            is_mps = has_torch and name == Platform.OSX_ARM64.value
            yield Decision(
                path=("target", name, "accelerator"),
                value=(Accelerator.MPS if is_mps else Accelerator.CPU).value,
                reason="there is no CUDA for it" if is_mac else "nothing of CUDA is locked for it",
                is_guess=True,
            )


def _urls(channels: Iterable[Decision | LeftOut]) -> frozenset[str]:
    values = (item.value for item in channels if isinstance(item, Decision))
    return frozenset(
        channel_url(name) for value in values if isinstance(value, list) for name in value
    )


def _wished(
    merged: Iterable[Mapping[str, Wish]],
    narrowed: Narrowed,
    line: FoundLine | None,
    channels: frozenset[str],
) -> Parts:
    """Yield the frameworks and dependencies; a framework that is asked for twice is one."""
    taken: dict[str, Wish] = {}
    ordered = sorted(
        merged, key=lambda places: next(iter(places.values())).reason.endswith(_FRAMEWORK_IMAGE)
    )
    has_pypi_framework = any(_from_pypi(places.values()) for places in ordered)
    for places in ordered:
        first = next(iter(places.values()))
        name = _framework_name(first)
        if name and name in taken:
            yield from _said_before(first, taken[name])
        elif line and first.ecosystem is Ecosystem.CONDA and first.name in LINE_PACKAGES:
            yield _left(first, "gpu.cuda says it")
        elif has_pypi_framework and comes_with_framework(first):
            yield _left(first, "a framework brings it along, and gpu.cuda holds it to the line")
        elif name:
            taken[name] = first
            yield from _framework(name, places, narrowed)
        else:
            yield from _dependency(places, narrowed, line, channels)


def _said_before(wish: Wish, other: Wish) -> Parts:
    if not wish.reason.endswith(_FRAMEWORK_IMAGE):
        source = "conda" if other.ecosystem is Ecosystem.CONDA else "PyPI"
        yield _left(wish, f"[frameworks] takes it from {source} already")


def _left(wish: Wish, reason: str) -> LeftOut:
    version = "" if wish.version == "*" else f" {wish.version}"
    return LeftOut(what=f"package {wish.name}{version}", reason=reason, line=wish.line)


def _framework(name: str, places: Mapping[str, Wish], narrowed: Narrowed) -> Parts:
    for scope, wish in _scopes(places, narrowed.names):
        source = FrameworkSource.PYPI if wish.ecosystem is Ecosystem.PYPI else FrameworkSource.CONDA
        version = wish.version
        if source is FrameworkSource.PYPI and re.search(PYPI_SPECIFIERS, version) is None:
            version = "*"
        yield _decision(
            (*scope, "frameworks", name), {"version": version, "from": source.value}, wish
        )
    for wish in dict.fromkeys(places.values()):
        for extra in wish.extras:
            is_cuda = extra == "and-cuda" or extra.startswith("cuda")
            reason = (
                "gpu.cuda asks for it" if is_cuda else "a framework is asked for without extras"
            )
            yield LeftOut(what=f"extra {extra} of {wish.name}", reason=reason, line=wish.line)
        if wish.marker:
            reason = "a framework is asked for on every platform of its table"
            yield LeftOut(
                what=f"marker {wish.marker} of {wish.name}", reason=reason, line=wish.line
            )


def _dependency(
    places: Mapping[str, Wish],
    narrowed: Narrowed,
    line: FoundLine | None,
    channels: frozenset[str],
) -> Parts:
    for scope, found in _scopes(places, narrowed.names):
        wish = found
        if line and is_held_to_line(wish):
            wish = replace(wish, version="*")
        table = "pypi-dependencies" if wish.ecosystem is Ecosystem.PYPI else "dependencies"
        entry: dict[str, object] = {"version": wish.version}
        if wish.channel and channel_url(wish.channel) in channels:
            entry["channel"] = wish.channel
        elif wish.channel:
            yield LeftOut(
                what=redact_value(f"channel {wish.channel} of {wish.name}"),
                reason="the draft takes it from the channels that it names",
                line=wish.line,
            )
        if wish.extras:
            entry["extras"] = list(wish.extras)
        if wish.marker:
            entry["markers"] = wish.marker
        value = entry if len(entry) > 1 else wish.version
        yield _decision((*scope, table, wish.name), value, wish)


def _decision(path: tuple[str, ...], value: object, wish: Wish) -> Decision:
    return Decision(path=path, value=value, reason=wish.reason, is_guess=wish.is_guess)


def _scopes(
    places: Mapping[str, Wish], platforms: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], Wish]]:
    """Yield where a wish stands: for all platforms once, and where one of them differs."""
    found = {name: wish for name in platforms if (wish := places.get(name) or places.get(""))}
    if len(found) < len(platforms):
        yield from ((("target", name), wish) for name, wish in found.items())
        return
    contents = {name: _content(wish) for name, wish in found.items()}
    usual = Counter(contents.values()).most_common(1)[0][0]
    yield (), next(wish for name, wish in found.items() if contents[name] == usual)
    for name, wish in found.items():
        if contents[name] != usual:
            yield ("target", name), wish


def _content(wish: Wish) -> tuple[object, ...]:
    return (wish.version, wish.extras, wish.marker, wish.channel)
