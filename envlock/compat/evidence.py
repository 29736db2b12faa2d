"""How sure a fact is, and how the fact tables are read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any


class Confidence(StrEnum):
    """How a fact came into a table. Only a verified one may refuse a stack."""

    VERIFIED = "verified"
    """Seen in the source that the row names."""
    RECALLED = "recalled"
    """From memory, or derived; good for a warning."""


Row = Mapping[str, str]
"""One line of a table: column to cell; an empty cell says nothing."""


@cache
def read_table(file: str, table: str) -> tuple[Row, ...]:
    """Return the rows of one table of `facts/FILE.toml`, in order.

    A table is a list of `columns` and a list of `rows` of text cells. The last two columns are
    `source` and `confidence`; the source, a short name in the file, comes back as its full text.
    A table that is not so is a fault of this package and raises `KeyError` or `ValueError`.
    """
    document = _read_file(file)
    columns: list[str] = document[table]["columns"]
    sources: Mapping[str, str] = document["sources"]
    rows = (dict(zip(columns, cells, strict=True)) for cells in document[table]["rows"])
    return tuple({**row, "source": sources[row["source"]]} for row in rows)


def confidence_of(row: Row) -> Confidence:
    """Return how sure a row is."""
    return Confidence(row["confidence"])


@cache
def _read_file(file: str) -> Mapping[str, Any]:
    # Not importlib.resources: it costs a solve 5 ms, and wheels are always unpacked.
    place = Path(__file__).with_name("facts") / f"{file}.toml"
    return tomllib.loads(place.read_text(encoding="utf-8"))
