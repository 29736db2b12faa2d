"""Pairs an address with the depot that lies there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.errors import EnvlockError

if TYPE_CHECKING:
    from envlock.ports.depot import Depot

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?=.)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def open_depot(url: str) -> Depot:
    """Return the depot at an address: a folder, its `file:` address, or what `fsspec` knows.

    Raises `EnvlockError` for an address that nothing here can use.
    """
    from envlock.backends.depot_folder import FolderDepot

    if url.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        return FolderDepot(Path(unquote(urlsplit(url).path)).absolute())
    if not _SCHEME.match(url):
        return FolderDepot(Path(url).absolute())
    from envlock.backends.depot_remote import RemoteDepot

    return RemoteDepot(url)


def parse_moment(text: str) -> str:
    """Return a day or a time as a time in UTC. Raises `EnvlockError` for any other text."""
    from datetime import datetime

    moment = f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text
    try:
        if not _TIME.fullmatch(moment):
            raise ValueError(text)  # noqa: TRY301 - the same answer as a month 13
        datetime.fromisoformat(moment)
    except ValueError:
        raise EnvlockError(
            f"--not-before: expected a day or a time in UTC, found {text[:40]!a}",
            hints=["`--not-before 2026-11-24` or `--not-before 2026-11-24T10:00:00Z`"],
        ) from None
    return moment
