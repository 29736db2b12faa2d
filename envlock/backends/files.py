"""The user's files, and the one way in which envlock writes any file: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from envlock.errors import Fault, InputFileError, WorldError


class DiskWorkspace:
    """Reads and writes real paths. Implements `ports.workspace.Workspace`."""

    def read_bytes(self, path: str, *, limit_bytes: int | None = None) -> bytes:
        """Return a file's content; see the port."""
        try:
            with Path(path).open("rb") as file:
                status = os.fstat(file.fileno())
                if limit_bytes is not None and status.st_size > limit_bytes:
                    raise InputFileError([_too_large(path, status.st_size, limit_bytes)])
                content = file.read() if limit_bytes is None else file.read(limit_bytes + 1)
        except FileNotFoundError:
            raise InputFileError([Fault(where=path, problem="there is no such file")]) from None
        except IsADirectoryError:
            raise InputFileError(
                [Fault(where=path, problem="expected a file, found a folder")]
            ) from None
        except OSError as error:
            raise WorldError(f"{path}: cannot be read: {error.strerror or error}") from error
        if limit_bytes is not None and len(content) > limit_bytes:
            raise InputFileError([_too_large(path, len(content), limit_bytes)])
        return content

    def exists(self, path: str) -> bool:
        """Say whether a file lies there."""
        return Path(path).is_file()

    def write_bytes(self, path: str, content: bytes) -> None:
        """Replace a file in one step; see the port."""
        write_whole(Path(path), content)


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target, flush to the disk, rename; the mode follows the old file or umask.

    Raises `WorldError`; then the target is what it was and no stray file stays behind.
    """
    staged: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        staged = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.chmod(_mode_for(path))
        staged.replace(path)
    except OSError as error:
        if staged is not None:
            with contextlib.suppress(OSError):
                staged.unlink(missing_ok=True)
        raise WorldError(
            f"{path}: cannot be written: {error.strerror or error}\n"
            "Nothing was written; what was there is unchanged.",
            hints=["free space or choose a folder that you may write to, then run it again"],
        ) from error


def _mode_for(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _too_large(path: str, size_bytes: int, limit_bytes: int) -> Fault:
    return Fault(
        where=path,
        problem=f"expected at most {limit_bytes:,} bytes, found {size_bytes:,}",
        hint="is this really the file you meant?",
    )
