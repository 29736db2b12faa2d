"""The stories of index pins: make one, bring it up to date, widen it, tell what it holds.

Several stacks can share a pin. Each stack is asked for on its own, over its own channels; the pin
is the union. A pin is never changed: a new one is written beside it and the stacks move to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from envlock.errors import PinError
from envlock.formats.channel import channel_name, channel_url
from envlock.formats.index_pin import dependency_name, make_pin, parse_repodata, pin_digest
from envlock.model.pin import Origin, Pin
from envlock.model.stack import Stack
from envlock.ports.index import ChannelSource, Index, Reach
from envlock.ports.pins import Pins
from envlock.ports.reporter import Reporter
from envlock.solve.reach import reach_of
from envlock.workflows.pin_changes import (
    AllRecords,
    PackageMove,
    PartChange,
    compare_records,
    extended,
    package_moves,
)

_EPOCH = "1970-01-01T00:00:00Z"
_LAST_MS = 253_402_300_799_000
"""The end of the year 9999: a timestamp beyond it is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTools:
    """The ports that the stories act through."""

    index: Index
    pins: Pins
    reporter: Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class PinResult:
    """A pin that stacks solve from now, and what moved."""

    digest: str
    pin: Pin
    stacks: tuple[str, ...]
    before: str | None = None
    """The pin that the stacks shared, when it was asked again or widened."""
    changes: tuple[PartChange, ...] = ()
    moves: tuple[PackageMove, ...] = ()
    left: tuple[str, ...] = ()
    """Other stacks that still solve from the pin before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinDescription:
    """What a pin is, and who solves from it."""

    digest: str
    pin: Pin
    age_days: int
    stacks: tuple[str, ...]


def pin_stacks(
    stacks: Sequence[Stack],
    sources: Sequence[ChannelSource],
    origin: Origin,
    now_iso: str,
    tools: IndexTools,
) -> PinResult:
    """Ask the channels for all that the stacks can reach, keep it, and let them solve from it.

    Raises `WorldError` when a channel does not answer or the disk refuses, `PinError` when the
    channels hold nothing of what was asked. Then no stack moves.
    """
    records = _ask(stacks, sources, tools)
    as_of = _as_of(origin, records, now_iso)
    return _keep(stacks, records, origin, as_of, tools, asked=_specs(stacks))


def update_pin(
    stacks: Sequence[Stack],
    sources: Sequence[ChannelSource],
    origin: Origin,
    now_iso: str,
    tools: IndexTools,
) -> PinResult:
    """Ask again for stacks that share a pin; when no record changed they stay with it.

    What they reach now is compared with what they reach in the pin: other stacks of that pin reach
    more. Those stay with it in any case and are named in the result. Raises what `pin_stacks`
    raises, and `PinError` when the stacks have no pin or several. A stack without one joins.
    """
    digest = shared_digest(stacks, tools.pins)
    tools.reporter.step(f"reading the pin {digest[:12]}")
    pin = tools.pins.read(digest)
    places = tools.pins.locations(digest).items()
    pinned = [ChannelSource(url=url, location=location) for url, location in places]
    old = tools.index.query(pinned, _reaches(stacks))
    records = _ask(stacks, sources, tools)
    changes = compare_records(old, records)
    asked = {(part.channel, part.subdir) for part in pin.parts}
    covered = records.keys() <= asked and _specs(stacks) <= set(pin.asked)
    if not changes and pin.origin is origin and covered:
        return _stay(stacks, digest, pin, tools.pins)
    same = not changes and pin.origin is origin
    as_of = pin.as_of if same else _as_of(origin, records, now_iso)
    result = _keep(stacks, records, origin, as_of, tools, asked=_specs(stacks))
    return _compared(result, digest, old, records, tools)


def extend_pin(
    stacks: Sequence[Stack],
    sources: Sequence[ChannelSource],
    origin: Origin,
    now_iso: str,
    tools: IndexTools,
) -> PinResult:
    """Widen the pin of some stacks by packages that it does not have; what it has stays as it is.

    A stack without a pin joins the others. The wider pin is observed as soon as one half of it is.
    Raises as `update_pin` does.
    """
    digest = shared_digest(stacks, tools.pins)
    pin, old = tools.pins.read(digest), _records_of(digest, tools)
    records = extended(old, _ask(stacks, sources, tools))
    added = {spec for spec in _specs(stacks) if dependency_name(spec) not in _asked_names(pin)}
    if records == old and not added:
        return _stay(stacks, digest, pin, tools.pins)
    wider = Origin.LIVE if origin is pin.origin is Origin.LIVE else Origin.OBSERVED
    asked = added.union(pin.asked)
    same = records == old and pin.origin is wider
    as_of = pin.as_of if same else _as_of(wider, records, now_iso)
    result = _keep(stacks, records, wider, as_of, tools, asked=asked)
    return _compared(result, digest, old, records, tools)


def describe_pin(digest: str, today_iso: str, pins: Pins) -> PinDescription:
    """Return what a pin holds and who solves from it. Raises `PinError`."""
    pin = pins.read(digest)
    age = date.fromisoformat(today_iso) - datetime.fromisoformat(pin.as_of).date()
    stacks = sorted(name for name, other in pins.assignments().items() if other == digest)
    return PinDescription(digest=digest, pin=pin, age_days=age.days, stacks=tuple(stacks))


def _ask(
    stacks: Sequence[Stack], sources: Sequence[ChannelSource], tools: IndexTools
) -> AllRecords:
    reaches = _reaches(stacks)
    names = ", ".join(channel_name(source.url) for source in sources)
    tools.reporter.step(f"asking {names}")
    records = tools.index.query(sources, reaches)
    if not any(records.values()):
        raise PinError(
            f"the channels hold nothing of what {_names(stacks)} asks for: {names}\n"
            "No pin was written.",
            hints=["check the names of the channels and packages"],
        )
    for note in _missing(reaches, records):
        tools.reporter.note(note)
    return records


def _reaches(stacks: Iterable[Stack]) -> tuple[Reach, ...]:
    """Return one reach for each stack and platform, over the stack's own channels."""
    return tuple(
        replace(reach, channels=tuple(map(channel_url, stack.channels)))
        for stack in stacks
        for reach in reach_of(stack)
    )


def _roots(reaches: Iterable[Reach]) -> Iterator[str]:
    for reach in reaches:
        yield from filter(None, map(dependency_name, reach.specs))


def _missing(reaches: Iterable[Reach], records: AllRecords) -> Iterator[str]:
    """Say which names that a stack asks for no channel has."""
    names = {place: {str(row["name"]) for row in rows.values()} for place, rows in records.items()}
    told: set[str] = set()
    for reach in reaches:
        found = set().union(*(rows for place, rows in names.items() if reach.reads(*place)))
        for name in _roots([reach]):
            note = f"no channel has `{name}` for {reach.platform}"
            if name not in found and note not in told:
                told.add(note)
                yield note


def _specs(stacks: Iterable[Stack]) -> set[str]:
    return {spec for reach in _reaches(stacks) for spec in reach.specs}


def _asked_names(pin: Pin) -> set[str | None]:
    return {dependency_name(spec) for spec in pin.asked}


def _keep(  # noqa: PLR0913 - a pin names everything that it came from
    stacks: Sequence[Stack],
    records: AllRecords,
    origin: Origin,
    as_of: str,
    tools: IndexTools,
    *,
    asked: Iterable[str],
) -> PinResult:
    pin, repodata = make_pin(origin, as_of, records, asked)
    tools.reporter.step(f"writing the pin {pin_digest(pin)[:12]}")
    digest = tools.pins.keep(pin, repodata)
    names = tuple(stack.name for stack in stacks)
    tools.pins.assign_all(names, digest)
    return PinResult(digest=digest, pin=pin, stacks=names)


def _stay(stacks: Iterable[Stack], digest: str, pin: Pin, pins: Pins) -> PinResult:
    """Leave the stacks with their pin; those that had none join it."""
    names = tuple(stack.name for stack in stacks)
    if not all(pins.assigned(name) for name in names):
        pins.assign_all(names, digest)
    return PinResult(digest=digest, pin=pin, stacks=names, before=digest)


def _as_of(origin: Origin, records: AllRecords, now_iso: str) -> str:
    return now_iso if origin is Origin.LIVE else _newest(records)


def _newest(records: AllRecords) -> str:
    """Return the time of the newest record."""
    stamps = (row.get("timestamp") for rows in records.values() for row in rows.values())
    known = [item for item in stamps if isinstance(item, int) and 0 < item <= _LAST_MS]
    if not known:
        return _EPOCH
    return datetime.fromtimestamp(max(known) // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _compared(
    result: PinResult, digest: str, old: AllRecords, new: AllRecords, tools: IndexTools
) -> PinResult:
    """Add what moved since the pin before, and who stays with that."""
    others = {name for name, other in tools.pins.assignments().items() if other == digest}
    return replace(
        result,
        before=digest,
        changes=compare_records(old, new),
        moves=package_moves(old, new),
        left=tuple(sorted(others)),
    )


def _records_of(digest: str, tools: IndexTools) -> AllRecords:
    tools.reporter.step(f"reading the pin {digest[:12]}")
    try:
        return {
            place: parse_repodata(content) for place, content in tools.pins.repodata(digest).items()
        }
    except ValueError as error:
        raise PinError(f"the pin {digest[:12]}… cannot be read: {error}") from error


def shared_digest(stacks: Iterable[Stack], pins: Pins) -> str:
    """Return the one pin of some stacks; raises `PinError` when they have none or several."""
    assigned = {stack.name: pins.assigned(stack.name) for stack in stacks}
    digests = sorted({digest for digest in assigned.values() if digest})
    if not digests:
        raise PinError(
            f"no index pin yet: {', '.join(assigned)}",
            hints=["make one: `envlock index pin` with the stacks' files"],
        )
    if len(digests) > 1:
        rows = "\n".join(f"  {name}: {digest[:12]}" for name, digest in assigned.items() if digest)
        raise PinError(
            f"these stacks solve from several pins\n{rows}\nNo pin was written.",
            hints=["name stacks of one pin at a time, or pin them anew: `envlock index pin`"],
        )
    return digests[0]


def _names(stacks: Iterable[Stack]) -> str:
    return ", ".join(stack.name for stack in stacks)
