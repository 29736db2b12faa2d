"""What a store remembers of the entries that it pulled: `pulled/<key>-<signer>.json`.

It is kept when the environment is collected, or an older entry could come again after that.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from envlock.backends.files import write_whole
from envlock.backends.store_layout import make_folder
from envlock.errors import StoreError, WorldError
from envlock.ports.depot import Pulled


class DiskPullMemory:
    """Implements `ports.depot.PullMemory`."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "pulled"

    def recall(self, key: str, keyid: str) -> Pulled | None:
        """Return what is remembered; see the port."""
        path = self._path(key, keyid)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Pulled)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise StoreError(
                f"{path}: what was pulled before cannot be read: {error}\nNothing was pulled.",
                hints=["look at it, then remove it: the next pull writes it anew"],
            ) from error

    def remember(self, key: str, keyid: str, pulled: Pulled) -> None:
        """Remember; see the port."""
        try:
            make_folder(self._folder)
        except OSError as error:
            raise WorldError(f"{self._folder}: cannot be made: {error.strerror}") from error
        write_whole(self._path(key, keyid), msgspec.json.encode(pulled))

    def _path(self, key: str, keyid: str) -> Path:
        return self._folder / f"{key}-{keyid}.json"
