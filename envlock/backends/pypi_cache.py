"""What was read off distributions before, on disk: it cannot change, so it need not be read again.

An entry belongs to one owner, an index and a file's name, and one digest. The owner counts, since
an entry is only its word: another one's for the same digest must not be taken for it. Each entry
starts with the digest of the rest; one that does not match is as good as none. Nothing here is
needed: a cache that cannot be written is not written.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from hashlib import sha256
from pathlib import Path

from envlock import __version__

_LIMIT_BYTES = 8_000_000
_DIGITS = 16


class FactCache:
    """Small texts by kind, owner and digest, below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "pypi" / __version__

    def get(self, kind: str, owner: str, digest: str) -> str | None:
        """Return an entry, None when there is none that is whole."""
        try:
            with self._path(kind, owner, digest).open("rb") as file:
                content = file.read(_LIMIT_BYTES)
        except OSError:
            return None
        head, _, body = content.partition(b"\n")
        if head.decode("ascii", "replace") != sha256(body).hexdigest():
            return None
        return body.decode("utf-8", "replace")

    def put(self, kind: str, owner: str, digest: str, text: str) -> None:
        """Keep an entry, if the disk lets us."""
        path = self._path(kind, owner, digest)
        body = text.encode()
        staged: str | None = None
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, staged = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(sha256(body).hexdigest().encode() + b"\n" + body)
            Path(staged).replace(path)
            staged = None
        if staged is not None:
            with contextlib.suppress(OSError):
                Path(staged).unlink()

    def _path(self, kind: str, owner: str, digest: str) -> Path:
        word = sha256(owner.encode()).hexdigest()[:_DIGITS]
        return self._folder / kind / word / digest[:2] / digest
