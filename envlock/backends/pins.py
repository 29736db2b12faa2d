"""Pins on disk: folders beside the stacks.

    stacks/pins/pins.toml        which stack solves from which pin
    stacks/pins/<digest>/        one pin; see `formats.index_pin`

Nothing that is read here is believed: a ledger, a manifest and a part may come from anybody's
branch. The ledger names a digest, the digest covers the manifest, the manifest covers every part.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from envlock.backends.files import write_whole
from envlock.backends.pin_cache import PinCache, damaged, open_file, unpack
from envlock.backends.pin_ledger import PinLedger, is_digest
from envlock.errors import PinError, WorldError
from envlock.formats.index_pin import (
    MANIFEST,
    MANIFEST_LIMIT_BYTES,
    NAME_DIGITS,
    format_manifest,
    parse_manifest,
    part_folder,
    pin_digest,
)
from envlock.model.pin import OpenPart, OpenPin, Pin, PinPart

REPODATA = "repodata.json.zst"
_COMPRESSION_LEVEL = 17
"""1 % larger than 19 in half the time; 16 % smaller than 12."""
_STAGED = ".pin-"
_STALE_SECONDS = 3600.0
"""A staging folder that old belongs to a process that was killed."""


class DiskPins:
    """The pins of one folder. Implements `ports.pins.Pins`."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self._cache = PinCache(cache)
        self._ledger = PinLedger(folder)

    def assigned(self, stack_name: str) -> str | None:
        """Return the digest that the ledger gives for a stack."""
        return self._ledger.read().get(stack_name)

    def assignments(self) -> Mapping[str, str]:
        """Return the ledger."""
        return self._ledger.read()

    def kept(self) -> tuple[str, ...]:
        """Return the digests of the pins in the folder; what is not a pin is passed over."""
        found = []
        for path in sorted(self.folder.glob(f"*/{MANIFEST}")):
            with contextlib.suppress(PinError):
                digest = pin_digest(_read_manifest(path))
                if path.parent.name == digest[:NAME_DIGITS]:
                    found.append(digest)
        return tuple(found)

    def read(self, digest: str) -> Pin:
        """Return a pin's manifest after comparing it with its digest; see the port."""
        if not is_digest(digest):
            raise PinError(f"`{digest[:80]}` is not the digest of an index pin")
        path = self._place(digest) / MANIFEST
        pin = _read_manifest(path)
        found = pin_digest(pin)
        if found != digest:
            raise damaged(
                path, f"digest mismatch\n  expected sha256: {digest}\n  found    sha256: {found}"
            )
        return pin

    def repodata(self, digest: str) -> Mapping[tuple[str, str], bytes]:
        """Unpack and verify every part; see the port."""
        pin = self.read(digest)
        return {
            (part.channel, part.subdir): unpack(self._packed(digest, pin, part), part)
            for part in pin.parts
        }

    def locations(self, digest: str) -> Mapping[str, str]:
        """Return the folders of the channels; see the port. A pin is a tree of channels."""
        pin = self.read(digest)
        self.repodata(digest)
        folders = {part.channel: self._packed(digest, pin, part).parents[1] for part in pin.parts}
        return {channel: folder.resolve().as_uri() for channel, folder in folders.items()}

    def manifest(self, digest: str) -> Path:
        """Return where a pin's manifest lies, or would."""
        return self._place(digest) / MANIFEST

    def files(self, digest: str) -> Mapping[str, Path]:
        """Return all files of a pin by their path beside the stacks; verifies it.

        Raises `PinError`.
        """
        pin = self.read(digest)
        self.repodata(digest)
        paths = [self.manifest(digest)]
        paths += [self._packed(digest, pin, part) for part in pin.parts]
        return {f"pins/{path.relative_to(self.folder).as_posix()}": path for path in paths}

    def open(self, digest: str, subdirs: Sequence[str]) -> OpenPin:
        """Unpack and verify the parts of some subdirs; see the port."""
        pin = self.read(digest)

        def open_part(part: PinPart) -> OpenPart:
            path = self._cache.unpacked(part, self._packed(digest, pin, part))
            return OpenPart(part=part, path=str(path))

        wanted = [part for part in pin.parts if part.subdir in subdirs]
        with ThreadPoolExecutor(max_workers=2) as pool:
            return OpenPin(digest=digest, pin=pin, parts=tuple(pool.map(open_part, wanted)))

    def keep(self, pin: Pin, repodata: Mapping[tuple[str, str], bytes]) -> str:
        """Write a pin folder: staged beside its place, then renamed; see the port."""
        digest = pin_digest(pin)
        _check_writable(pin, repodata)
        if not self._is_intact(digest):
            with _staging(self.folder) as staged:
                _write_pin(staged / "new", pin, repodata)
                self._put(staged, digest)
        return digest

    def assign(self, stack_name: str, digest: str) -> None:
        """Write the ledger anew with one stack's pin changed."""
        self._ledger.assign([stack_name], digest)

    def assign_all(self, stack_names: Iterable[str], digest: str) -> None:
        """Write the ledger anew with the pin of several stacks changed."""
        self._ledger.assign(stack_names, digest)

    def _place(self, digest: str) -> Path:
        return self.folder / digest[:NAME_DIGITS]

    def _packed(self, digest: str, pin: Pin, part: PinPart) -> Path:
        return self._place(digest) / part_folder(pin, part) / REPODATA

    def _is_intact(self, digest: str) -> bool:
        try:
            self.repodata(digest)
        except PinError:
            return False
        return True

    def _put(self, staged: Path, digest: str) -> None:
        """Rename the new pin into place; a damaged one goes, a twin written meanwhile stays."""
        place = self._place(digest)
        with contextlib.suppress(FileNotFoundError):
            if not self._is_intact(digest):
                place.rename(staged / "damaged")
        try:
            (staged / "new").rename(place)
        except OSError:
            if not self._is_intact(digest):
                raise


def _read_manifest(path: Path) -> Pin:
    try:
        with open_file(path) as file:
            return parse_manifest(file.read(MANIFEST_LIMIT_BYTES))
    except FileNotFoundError:
        raise PinError(
            f"{path.parent}: there is no such index pin\nNothing was solved; no lock was written.",
            hints=["restore it from version control, or make one: `envlock index pin STACK`"],
        ) from None
    except (ValueError, OSError) as error:
        raise damaged(path, f"cannot be read: {error}") from error


def _check_writable(pin: Pin, repodata: Mapping[tuple[str, str], bytes]) -> None:
    """Refuse what could not be read back; that would be our own mistake."""
    if parse_manifest(format_manifest(pin)) != pin:
        raise ValueError("the manifest does not survive its own text")
    for part in pin.parts:
        if sha256(repodata[part.channel, part.subdir]).hexdigest() != part.sha256:
            raise ValueError(f"{part.channel}/{part.subdir}: not the repodata of this part")


def _write_pin(folder: Path, pin: Pin, repodata: Mapping[tuple[str, str], bytes]) -> None:
    import zstandard  # noqa: PLC0415 - only written pins need the compressor

    def write_part(part: PinPart) -> None:
        target = folder / part_folder(pin, part) / REPODATA
        target.parent.mkdir(parents=True)
        packer = zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL)
        write_whole(target, packer.compress(repodata[part.channel, part.subdir]))

    folder.mkdir()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(write_part, pin.parts))
    write_whole(folder / MANIFEST, format_manifest(pin))


@contextlib.contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Give a folder beside the target that vanishes with all that was not renamed away."""
    staged: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        staged = Path(tempfile.mkdtemp(dir=folder, prefix=_STAGED))
        yield staged
    except (OSError, WorldError) as error:
        cause = error.__cause__ if isinstance(error, WorldError) else error
        reason = getattr(cause, "strerror", None) or cause
        if staged is not None:
            shutil.rmtree(staged, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.rmdir()  # when it is there for this pin only
        raise WorldError(
            f"{folder}: a pin cannot be written there: {reason}\n"
            "Nothing was written; what was there is unchanged.",
            hints=["free space or choose a folder that you may write to, then run it again"],
        ) from error
    finally:
        if staged is not None:
            shutil.rmtree(staged, ignore_errors=True)


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{_STAGED}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def cache_folder(environment: Mapping[str, str], home: Callable[[], Path]) -> Path:
    """Return the user's cache: ENVLOCK_CACHE, else `envlock` below XDG_CACHE_HOME or ~/.cache."""
    if own := environment.get("ENVLOCK_CACHE"):
        return Path(own)
    if shared := environment.get("XDG_CACHE_HOME"):
        return Path(shared) / "envlock"
    try:
        return home() / ".cache" / "envlock"
    except RuntimeError:  # a user without a home folder
        return Path(tempfile.gettempdir()) / "envlock"
