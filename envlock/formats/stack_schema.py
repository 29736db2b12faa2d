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

from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import (
    AuditLevel,
    ChannelPriority,
    FrameworkSource,
    IndexFormat,
    VerifyLevel,
)


def _whole(pattern: str) -> str:
    return rf"^(?:{pattern})(?!\n)$"


def _text(pattern: str, expected: str, description: str, *examples: str) -> Meta:
    return Meta(
        pattern=_whole(pattern),
        description=description,
        examples=list(examples) or None,
        extra={"expected": expected},
    )


_CONDA_VERSION = r"[0-9A-Za-z*][0-9A-Za-z._*+!]*"
_CONDA_CLAUSE = rf"[ (]*(?:(?:[=!~<>]=|[=<>]) *)?{_CONDA_VERSION}[ )]*"
CONDA_VERSION = _whole(rf"{_CONDA_CLAUSE}(?:[,|]{_CONDA_CLAUSE})*")
_PYPI_VERSION = r"[0-9A-Za-z][0-9A-Za-z._*+!-]*"
_PYPI_CLAUSE = rf" *(?:(?:===|[=!~<>]=|[<>]) *)?{_PYPI_VERSION} *"
_REST = r"[^\s\x00-\x20\x7f\x22'`<>\\^{}|]+"
_WEB = rf"https?://{_REST}"

CONDA_NAME = _whole(r"(?!__)[a-z0-9_][a-z0-9_.-]*")
PYPI_NAME = _whole(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
PYPI_SPECIFIERS = _whole(rf"\*|{_PYPI_CLAUSE}(?:,{_PYPI_CLAUSE})*")

Name = Annotated[
    str,
    _text(
        r"[a-z0-9][a-z0-9._-]*",
        "a name of lower-case letters, digits, `.`, `_` and `-`",
        "Names the lock, the pin and the store path.",
        "torch-cu121",
    ),
]
Label = Annotated[
    str,
    _text(
        r"[a-z0-9][a-z0-9._-]*",
        "a name of lower-case letters, digits, `.`, `_` and `-`",
        "A name to refer to.",
    ),
]
Line = Annotated[
    str,
    _text(r"[^\x00-\x1f\x7f]*", "one line of text", "One sentence for people."),
]
Channel = Annotated[
    str,
    _text(
        rf"(?:https?|file)://{_REST}|[A-Za-z0-9_][A-Za-z0-9._/-]*",
        "a channel's name, or its address with http, https or file",
        "A channel's name, or its address without credentials.",
        "conda-forge",
        "https://conda.example.org/ml",
    ),
]
CondaVersion = Annotated[
    str,
    Meta(
        pattern=CONDA_VERSION,
        description="A version as conda's match specs write it: `2.1.*`, `>=2,<3`; `*` is any.",
        examples=["2.1.*", ">=2,<3"],
        extra={"expected": "a version such as `2.1.*` or `>=2,<3` (`*` is any)"},
    ),
]
CondaBuild = Annotated[
    str,
    _text(
        r"[0-9A-Za-z_.*+^$()|?-]+",
        "a build string such as `*cuda12*`",
        "A build string, `*` stands for anything.",
        "*cuda12*",
    ),
]
CondaName = Annotated[
    str,
    Meta(
        pattern=CONDA_NAME,
        extra={"expected": "a conda package name: lower-case letters, digits, `-`, `_` and `.`"},
    ),
]
PypiVersion = Annotated[
    str,
    Meta(
        pattern=PYPI_SPECIFIERS,
        description="PEP 440 specifiers; `*` is any, a bare version means exactly this one.",
        examples=[">=4.40,<5"],
        extra={"expected": "PEP 440 specifiers such as `>=4.40,<5` (`*` is any)"},
    ),
]
PypiName = Annotated[
    str,
    Meta(
        pattern=PYPI_NAME,
        extra={"expected": "a PyPI package name: letters, digits, `-`, `_` and `.`"},
    ),
]
Extra = Annotated[
    str,
    _text(
        r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
        "an extra's name",
        "An extra of the package.",
        "vision",
    ),
]
Markers = Annotated[
    str,
    _text(
        r"[A-Za-z0-9_.*+!<>=~()\x22' -]+",
        "an environment marker such as `python_version < '3.12'`",
        "A PEP 508 environment marker.",
        "python_version < '3.12'",
    ),
]
_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
IndexAddress = Annotated[
    str,
    _text(
        rf"https?://(?:[^\s\x00-\x20\x7f\x22'`<>\\^{{}}|]|{_VARIABLE})+|file://{_REST}|\.\.?/{_REST}",
        "an address with http or https, or a folder such as `./wheels`",
        "The address of an index without credentials; `${VARIABLE}` stands for a secret in the "
        "environment. For a flat index also a folder, `./wheels`.",
        "https://packages.example.org/${TOKEN}/simple",
    ),
]
FileAddress = Annotated[
    str,
    _text(
        rf"{_WEB}|file://{_REST}",
        "an address with http, https or file",
        "The address of one file, without credentials.",
    ),
]
Cuda = Annotated[
    str,
    _text(
        r"[1-9][0-9]?\.[0-9]{1,2}",
        "a CUDA line, major and minor, such as `12.1`",
        "The CUDA toolkit line, major and minor.",
        "12.1",
    ),
]
Compute = Annotated[
    str,
    _text(
        r"[1-9][0-9]?\.[0-9]",
        "a compute capability such as `8.6`",
        "The compute capability of a GPU that must find machine code.",
        "8.6",
    ),
]
Driver = Annotated[
    str,
    _text(
        r"[0-9]{3,4}(?:\.[0-9]{1,3}){0,2}",
        "a driver branch or version such as `535` or `535.183.06`",
        "The oldest NVIDIA driver that the stack must run on; a branch or a full version.",
        "535",
        "535.183.06",
    ),
]
Glibc = Annotated[
    str,
    _text(
        r"2\.[0-9]{1,2}",
        "a glibc version such as `2.28`",
        "The oldest glibc that the stack must run on.",
        "2.28",
    ),
]
Macos = Annotated[
    str,
    _text(
        r"[1-9][0-9](?:\.[0-9]{1,2}){0,2}",
        "a macOS version such as `13.0`",
        "The oldest macOS that the stack must run on.",
        "13.0",
    ),
]
RuleCode = Annotated[
    str,
    _text(r"[A-Za-z][A-Za-z0-9-]*", "the code of an audit rule", "The code of an audit rule."),
]
Sha256 = Annotated[
    str,
    _text(r"[0-9a-f]{64}", "64 lower-case hex digits", "The SHA-256 of the file's bytes."),
]

_UNIQUE = Meta(extra_json_schema={"uniqueItems": True})


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
    compute: Annotated[list[Compute], _UNIQUE] = []
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
    extras: Annotated[list[Extra], _UNIQUE] = []
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


class AuditTable(_Table, frozen=True, kw_only=True):
    """What `envlock audit` does when the command line does not say."""

    level: AuditLevel | UnsetType = UNSET
    ignore: Annotated[list[RuleCode], _UNIQUE] = []


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
