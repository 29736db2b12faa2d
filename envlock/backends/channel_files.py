"""Channel folders looked at without rattler: packed local ones, and seemingly missing ones."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_CHUNK_BYTES = 1 << 20
_LIMIT_BYTES = 1 << 31
"""No repodata is larger; a packed one that grows beyond it is a bomb."""
_ABSENT = (401, 403, 404, 410)
"""Answers that may mean "no such file": where `noarch` could be read, a private or an S3-like
channel says 403, or 401 to whoever asks without credentials as this module does."""
_OK = 200


def is_remote(location: str) -> bool:
    """Say whether a channel is reached over a network."""
    return not location.lower().startswith("file:")


def readable_location(location: str, subdir: str, scratch: Path) -> str:
    """Return the address under which rattler finds a local folder's repodata.

    rattler reads only `repodata.json` from a disk. Where a folder holds nothing but the packed
    form, as an index pin does, it is unpacked below `scratch`. Raises `OSError` and `ValueError`.
    """
    if is_remote(location):
        return location
    folder = Path(urllib.request.url2pathname(urlsplit(location).path)) / subdir
    packed = folder / "repodata.json.zst"
    if (folder / "repodata.json").exists() or not packed.is_file():
        return location
    target = scratch / "unpacked" / subdir / "repodata.json"
    target.parent.mkdir(parents=True)
    _unpack(packed, target)
    return (scratch / "unpacked").as_uri()


def _unpack(packed: Path, target: Path) -> None:
    import zstandard  # noqa: PLC0415 - most channels are not packed local ones

    size_bytes = 0
    try:
        with packed.open("rb") as file, target.open("wb") as output:
            reader = zstandard.ZstdDecompressor().stream_reader(file)
            while chunk := reader.read(_CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > _LIMIT_BYTES:
                    raise ValueError(f"failed to decode zst: more than {_LIMIT_BYTES:,} bytes")
                output.write(chunk)
    except zstandard.ZstdError as error:
        raise ValueError(f"failed to decode zst\n{error}") from error


def doubt_absence(location: str, subdir: str, timeout_seconds: float) -> str | None:
    """Return what speaks against "the channel has no such folder", None when nothing does.

    Blocks. Asked after rattler found nothing at all in a folder.
    """
    if urlsplit(location).scheme not in ("http", "https"):
        return None
    folder = f"{_without_user(location)}/{subdir}"
    if _status(f"{folder}/repodata.json", timeout_seconds) == _OK:
        return None  # rattler has read it, and it is empty
    status = _status(f"{folder}/repodata.json.zst", timeout_seconds)
    if status in _ABSENT:
        return None
    answer = f"HTTP {status}" if status else "no steady answer"
    return f"{answer} for repodata.json.zst"


def _status(url: str, timeout_seconds: float) -> int | None:
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - http and https only
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:  # noqa: S310
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None


def _without_user(location: str) -> str:
    parts = urlsplit(location)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
