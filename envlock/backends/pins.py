"""Pins on disk: folders beside the stacks, and a cache of their parts uncompressed.

    stacks/pins/pins.toml        which stack solves from which pin
    stacks/pins/<digest>/        one pin; see `formats.index_pin`

A solver maps uncompressed repodata, so parts are unpacked once into the user's cache, named by
their SHA-256. The cache is never trusted: each part is hashed again whenever it is opened.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from envlock.backends.files import write_whole
from envlock.errors import PinError, WorldError
from envlock.formats.index_pin import (
    MANIFEST,
    NAME_DIGITS,
    format_manifest,
    parse_manifest,
    part_folder,
    pin_digest,
)
from envlock.model.pin import OpenPart, OpenPin, Pin, PinPart

_CHUNK_BYTES = 1 << 20
_COMPRESSION_LEVEL = 19
_LEDGER = "pins.toml"
_LEDGER_HEAD = """\
# Which index pin each stack of the folder above solves from.
# Written by `envlock index pin` and `envlock index update`.
version = 1

[stacks]
"""
REPODATA = "repodata.json.zst"


class DiskPins:
    """The pins of one folder. Implements `ports.pins.Pins`."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self._cache = cache

    def assigned(self, stack_name: str) -> str | None:
        """Return the digest that the ledger gives for a stack."""
        return self._ledger().get(stack_name)

    def read(self, digest: str) -> Pin:
        """Return a pin's manifest after comparing it with its digest; see the port."""
        place = self.folder / digest[:NAME_DIGITS]
        try:
            pin = parse_manifest((place / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise PinError(
                f"{place}: the pin {digest[:12]}… is not there",
                hints=["restore it from version control, or make one: `envlock index pin STACK`"],
            ) from None
        except (ValueError, OSError) as error:
            raise PinError(f"{place / MANIFEST}: cannot be read: {error}") from error
        _compare(str(place / MANIFEST), expected=digest, found=pin_digest(pin))
        return pin

    def open(self, digest: str, subdirs: Sequence[str]) -> OpenPin:
        """Unpack and verify the parts of some subdirs; see the port."""
        pin = self.read(digest)
        wanted = [part for part in pin.parts if part.subdir in subdirs]
        with ThreadPoolExecutor(max_workers=2) as pool:
            opened = pool.map(lambda part: self._open_part(digest, pin, part), wanted)
            return OpenPin(digest=digest, pin=pin, parts=tuple(opened))

    def keep(self, pin: Pin, repodata: Mapping[tuple[str, str], bytes]) -> str:
        """Write a pin folder: staged beside its place, then renamed; see the port."""
        import zstandard  # noqa: PLC0415 - only written pins need the compressor

        digest = pin_digest(pin)
        place = self.folder / digest[:NAME_DIGITS]
        if place.exists():
            return digest
        with _staging(self.folder) as staged:
            for part in pin.parts:
                target = staged / part_folder(pin, part) / REPODATA
                target.parent.mkdir(parents=True)
                packer = zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL)
                target.write_bytes(packer.compress(repodata[part.channel, part.subdir]))
            (staged / MANIFEST).write_bytes(format_manifest(pin))
            staged.chmod(0o755)
            staged.rename(place)
        return digest

    def assign(self, stack_name: str, digest: str) -> None:
        """Write the ledger anew with one stack's pin changed."""
        rows = {**self._ledger(), stack_name: digest}
        lines = [f'"{name}" = "sha256:{rows[name]}"\n' for name in sorted(rows)]
        write_whole(self.folder / _LEDGER, (_LEDGER_HEAD + "".join(lines)).encode())

    def _ledger(self) -> dict[str, str]:
        path = self.folder / _LEDGER
        try:
            rows = tomllib.loads(path.read_text("utf-8"))["stacks"]
            return {name: value.removeprefix("sha256:") for name, value in rows.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise PinError(
                f"{path}: cannot be read: {error}",
                hints=[f"restore {path.name} from version control"],
            ) from error

    def _open_part(self, digest: str, pin: Pin, part: PinPart) -> OpenPart:
        unpacked = self._cache / "repodata" / f"{part.sha256}.json"
        if not _is_intact(unpacked, part):
            packed = self.folder / digest[:NAME_DIGITS] / part_folder(pin, part) / REPODATA
            unpacked = self._unpack(packed, part)
        return OpenPart(part=part, path=str(unpacked))

    def _unpack(self, packed: Path, part: PinPart) -> Path:
        content = _decompress(packed, part)
        _compare(str(packed), expected=part.sha256, found=sha256(content).hexdigest())
        for cache in (self._cache / "repodata", Path(tempfile.gettempdir()) / "envlock-repodata"):
            with contextlib.suppress(OSError, WorldError):
                cache.mkdir(parents=True, exist_ok=True)
                write_whole(cache / f"{part.sha256}.json", content)
                return cache / f"{part.sha256}.json"
        raise WorldError(
            f"{self._cache}: the index pin cannot be unpacked there or in the temporary folder",
            hints=["set ENVLOCK_CACHE to a folder with room that you may write to"],
        )


def _decompress(packed: Path, part: PinPart) -> bytes:
    import zstandard  # noqa: PLC0415 - a pin that is unpacked already needs no decompressor

    try:
        with packed.open("rb") as file:
            # Bounded by the manifest, so that a forged part cannot fill the memory.
            content = zstandard.ZstdDecompressor().stream_reader(file).read(part.size_bytes + 1)
    except FileNotFoundError:
        raise _damaged(str(packed), "the file is missing") from None
    except (OSError, zstandard.ZstdError) as error:
        raise _damaged(str(packed), f"cannot be unpacked: {error}") from error
    if len(content) != part.size_bytes:
        more = "more than " if len(content) > part.size_bytes else ""
        found = min(len(content), part.size_bytes)
        raise _damaged(
            str(packed), f"expected {part.size_bytes:,} bytes unpacked, found {more}{found:,}"
        )
    return content


def _is_intact(path: Path, part: PinPart) -> bool:
    digest = sha256()
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != part.size_bytes:
                return False
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        return False
    return digest.hexdigest() == part.sha256


def _compare(where: str, *, expected: str, found: str) -> None:
    if expected != found:
        raise _damaged(where, f"digest mismatch\n  expected sha256: {expected}\n  found    sha256: {found}")


def _damaged(where: str, problem: str) -> PinError:
    return PinError(
        f"{where}: {problem}\nNothing was solved; no lock was written.",
        hints=["restore the pin from version control, or make a new one: `envlock index pin STACK`"],
    )


class _staging:  # noqa: N801 - reads as the context manager that it is
    """A folder beside the target that vanishes unless it was renamed away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staged: Path | None = None

    def __enter__(self) -> Path:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._staged = Path(tempfile.mkdtemp(dir=self._folder, prefix=".pin-"))
        except OSError as error:
            raise self._refused(error) from error
        return self._staged

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if self._staged is not None:
            shutil.rmtree(self._staged, ignore_errors=True)
        if isinstance(error, OSError):
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> WorldError:
        return WorldError(
            f"{self._folder}: a pin cannot be written there: {error.strerror or error}\n"
            "Nothing was written; what was there is unchanged."
        )


def cache_folder(environment: Mapping[str, str], home: Callable[[], Path]) -> Path:
    """Return the user's cache: ENVLOCK_CACHE, else XDG_CACHE_HOME/envlock, else ~/.cache/envlock."""
    if own := environment.get("ENVLOCK_CACHE"):
        return Path(own)
    if shared := environment.get("XDG_CACHE_HOME"):
        return Path(shared) / "envlock"
    try:
        return home() / ".cache" / "envlock"
    except RuntimeError:  # a user without a home folder
        return Path(tempfile.gettempdir()) / "envlock"
