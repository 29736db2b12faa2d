"""A stack: what a person asks for, with the place where each thing was asked."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from envlock.model.platform import Accelerator, Platform
from envlock.model.version import CudaLine


class Where(Struct, frozen=True):
    """A place in a stack file; `line` is 1-based, 0 when it is not known."""

    file: str
    key: str
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}"


class ChannelPriority(StrEnum):
    """How a package that several channels carry is chosen."""

    STRICT = "strict"
    """The first channel that has the name is the only one asked for it."""
    DISABLED = "disabled"


class FrameworkSource(StrEnum):
    """Which half of the solve a framework comes from."""

    CONDA = "conda"
    PYPI = "pypi"


class IndexFormat(StrEnum):
    """How a package index lists its files."""

    SIMPLE = "simple"
    """The simple repository API, JSON or HTML: a page for each project."""
    FLAT = "flat"
    """One page, or one folder, with all files: pip's `--find-links`."""


DEFAULT_INDEX = "default"
"""The name of the index that owns whatever no `[[pypi-index]]` lists."""


class VerifyLevel(StrEnum):
    """How much `verify` runs."""

    SMOKE = "smoke"
    TRAIN = "train"
    FULL = "full"


class AuditLevel(StrEnum):
    """How deep `audit` looks; each level includes the ones before it."""

    LOCK = "lock"
    """The files as they lie: stack, lock, pin, receipt."""
    RESOLVE = "resolve"
    """Solve again from the pin, byte for byte."""
    BUILD = "build"
    """Build again and compare the content."""
    PROVE = "prove"
    """Verify again on this machine and compare with the receipt."""

    @property
    def rank(self) -> int:
        """0 for the shallowest."""
        return list(AuditLevel).index(self)


class Dependency(Struct, frozen=True, kw_only=True):
    """One conda requirement: `name` and the rest of a match spec."""

    name: str
    version: str = "*"
    build: str | None = None
    channel: str | None = None
    where: Where

    @property
    def spec(self) -> str:
        """The requirement as a conda match spec."""
        prefix = f"{self.channel}::" if self.channel else ""
        build = f'[build="{self.build}"]' if self.build else ""
        return f"{prefix}{self.name} {self.version}{build}"


class PypiDependency(Struct, frozen=True, kw_only=True):
    """One PyPI requirement, in the words of PEP 508."""

    name: str
    """As the stack writes it, not normalised."""
    version: str = "*"
    """Version specifiers; `*` is any, a bare version means exactly this one."""
    extras: tuple[str, ...] = ()
    markers: str | None = None
    """An environment marker, such as `python_version < '3.12'`."""
    url: str | None = None
    """The address of the one file that may be taken."""
    index: str | None = None
    """The name of the `[[pypi-index]]` that owns this package."""
    where: Where

    @property
    def requirement(self) -> str:
        """The requirement as PEP 508 text."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        place = f" @ {self.url}" if self.url else format_specifiers(self.version)
        markers = f" ; {self.markers}" if self.markers else ""
        return f"{self.name}{extras}{place}{markers}"


def format_specifiers(version: str) -> str:
    """Return a stack's version as PEP 440 specifiers: `*` is empty, `2.1` is `==2.1`."""
    clauses = [clause.strip().replace(" ", "") for clause in version.split(",")]
    named = [clause for clause in clauses if clause != "*"]
    return ",".join(clause if clause[0] in "<>=!~" else f"=={clause}" for clause in named)


class PypiIndex(Struct, frozen=True, kw_only=True):
    """An extra package index, and the packages that come from nowhere else."""

    name: str
    url: str
    """Perhaps with `${VARIABLE}` for a secret; a folder of a flat index starts with a dot."""
    packages: tuple[str, ...]
    format: IndexFormat = IndexFormat.SIMPLE
    where: Where


class Artifact(Struct, frozen=True, kw_only=True):
    """A file beside the environment, such as weights or data; not part of any key."""

    name: str
    url: str
    sha256: str
    where: Where


class Recipe(Struct, frozen=True, kw_only=True):
    """A package that is built from source: a folder of the project with a rattler-build recipe."""

    path: str
    """From the stack's folder."""
    inputs: tuple[str, ...] | None = None
    """The locked packages that it is built with, and what they need. None: all."""
    toolchain: str | None = None
    """Another stack, from this one's folder, whose lock has the inputs. None: this one."""
    host_compiler: bool = False
    """Whether the machine's own compiler may be used."""
    replaces: bool = False
    """Whether its package takes the place of the channels' one of its name and version."""
    platforms: tuple[Platform, ...] = ()
    """Where it is built. Empty: on all."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the script finds in its environment."""
    where: Where


class VerifySettings(Struct, frozen=True, kw_only=True):
    """The `[verify]` table; None where the command line's default holds."""

    level: VerifyLevel | None = None
    timeout_seconds: int | None = None


class AuditSettings(Struct, frozen=True, kw_only=True):
    """What the `[audit]` table says of the stack itself; the rest is an `AuditPolicy`."""

    level: AuditLevel | None = None


class Framework(Struct, frozen=True, kw_only=True):
    """A framework that envlock knows the GPU builds and the checks of."""

    name: str
    """The name in the stack: `pytorch`, `tensorflow` or `jax`."""
    version: str
    source: FrameworkSource
    where: Where


class Gpu(Struct, frozen=True, kw_only=True):
    """The `[gpu]` table."""

    cuda: CudaLine
    cudnn: str | None = None
    compute: tuple[str, ...] = ()
    """Compute capabilities that must find machine code, such as `8.6`."""
    newer_components: tuple[str, ...] = ()
    """Toolkit components that may come from a newer minor of the same major."""
    forward_compat: bool = False
    """Whether cuda-compat may raise what an older driver offers."""
    where: Mapping[str, Where] = field(default_factory=dict)


class Fleet(Struct, frozen=True, kw_only=True):
    """The `[fleet]` table: the oldest machine that the stack must run on."""

    driver: str | None = None
    glibc: str | None = None
    macos: str | None = None
    where: Mapping[str, Where] = field(default_factory=dict)


class Target(Struct, frozen=True, kw_only=True):
    """What one platform says otherwise than the stack."""

    accelerator: Accelerator | None = None
    frameworks: tuple[Framework, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    pypi_dependencies: tuple[PypiDependency, ...] = ()
    where: Where


class Stack(Struct, frozen=True, kw_only=True):
    """A whole stack file, checked. Absent tables are empty; `gpu` is None for a CPU stack."""

    name: str
    description: str
    platforms: tuple[Platform, ...]
    channels: tuple[str, ...]
    channel_priority: ChannelPriority
    python: Dependency
    gpu: Gpu | None
    fleet: Fleet
    frameworks: tuple[Framework, ...]
    dependencies: tuple[Dependency, ...]
    pypi_dependencies: tuple[PypiDependency, ...]
    targets: Mapping[Platform, Target]
    inputs: Mapping[str, object]
    """Every key that a solve depends on, flattened to `gpu.cuda` -> plain value; see freshness."""
    where: Mapping[str, Where]
    """The place of each key that exists in the file."""
    pypi_indexes: tuple[PypiIndex, ...] = ()
    """Extra indexes in the order of the file: the first that lists a package owns it."""
    sdists: tuple[str, ...] = ()
    """The packages of PyPI that may come as a source archive."""
    link_scripts: tuple[str, ...] = ()
    """The conda packages whose post-link script may run; ordered."""
    recipes: tuple[Recipe, ...] = ()
    """What is built from source, in the order of the file."""
    artifacts: tuple[Artifact, ...] = ()
    verify: VerifySettings = VerifySettings()
    audit: AuditSettings = AuditSettings()

    def accelerator(self, platform: Platform) -> Accelerator:
        """Say what the frameworks compute on there: CUDA in a GPU stack unless the target says."""
        target = self.targets.get(platform)
        if target and target.accelerator:
            return target.accelerator
        return Accelerator.CUDA if self.gpu else Accelerator.CPU

    def frameworks_on(self, platform: Platform) -> tuple[Framework, ...]:
        """Return the frameworks of a platform; a target's entry replaces the stack's."""
        target = self.targets.get(platform)
        own = {item.name: item for item in target.frameworks} if target else {}
        shared = {item.name: item for item in self.frameworks}
        return tuple({**shared, **own}.values())

    def dependencies_on(self, platform: Platform) -> tuple[Dependency, ...]:
        """Return the conda dependencies of a platform; a target's entry replaces the stack's."""
        target = self.targets.get(platform)
        own = {item.name: item for item in target.dependencies} if target else {}
        shared = {item.name: item for item in self.dependencies}
        return tuple({**shared, **own}.values())

    def recipes_on(self, platform: Platform) -> tuple[Recipe, ...]:
        """Return the recipes that are built for a platform."""
        return tuple(
            item for item in self.recipes if not item.platforms or platform in item.platforms
        )

    def takes_pypi_on(self, platform: Platform) -> bool:
        """Say whether a platform takes anything from PyPI."""
        return bool(self.pypi_dependencies_on(platform)) or any(
            item.source is FrameworkSource.PYPI for item in self.frameworks_on(platform)
        )

    def pypi_dependencies_on(self, platform: Platform) -> tuple[PypiDependency, ...]:
        """Return the PyPI requirements of a platform; a target's entry replaces the stack's."""
        target = self.targets.get(platform)
        own = {item.name: item for item in target.pypi_dependencies} if target else {}
        shared = {item.name: item for item in self.pypi_dependencies}
        return tuple({**shared, **own}.values())
