"""The wishes that a lock of ours was solved from: its head has them, so nothing is guessed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping

from envlock.formats.conda_lock import FACT_PREFIX
from envlock.model.draft import Decision
from envlock.model.reading import Reading

_INPUTS = f"{FACT_PREFIX}inputs"
_IN_ARRAY = re.compile(r"(?P<table>[a-z-]+)\[(?P<index>\d{1,4})\](?:\.(?P<rest>.+))?", re.DOTALL)


def own_decisions(reading: Reading) -> tuple[Decision, ...]:
    """Return the keys of the stack that a lock of ours was solved from; empty for any other."""
    text = reading.facts.get(_INPUTS, "")
    try:
        inputs = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return ()
    if not isinstance(inputs, dict) or "python.version" not in inputs:
        return ()
    return tuple(_decisions(inputs, f"from the head of {reading.file}"))


def _decisions(inputs: Mapping[str, object], reason: str) -> Iterator[Decision]:
    for key, value in inputs.items():
        path = _path(key)
        if path:
            yield Decision(path=path, value=value, reason=reason)


def _path(key: str) -> tuple[str | int, ...]:
    """Return the path that a dotted key writes; empty for what is no key."""
    if found := _IN_ARRAY.fullmatch(key):
        rest = _path(found["rest"]) if found["rest"] else ()
        return (found["table"], int(found["index"]), *rest)
    try:
        value: object = tomllib.loads(f"{key} = 0")
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    path: list[str | int] = []
    while isinstance(value, dict):
        if len(value) != 1:
            return ()
        ((part, value),) = value.items()
        path.append(part)
    return tuple(path)
