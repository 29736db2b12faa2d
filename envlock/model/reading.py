"""What a reader found in somebody's file: packages, where they come from, and what is odd.

A reading keeps what the file says, in the file's own words: nothing is normalised, resolved or
corrected. What the reader did not understand is an `Oddity` with its place, never left out in
silence. Lines are 1-based; 0 where a line is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class FileKind(StrEnum):
    """The formats that can be read, by the names that people know."""

    CONDA_LOCK = "conda-lock"
    PIXI = "pixi"
    PYLOCK = "pylock"
    UV = "uv"
    POETRY = "poetry"
    REQUIREMENTS = "requirements"
    EXPLICIT = "explicit"
    ENVIRONMENT = "environment"
    DOCKERFILE = "dockerfile"
    STACK = "stack"
    """A stack of envlock: what it asks for is judged when it is solved."""
    PREFIX = "installed"
    """No file but an environment that is installed, read from its packages' own records."""

    @property
    def is_lock(self) -> bool:
        """Whether such a file claims to say exactly what is installed."""
        return self not in (
            FileKind.REQUIREMENTS,
            FileKind.ENVIRONMENT,
            FileKind.DOCKERFILE,
            FileKind.STACK,
        )


class Ecosystem(StrEnum):
    """Whose names a package's name is one of."""

    CONDA = "conda"
    PYPI = "pypi"
    APT = "apt"
    IMAGE = "image"
    """A container image; its version is the tag."""


class OriginKind(StrEnum):
    """What lies at an address."""

    CONDA = "conda"
    WHEEL = "wheel"
    SDIST = "sdist"
    GIT = "git"
    FOLDER = "folder"
    """A folder of source code, beside the file or elsewhere on a disk."""
    IMAGE = "image"
    OTHER = "other"


class Origin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place that a package may be taken from."""

    address: str
    """As the file writes it: a URL, a path, an image name; empty where it gives hashes alone."""
    kind: OriginKind
    hashes: Mapping[str, str] = {}
    """By algorithm (`sha256`, `md5`, `sha1`, …), as the file writes them."""
    revision: str = ""
    """Of a git address: the commit, branch or tag that the file names."""
    size_bytes: int | None = None
    line: int = 0
    yanked: str | None = None
    """The reason, perhaps empty, where the file itself says that it was yanked."""


class FoundPackage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One package row of a file."""

    name: str
    ecosystem: Ecosystem
    version: str | None = None
    """The exact version; None where the file leaves it open."""
    wanted: str = ""
    """What the file asks for, in its own words, where it is no lock: `numpy>=1.20`."""
    build: str = ""
    """The build string of a conda package."""
    subdir: str = ""
    """The channel folder of a conda package: `linux-64`, `noarch`."""
    platforms: tuple[str, ...] = ()
    """The platforms that install it, by the file's names; empty where it names none."""
    environments: tuple[str, ...] = ()
    """The environments or groups that install it, where the file has several."""
    places: tuple[tuple[str, str], ...] = ()
    """Environment and platform of each installation, where not every one of its environments
    installs it on every one of its platforms; empty means that each does."""
    origins: tuple[Origin, ...] = ()
    """One for most formats; all the wheels of a version for uv, poetry and pylock."""
    dependencies: tuple[str, ...] = ()
    """As the file writes them: `numpy >=1.2,<2`."""
    constrains: tuple[str, ...] = ()
    marker: str = ""
    index: str = ""
    """The index or registry that the file names for it."""
    license: str = ""
    is_editable: bool = False
    is_project: bool = False
    """Whether it is the project that the file belongs to, and not something it installs."""
    line: int = 0


class NamedPlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel, an index or a folder that packages are looked for in."""

    address: str
    kind: str
    """`channel`, `index`, `extra-index`, `find-links`; `requirements`, `constraints` and
    `environment` for a file that is read, too."""
    line: int = 0


class FoundPlatform(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A platform of a file and what it promises of its machines."""

    name: str
    subdir: str
    """Conda's name for it; the same as `name` but where a file has names of its own."""
    virtual_packages: tuple[str, ...] = ()


class OddityKind(StrEnum):
    """What kinds of things a reader stumbles over."""

    CONFLICT = "conflict-marker"
    """A merge was not ended."""
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_FORMAT = "unknown-format"
    """A version of the format that envlock does not know; it is read as the nearest one."""
    NOT_UNDERSTOOD = "not-understood"
    """A row, key or value that the reader can make nothing of."""
    ABSENT = "absent"
    """A package is referred to that no row describes."""
    UNUSED = "unused"
    """A row describes a package that nothing refers to."""
    NOT_CANONICAL = "not-canonical"
    """The bytes are not as the tool writes them: line ends, order."""


class Oddity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a reader has to say."""

    kind: OddityKind
    said: str
    """What is there, in one sentence."""
    line: int = 0
    subject: str = ""
    """The package or key that it is about."""


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One command of a Dockerfile, or one setting: what it does cannot be locked."""

    instruction: str
    """`RUN`, `ENV`, `CMD`, `ENTRYPOINT`, `COPY`, …; `HEREDOC` for a text that no shell runs."""
    text: str
    """One shell command of the instruction, line ends joined."""
    line: int = 0


class Reading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file, read."""

    file: str
    kind: FileKind
    format_version: str = ""
    packages: tuple[FoundPackage, ...] = ()
    platforms: tuple[FoundPlatform, ...] = ()
    places: tuple[NamedPlace, ...] = ()
    python: str = ""
    """What the file asks of the interpreter, where it says so apart from a package."""
    facts: Mapping[str, str] = {}
    """envlock's own facts, in a lock of ours."""
    settings: Mapping[str, str] = {}
    """What else a file says of how it was made, as text: `exclude-newer`, `content-hash`."""
    commands: tuple[Command, ...] = ()
    oddities: tuple[Oddity, ...] = ()

    def of(self, ecosystem: Ecosystem) -> tuple[FoundPackage, ...]:
        """Return the packages of one ecosystem, without the project itself."""
        return tuple(
            item for item in self.packages if item.ecosystem is ecosystem and not item.is_project
        )
