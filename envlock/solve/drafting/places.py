"""Where a stack to be takes its packages from: channels and indexes, without any credentials."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from envlock.formats.channel import channel_name, channel_url
from envlock.formats.secrets import redact_value
from envlock.formats.stack_rules import normal_name
from envlock.formats.stack_values import Channel, IndexAddress
from envlock.model.draft import Decision, LeftOut
from envlock.model.reading import Ecosystem, NamedPlace, OriginKind, Reading
from envlock.solve.drafting.wishes import Wish

_CHANNEL = re.compile(str(get_args(Channel)[1].pattern))
_ADDRESS = re.compile(str(get_args(IndexAddress)[1].pattern))
_DEFAULT_INDEX = re.compile(
    r"https?://(?:[^/@]*@)?(?:www\.)?pypi"
    r"\.(?:org|python\.org)(?:/|$)"
)
_BUILDS_INDEX = re.compile(r"/whl/(?P<variant>cu\d{3}|cpu)/?$")
_BUILT_THERE = frozenset({"torch", "torchvision", "torchaudio", "torchtext"})
"""What PyTorch's index has builds of its own of; the rest there is a copy."""
_LOGIN = re.compile(r"://[^/]*@|/t/[^/]+|[?#]")
_FORGE = "conda-forge"
_FILES = ("requirements", "constraints", "environment")
"""The places that are files of their own."""


def channels_of(reading: Reading) -> Iterator[Decision | LeftOut]:
    """Yield the channels of a file, in its order, and those that a stack cannot name."""
    named = [place for place in reading.places if place.kind == "channel"]
    kept: dict[str, str] = {}
    for place in named:
        yield from _channel(place, kept)
    reason, is_guess = f"from {reading.file}", False
    if any(place.address.strip() == "defaults" for place in named) and _FORGE not in kept:
        kept[_FORGE] = ""
        reason, is_guess = f"{reason}; {_FORGE} stands for defaults", True
    if not kept:
        kept = dict.fromkeys(_of_packages(reading), "")
        reason = f"from the addresses of the packages in {reading.file}"
    if not kept:
        kept = {_FORGE: ""}
        reason, is_guess = "the file names no channel that a stack could take", True
    yield Decision(path=("stack", "channels"), value=list(kept), reason=reason, is_guess=is_guess)


def _channel(place: NamedPlace, kept: dict[str, str]) -> Iterator[LeftOut]:
    shown = redact_value(place.address)
    if place.address.strip() in ("defaults", "nodefaults", ""):
        reason = (
            f"it stands for Anaconda's own channels, whose terms are not for everybody; {_FORGE} "
            "has the same packages under other builds: name `main` if you want them"
            if place.address.strip() == "defaults"
            else "a stack asks no channel that it does not name"
        )
        yield LeftOut(what=f"channel {shown}", reason=reason, line=place.line)
        return
    url = channel_url(place.address.strip())
    name = channel_name(url)
    if _CHANNEL.search(name) is None or _LOGIN.search(name):
        reason = "no channel that a stack can name"
        yield LeftOut(what=f"channel {shown}", reason=reason, line=place.line)
        return
    if url in kept.values():
        return
    kept[name] = url
    if _LOGIN.search(place.address):
        reason = "credentials are never copied: keep them in `~/.netrc`"
        yield LeftOut(what=f"login of the channel {name}", reason=reason, line=place.line)


def _of_packages(reading: Reading) -> Iterable[str]:
    """Return the channels that packages come from, the one with most packages first."""
    found: Counter[str] = Counter()
    for package in reading.of(Ecosystem.CONDA):
        for origin in package.origins[:1]:
            base = origin.address.rsplit("/", 2)[0]
            if origin.kind is OriginKind.CONDA and re.match(r"https?://", base):
                found[channel_name(channel_url(base))] += 1
    names = [name for name, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))]
    return [name for name in names if _CHANNEL.search(name) and not _LOGIN.search(name)]


def indexes_of(reading: Reading, wishes: Sequence[Wish]) -> Iterator[Decision | LeftOut]:
    """Yield an index for the packages that a file takes from it by name; the rest is left out."""
    owned = {address: names for address, names in _owned(reading, wishes).items() if names}
    for number, (address, names) in enumerate(owned.items()):
        table: tuple[str | int, ...] = ("pypi-index", number)
        is_builds = _BUILDS_INDEX.search(address) is not None
        why = "PyTorch's own packages come from its index of builds, and no others"
        source = _source(reading, address)
        reason = why if is_builds else source
        name = _index_name(address, number)
        yield Decision(path=(*table, "name"), value=name, reason="any name will do")
        yield Decision(path=(*table, "url"), value=address, reason=source)
        yield Decision(
            path=(*table, "packages"),
            value=list({normal_name(name): name for name in names}.values()),
            reason=reason,
            is_guess=is_builds,
        )
    for place in reading.places:
        is_told = public_index(place.address) in owned or _DEFAULT_INDEX.match(place.address)
        if place.kind != "channel" and not is_told:
            yield from _index(place)


def _source(reading: Reading, address: str) -> str:
    lines = (place.line for place in reading.places if public_index(place.address) == address)
    line = next(lines, 0)
    return f"from {reading.file}:{line}" if line else f"from {reading.file}"


def _owned(reading: Reading, wishes: Sequence[Wish]) -> dict[str, list[str]]:
    """Return the packages of each extra index: those that the file, or everybody, knows there."""
    places = [place.address for place in reading.places if place.kind != "channel"]
    found: dict[str, list[str]] = {
        address: [] for text in places if (address := public_index(text))
    }
    for wish in wishes:
        if wish.ecosystem is not Ecosystem.PYPI:
            continue
        own = public_index(wish.index)
        builds = [text for text in found if _BUILDS_INDEX.search(text)]
        if own:
            found.setdefault(own, []).append(wish.name)
        elif builds and wish.key[1] in _BUILT_THERE:
            found[builds[0]].append(wish.name)
    return found


def _index_name(address: str, number: int) -> str:
    builds = _BUILDS_INDEX.search(address)
    return f"pytorch-{builds['variant']}-{number + 1}" if builds else f"index-{number + 1}"


def _index(place: NamedPlace) -> Iterator[LeftOut]:
    shown = redact_value(place.address)
    if place.kind in _FILES:
        reason = (
            "what it says is not in this draft: draft from it, too, with `envlock import FILE`, "
            "and join the two"
        )
    elif place.kind == "find-links":
        reason = (
            "a page of files is no index: name its wheels, each as `{ url = … }` in "
            "[pypi-dependencies]"
        )
    elif _BUILDS_INDEX.search(place.address):
        reason = "nothing of PyTorch's is asked for, and it has builds of nothing else"
    else:
        reason = (
            "say which packages come from it: `[[pypi-index]]` with `name`, `url` (`${VARIABLE}` "
            "stands for a login) and `packages`"
        )
    yield LeftOut(what=f"{place.kind} {shown}", reason=reason, line=place.line)


def public_index(address: str) -> str:
    """Return the address of an extra index as a stack may hold it; empty where it may not.

    Empty, too, for the default index, and for folders.
    """
    address = re.sub(r"^(?:registry|sparse)\+", "", address.strip())
    is_plain = _ADDRESS.search(address) and not _LOGIN.search(address)
    if not is_plain or not re.match(r"https?://", address):
        return ""
    return "" if _DEFAULT_INDEX.match(address) else address
