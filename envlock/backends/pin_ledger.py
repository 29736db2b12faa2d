"""The ledger of a pin folder: which stack solves from which pin."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from envlock.backends.files import write_whole
from envlock.backends.pin_cache import open_file
from envlock.errors import PinError, WorldError

_NAME = "pins.toml"
_LIMIT_BYTES = 1_000_000
_HEAD = """\
# Which index pin each stack of the folder above solves from.
# Written by `envlock index pin` and `envlock index update`.
version = 1

[stacks]
"""
_PREFIX = "sha256:"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Say whether a text can name a pin; anything else must not become a path."""
    return _DIGEST.fullmatch(text) is not None


class PinLedger:
    """The file `pins.toml` of one folder. A missing file is an empty ledger."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _NAME

    def read(self) -> dict[str, str]:
        """Return the digests by stack name; raises `PinError` when the file is broken."""
        try:
            with open_file(self._path) as file:
                return _parse(file.read(_LIMIT_BYTES).decode())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise PinError(
                f"{self._path}: cannot be read: {error}",
                hints=[f"restore {_NAME} from version control, or pin the stacks anew"],
            ) from error

    def assign(self, stack_names: Iterable[str], digest: str) -> None:
        """Write some rows anew and keep the others; raises `WorldError` when the disk refuses."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorldError(f"{self._folder}: cannot be made: {error.strerror}") from error
        with _locked(self._folder):
            rows = {**self.read(), **dict.fromkeys(stack_names, digest)}
            write_whole(self._path, _format(rows).encode())


def _format(rows: Mapping[str, str]) -> str:
    lines = (f'{json.dumps(name)} = "{_PREFIX}{rows[name]}"\n' for name in sorted(rows))
    return _HEAD + "".join(lines)


def _parse(text: str) -> dict[str, str]:
    rows = tomllib.loads(text).get("stacks", {})
    if not isinstance(rows, dict):
        raise ValueError("stacks: expected a table")  # noqa: TRY004 - one kind for every fault
    for name, value in rows.items():
        if not isinstance(value, str) or not is_digest(value.removeprefix(_PREFIX)):
            raise ValueError(f"stacks.{name}: expected `{_PREFIX}` and 64 hex digits")
    return {name: value.removeprefix(_PREFIX) for name, value in rows.items()}


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, where the system has one: two stacks may be assigned at once."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(ImportError, OSError):  # Windows; a file system without locks
            import fcntl  # noqa: PLC0415

            descriptor = os.open(folder, os.O_RDONLY)
            held.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
