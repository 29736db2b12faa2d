"""Files and addresses as the formats of the Python world write them."""

from __future__ import annotations

import re

from envlock.model.reading import OriginKind

_SDIST = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar", ".tar.z", ".tar.zst")
_GIT = re.compile(r"git(?:\+|@|://)|[^#?]*\.git(?:[@#?]|$)")
_HASH = re.compile(r"(?P<kind>[a-z][a-z0-9_]*)(?:[:=]|-(?=[A-Za-z0-9+/=]))(?P<value>[^\s:]+)")
_LENGTHS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+)://|file:")


def kind_of(address: str) -> OriginKind:
    """Return what a PyPI address or file name is by its looks: wheel, source, git."""
    path = re.split(r"[?#]", address, maxsplit=1)[0].lower()
    if path.endswith(".whl"):
        return OriginKind.WHEEL
    if path.endswith(_SDIST):
        return OriginKind.SDIST
    return OriginKind.GIT if _GIT.match(address) else OriginKind.OTHER


def has_scheme(address: str) -> bool:
    """Say whether an address is a URL and no path."""
    return _SCHEME.match(address) is not None


def parse_hash(text: str) -> dict[str, str]:
    """Return `sha256:9f…` or `md5=…` by its algorithm; a bare digest goes by its length.

    Empty for text that is no hash.
    """
    if match := _HASH.fullmatch(text):
        return {match["kind"]: match["value"]}
    kind = _LENGTHS.get(len(text))
    return {kind: text} if kind and re.fullmatch(r"[0-9a-fA-F]+", text) else {}


def fragment_hashes(address: str) -> dict[str, str]:
    """Return the hashes that stand after `#` in an address: `#sha256=9f…&subdirectory=x`."""
    fragment = address.partition("#")[2]
    return {
        key: value
        for part in fragment.split("&")
        for key, _, value in [part.partition("=")]
        if key in _LENGTHS.values() and value
    }
