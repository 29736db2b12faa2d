r"""The one schema of a stack file.

The classes below say what a stack may hold. Three things come from them: the quick check that
every solve makes, the JSON Schema that editors use (`json_schema`), and the sentences about what
is wrong (`find_problems`). What needs two keys to judge (a target for a platform that is not
listed, say) is in `stack_toml`.

Two choices: absent keys are `UNSET`, not None, so that the published schema offers no `null`; and
patterns end in `(?!\n)$`, since Python's `$` alone would let a trailing line break through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cache
from typing import Annotated, Self, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType, inspect

from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import AuditLevel, ChannelPriority, FrameworkSource, VerifyLevel


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
WebAddress = Annotated[
    str,
    _text(_WEB, "an address with http or https", "An address without credentials."),
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
    url: WebAddress
    packages: Annotated[
        list[PypiName],
        Meta(
            min_length=1,
            description="The packages that come from this index and from no other.",
            extra_json_schema={"uniqueItems": True},
        ),
    ]


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
        Annotated[int, Meta(ge=1, le=604_800, description="How long each check may take.")]
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
    pypi_index: list[PypiIndexTable] = []
    target: Annotated[
        dict[Platform, TargetTable],
        Meta(extra_json_schema={"propertyNames": {"enum": [item.value for item in Platform]}}),
    ] = {}
    artifacts: list[ArtifactTable] = []
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


Path = tuple[str | int, ...]
"""Keys and positions from the root of a file to one place in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that the schema does not allow, with the place still as a path."""

    path: Path
    text: str
    hint: str | None = None


class WrittenFloat(float):
    """A float that remembers how the file writes it: `12.10` is not `12.1` to a reader."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Keep the text beside the number."""
        self = super().__new__(cls, text)
        self.text = text
        return self


def find_problems(document: Mapping[str, object]) -> list[Problem]:
    """Return everything that the schema does not allow, in the order of the schema."""
    return list(_in_struct(_root(), document, ()))


def format_key(path: Path) -> str:
    """Return a path as a dotted key, as TOML writes it: `target.win-64`, `gpu.compute[1]`."""
    return _join(path, _write_key)


def show_key(path: Path) -> str:
    """Return a path as a dotted key for people: like `quote`, safe to print whatever it is."""
    return _join(path, _show_key)


def quote(text: str) -> str:
    """Return text between back quotes: without secrets, short, harmless for a terminal."""
    return f"`{_printable(_shorten(redact(text)))}`"


def redact(text: str) -> str:
    """Return text with everything hidden that may be a login, a token or a query.

    Hides too much rather than too little: all before the last `@` but the scheme, the segment
    after `/t/`, and what follows `?` or `#` up to the end where there is a `=` in it.
    """
    text = _LOGIN.sub(r"\1***@", text)
    text = _TOKEN.sub(r"\1***", text)
    return _QUERY.sub(r"\1***", text)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a misspelt one most likely means."""
    words = list(known)
    word = word[:_SHORT].lower()
    alias = _ALIASES.get(word)
    if alias in words:
        return alias
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    return found[0] if found else None


_SHORT = 80
_LOGIN = re.compile(r"^([A-Za-z0-9+.-]*://)?.*@", re.DOTALL)
_TOKEN = re.compile(r"((?:^|/)t/)[^/]+")
_QUERY = re.compile(r"([?#])(?=.*=).+", re.DOTALL)
_LONG = 10**100
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ALIASES = {
    "torch": "pytorch",
    "tf": "tensorflow",
    "keras": "tensorflow",
    "jaxlib": "jax",
    "linux": "linux-64",
    "linux-x86_64": "linux-64",
    "linux-arm64": "linux-aarch64",
    "macos": "osx-arm64",
    "darwin": "osx-arm64",
    "osx-aarch64": "osx-arm64",
    "windows": "win-64",
}


def _shorten(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _join(path: Path, form: Callable[[str], str]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{form(part)}" for part in path)
    return text.removeprefix(".")


def _write_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _show_key(key: str) -> str:
    shown = _shorten(redact(key))
    return shown if _BARE_KEY.fullmatch(shown) else f'"{_printable(shown)}"'


@cache
def _root() -> inspect.StructType:
    return cast("inspect.StructType", inspect.type_info(StackFile))


def _in_value(kind: inspect.Type, value: object, path: Path) -> Iterator[Problem]:
    match kind:
        case inspect.Metadata(type=inner, extra=extra) if extra and isinstance(value, str):
            yield from _in_text(inner, value, path, str(extra["expected"]))
        case inspect.Metadata(type=inner):
            yield from _in_value(inner, value, path)
        case inspect.UnionType(types=types):
            yield from _in_union(types, value, path)
        case inspect.StructType() if isinstance(value, dict):
            yield from _in_struct(kind, value, path)
        case inspect.DictType() if isinstance(value, dict):
            yield from _in_dict(kind, value, path)
        case inspect.ListType() if isinstance(value, list):
            yield from _in_list(kind, value, path)
        case inspect.EnumType(cls=enum) if isinstance(value, str):
            yield from _in_enum(enum, value, path)
        case inspect.IntType() if isinstance(value, int) and not isinstance(value, bool):
            yield from _in_integer(kind, value, path)
        case _:
            yield _wrong_type(kind, value, path)


def _in_text(kind: inspect.Type, value: str, path: Path, expected: str) -> Iterator[Problem]:
    pattern = kind.pattern if isinstance(kind, inspect.StrType) else None
    if pattern and not re.search(pattern, value):
        lower = value.lower()
        hint = f"write it in lower case: {quote(lower)}" if re.search(pattern, lower) else None
        yield Problem(path=path, text=f"expected {expected}, found {quote(value)}", hint=hint)


def _in_union(types: Sequence[inspect.Type], value: object, path: Path) -> Iterator[Problem]:
    wants_table = isinstance(value, dict)
    for kind in types:
        if isinstance(kind, inspect.StructType) == wants_table and isinstance(value, (str, dict)):
            yield from _in_value(kind, value, path)
            return
    yield _wrong_type(inspect.UnionType(tuple(types)), value, path)


def _in_struct(
    kind: inspect.StructType, value: Mapping[str, object], path: Path
) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in kind.fields}
    for name, field in fields.items():
        if name in value:
            yield from _in_value(field.type, value[name], (*path, name))
        elif field.required:
            yield _missing(field, path)
    for name in value:
        if name not in fields:
            yield _unknown(name, list(fields), path)


def _in_dict(kind: inspect.DictType, value: Mapping[str, object], path: Path) -> Iterator[Problem]:
    for name, item in value.items():
        place = (*path, name)
        faults = list(_in_value(kind.key_type, name, place))
        yield from faults
        if not faults:
            yield from _in_value(kind.value_type, item, place)


def _in_list(kind: inspect.ListType, value: Sequence[object], path: Path) -> Iterator[Problem]:
    if len(value) < (kind.min_length or 0):
        yield Problem(path=path, text="expected at least one entry, found an empty array")
    for position, item in enumerate(value):
        yield from _in_value(kind.item_type, item, (*path, position))


def _in_enum(enum: type[Enum], value: str, path: Path) -> Iterator[Problem]:
    known = [str(item.value) for item in enum]
    if value not in known:
        near = closest(value, known)
        yield Problem(
            path=path,
            text=f"expected {_listed(known, 'or')}, found {quote(value)}",
            hint=f"did you mean `{near}`?" if near else None,
        )


def _in_integer(kind: inspect.IntType, value: int, path: Path) -> Iterator[Problem]:
    low, high = kind.ge, kind.le
    if (low is not None and value < low) or (high is not None and value > high):
        text = f"expected an integer from {low} to {high}, found {_written(value)}"
        yield Problem(path=path, text=text)


def _missing(field: inspect.Field, path: Path) -> Problem:
    name = field.encode_name
    inner = _bare(field.type)
    if isinstance(inner, inspect.StructType):
        needed = [item for item in inner.fields if item.required]
        lines = " and ".join(f"`{item.encode_name} = {_example(item.type)}`" for item in needed)
        hint = f"add `[{name}]` with {lines}"
        return Problem(path=(*path, name), text="this table is missing", hint=hint)
    hint = f"add `{name} = {_example(field.type)}` to [{show_key(path)}]"
    return Problem(path=(*path, name), text="this key is missing", hint=hint)


def _example(kind: inspect.Type) -> str:
    """Return an example as TOML; JSON's strings and arrays are TOML's too."""
    while isinstance(kind, inspect.Metadata):
        examples = (kind.extra_json_schema or {}).get("examples")
        if examples:
            return json.dumps(examples[0])
        kind = kind.type
    return "…"


def _unknown(name: str, known: Sequence[str], path: Path) -> Problem:
    return Problem(path=(*path, name), text="unknown key", hint=_unknown_hint(name, known, path))


def _unknown_hint(name: str, known: Sequence[str], path: Path) -> str:
    tables = _tables()
    homes = [table for table, keys in tables.items() if name in keys]
    if path and name in tables:
        return f"`{name}` is a table of its own: `[{name}]`"
    if len(homes) == 1 and homes != ["python"]:
        return f"`{name}` belongs into [{homes[0]}]"
    near = closest(name, known)
    if near:
        return f"did you mean `{show_key((*path, near))}`?"
    place = f"[{show_key(path)}]" if path else "a stack"
    hint = f"{place} knows {_listed(known, 'and')}"
    if path[-1:] == ("frameworks",):
        hint += "; any other package belongs into [dependencies]"
    return hint


@cache
def _tables() -> Mapping[str, frozenset[str]]:
    """Return the keys of every table, so that a key in the wrong one can be sent home."""
    tables = {}
    for field in _root().fields:
        inner = _bare(field.type)
        keys = inner.fields if isinstance(inner, inspect.StructType) else ()
        tables[field.encode_name] = frozenset(item.encode_name for item in keys)
    return tables


def _bare(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _wrong_type(kind: inspect.Type, value: object, path: Path) -> Problem:
    return Problem(
        path=path,
        text=f"expected {_name_type(kind)}, found {_describe(value)}",
        hint=_type_hint(kind, value, path),
    )


def _name_type(kind: inspect.Type) -> str:
    match _bare(kind):
        case inspect.UnionType(types=types):
            return " or ".join(_name_type(item) for item in types)
        case inspect.StrType() | inspect.EnumType():
            return "a string"
        case inspect.IntType():
            return "an integer"
        case inspect.ListType(item_type=item) if isinstance(_bare(item), inspect.StructType):
            return "an array of tables"
        case inspect.ListType():
            return "an array"
        case _:
            return "a table"


def _describe(value: object) -> str:
    match value:
        case bool():
            found = f"the boolean {str(value).lower()}"
        case int() | float():
            found = f"the {'float' if isinstance(value, float) else 'integer'} {_written(value)}"
        case str():
            found = f"the string {quote(value)}"
        case list():
            found = "an array"
        case dict():
            found = "a table"
        case _:
            found = f"the date or time {value}"
    return found


def _written(value: object) -> str:
    if isinstance(value, WrittenFloat):
        return value.text
    # Python refuses to print an integer of thousands of digits; hexadecimal ones can get here.
    return hex(value) if isinstance(value, int) and abs(value) > _LONG else str(value)


def _type_hint(kind: inspect.Type, value: object, path: Path) -> str | None:
    wanted = _name_type(kind)
    key = path[-1] if path else ""
    assign = "" if isinstance(key, int) else f"{_show_key(key)} = "
    if wanted.startswith("a string") and isinstance(value, (int, float)):
        text = "true" if value is True else "false" if value is False else _written(value)
        return None if isinstance(value, bool) else f'quote it: `{assign}"{text}"`'
    if wanted == "an array" and isinstance(value, str):
        return f"put it in brackets: `{assign}[{json.dumps(quote(value)[1:-1])}]`"
    if wanted == "an array of tables" and isinstance(value, dict):
        return f"write the header with two brackets: `[[{show_key(path)}]]`"
    if wanted == "a table":
        return f"write it as a table: `[{show_key(path)}]`"
    return None


def _listed(words: Sequence[str], last: str) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"
