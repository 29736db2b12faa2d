"""Real channel records for the tests that check the tables against them.

They are not part of the repository: `ENVLOCK_SHARED_DATA` names a folder that holds
`channels/CHANNEL/SUBDIR/repodata.json.zst`.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard


@pytest.fixture(scope="session")
def channel_records() -> tuple[dict[str, Any], ...]:
    """Every record of the collected channels, with its `channel` and `subdir`."""
    place = os.environ.get("ENVLOCK_SHARED_DATA")
    if not place:
        pytest.skip("ENVLOCK_SHARED_DATA is not set: no real channel records to compare with")
    repodata = sorted(Path(place).glob("channels/*/*/repodata.json.zst"))
    if not repodata:
        pytest.skip(f"no channels/*/*/repodata.json.zst in {place}")
    return tuple(record for path in repodata for record in _records(path))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    subdir, channel = path.parent.name, path.parent.parent.name
    with path.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        document = json.load(io.TextIOWrapper(stream, encoding="utf-8"))
    for key in ("packages", "packages.conda"):
        for record in document.get(key, {}).values():
            yield {**record, "channel": channel, "subdir": subdir}
