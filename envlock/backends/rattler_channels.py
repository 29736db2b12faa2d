"""The door to py-rattler's gateway: channels that are asked for their records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rattler import Channel, Gateway, MatchSpec, SourceConfig
from rattler.exceptions import GatewayError

from envlock.errors import WorldError

if TYPE_CHECKING:
    from envlock.ports.index import ChannelSource, Reach, Records


class RattlerIndex:
    """Implements `ports.index.Index` over live channels, mirrors and `file://` folders."""

    def __init__(self, cache: Path, *, timeout_seconds: float = 300.0) -> None:
        self._cache = cache
        self._timeout_seconds = timeout_seconds

    def query(
        self, channels: Sequence[ChannelSource], reaches: Sequence[Reach]
    ) -> Mapping[tuple[str, str], Records]:
        """Return what the channels hold for the reaches; see the port."""
        return asyncio.run(self._query(channels, reaches))

    async def _query(
        self, channels: Sequence[ChannelSource], reaches: Sequence[Reach]
    ) -> Mapping[tuple[str, str], Records]:
        gateway = Gateway(cache_dir=self._cache, default_config=SourceConfig(cache_action="no-cache"))
        found: dict[tuple[str, str], dict[str, dict[str, object]]] = {
            (channel.url, subdir): {}
            for channel in channels
            for reach in reaches
            for subdir in reach.platform.subdirs
        }
        for reach in reaches:
            try:
                result = await asyncio.wait_for(
                    gateway.query(
                        [Channel(channel.location) for channel in channels],
                        list(reach.platform.subdirs),
                        [MatchSpec(spec) for spec in reach.specs],
                        recursive=True,
                        channel_relations="disabled",
                    ),
                    self._timeout_seconds,
                )
            except (GatewayError, TimeoutError) as error:
                raise WorldError(f"the channels could not be queried: {error}") from error
            # rattler answers with one list per channel and subdir, in that order.
            places = [
                found[channel.url, subdir]
                for channel in channels
                for subdir in reach.platform.subdirs
            ]
            for place, records in zip(places, result, strict=True):
                for record in records:
                    if record.file_name not in place:
                        place[record.file_name] = json.loads(record.to_json())
        return found
