r"""The one schema of a stack file.

The classes below say what a stack may hold. Three things come from them: the quick check that
every solve makes, the JSON Schema that editors use (`json_schema`), and the sentences about what
is wrong (`stack_problems`). What needs two keys to judge (a target for a platform that is not
listed, say) is in `stack_rules`.

Two choices: absent keys are `UNSET`, not None, so that the published schema offers no `null`; and
patterns end in `(?!\n)$`, since Python's `$` alone would let a trailing line break through.
"""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from envlock.formats.audit_schema import AuditTable
from envlock.formats.stack_values import (
    UNIQUE,
    Channel,
    Compute,
    CondaBuild,
    CondaName,
    CondaVersion,
    Cuda,
    Driver,
    Extra,
    FileAddress,
    Glibc,
    IndexAddress,
    Label,
    Line,
    Macos,
    Markers,
    Name,
    OptionName,
    ProjectPath,
    PypiName,
    PypiVersion,
    Sha256,
)
from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import (
    ChannelPriority,
    FrameworkSource,
    IndexFormat,
    VerifyLevel,
)


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What every table of the file has in common: fixed keys, with dashes."""


class StackTable(_Table, frozen=True, kw_only=True):
    """What the stack is called, where it runs and where its packages come from."""

    name: Name
    description: Line = ""
    platforms: Annotated[
        list[Platform],
        Meta(
            min_length=1,
            description="The platforms that are solved, each on its own.",
            examples=[["linux-64"]],
            extra_json_schema={"uniqueItems": True},
        ),
    ]
    channels: Annotated[
        list[Channel],
        Meta(
            min_length=1,
            description="The conda channels; the first is preferred.",
            examples=[["conda-forge"]],
            extra_json_schema={"uniqueItems": True},
        ),
    ] = msgspec.field(default_factory=lambda: ["conda-forge"])
    channel_priority: Annotated[
        ChannelPriority,
        Meta(description="How a package that several channels carry is chosen."),
    ] = ChannelPriority.STRICT


class PythonTable(_Table, frozen=True, kw_only=True):
    """The interpreter."""

    version: Annotated[CondaVersion, Meta(examples=["3.11.*"])]


class GpuTable(_Table, frozen=True, kw_only=True):
    """The CUDA line; a stack without this table is a CPU stack."""

    cuda: Cuda
    cudnn: CondaVersion | UnsetType = UNSET
    compute: Annotated[list[Compute], UNIQUE] = []
    newer_components: Annotated[
        list[CondaName],
        Meta(
            description="Toolkit components that may come from a newer minor of the same CUDA "
            "major, because the channels have none for the line.",
            extra_json_schema={"uniqueItems": True},
        ),
    ] = []
    forward_compat: Annotated[
        bool,
        Meta(
            description="Whether cuda-compat may raise what an older driver offers; data-center "
            "GPUs on Linux only."
        ),
    ] = False


class FleetTable(_Table, frozen=True, kw_only=True):
    """The oldest machine that the stack must run on."""

    driver: Driver | UnsetType = UNSET
    glibc: Glibc | UnsetType = UNSET
    macos: Macos | UnsetType = UNSET


class FrameworkTable(_Table, frozen=True, kw_only=True):
    """A framework's version and the half of the solve that it comes from."""

    version: CondaVersion = "*"
    source: FrameworkSource = msgspec.field(name="from", default=FrameworkSource.CONDA)


class FrameworksTable(_Table, frozen=True, kw_only=True):
    """The frameworks that envlock knows the GPU builds and the checks of."""

    pytorch: CondaVersion | FrameworkTable | UnsetType = UNSET
    tensorflow: CondaVersion | FrameworkTable | UnsetType = UNSET
    jax: CondaVersion | FrameworkTable | UnsetType = UNSET


class DependencyTable(_Table, frozen=True, kw_only=True):
    """One conda requirement: the parts of a match spec."""

    version: CondaVersion = "*"
    build: CondaBuild | UnsetType = UNSET
    channel: Channel | UnsetType = UNSET


class PypiDependencyTable(_Table, frozen=True, kw_only=True):
    """One PyPI requirement: the parts of PEP 508."""

    version: PypiVersion | UnsetType = UNSET
    extras: Annotated[list[Extra], UNIQUE] = []
    markers: Markers | UnsetType = UNSET
    url: FileAddress | UnsetType = UNSET
    index: (
        Annotated[Name, Meta(description="The `[[pypi-index]]` to take it from.")] | UnsetType
    ) = UNSET


Dependencies = dict[CondaName, CondaVersion | DependencyTable]
PypiDependencies = dict[PypiName, PypiVersion | PypiDependencyTable]


class PypiIndexTable(_Table, frozen=True, kw_only=True):
    """An extra package index; the packages that it lists come from nowhere else."""

    name: Label
    url: IndexAddress
    format: Annotated[
        IndexFormat,
        Meta(description="`simple`: a page for each project; `flat`: one page or folder of files."),
    ] = IndexFormat.SIMPLE
    packages: Annotated[
        list[PypiName],
        Meta(
            min_length=1,
            description="The packages that come from this index and from no other.",
            extra_json_schema={"uniqueItems": True},
        ),
    ]


class PypiTable(_Table, frozen=True, kw_only=True):
    """How the PyPI half is resolved."""

    sdists: Annotated[
        list[PypiName],
        Meta(
            description="The packages that may come as a source archive; all others are wheels.",
            extra_json_schema={"uniqueItems": True},
        ),
    ] = []


class BuildTable(_Table, frozen=True, kw_only=True):
    """How environments are built from the lock."""

    link_scripts: Annotated[
        list[CondaName],
        Meta(
            description="The conda packages whose post-link script may run when an environment is "
            "built; what a script does is in no archive, so all others are not run.",
            extra_json_schema={"uniqueItems": True},
        ),
    ] = []


class RecipeTable(_Table, frozen=True, kw_only=True):
    """A package that is built from source: a folder of the project with a rattler-build recipe."""

    path: Annotated[
        ProjectPath,
        Meta(description="The folder with `recipe.yaml`, from the stack's folder."),
    ]
    inputs: (
        Annotated[
            list[PypiName],
            Meta(
                description="The locked packages that it is built with, and what they need; "
                "without this key all of them.",
                extra_json_schema={"uniqueItems": True},
            ),
        ]
        | UnsetType
    ) = UNSET
    toolchain: (
        Annotated[
            ProjectPath,
            Meta(description="Another stack whose lock has the inputs; without this key this one."),
        ]
        | UnsetType
    ) = UNSET
    host_compiler: Annotated[
        bool,
        Meta(description="Whether the machine's own compiler may be used; it is then an input."),
    ] = False
    replaces: Annotated[
        bool,
        Meta(
            description="Whether its package takes the place of the channels' one of the same name "
            "and version."
        ),
    ] = False
    platforms: Annotated[
        list[Platform],
        Meta(
            description="Where it is built; without this key on all platforms of the stack.",
            extra_json_schema={"uniqueItems": True},
        ),
    ] = []
    options: Annotated[
        dict[OptionName, Line],
        Meta(description="What its script finds in its environment."),
    ] = {}


class TargetTable(_Table, frozen=True, kw_only=True):
    """What one platform says otherwise than the stack."""

    accelerator: (
        Annotated[Accelerator, Meta(description="What the frameworks of this platform compute on.")]
        | UnsetType
    ) = UNSET
    frameworks: FrameworksTable = FrameworksTable()
    dependencies: Dependencies = {}
    pypi_dependencies: PypiDependencies = {}


class ArtifactTable(_Table, frozen=True, kw_only=True):
    """A file beside the environment, such as weights or data."""

    name: Label
    url: FileAddress
    sha256: Sha256


class VerifyTable(_Table, frozen=True, kw_only=True):
    """What `envlock verify` does when the command line does not say."""

    level: VerifyLevel | UnsetType = UNSET
    timeout_seconds: (
        Annotated[int, Meta(ge=1, le=604_800, description="How long a framework's probe may take.")]
        | UnsetType
    ) = UNSET


class StackFile(_Table, frozen=True, kw_only=True):
    """A machine-learning environment: platforms, CUDA, Python, frameworks and the rest."""

    stack: StackTable
    python: PythonTable
    gpu: GpuTable | UnsetType = UNSET
    fleet: FleetTable = FleetTable()
    frameworks: FrameworksTable = FrameworksTable()
    dependencies: Dependencies = {}
    pypi_dependencies: PypiDependencies = {}
    pypi: PypiTable = PypiTable()
    pypi_index: list[PypiIndexTable] = []
    target: Annotated[
        dict[Platform, TargetTable],
        Meta(extra_json_schema={"propertyNames": {"enum": [item.value for item in Platform]}}),
    ] = {}
    recipe: list[RecipeTable] = []
    artifacts: list[ArtifactTable] = []
    build: BuildTable = BuildTable()
    verify: VerifyTable = VerifyTable()
    audit: AuditTable = AuditTable()


def json_schema() -> bytes:
    """Return the schema as JSON Schema 2020-12: ordered keys, two spaces, LF."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "envlock stack",
        "description": "A stack file of envlock: everything that `envlock solve` locks.",
        **msgspec.json.schema(StackFile),
    }
    text = json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode()
