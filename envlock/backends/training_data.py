"""CIFAR-10 out of the archive that its authors publish, for probes to train on."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path

from envlock.errors import ArchiveError

CIFAR_ARCHIVE = "cifar-10-python.tar.gz"
"""The name by which a stack's artifact is known to hold it."""
_FOLDER = "cifar-10-batches-py"
_FILES = frozenset([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"])
_LARGEST_BYTES = 64_000_000
"""A batch of 10,000 pictures has 31 MB."""


def unpack_cifar(archive: Path, folder: Path) -> Path:
    """Write the six batches of an archive into a folder, and return where they lie.

    Nothing else of the archive is looked at, and no name in it decides where a file goes. Raises
    `ArchiveError` when a batch is missing, or what should be one is no file of its size.
    """
    target = folder / _FOLDER
    target.mkdir()
    try:
        with tarfile.open(archive) as members:
            for member in members:
                place, _, name = member.name.removeprefix("./").rpartition("/")
                if place == _FOLDER and name in _FILES:
                    _write(members, member, target / name)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise _refused(str(error)) from error
    missing = sorted(_FILES - {path.name for path in target.iterdir()})
    if missing:
        raise _refused(f"expected {_FOLDER}/{missing[0]} in it, found none")
    return target


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    content = members.extractfile(member) if member.isreg() else None
    if content is None or member.size > _LARGEST_BYTES:
        raise _refused(f"{member.name} is no batch of 10,000 pictures")
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)


def _refused(why: str) -> ArchiveError:
    return ArchiveError(
        f"{CIFAR_ARCHIVE}: cannot be trained on: {why}\nNothing was verified.",
        hints=["name the archive that the authors of CIFAR-10 publish for Python, by its SHA-256"],
    )
