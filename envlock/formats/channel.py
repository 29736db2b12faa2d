"""Channel names and addresses, and what of an address may be shown.

A channel has a public address, which pins, locks and messages carry, and a location, which is
asked: the same with the credentials that a stack may hold. Only the second opens private channels;
only the first may leave the machine.
"""

from __future__ import annotations

import re

ALIAS = "https://conda.anaconda.org"
"""Where a channel without an address lies, as in conda, mamba and pixi."""

_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_TOKEN = re.compile(r"/t/[^/\s)'\"`]+")


def channel_location(channel: str) -> str:
    """Return the address that is asked: all of it, without a trailing slash."""
    if _ADDRESS.match(channel):
        return channel.rstrip("/")
    return f"{ALIAS}/{channel.strip('/')}"


def channel_url(channel: str) -> str:
    """Return a channel's public base URL: no credentials, token or query, no trailing slash."""
    scheme, _, rest = channel_location(channel).partition("://")
    host, slash, path = re.split(r"[?#]", rest)[0].partition("/")
    host = host.rpartition("@")[2].lower()
    return f"{scheme.lower()}://{host}{_TOKEN.sub('', slash + path)}".rstrip("/")


def channel_name(url: str) -> str:
    """Return the short name of a base URL where it has one, else the URL."""
    prefix = f"{ALIAS}/"
    return url.removeprefix(prefix) if url.startswith(prefix) else url


def channel_folder(url: str) -> str:
    """Return where a mirror keeps a channel, such as `conda-forge` or `conda-forge/label/rc`."""
    name = channel_name(url)
    return name.rstrip("/").rpartition("/")[2] if _ADDRESS.match(name) else name
