"""Channel names and addresses."""

from __future__ import annotations

import re

ALIAS = "https://conda.anaconda.org"
"""Where a channel without an address lies, as in conda, mamba and pixi."""

_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def channel_url(channel: str) -> str:
    """Return a channel's base URL, without a trailing slash."""
    if _ADDRESS.match(channel):
        return channel.rstrip("/")
    return f"{ALIAS}/{channel.strip('/')}"


def channel_name(url: str) -> str:
    """Return the short name of a base URL where it has one, else the URL."""
    prefix = f"{ALIAS}/"
    return url.removeprefix(prefix) if url.startswith(prefix) else url
