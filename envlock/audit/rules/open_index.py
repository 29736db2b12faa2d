"""EL204: more than one place may answer for a package, or the answer changes daily.

With `--extra-index-url` pip asks all indexes for each name and takes the highest version, whoever
published it: in December 2022 a stranger's `torchtriton` went to everybody who installed PyTorch's
nightly so (https://lwn.net/Articles/919588/). A lock that has an address and a hash for each file
is safe until it is written again: nothing is said of locks but where they are of pre-releases. So
it is with requirements of which every row has hashes: pip then installs nothing else, and a second
index is a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from envlock.audit.addresses import parse_address
from envlock.audit.rule import WISHES, Case, Hit, Rule
from envlock.audit.shell import all_said, install_of, short
from envlock.audit.wording import some
from envlock.model.finding import Severity
from envlock.model.reading import Ecosystem, FileKind, NamedPlace, Reading

_NIGHTLY = re.compile(
    r"(?i)(?:^|[/_-])(?:nightly|dev-?builds?|test-?pypi|pre-?release)(?:[/_-]|$)|^test\.pypi\."
)
_OWN_PRIORITY = frozenset({"nodefaults"})


def _find(case: Case) -> Iterable[Hit]:
    places = case.reading.places
    for place in places:
        address = parse_address(place.address)
        if _NIGHTLY.search(f"{address.host}{address.path}") or _NIGHTLY.search(address.host):
            yield _nightly(place)
    if case.reading.kind in WISHES:
        is_held = _has_all_hashes(case.reading)
        yield from _several_indexes(case, is_held=is_held)
        yield from () if is_held else _pages(places)
        yield from _channels(case)
    yield from _pre_releases(case)


def _has_all_hashes(reading: Reading) -> bool:
    """Say whether pip takes only files whose hashes stand there: then nobody can slip one in."""
    rows = reading.of(Ecosystem.PYPI)
    hashed = [row for row in rows if any(origin.hashes for origin in row.origins)]
    return reading.kind is FileKind.REQUIREMENTS and bool(rows) and len(hashed) == len(rows)


def _nightly(place: NamedPlace) -> Hit:
    return Hit(
        message=f"the {place.kind} `{place.address}` holds builds that were not released: they "
        "change daily and are removed after some weeks.",
        line=place.line,
        subject=place.address,
        remedy="take releases from the index or channel of releases.",
    )


def _several_indexes(case: Case, *, is_held: bool) -> Iterator[Hit]:
    wins = (
        "the hashes hold what is installed, and whoever writes this list again asks both."
        if is_held
        else "whoever publishes a higher version under the same name in either wins."
    )
    owners = {item.index for item in case.reading.of(Ecosystem.PYPI) if item.index}
    for place in case.reading.places:
        if place.kind == "extra-index" and place.address not in owners:
            yield Hit(
                message=f"`{place.address}` is asked beside the main index, for every package: "
                f"{wins}",
                line=place.line,
                subject=place.address,
                severity=Severity.NOTE if is_held else Severity.WARNING,
                remedy="say which packages come from it: an index that owns its packages in uv "
                "(`[[tool.uv.index]]` with `explicit = true`) or `[[pypi-index]]` in a stack of "
                "envlock; with pip, install them in a command of their own with `--index-url`, "
                "or check hashes with `--require-hashes`.",
            )


def _pages(places: Iterable[NamedPlace]) -> Iterator[Hit]:
    for place in places:
        if place.kind == "find-links" and parse_address(place.address).scheme in ("http", "https"):
            yield Hit(
                message=f"the files are looked for on the page `{place.address}`: what stands on "
                "it is installed, without hashes.",
                line=place.line,
                subject=place.address,
                severity=Severity.WARNING,
                remedy="name the wheels by their addresses and write their hashes: "
                "`NAME @ https://…/FILE.whl --hash=sha256:…`.",
            )


def _channels(case: Case) -> Iterator[Hit]:
    if case.reading.kind is not FileKind.ENVIRONMENT:
        return
    channels = [item for item in case.reading.places if item.kind == "channel"]
    named = [item.address for item in channels if item.address not in _OWN_PRIORITY]
    if len(named) > 1:
        yield Hit(
            message=f"{len(named)} channels may answer for each package ({some(named)}): which "
            "one does depends on `channel_priority` in the reader's own settings.",
            line=channels[0].line,
            subject="channels",
            severity=Severity.NOTE,
            remedy="name the channel of a package where it matters (`CHANNEL::NAME`), end the "
            "list with `nodefaults`, and install from a lock.",
        )


_PRE_SETTING = re.compile(r"(?i)^(?:--)?pre=?(?:true|1|)$|pre-?releases?(?:-mode)?=(?:allow|true)$")


def _pre_releases(case: Case) -> Iterator[Hit]:
    for said in all_said(case.reading):
        install = install_of(said.text)
        is_pre = install is not None and install.manager == "pip" and install.has("--pre")
        if said.instruction == "setting":
            is_pre = bool(_PRE_SETTING.search(said.text))
        if is_pre:
            yield Hit(
                message=f"`{short(said.text)}` takes pre-releases of all packages, not only of "
                "the one that needs it.",
                line=said.line,
                subject="--pre",
                severity=Severity.NOTE if case.reading.kind.is_lock else Severity.WARNING,
                remedy="ask for the one pre-release by its version (`NAME==2.0.0rc1`): that "
                "needs no `--pre`.",
            )


RULE = Rule(
    code="EL204",
    name="open-index",
    title="packages that more than one place may answer for",
    reason="Where several indexes may answer, a stranger can publish a higher version under the "
    "same name and is installed in its place (dependency confusion).",
    remedy="let each index own the packages that are taken from it.",
    severity=Severity.WARNING,
    find=_find,
)
