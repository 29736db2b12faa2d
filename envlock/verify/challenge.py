"""Two receipts of one lock, side by side: did the same come of it, and how fast.

That two machines agree takes two things: every check came out alike, and both environments hold the
same content. All else is told and decides nothing: trees differ between prefixes, weights between
GPUs, host libraries between distributions, speed from minute to minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from msgspec import Struct

from envlock.errors import EnvlockError
from envlock.model.outcome import Failed as FailedOutcome
from envlock.model.outcome import Outcome, Passed
from envlock.model.receipt import Curve, Receipt


class Pair(Struct, frozen=True, kw_only=True):
    """One thing of both receipts; empty where one has none."""

    name: str
    first: str
    second: str

    @property
    def is_same(self) -> bool:
        """Whether both have it and are equal: two that are missing agree on nothing."""
        return bool(self.first) and self.first == self.second


class Speed(Struct, frozen=True, kw_only=True):
    """One measure that varies by its nature, of both receipts."""

    check: str
    measure: str
    first: float
    second: float
    ratio: float | None
    """The second over the first; None where the first is none or no number."""


class Challenge(Struct, frozen=True, kw_only=True):
    """What two receipts of one lock say of each other."""

    lock_sha256: str
    content: Pair
    tree: Pair
    outcomes: tuple[Pair, ...]
    """The checks that came out differently, or that only one has."""
    same_outcomes: int
    weights: tuple[Pair, ...]
    """Of each training that has a digest of its weights in either."""
    frameworks: tuple[Pair, ...]
    """Versions that differ."""
    host: tuple[Pair, ...]
    """What differs of the machines, and of what was asked."""
    host_libraries: tuple[Pair, ...]
    """By name, those whose builds differ or that only one loaded."""
    speed: tuple[Speed, ...]

    @property
    def is_same(self) -> bool:
        """Whether the same came of it: equal content, and equal outcomes."""
        return self.content.is_same and not self.outcomes


def challenge(first: Receipt, second: Receipt) -> Challenge:
    """Compare two receipts. Raises `EnvlockError` when they are not of one lock."""
    lock = Pair(name="lock", first=first.subject.lock_sha256, second=second.subject.lock_sha256)
    if not lock.is_same:
        raise _not_comparable(lock)
    outcomes = tuple(_pairs(_outcomes(first), _outcomes(second)))
    return Challenge(
        lock_sha256=lock.first,
        content=_digest("content", first.subject.content_sha256, second.subject.content_sha256),
        tree=_digest("tree", first.subject.tree_sha256, second.subject.tree_sha256),
        outcomes=tuple(each for each in outcomes if not each.is_same),
        same_outcomes=sum(each.is_same for each in outcomes),
        weights=tuple(_pairs(_weights(first), _weights(second))),
        frameworks=_differing(first.frameworks, second.frameworks),
        host=_differing(_host(first), _host(second)),
        host_libraries=_differing(_libraries(first), _libraries(second)),
        speed=tuple(_speeds(first, second)),
    )


def _not_comparable(lock: Pair) -> EnvlockError:
    sides = [f"  {side}: {text or 'names no lock'}" for side, text in _sides(lock)]
    return EnvlockError(
        "\n".join(["expected two receipts of one lock, found", *sides]),
        hints=["compare receipts that were made from the same lock file, byte for byte"],
    )


def _sides(pair: Pair) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("A", pair.first), ("B", pair.second)


def _digest(name: str, first: str, second: str) -> Pair:
    return Pair(name=name, first=first, second=second)


def _pairs(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Pair]:
    for name in dict.fromkeys([*first, *second]):
        yield Pair(name=name, first=first.get(name, ""), second=second.get(name, ""))


def _differing(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Pair, ...]:
    return tuple(each for each in _pairs(first, second) if each.first != each.second)


def name_outcome(outcome: Outcome) -> str:
    """Return an outcome in a word: `passed`, `failed`, `not run`."""
    match outcome:
        case Passed():
            return "passed"
        case FailedOutcome():
            return "failed"
        case _:
            return "not run"


def _outcomes(receipt: Receipt) -> dict[str, str]:
    return {each.name: name_outcome(each.outcome) for each in receipt.checks}


def _weights(receipt: Receipt) -> dict[str, str]:
    found: dict[str, str] = {}
    for curve in receipt.curves:
        if curve.weights_sha256:
            found[_name(curve, found)] = curve.weights_sha256
    return found


def _name(curve: Curve, taken: Mapping[str, str]) -> str:
    """Return a training's name, the second of one name with its number."""
    name = f"{curve.name} ({curve.control})" if curve.control else curve.name
    number = 1 + sum(each == name or each.startswith(f"{name} #") for each in taken)
    return name if number == 1 else f"{name} #{number}"


def _host(receipt: Receipt) -> dict[str, str]:
    host = receipt.host
    gpus = ", ".join(each.name for each in host.gpus)
    return {
        "level": receipt.level.value,
        "device": receipt.device,
        "data": receipt.data,
        "platform": host.platform.value,
        "gpus": gpus or "none",
        "driver": host.driver or "none",
        "kernel": host.kernel,
        "glibc": host.glibc,
        "container": host.container or "none",
        "envlock": receipt.envlock_version,
    }


def _libraries(receipt: Receipt) -> dict[str, str]:
    return {
        PurePosixPath(each.path).name: each.build_id or "no build-id"
        for each in receipt.host_libraries
    }


def _speeds(first: Receipt, second: Receipt) -> Iterator[Speed]:
    others = {each.name: each.varying for each in second.checks}
    for check in first.checks:
        for measure, value in check.varying.items():
            other = others.get(check.name, {}).get(measure)
            if other is not None:
                yield Speed(
                    check=check.name,
                    measure=measure,
                    first=value,
                    second=other,
                    ratio=_ratio(value, other),
                )


def _ratio(first: float, second: float) -> float | None:
    if not first:
        return None
    ratio = second / first
    return ratio if ratio - ratio == 0 else None
