"""Reads a bundle, believing nothing: every byte of the file is compared or hashed as it passes.

The headers are not parsed but written anew from the manifest and compared; the padding has to be
zeros; after the end there has to be nothing. So there is no second way to write the same bundle,
and no name, mode or link in the archive that could do anything.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import IO

from envlock.errors import BundleError, Fault, InputFileError, WorldError
from envlock.formats.bundle import (
    MANIFEST_LIMIT_BYTES,
    MANIFEST_NAME,
    manifest_name,
    parse_manifest,
)
from envlock.formats.tar_blocks import (
    BLOCK_BYTES,
    END,
    archive_bytes,
    format_header,
    padding,
    read_name_and_size,
)
from envlock.model.bundle import Bundle, Member

_CHUNK_BYTES = 1 << 20
UNTOUCHED = "Nothing was unpacked; the store is unchanged."
_NO_FILE = "expected a file, found a folder, a device or a pipe"
_HINTS = ("carry it over again, and compare both ends: `sha256sum FILE`", "or pack it anew")
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def open_bundle(path: Path) -> BundleReader:
    """Open a bundle and read its manifest; the caller closes it.

    Raises `InputFileError` for what is no file, `BundleError` for what is no bundle.
    """
    try:
        file = os.fdopen(os.open(path, _READING), "rb")
    except FileNotFoundError:
        raise InputFileError([Fault(where=str(path), problem="there is no such file")]) from None
    except IsADirectoryError:
        raise InputFileError([Fault(where=str(path), problem=_NO_FILE)]) from None
    except OSError as error:
        raise WorldError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return BundleReader(file, path.name)
    except BaseException:
        file.close()
        raise


class BundleReader:
    """One bundle, read from its beginning to its end."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputFileError([Fault(where=name, problem=_NO_FILE)])
        content = self._read_manifest()
        self.sha256 = sha256(content).hexdigest()
        """Of the manifest; stands for every byte of the bundle."""
        self.bundle: Bundle = self._parse(content)
        sizes = {each.path: each.size_bytes for each in self.bundle.members}
        expected = archive_bytes({manifest_name(content): len(content), **sizes})
        if status.st_size != expected:
            what = "cut short" if status.st_size < expected else "longer than it must be"
            raise self.refused(
                f"it is {what}: expected {expected:,} bytes, found {status.st_size:,}"
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def restart(self) -> None:
        """Begin anew behind the manifest. Raises `BundleError` when it is another one by now."""
        self._file.seek(0)
        if sha256(self._read_manifest()).hexdigest() != self.sha256:
            raise self.refused("it was changed while it was read")

    def refused(self, problem: str) -> BundleError:
        """Return the error of a bundle that is not whole."""
        return BundleError(
            f"{self._name}: is not a bundle as envlock wrote it: {problem}\n{UNTOUCHED}",
            hints=_HINTS,
        )

    def copy(self, member: Member, write: Callable[[bytes], object]) -> None:
        """Hand on the content of the next member, which has to be this one.

        Raises `BundleError` when it is another, or its content is: what was handed on is worth
        nothing then.
        """
        header = format_header(member.path, member.size_bytes)
        if self._read(len(header)) != header:
            raise self.refused(f"expected `{member.path}` next, found something else")
        digest, rest = sha256(), member.size_bytes
        while rest:
            chunk = self._read(min(rest, _CHUNK_BYTES))
            digest.update(chunk)
            write(chunk)
            rest -= len(chunk)
        if digest.hexdigest() != member.sha256:
            raise self.refused(
                f"digest mismatch for `{member.path}`\n"
                f"  expected sha256: {member.sha256}\n"
                f"  found sha256:    {digest.hexdigest()}"
            )
        self._skip_padding(member.path, member.size_bytes)

    def end(self) -> None:
        """Read what comes after the last member. Raises `BundleError` if it is not just the end."""
        if self._read(len(END)) != END or self._file.read(1):
            raise self.refused("something comes after its last file")

    def _read_manifest(self) -> bytes:
        header = self._read(BLOCK_BYTES)
        try:
            name, size_bytes = read_name_and_size(header)
        except ValueError as error:
            raise self.refused(str(error)) from None
        if not MANIFEST_NAME.fullmatch(name) or size_bytes > MANIFEST_LIMIT_BYTES:
            raise self.refused("it does not begin with a manifest")
        content = self._read(size_bytes)
        if manifest_name(content) != name or format_header(name, size_bytes) != header:
            raise self.refused("its manifest is not the one that it names")
        self._skip_padding(name, size_bytes)
        return content

    def _parse(self, content: bytes) -> Bundle:
        try:
            return parse_manifest(content)
        except ValueError as error:
            raise self.refused(str(error)) from None

    def _skip_padding(self, path: str, size_bytes: int) -> None:
        if any(self._read(padding(size_bytes))):
            raise self.refused(f"after `{path}` there is something that is no part of it")

    def _read(self, size_bytes: int) -> bytes:
        try:
            content = self._file.read(size_bytes)
        except OSError as error:
            raise WorldError(
                f"{self._name}: cannot be read: {error.strerror or error}\n{UNTOUCHED}"
            ) from error
        if len(content) != size_bytes:
            raise self.refused("it is cut short")
        return content
