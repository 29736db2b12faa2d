"""What an address in a lock says of itself, before anybody asks it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_ADDRESS = re.compile(
    r"(?:(?P<vcs>git|hg|svn|bzr)\+)?(?P<scheme>[a-z][a-z0-9.-]*)://(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_SCP = re.compile(r"(?:git\+)?[\w.-]+@(?P<host>[\w.-]+\.[\w-]+):(?P<path>(?!\d+/).+)", re.DOTALL)
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_WHOLE_COMMIT = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9a-f])")


class Address(NamedTuple):
    """The parts of an address that rules look at."""

    scheme: str
    """In small letters; empty for a path or a bare name."""
    host: str
    """In small letters, without login and port."""
    path: str
    """Without query and fragment; all of it where there is no scheme."""
    is_versioned: bool = False
    """Whether it names a repository: `git+https://…`."""


@lru_cache(maxsize=65_536)
def parse_address(text: str) -> Address:
    """Return the parts of whatever stands where an address is expected. Never raises."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        scp = _SCP.fullmatch(text.strip())
        return (
            Address("ssh", scp["host"].lower(), scp["path"], is_versioned=True)
            if scp
            else (Address("", "", text.strip()))
        )
    rest = re.split(r"[?#]", found["rest"], maxsplit=1)[0]
    place, slash, path = rest.partition("/")
    host = place.rpartition("@")[2]
    host = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return Address(found["scheme"].lower(), host.lower(), slash + path, bool(found["vcs"]))


def file_name(address: str) -> str:
    """Return the last segment of an address, as people call a file; the address if it has none."""
    name = parse_address(address).path.rstrip("/").rpartition("/")[2]
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), name) or address


_ENCODED = re.compile(r"%(2[0-9A-Fa-f])")
"""The marks of a version that addresses may hide: `%2B` for `+`, `%21` for `!`."""


def is_path(address: Address) -> bool:
    """Say whether an address is a place on a disk."""
    return address.scheme == "file" or (not address.scheme and bool(address.path))


def is_absolute(address: Address) -> bool:
    """Say whether a place on a disk is named from the root, or from somebody's home."""
    path = address.path
    return address.scheme == "file" or path.startswith(("/", "~")) or bool(_WINDOWS.match(path))


_LOOPBACK = re.compile(
    r"localhost|.+\.localhost|127(?:\.\d+){3}|::1|0\.0\.0\.0|host\.docker\.internal"
)
_PRIVATE = re.compile(
    r"10(?:\.\d+){3}|192\.168(?:\.\d+){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d+){2}|169\.254(?:\.\d+){2}"
    r"|f[cd][0-9a-f]{2}:.*|fe80:.*|.+\.(?:local|lan|internal|intranet|corp|home)"
)


def is_loopback(host: str) -> bool:
    """Say whether a host is the machine itself."""
    return _LOOPBACK.fullmatch(host) is not None


def is_private(host: str) -> bool:
    """Say whether a host can be reached from one network alone."""
    return _PRIVATE.fullmatch(host) is not None


def has_whole_commit(*texts: str) -> bool:
    """Say whether any text holds a whole commit of git, SHA-1 or SHA-256."""
    return any(_WHOLE_COMMIT.search(text.lower()) for text in texts)


_BRANCH = r"(?:main|master|trunk|develop|dev|HEAD|nightly|latest|stable)"
_MUTABLE = (
    re.compile(rf"/archive/{_BRANCH}(?:\.zip|\.tar\.\w+)$"),
    re.compile(r"/(?:archive/)?refs/heads/"),
    re.compile(rf"/(?:raw|blob|tree|resolve|zipball|tarball)/{_BRANCH}(?:/|$)"),
    re.compile(rf"^/[^/]+/[^/]+/{_BRANCH}/.+"),  # raw.githubusercontent.com/OWNER/NAME/BRANCH/FILE
    re.compile(r"/latest(?:/|$)"),
    re.compile(r"[-_]latest[-_.]"),
)
_RAW_HOST = re.compile(r"raw\.github(?:usercontent)?\.com|cdn\.jsdelivr\.net")
_OF_RAW_HOSTS = 3
"""Which of the patterns says something about hosts of raw files only."""


def mutable_part(address: Address) -> str:
    """Return what of an address's path can mean another file tomorrow; empty where nothing does."""
    if address.scheme in ("", "file"):
        return ""
    for number, pattern in enumerate(_MUTABLE):
        found = pattern.search(address.path)
        if found and (number != _OF_RAW_HOSTS or _RAW_HOST.fullmatch(address.host)):
            return found.group() if number != _OF_RAW_HOSTS else f"/{address.path.split('/')[3]}/"
    return ""


def channel_of(address: str) -> str:
    """Return the channel that a conda file lies in: its address without folder and name."""
    return address.partition("#")[0].rpartition("/")[0].rpartition("/")[0]
