"""Opens package indexes: live ones, which are recorded, and recordings. The door to the PyPI half.

What the live half imports, HTTP client and all, is imported when it is opened: a solve from a
recording does without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from envlock.backends.pypi_options import HttpOptions
from envlock.backends.pypi_recording import RecordingSource, open_recording
from envlock.formats.pypi_recording import RecordedIndex
from envlock.formats.secrets import public_address
from envlock.model.stack import DEFAULT_INDEX
from envlock.ports.pypi import IndexSource, Recorder, Replay


class LiveIndexes:
    """Implements `ports.pypi.PackageIndexes`.

    `base` is where relative folders of indexes start, `cache` keeps what was read off immutable
    files, `environment` holds the variables that logins come from.
    """

    def __init__(
        self,
        *,
        base: Path,
        cache: Path,
        environment: Mapping[str, str],
        http: HttpOptions | None = None,
    ) -> None:
        self._base = base
        self._cache = cache
        self._environment = environment
        self._http = http or HttpOptions()

    def live(
        self,
        indexes: Sequence[IndexSource],
        as_of: str,
        sdists: Sequence[str],
        pythons: Sequence[str] = (),
    ) -> Recorder:
        """Return a recording source over live indexes; see the port."""
        from envlock.backends.pypi_cache import FactCache  # noqa: PLC0415 - see the module
        from envlock.backends.pypi_credentials import Credentials, Vault  # noqa: PLC0415
        from envlock.backends.pypi_live import LiveSettings, LiveSource  # noqa: PLC0415
        from envlock.backends.pypi_pages import Sieve, normal, parse_minors  # noqa: PLC0415

        vault = Vault()
        moment = datetime.fromisoformat(as_of)
        settings = LiveSettings(
            indexes=tuple(_located(index) for index in indexes),
            sieve=Sieve(
                as_of=moment if moment.tzinfo else moment.replace(tzinfo=UTC),
                sdists=frozenset(map(normal, sdists)),
                pythons=parse_minors(pythons),
            ),
            as_of=as_of,
            base=self._base,
            http=replace(self._http, ca_file=self._environment.get("SSL_CERT_FILE") or None),
        )
        credentials = Credentials(self._environment, vault)
        source = LiveSource(settings, credentials, vault, FactCache(self._cache))
        recorded = [
            RecordedIndex(name=item.name, url=public_address(item.url), format=item.format)
            for item in indexes
        ]
        return RecordingSource(source, recorded)

    def replay(self, recording: bytes) -> Replay:
        """Open a recording; see the port."""
        return open_recording(recording)


def _located(index: IndexSource) -> IndexSource:
    if index.name != DEFAULT_INDEX or index.location:
        return index
    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415 - see the module

    return replace(index, location=PYPI_SIMPLE_ENDPOINT)
