"""What lies in an environment that is installed: its packages, by their own records, and files."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from envlock.model.reading import Ecosystem, Origin
from envlock.model.store import Artifact


class RecordedFile(Struct, frozen=True, kw_only=True, gc=False):
    """A file that a package's record says it installed."""

    path: str
    """From the environment's folder on, with `/`."""
    sha256: str = ""
    """64 hex digits; empty where the record tells none for this place."""
    size_bytes: int | None = None


class InstalledPackage(Struct, frozen=True, kw_only=True):
    """A package as its record in an environment tells it: `conda-meta` or `*.dist-info`."""

    name: str
    version: str
    ecosystem: Ecosystem
    record: str
    """The file or folder that tells it, from the environment's folder on."""
    build: str = ""
    subdir: str = ""
    origins: tuple[Origin, ...] = ()
    sha256: str = ""
    """Of the archive that it was installed from, where the record tells it."""
    md5: str = ""
    dependencies: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    license: str = ""
    installer: str = ""
    """Who installed it, as it says itself: `pip`, `uv`, `conda`, `envlock`."""
    is_editable: bool = False
    files: tuple[RecordedFile, ...] | None = None
    """None where it has no list of its files."""


class FileProblem(StrEnum):
    """What is wrong with a file of an environment."""

    MISSING = "is gone"
    CONTENT = "has another content"
    SIZE = "has another size"
    KIND = "is another kind of thing"
    TARGET = "points elsewhere"
    TOUCHED = "was touched"
    """Its content is the same, its mode or its time is not."""
    FOREIGN = "belongs to no package"
    UNREADABLE = "cannot be read"


class FileDrift(Struct, frozen=True, kw_only=True):
    """A file that is not what a package installed."""

    path: str
    problem: FileProblem
    owner: str = ""
    """The package whose file it is; empty for a file of nobody."""


class Installed(Struct, frozen=True, kw_only=True):
    """One environment, looked through."""

    path: str
    packages: tuple[InstalledPackage, ...]
    platform: str = ""
    """Conda's name of it."""
    python: str = ""
    """The version of its interpreter, where it says so."""
    artifacts: tuple[Artifact, ...] = ()
    """What the store made it of; empty for an environment that is not of the store."""
    drift: tuple[FileDrift, ...] = ()
    faults: tuple[str, ...] = ()
    """Records that cannot be read, in words."""
