"""A depot at any address that `fsspec` knows: S3 and its like, with what it needs for each.

Object stores show an object when it is whole and not before. Elsewhere it is written under another
name and moved. Objects are read in pieces, each asked for anew: so a cut costs one piece, and a
pull goes on where it stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from envlock.backends.artifact_files import hash_file
from envlock.backends.depot_folder import MARK, MARK_TEXT, PIECE_BYTES, damaged_archive
from envlock.errors import DepotError, EnvlockError, WorldError
from envlock.formats.secrets import public_address, redact

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_WHOLE_OR_NOTHING = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "adl", "oss", "memory"})
"""Protocols whose objects appear when they are whole; their folders are only names."""
_STATE = "What was whole in the depot before is whole now."


class RemoteDepot:
    """Implements `ports.depot.Depot`."""

    def __init__(self, url: str) -> None:
        """Raise `EnvlockError` for an address that nothing here can use."""
        self._title = public_address(url)
        self._files, self._root = _open(url, self._title)
        protocols = self._files.protocol
        names = {protocols} if isinstance(protocols, str) else set(protocols)
        self._is_atomic = bool(names & _WHOLE_OR_NOTHING)

    @property
    def title(self) -> str:
        """The address without secrets; see the port."""
        return self._title

    def prepare(self) -> None:
        """Make the depot where there is none yet; see the port."""
        found = self._read(MARK, len(MARK_TEXT))
        if found is None:
            self._write(MARK, MARK_TEXT)
        elif found != MARK_TEXT:
            raise DepotError(
                f"{self.title}: expected a depot, found something else in `{MARK}`\n"
                "Nothing in it was touched.",
                hints=["name an address of its own"],
            )

    def read_entry(self, key: str, limit_bytes: int) -> bytes | None:
        """Return an entry's text; see the port."""
        return self._read(f"entries/{key}.json", limit_bytes)

    def write_entry(self, key: str, content: bytes) -> None:
        """Write an entry in one step; see the port."""
        self._write(f"entries/{key}.json", content)

    def size_of(self, sha256: str) -> int | None:
        """Return an object's size; see the port."""
        return self._size(_object(sha256))

    def put(self, sha256: str, path: str) -> None:
        """Take a file in; see the port."""
        if hash_file(Path(path)).sha256 != sha256:
            raise damaged_archive(sha256)
        with self._telling(), self._staged(_object(sha256)) as place:
            self._files.put_file(path, place)

    def read(self, sha256: str, offset: int) -> Iterator[bytes]:
        """Yield the rest of an object; see the port."""
        name = _object(sha256)
        size = self._size(name) or 0
        while offset < size:
            with self._telling():
                end = min(offset + PIECE_BYTES, size)
                piece: bytes = self._files.cat_file(self._path(name), start=offset, end=end)
            if not piece:
                return
            offset += len(piece)
            yield piece

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _size(self, name: str) -> int | None:
        with self._telling():
            try:
                found = self._files.info(self._path(name))
            except FileNotFoundError:
                return None
            return int(found["size"]) if found["type"] == "file" else None

    def _read(self, name: str, limit_bytes: int) -> bytes | None:
        size = self._size(name)
        if not size:  # nothing can be asked of an empty object by its range
            return None if size is None else b""
        with self._telling():
            end = min(size, limit_bytes + 1)
            content: bytes = self._files.cat_file(self._path(name), start=0, end=end)
            return content

    def _write(self, name: str, content: bytes) -> None:
        with self._telling(), self._staged(name) as place:
            self._files.pipe_file(place, content)

    @contextlib.contextmanager
    def _staged(self, name: str) -> Iterator[str]:
        """Give the place to write to; what is there is under its name afterwards."""
        path = self._path(name)
        if self._is_atomic:
            yield path
            return
        folder, _, file = path.rpartition("/")
        self._files.makedirs(folder, exist_ok=True)
        staged = f"{folder}/.{file}.{token_hex(4)}.part"
        try:
            yield staged
            self._files.mv(staged, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._files.rm_file(staged)
            raise

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except EnvlockError:
            raise
        except Exception as error:
            # Each backend raises its own library's errors besides OSError: that of S3 two of them.
            said = redact(str(error)).partition("\n")[0][:200]
            raise WorldError(
                f"{self.title}: the depot cannot be used: {said or type(error).__name__}\n{_STATE}",
                hints=["look at the address, the login that its library uses, and the network"],
                detail=redact(repr(error)),
            ) from error


def _object(sha256: str) -> str:
    return f"objects/sha256/{sha256[:2]}/{sha256}"


def _open(url: str, title: str) -> tuple[AbstractFileSystem, str]:
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an optional library
    except ImportError as error:
        raise WorldError(
            f"{title}: an address needs the library `fsspec`, which is not installed",
            hints=["install it beside envlock: `pip install fsspec`, for S3 `pip install s3fs`"],
            detail=str(error),
        ) from error
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    try:
        files, root = url_to_fs(url, **options)
    except ImportError as error:
        raise WorldError(
            f"{title}: the library for such addresses is not installed: {error}",
            hints=["install what it names beside envlock; for S3 that is `pip install s3fs`"],
            detail=str(error),
        ) from error
    except Exception as error:  # the libraries' own, for what they cannot read
        raise DepotError(
            f"{title}: expected a folder or an address such as `s3://bucket/path`: "
            f"{redact(str(error)).partition(chr(10))[0][:200]}",
            hints=["`python -c 'import fsspec; print(fsspec.available_protocols())'` lists them"],
        ) from error
    return files, str(root).rstrip("/")
