"""What a store holds, and what it is asked to build."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

LAYOUT_VERSION = 1
"""Of the folders and the database. A store of another version is refused, never guessed at."""


class ArtifactKind(StrEnum):
    """How an artifact is unpacked and linked."""

    CONDA = "conda"
    WHEEL = "wheel"


class Artifact(Struct, frozen=True, kw_only=True, order=True):
    """One file of a lock: a conda package or a wheel."""

    name: str
    version: str
    build: str = ""
    """Of a conda package; a lock says it in the file's name only."""
    file_name: str
    kind: ArtifactKind
    sha256: str
    md5: str | None = None
    url: str = ""
    """As the lock has it, `${VARIABLES}` and all; never part of an address."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Interpreter(Struct, frozen=True, kw_only=True):
    """A Python that lies outside the store: what was found of it, so that a change is seen."""

    executable: str
    """The real file, links resolved."""
    sha256: str
    """Of that file; where it is only a launcher, `library_sha256` says more."""
    version: str
    """As `3.11.7`."""
    implementation: str
    """As `cpython`."""
    abi: str
    """As `cpython-311-x86_64-linux-gnu`."""
    library: str = ""
    """The shared `libpython` that it loads; empty when it is built in."""
    library_sha256: str = ""


class Derivation(Struct, frozen=True, kw_only=True):
    """All that decides the bytes of an environment; never a URL, never a time."""

    name: str
    platform: str
    store_folder: str
    """The folder that the environment lies in: its path stands in its files."""
    artifacts: tuple[tuple[str, str], ...]
    """File name and SHA-256, ordered."""
    link_scripts: tuple[str, ...] = ()
    """Packages whose post-link script may run; ordered."""
    interpreter: Interpreter | None = None
    """The machine's own Python; None where Python is an artifact: then it is hermetic."""
    made_with: str
    """The version of the part that turns artifacts into files."""

    @property
    def is_hermetic(self) -> bool:
        """Say whether everything but the kernel, its driver and glibc comes from the store."""
        return self.interpreter is None


class Environment(Struct, frozen=True, kw_only=True):
    """A valid environment of the store."""

    key: str
    name: str
    path: str
    derivation: Derivation
    tree_sha256: str
    content_sha256: str
    size_bytes: int
    """Of its files, whether or not they share their place on the disk with others."""
    built_at: str
    """UTC, as `2026-11-24T10:00:00Z`; beside the environment, not in it."""

    @property
    def label(self) -> str:
        """The folder's name."""
        return f"{self.key}-{self.name}"


class Generation(Struct, frozen=True, kw_only=True):
    """One state of a profile: a number that never comes back, and what it points to."""

    profile: str
    number: int
    label: str
    """The environment's folder name."""
    made_at: str
    is_current: bool
    data: str = ""
    """The key of the folder that shows the stack's artifacts; empty for a stack without any."""


class Promise(Struct, frozen=True, kw_only=True):
    """What must come of a build, because somebody has said so; else there is none."""

    content_sha256: str
    tree_sha256: str = ""
    """Empty where the promise was made for another prefix."""
    by: str
    """For people: who said it."""


class BuildPlan(Struct, frozen=True, kw_only=True):
    """What an environment is to be, and what it is made of, in the same order."""

    derivation: Derivation
    artifacts: tuple[Artifact, ...]
    promise: Promise | None = None
    """None: whatever comes of it is right."""


class Realisation(Struct, frozen=True, kw_only=True):
    """An environment that was asked for."""

    environment: Environment
    is_new: bool
    notes: tuple[str, ...] = ()
    """What a person should know although it was built."""
    data: str = ""
    """The key of the folder that shows the stack's artifacts; empty for a stack without any."""
