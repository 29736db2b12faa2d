"""Does a lock still say what the stack and the pin say? Judged from the lock's head alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from envlock.formats.canonical import format_canonical
from envlock.formats.conda_lock import FACT_PREFIX, Seal, read_seal

INPUTS = "envlock/inputs"
PIN = "envlock/pin"
RECORDING = "envlock/pypi-recording"
RECIPE_SOURCES = "recipe-sources"
"""The fact of a platform that says what the files of a recipe were, by the recipe's path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """The lock is what the stack, the pin and the head say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The lock must be solved anew; `reasons` say exactly why."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """There is no lock yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The lock says nothing about how it came about."""

    reason: str


Freshness = Fresh | Stale | Missing | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The digests of what a stack solves from now; None where it has none."""

    pin: str | None
    recording: str | None = None
    takes_pypi: bool = False
    recipes: Mapping[str, str] = field(default_factory=dict)
    """What the files of each recipe are, by its path beside the stack."""


def judge_freshness(inputs: Mapping[str, object], sources: Sources, content: bytes) -> Freshness:
    """Compare a lock file's bytes with a stack's inputs and with what it solves from."""
    seal = read_seal(content)
    if seal is None or INPUTS not in seal.facts:
        return Unknown(
            reason="the lock's head holds none of envlock's facts: another tool wrote it"
        )
    reasons = (
        *changed_inputs(seal.facts, inputs),
        *changed_sources(seal.facts, sources),
        *broken_digests(seal),
    )
    return Stale(reasons=reasons) if reasons else Fresh()


def changed_inputs(facts: Mapping[str, str], inputs: Mapping[str, object]) -> tuple[str, ...]:
    """Return, in words, what a stack says otherwise than when its lock was made."""
    changed = _changed_inputs(facts.get(INPUTS, ""), inputs)
    return tuple(changed or _missing_platforms(facts, inputs))


def changed_sources(facts: Mapping[str, str], sources: Sources) -> tuple[str, ...]:
    """Return, in words, how what a stack solves from is not what its lock was solved from."""
    return (
        *_changed_pin(facts.get(PIN), sources.pin),
        *(_changed_recording(facts.get(RECORDING), sources) if sources.takes_pypi else ()),
        *_changed_recipes(facts, sources.recipes),
    )


def broken_digests(seal: Seal) -> tuple[str, ...]:
    """Return, in words, which half of a lock is not what its own digest says."""
    found = []
    if not seal.head_is_whole:
        found.append("the head no longer matches its digest: it was edited")
    if not seal.body_is_whole:
        found.append(
            "the package section no longer matches its digest: it was edited, cut short or merged"
        )
    return tuple(found)


def _changed_inputs(locked_text: str, inputs: Mapping[str, object]) -> list[str]:
    if locked_text == format_canonical(inputs):
        return []
    try:
        locked = json.loads(locked_text)
    except (ValueError, RecursionError):
        return [f"the lock's head is damaged: {INPUTS} is not JSON"]
    if not isinstance(locked, dict):
        return [f"the lock's head is damaged: {INPUTS} is not a table"]
    current = json.loads(format_canonical(inputs))
    return [
        _change(key, locked, current)
        for key in sorted({*locked, *current})
        if locked.get(key) != current.get(key) or (key in locked) != (key in current)
    ]


def _missing_platforms(facts: Mapping[str, str], inputs: Mapping[str, object]) -> list[str]:
    """Name the platforms left out by a solve of some: each locked one has facts of its own."""
    asked = inputs.get("stack.platforms")
    if not isinstance(asked, list | tuple):
        return []
    locked = {key.removeprefix(FACT_PREFIX).partition("/")[0] for key in facts}
    missing = [str(platform) for platform in asked if platform not in locked]
    return [f"not locked for {', '.join(missing)}, which the stack asks for"] if missing else []


def _change(key: str, locked: Mapping[str, object], current: Mapping[str, object]) -> str:
    if key not in current:
        return f"{key}: removed; it was {_show(locked[key])}"
    if key not in locked:
        return f"{key}: added: {_show(current[key])}"
    return f"{key}: {_show(locked[key])} when it was locked, now {_show(current[key])}"


def _show(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _changed_pin(locked: str | None, current: str | None) -> list[str]:
    if current is None:
        return ["the stack has no index pin any more: `envlock index pin` makes one"]
    if locked != f"sha256:{current}":
        was = (locked or "none").removeprefix("sha256:")[:12]
        return [f"index pin: {was}… when it was locked, now {current[:12]}…"]
    return []


def _changed_recipes(facts: Mapping[str, str], recipes: Mapping[str, str]) -> list[str]:
    """Name the recipes whose files are others than those that were built."""
    locked = {
        (path, digest)
        for key, digest in facts.items()
        for _, found, path in [key.partition(f"/{RECIPE_SOURCES}/")]
        if found
    }
    changed = sorted({path for path, digest in locked if recipes.get(path, digest) != digest})
    return [
        f"{path}: its files, or its toolchain, are others than it was built from"
        for path in changed
    ]


def _changed_recording(locked: str | None, sources: Sources) -> list[str]:
    if sources.recording is None:
        how = "`envlock index record` makes one"
        return [f"the stack has no recording of the package index any more: {how}"]
    if locked != f"sha256:{sources.recording}":
        was = (locked or "none").removeprefix("sha256:")[:12]
        return [f"recording: {was}… when it was locked, now {sources.recording[:12]}…"]
    return []
