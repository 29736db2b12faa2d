"""Read a stack file: TOML bytes in, a checked `Stack` or every fault of the file out.

`tomllib` says what the values are; it does not say where they stand, and its errors stop at the
first. So a small scanner (`find_lines`) gives each key its line. The scanner trusts that the text
is TOML, which `tomllib` has seen to before it is asked.

A byte order mark is refused, as `tomllib` does: other readers of the same file would stumble.
Credentials are refused wherever an address can stand, and no message repeats one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeVar

import msgspec
from msgspec import UnsetType

from envlock.errors import Fault, InputFileError
from envlock.formats.channel import channel_url
from envlock.formats.stack_schema import (
    PYPI_SPECIFIERS,
    Dependencies,
    FleetTable,
    GpuTable,
    Path,
    Problem,
    PypiDependencies,
    PypiDependencyTable,
    StackFile,
    TargetTable,
    WrittenFloat,
    closest,
    find_problems,
    format_key,
    quote,
    redact,
    show_key,
)
from envlock.model.platform import Accelerator, Platform, System
from envlock.model.stack import (
    Artifact,
    AuditSettings,
    Dependency,
    Fleet,
    Framework,
    FrameworkSource,
    Gpu,
    PypiDependency,
    PypiIndex,
    Stack,
    Target,
    VerifySettings,
    Where,
)
from envlock.model.version import CudaLine

T = TypeVar("T")

Table = Mapping[str, Any]
"""A TOML table; the schema has seen to its values."""

LARGEST_BYTES = 1_000_000
"""No stack is larger; callers pass it as the limit when they read the file."""

PYPI_NAMES = {"pytorch": "torch", "tensorflow": "tensorflow", "jax": "jax"}
"""What PyPI calls the frameworks."""


def read_stack(content: bytes, file: str) -> Stack:
    """Return the stack that a file holds; `file` is the name that messages and places carry.

    Raises `InputFileError` with every fault of the file. For any bytes there is either a stack or
    that error.
    """
    text = _decode(content, file)
    document = _parse(text, file)
    try:
        checked = msgspec.convert(document, StackFile)
        problems: list[Problem] = []
    except msgspec.ValidationError as error:
        checked = None
        problems = find_problems(document) or [Problem(path=(), text=redact(str(error)))]
    problems += _judge(_sound_part(document, frozenset(item.path for item in problems)), document)
    places = _Places(file, find_lines(text))
    if problems or checked is None:
        raise InputFileError(_faults(problems, places))
    return _build(checked, document, places)


# --- text ---------------------------------------------------------------------------------------


def _decode(content: bytes, file: str) -> str:
    """Return the text of a file; refuses what is no text, with the offset of the first bad byte."""
    if not content.strip():
        _refuse(file, 0, "the file is empty", hint="`envlock init` writes a first stack")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        _refuse(file, 1, "expected UTF-8 text, found UTF-16", hint="save the file as UTF-8")
    if content.startswith(b"\xef\xbb\xbf"):
        _refuse(
            file,
            1,
            "expected TOML, found a byte order mark at offset 0",
            hint="save the file as UTF-8 without a byte order mark (BOM)",
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{content[error.start]:02x} at offset {error.start}"
        _refuse(file, line, f"expected UTF-8 text, found {found}", hint="save the file as UTF-8")
    offset = content.find(b"\0")
    if offset >= 0:
        line = content.count(b"\n", 0, offset) + 1
        _refuse(
            file,
            line,
            f"expected text, found a NUL byte at offset {offset}",
            hint="is this really a TOML file?",
        )
    return text


def _parse(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=WrittenFloat)
    except RecursionError:
        _refuse(file, 0, "arrays or tables are nested too deeply")
    except ValueError as error:  # tomllib's own error is one; `int` has others
        _explain(str(error), text, file)


def _refuse(file: str, line: int, problem: str, *, hint: str | None = None) -> NoReturn:
    where = f"{file}:{line}" if line else file
    raise InputFileError([Fault(where=where, problem=problem, hint=hint)]) from None


_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _explain(message: str, text: str, file: str) -> NoReturn:
    """Raise what tomllib says, in our words where it matters: which key, and both lines."""
    position = _POSITION.search(message)
    last = text.rstrip().count("\n") + 1
    line = int(position[1]) if position and position[1] else last
    reason = message[: position.start()] if position else message
    clash = _find_clash(text, line) if reason.startswith(_CLASHES) else None
    if clash:
        raise InputFileError([_clash_fault(clash, file)]) from None
    column = f", column {position[2]}" if position and position[2] else ""
    problem = f"not valid TOML{column}: {redact(_in_plain_words(reason))}"
    _refuse(file, line, problem, hint=_SYNTAX_HINTS.get(reason))


def _in_plain_words(reason: str) -> str:
    """Return tomllib's reason without Python in it."""
    if reason.startswith("Exceeds the limit"):
        return "an integer has too many digits"
    return re.sub(r"\((.*)\)", lambda match: quote(".".join(_parts(match[1]))), reason)


def _parts(printed: str) -> list[str]:
    return re.findall(r"'([^']*)'", printed)


_CLASHES = ("Cannot ", "Duplicate ")
_INLINE = "`{ … }` stays on one line and has no comma at its end"
_SYNTAX_HINTS = {
    "Invalid initial character for a key part": _INLINE,
    "Unclosed inline table": _INLINE,
    "Invalid value": "text needs quotes",
    "Expected '=' after a key in a key/value pair": "a line is `key = value` or `[table]`",
    "Invalid statement": "a line is `key = value` or `[table]`",
}


class _Declared(NamedTuple):
    """A header, a key or an array entry, as the scanner meets it."""

    path: Path
    line: int
    is_header: bool


class _Clash(NamedTuple):
    """A key or table that is written although another one stands in its place."""

    declared: _Declared
    earlier: _Declared


def _clash_fault(clash: _Clash, file: str) -> Fault:
    (path, line, _), (earlier, first, _) = clash
    where = f"{file}:{line}: {show_key(path)}"
    if path == earlier:
        problem = f"written twice, first on line {first}"
        return Fault(where=where, problem=problem, hint="keep one of the two")
    problem = f"`{show_key(earlier)}` is already written on line {first}, in another way"
    return Fault(where=where, problem=problem, hint="write a table in one way only")


def _find_clash(text: str, line: int) -> _Clash | None:
    """Return the key that tomllib stumbled over on or before a line, and what it clashes with."""
    seen: dict[Path, _Declared] = {}
    clash: _Clash | None = None
    for item in _declarations(text):
        if item.line > line:
            break
        if item.path in seen:
            return _Clash(item, seen[item.path])
        for size in range(1, len(item.path)):
            parent = seen.get(item.path[:size])
            if parent and not parent.is_header and parent.line < item.line:
                clash = _Clash(item, parent)
        seen[item.path] = item
    return clash


# --- lines --------------------------------------------------------------------------------------

_PIECE = re.compile(
    r"""
      (?P<blank>[ \t\r]+|\#[^\n]*)
    | \"{3}(?:\\[\s\S]|[^\\])*?\"{3,5} | '{3}[\s\S]*?'{3,5}
    | "(?:\\.|[^"\\\n])*" | '[^'\n]*'
    | [\[\]{},=.\n]
    | [^\s\[\]{},=\#"'.]+
    """,
    re.VERBOSE,
)

Piece = tuple[str, int, int]
"""A piece of TOML that is neither blank nor comment: its text, line and offset."""

_NOTHING: Piece = ("", 0, 0)


def find_lines(text: str) -> dict[Path, int]:
    """Return the line of every key, table and array entry of a TOML text, from 1.

    A table that is only implied (`target` in `[target.win-64]`) gets the first line naming it.
    Text that is not TOML gives some lines, never an error.
    """
    lines: dict[Path, int] = {}
    for path, line, _ in _declarations(text):
        for size in range(1, min(len(path), _DEEPEST) + 1):
            lines.setdefault(path[:size], line)
    return lines


_DEEPEST = 12
"""No key of a stack lies so deep; a limit keeps a hostile key of thousands of dots cheap."""


def split_pieces(text: str) -> Iterator[Piece]:
    """Yield the pieces of a TOML text in order; newlines are pieces, line 1 is the first."""
    line = 1
    for match in _PIECE.finditer(text):
        if match.lastgroup != "blank":
            piece = match.group()
            yield piece, line, match.start()
            line += piece.count("\n")


def read_header(pieces: Iterator[Piece], arrays: dict[Path, int]) -> Path:
    """Read the rest of `[a.b]` or `[[a.b]]`; an array of tables counts up in `arrays`."""
    first = next(pieces, _NOTHING)
    is_array = first[0] == "["
    keys = read_key(next(pieces, _NOTHING) if is_array else first, pieces)
    path: Path = ()
    for position, key in enumerate(keys, start=1):
        path = (*path, key)
        if path in arrays and not (is_array and position == len(keys)):
            path = (*path, arrays[path] - 1)
    if not is_array:
        return path
    next(pieces, _NOTHING)  # the second bracket
    arrays[path] = arrays.get(path, 0) + 1
    return (*path, arrays[path] - 1)


def read_key(first: Piece, pieces: Iterator[Piece]) -> tuple[str, ...]:
    """Read a dotted key and the `=` or `]` after it."""
    keys: list[str] = []
    text = first[0]
    while text not in _KEY_ENDS:
        if text != ".":
            keys.append(_unquote(text))
        text = next(pieces, _NOTHING)[0]
    return tuple(keys)


_KEY_ENDS = ("=", "]", "\n", "")


def _unquote(key: str) -> str:
    if key[0] not in "\"'":
        return key
    if key[0] == '"' and "\\" in key:
        try:
            return str(tomllib.loads(f"key = {key}")["key"])
        except ValueError:
            return key
    return key[1:-1]


def _declarations(text: str) -> Iterator[_Declared]:
    """Yield each header, key and array entry with its line, in order, repeats included."""
    pieces = split_pieces(text)
    arrays: dict[Path, int] = {}
    table: Path = ()
    for piece in pieces:
        if piece[0] == "[":
            table = read_header(pieces, arrays)
            yield _Declared(table, piece[1], is_header=True)
        elif piece[0] != "\n":
            path = table + read_key(piece, pieces)
            yield _Declared(path, piece[1], is_header=False)
            yield from _in_a_value(pieces, path)


def _in_a_value(pieces: Iterator[Piece], path: Path) -> Iterator[_Declared]:
    """Read to the end of a value; yield the entries of arrays and the keys of inline tables."""
    places: list[Path] = []  # the arrays and inline tables that are open
    positions: list[int] = []  # the entry in each open array; -1 in an inline table
    starts = False  # the next piece begins an entry or a key
    for piece in pieces:
        text, line, _ = piece
        if text == "\n":
            if not places:
                return
            continue
        if starts and text not in _CLOSERS:
            starts = False
            is_key = positions[-1] < 0
            path = places[-1] + (read_key(piece, pieces) if is_key else (positions[-1],))
            yield _Declared(path, line, is_header=False)
            if is_key:
                continue
        if text in _OPENERS:
            places.append(path)
            positions.append(0 if text == "[" else -1)
            starts = True
        elif text in _CLOSERS and places:
            places.pop()
            positions.pop()
            starts = False
        elif text == "," and places:
            positions[-1] += positions[-1] >= 0
            starts = True


_OPENERS = ("[", "{")
_CLOSERS = ("]", "}")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the keys of one file stand."""

    file: str
    lines: Mapping[Path, int]

    def where(self, *path: str | int) -> Where:
        """Return a key's place; a key that is missing stands where its table begins."""
        return Where(self.file, format_key(path), self.line(path))

    def name(self, path: Path) -> str:
        """Return the start of a message about a key; without a key, the file."""
        return str(Where(self.file, show_key(path), self.line(path))) if path else self.file

    def line(self, path: Path) -> int:
        """Return a key's line, or that of the nearest table around it; 0 for none."""
        sizes = range(len(path), 0, -1)
        return next((self.lines[path[:size]] for size in sizes if path[:size] in self.lines), 0)

    def all(self) -> dict[str, Where]:
        """Return the place of everything in the file."""
        return {format_key(path): self.where(*path) for path in self.lines}


def _faults(problems: Iterable[Problem], places: _Places) -> list[Fault]:
    """Return the problems as faults, in the order of the file."""
    ordered = sorted(problems, key=lambda item: (places.line(item.path), show_key(item.path)))
    return [
        Fault(where=places.name(item.path), problem=item.text, hint=item.hint) for item in ordered
    ]


# --- what needs two keys to judge ---------------------------------------------------------------


def _sound_part(value: Any, bad: frozenset[Path], path: Path = ()) -> Any:
    """Return a document without its faulty parts; an array keeps None there: positions stay."""
    if not bad:
        return value
    if path in bad:
        return None
    if isinstance(value, dict):
        items = {key: _sound_part(item, bad, (*path, key)) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not None}
    if isinstance(value, list):
        return [_sound_part(item, bad, (*path, index)) for index, item in enumerate(value)]
    return value


def _judge(document: Table, written: Table) -> list[Problem]:
    """Return what is wrong between keys that are each right.

    `document` is the sound part of what is written: the checks may trust every type in it. They
    look at `written` where a key that is there, but faulty, must not be called missing.
    """
    return [
        *_judge_repeats(document),
        *_judge_targets(document),
        *_judge_accelerators(document, written),
        *_judge_names(document),
        *_judge_channels(document),
        *_judge_pypi(document),
        *_judge_addresses(document),
    ]


def _table(document: Table, *path: str) -> Table:
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _entries(document: Table, *path: str) -> list[tuple[int, Any]]:
    value = _table(document, *path[:-1]).get(path[-1])
    entries = value if isinstance(value, list) else []
    return [(index, item) for index, item in enumerate(entries) if item is not None]


def _whole_array(document: Table, *path: str) -> list[Any]:
    """Return an array, empty when it is missing or a part of it is faulty."""
    entries = _table(document, *path[:-1]).get(path[-1])
    return entries if isinstance(entries, list) and None not in entries else []


def _scopes(document: Table) -> list[tuple[Path, Table]]:
    """Return the places that can hold dependencies: the file and each target."""
    targets = _table(document, "target")
    return [((), document), *((("target", name), table) for name, table in targets.items())]


def _judge_repeats(document: Table) -> Iterator[Problem]:
    yield from _repeats(document, ("stack", "platforms"))
    yield from _repeats(document, ("stack", "channels"), channel_url)
    yield from _repeats(document, ("gpu", "compute"))
    yield from _repeats(document, ("gpu", "newer-components"))
    yield from _repeats(document, ("audit", "ignore"))
    for kind in ("pypi-index", "artifacts"):
        tables = [(index, table.get("name")) for index, table in _entries(document, kind)]
        names = [(index, name) for index, name in tables if name]
        yield from _repeated(((kind, index, "name"), name, name) for index, name in names)
    for index, table in _entries(document, "pypi-index"):
        packages = _entries(table, "packages")
        yield from _repeated(
            (("pypi-index", index, "packages", at), name, normal_name(name))
            for at, name in packages
        )
    for scope, table in _scopes(document):
        yield from _repeated(
            ((*scope, "pypi-dependencies", name), name, normal_name(name))
            for name in _table(table, "pypi-dependencies")
        )


def _repeats(
    document: Table, path: tuple[str, str], same: Callable[[str], str] = str
) -> Iterator[Problem]:
    entries = _entries(document, *path)
    yield from _repeated(((*path, index), item, same(item)) for index, item in entries)


def _repeated(entries: Iterable[tuple[Path, str, str]]) -> Iterator[Problem]:
    """Yield each entry whose last field, which stands for its meaning, was there before."""
    seen: dict[str, Path] = {}
    for path, text, meaning in entries:
        if meaning in seen:
            first = show_key(seen[meaning])
            yield Problem(path=path, text=f"{quote(text)} is named twice, first as `{first}`")
        seen.setdefault(meaning, path)


def normal_name(name: str) -> str:
    """Return a PyPI name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _judge_targets(document: Table) -> Iterator[Problem]:
    platforms = _whole_array(document, "stack", "platforms")
    for name in _table(document, "target"):
        if platforms and name not in platforms:
            yield Problem(
                path=("target", name),
                text=f"`{name}` is not one of the stack's platforms",
                hint=f"add `{name}` to stack.platforms, or remove this table",
            )


def _judge_accelerators(document: Table, written: Table) -> Iterator[Problem]:
    has_gpu = "gpu" in written
    for name, target in _table(document, "target").items():
        path = ("target", name, "accelerator")
        yield from _judge_accelerator(path, target.get("accelerator"), has_gpu=has_gpu)
    platforms = {item: index for index, item in reversed(_entries(document, "stack", "platforms"))}
    for item, index in platforms.items():
        is_mac = Platform(item).system is System.MACOS
        if has_gpu and is_mac and "accelerator" not in _table(written, "target", item):
            yield Problem(
                path=("stack", "platforms", index),
                text=f"`{item}` has no CUDA builds, and this stack has a [gpu] table",
                hint=f'say what it computes on: `[target.{item}]` with `accelerator = "mps"`'
                ' or `"cpu"`',
            )


def _judge_accelerator(
    path: tuple[str, str, str], accelerator: str | None, *, has_gpu: bool
) -> Iterator[Problem]:
    name = path[1]
    is_mac = Platform(name).system is System.MACOS
    if accelerator == Accelerator.MPS and not is_mac:
        yield Problem(
            path=path,
            text=f"`mps` is Apple's GPU, and `{name}` has none",
            hint='write `accelerator = "cuda"` or `accelerator = "cpu"`',
        )
    if accelerator == Accelerator.CUDA and is_mac:
        yield Problem(
            path=path,
            text=f"`{name}` has no CUDA builds",
            hint='write `accelerator = "mps"` or `accelerator = "cpu"`',
        )
    elif accelerator == Accelerator.CUDA and not has_gpu:
        yield Problem(
            path=path,
            text="`cuda` needs a [gpu] table, and this stack has none",
            hint='add `[gpu]` with `cuda = "12.1"`',
        )


def _judge_names(document: Table) -> Iterator[Problem]:
    """Yield dependencies that have a table of their own, or a framework's name."""
    for scope, table in _scopes(document):
        frameworks = {**_table(document, "frameworks"), **_table(table, "frameworks")}
        for name in _table(table, "dependencies"):
            path = (*scope, "dependencies", name)
            if name == "python":
                hint = "write the version in [python]"
                yield Problem(path=path, text="Python has a table of its own", hint=hint)
            elif name in frameworks:
                yield _asked_twice(path, name)
        for name in _table(table, "pypi-dependencies"):
            for framework in frameworks:
                if normal_name(name) == PYPI_NAMES[framework]:
                    yield _asked_twice((*scope, "pypi-dependencies", name), framework)


def _asked_twice(path: Path, framework: str) -> Problem:
    return Problem(
        path=path,
        text=f"[frameworks] asks for `{framework}` already",
        hint=f"keep `frameworks.{framework}` and remove `{show_key(path)}`",
    )


def _judge_channels(document: Table) -> Iterator[Problem]:
    """Yield dependencies from a channel that the stack does not list: no pin would hold it."""
    table = _table(document, "stack")
    named = _whole_array(document, "stack", "channels") if "channels" in table else ["conda-forge"]
    known = {channel_url(item) for item in named}
    for scope, table in _scopes(document):
        for name in _table(table, "dependencies"):
            channel = _table(table, "dependencies", name).get("channel")
            if channel and known and channel_url(channel) not in known:
                yield Problem(
                    path=(*scope, "dependencies", name, "channel"),
                    text=f"{quote(channel)} is not one of the stack's channels",
                    hint=f"add {quote(channel)} to stack.channels",
                )


def _judge_pypi(document: Table) -> Iterator[Problem]:
    indexes = [table.get("name", "") for _, table in _entries(document, "pypi-index")]
    for scope, table in _scopes(document):
        for name in _table(table, "pypi-dependencies"):
            entry = _table(table, "pypi-dependencies", name)
            path = (*scope, "pypi-dependencies", name)
            yield from _judge_one_file(entry, path)
            yield from _judge_index(entry.get("index"), (*path, "index"), indexes)
        for name in _table(table, "frameworks"):
            entry = _table(table, "frameworks", name)
            yield from _judge_pypi_version(entry, (*scope, "frameworks", name, "version"))


def _judge_one_file(entry: Table, path: Path) -> Iterator[Problem]:
    for key in ("version", "index"):
        if "url" in entry and key in entry:
            text = f"`url` names one file, so `{key}` has nothing to say"
            yield Problem(path=(*path, key), text=text, hint=f"keep `url` or `{key}`")


def _judge_index(index: str | None, path: Path, known: Sequence[str]) -> Iterator[Problem]:
    if index and "" not in known and index not in known:
        near = closest(index, known)
        yield Problem(
            path=path,
            text=f"there is no [[pypi-index]] named {quote(index)}",
            hint=f"did you mean `{near}`?" if near else "add a [[pypi-index]] of that name",
        )


def _judge_pypi_version(entry: Table, path: Path) -> Iterator[Problem]:
    version = entry.get("version", "*")
    if entry.get("from") == FrameworkSource.PYPI and not re.search(PYPI_SPECIFIERS, version):
        yield Problem(
            path=path,
            text="expected PEP 440 specifiers such as `>=2.1,<3`, for a framework from PyPI, "
            f"found {quote(version)}",
        )


_SECRETS = (
    re.compile(r"^[a-z]+://[^/?#]*@", re.IGNORECASE),  # a login before the host
    re.compile(r"^[a-z]+://[^/?#@]*:(?!\d*(?:[/?#]|$))", re.IGNORECASE),  # what is no port
    re.compile(r"(?:^|/)t/[^/]+(?:/|$)"),  # a token as anaconda.org's channels carry it
    re.compile(r"[?&;#][^=&]*(?:token|key|secret|passw|pwd|sig|auth|cred)[^=&]*=", re.IGNORECASE),
)
_QUERY = re.compile(r"[?#]")


def _judge_addresses(document: Table) -> Iterator[Problem]:
    """Yield addresses that carry a secret; no message repeats it."""
    for path, address in _places_of_addresses(document):
        if any(secret.search(address) for secret in _SECRETS):
            yield _secret(path, address)
        elif path[-1] != "url" and _QUERY.search(address):
            yield Problem(
                path=path,
                text=f"expected an address without `?` or `#`, found {quote(address)}",
            )


def _secret(path: Path, address: str) -> Problem:
    return Problem(
        path=path,
        text=f"expected an address without credentials, found {quote(address)}",
        hint="write the address without the login; keep the login in `~/.netrc`",
    )


def _places_of_addresses(document: Table) -> Iterator[tuple[Path, str]]:
    for index, channel in _entries(document, "stack", "channels"):
        yield ("stack", "channels", index), channel
    for kind in ("pypi-index", "artifacts"):
        for index, table in _entries(document, kind):
            if "url" in table:
                yield (kind, index, "url"), table["url"]
    for scope, table in _scopes(document):
        for kind, key in (("dependencies", "channel"), ("pypi-dependencies", "url")):
            for name in _table(table, kind):
                address = _table(table, kind, name).get(key)
                if address:
                    yield (*scope, kind, name, key), address


# --- building -----------------------------------------------------------------------------------

_NOT_ASKED = frozenset(["verify", "audit", "artifacts"])
_SETS = frozenset(["platforms", "compute", "newer-components", "extras", "packages"])
"""Arrays whose order says nothing; the inputs hold them sorted."""


def _build(checked: StackFile, document: Table, places: _Places) -> Stack:
    stack = checked.stack
    return Stack(
        name=stack.name,
        description=stack.description,
        platforms=tuple(stack.platforms),
        channels=tuple(stack.channels),
        channel_priority=stack.channel_priority,
        python=Dependency(
            name="python",
            version=checked.python.version,
            where=places.where("python", "version"),
        ),
        gpu=None if isinstance(checked.gpu, UnsetType) else _gpu(checked.gpu, document, places),
        fleet=_fleet(checked.fleet, document, places),
        frameworks=_frameworks(_table(document, "frameworks"), places, ()),
        dependencies=_dependencies(checked.dependencies, places, ()),
        pypi_dependencies=_pypi_dependencies(checked.pypi_dependencies, places, ()),
        targets={
            platform: _target(platform, target, document, places)
            for platform, target in checked.target.items()
        },
        inputs=_inputs(document),
        where=places.all(),
        pypi_indexes=tuple(
            PypiIndex(
                name=item.name,
                url=item.url,
                packages=tuple(item.packages),
                where=places.where("pypi-index", index),
            )
            for index, item in enumerate(checked.pypi_index)
        ),
        artifacts=tuple(
            Artifact(
                name=item.name,
                url=item.url,
                sha256=item.sha256,
                where=places.where("artifacts", index),
            )
            for index, item in enumerate(checked.artifacts)
        ),
        verify=VerifySettings(
            level=_given(checked.verify.level),
            timeout_seconds=_given(checked.verify.timeout_seconds),
        ),
        audit=AuditSettings(level=_given(checked.audit.level), ignore=tuple(checked.audit.ignore)),
    )


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _keys(table: Table, places: _Places, *path: str) -> dict[str, Where]:
    return {key: places.where(*path, key) for key in table}


def _gpu(table: GpuTable, document: Table, places: _Places) -> Gpu:
    return Gpu(
        cuda=CudaLine.parse(table.cuda),
        cudnn=_given(table.cudnn),
        compute=tuple(table.compute),
        newer_components=tuple(table.newer_components),
        where=_keys(_table(document, "gpu"), places, "gpu"),
    )


def _fleet(table: FleetTable, document: Table, places: _Places) -> Fleet:
    return Fleet(
        driver=_given(table.driver),
        glibc=_given(table.glibc),
        macos=_given(table.macos),
        where=_keys(_table(document, "fleet"), places, "fleet"),
    )


def _frameworks(table: Table, places: _Places, scope: Path) -> tuple[Framework, ...]:
    """Build the frameworks in the order of the file, which the checked table does not keep."""
    return tuple(
        Framework(
            name=name,
            version=entry if isinstance(entry, str) else entry.get("version", "*"),
            source=FrameworkSource(_table(table, name).get("from", "conda")),
            where=places.where(*scope, "frameworks", name),
        )
        for name, entry in table.items()
    )


def _dependencies(table: Dependencies, places: _Places, scope: Path) -> tuple[Dependency, ...]:
    return tuple(
        Dependency(
            name=name,
            version=entry if isinstance(entry, str) else entry.version,
            build=None if isinstance(entry, str) else _given(entry.build),
            channel=None if isinstance(entry, str) else _given(entry.channel),
            where=places.where(*scope, "dependencies", name),
        )
        for name, entry in table.items()
    )


def _pypi_dependencies(
    table: PypiDependencies, places: _Places, scope: Path
) -> tuple[PypiDependency, ...]:
    found = []
    for name, entry in table.items():
        full = PypiDependencyTable(version=entry) if isinstance(entry, str) else entry
        found.append(
            PypiDependency(
                name=name,
                version=_given(full.version) or "*",
                extras=tuple(full.extras),
                markers=_given(full.markers),
                url=_given(full.url),
                index=_given(full.index),
                where=places.where(*scope, "pypi-dependencies", name),
            )
        )
    return tuple(found)


def _target(platform: Platform, table: TargetTable, document: Table, places: _Places) -> Target:
    scope = ("target", platform.value)
    return Target(
        accelerator=_given(table.accelerator),
        frameworks=_frameworks(_table(document, *scope, "frameworks"), places, scope),
        dependencies=_dependencies(table.dependencies, places, scope),
        pypi_dependencies=_pypi_dependencies(table.pypi_dependencies, places, scope),
        where=places.where(*scope),
    )


def _inputs(document: Table) -> dict[str, object]:
    """Return every key that a solve depends on, in order; nothing is filled in.

    The name is one of them. Description, checks, audit settings and artifacts are not.
    """
    asked = {key: value for key, value in document.items() if key not in _NOT_ASKED}
    stack = {key: value for key, value in asked["stack"].items() if key != "description"}
    return dict(sorted(_flatten({**asked, "stack": stack}, ())))


def _flatten(value: Any, path: Path) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flatten(item, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _flatten(item, (*path, index))
    elif isinstance(value, list):
        yield format_key(path), sorted(value) if path[-1] in _SETS else list(value)
    else:
        yield format_key(path), value
