"""What the records of a lock's packages limit beside them: `constrains`, which no lock holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envlock.errors import PinError, WorldError
from envlock.formats.index_pin import dependency_name
from envlock.model.lock import Lock
from envlock.ports.pins import Pins
from envlock.ports.workspace import Workspace
from envlock.solve.freshness import PIN
from envlock.solve.moves import Limits
from envlock.workflows.lock_sizes import place_of, read_records


def read_limits(lock: Lock, platform: str, pins: Pins, workspace: Workspace) -> Limits:
    """Return the limits of one platform's packages, as the pin that a lock's head names has them.

    Without a pin, or where it is not there, nothing is known: then nothing is limited.
    """
    digest = lock.head.facts.get(PIN, "")
    packages = lock.packages_on(platform)
    if not digest:
        return {}
    try:
        records = dict(read_records(digest, packages, pins, workspace))
    except (PinError, WorldError):
        return {}
    return {
        row.url: tuple(_parse(record["constrains"]))
        for row in packages
        if row.manager == "conda" and (record := records.get(place_of(row), {})).get("constrains")
    }


def _parse(specs: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names with their specs; what is said of the machine is left out."""
    for text in specs:
        name = dependency_name(text)
        if name is not None:
            end = text.lower().index(name) + len(name)
            yield name, text[end:].strip()
