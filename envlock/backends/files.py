"""The user's files, and the one way in which envlock writes any file: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from envlock.errors import Fault, InputFileError, WorldError

_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class DiskWorkspace:
    """Reads and writes real paths. Implements `ports.workspace.Workspace`."""

    def read_bytes(self, path: str, *, limit_bytes: int | None = None) -> bytes:
        """Return a file's content; see the port."""
        try:
            # Not blocking: opening a pipe that nobody writes to would wait for ever.
            with os.fdopen(os.open(path, _READING), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise InputFileError([_not_a_file(path)])
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
        return is_file(path)

    def write_bytes(self, path: str, content: bytes) -> None:
        """Replace a file in one step; see the port."""
        write_whole(Path(path), content)


def is_file(path: str | Path) -> bool:
    """Say whether a file lies there; pathlib raises for a name too long, or a folder closed."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def is_folder(path: str | Path) -> bool:
    """Say whether a folder lies there; see `is_file`."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target, flush to the disk, rename; the mode follows the old file or umask.

    A pipe or a device, such as `/dev/stdout`, is written to as it is: no file takes its place.
    Raises `WorldError`; then the target is what it was and no stray file stays behind.
    """
    staged: Path | None = None
    asked = path
    try:
        if _is_stream(path):
            path.write_bytes(content)
            return
        path = path.resolve()  # a symlinked lock stays a link
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        staged = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.chmod(_mode_for(path))
        staged.replace(path)
        staged = None
    except FileNotFoundError as error:
        raise WorldError(
            f"{asked}: cannot be written: there is no folder {path.parent}\nNothing was written.",
            hints=[f"make it first: `mkdir -p {asked.parent}`"],
        ) from error
    except OSError as error:
        raise WorldError(
            f"{asked}: cannot be written: {error.strerror or error}\n"
            "Nothing was written; what was there is unchanged.",
            hints=["free space or choose a folder that you may write to, then run it again"],
        ) from error
    finally:
        if staged is not None:  # also after an interrupt
            with contextlib.suppress(OSError):
                staged.unlink(missing_ok=True)


def _is_stream(path: Path) -> bool:
    """Say whether a pipe, a device or a terminal lies there."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _mode_for(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _not_a_file(path: str) -> Fault:
    return Fault(where=path, problem="expected a file, found a device or a pipe")


def _too_large(path: str, size_bytes: int, limit_bytes: int) -> Fault:
    return Fault(
        where=path,
        problem=f"expected at most {limit_bytes:,} bytes, found {size_bytes:,}",
        hint="is this really the file you meant?",
    )
