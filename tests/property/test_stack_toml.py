"""For any bytes there is a stack or an `InputFileError`; and every key is found on its line."""

from __future__ import annotations

import copy
import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from envlock.errors import InputFileError
from envlock.formats.stack_lines import find_lines
from envlock.formats.stack_problems import find_problems
from envlock.formats.stack_schema import StackFile, json_schema
from envlock.formats.stack_toml import read_stack
from envlock.formats.stack_words import format_key
from envlock.model.stack import Stack

BASE = """\
# A stack with something of everything
[stack]
name = "torch-cu121"
description = "PyTorch # not a comment"
platforms = [
  "linux-64",   # the cluster
  "osx-arm64",
]
channels = ["pytorch", 'conda-forge']

[python]
version = "3.11.*"

[gpu]
cuda = "12.1"
cudnn = ">=8.9,<10"
compute = ["7.5", "9.0"]

[fleet]
driver = "535"

[frameworks]
pytorch = { version = "2.*", from = "conda" }

[dependencies]
numpy.version = ">=2"
"ruamel.yaml" = "*"

[pypi-dependencies]
einops = { version = ">=0.7", extras = ["a"], index = "extra" }

[[pypi-index]]
name = "extra"
url = "https://pypi.example.org/simple"
packages = ["einops"]

[target.osx-arm64]
accelerator = "mps"

[target.osx-arm64.dependencies]
appnope = "*"

[[artifacts]]
name = "weights"
url = "https://example.org/w.bin"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

[verify]
level = "smoke"
timeout-seconds = 60

[audit]
severity = { EL101 = "off" }

[[audit.ignore]]
rule = "EL102"
reason = "the mirror has no other"
expires = "2027-01-31"
"""
DOCUMENT = tomllib.loads(BASE)
VALIDATOR = Draft202012Validator(json.loads(json_schema()), format_checker=FormatChecker(["date"]))
TWO_CORES = settings(deadline=None)


def read(content: bytes) -> Stack | InputFileError:
    try:
        return read_stack(content, "a.toml")
    except InputFileError as error:
        return error


# --- no bytes are a traceback -------------------------------------------------------------------

FRAGMENTS = st.sampled_from(
    [
        b"[", b"]", b"[[", b"]]", b"{", b"}", b"=", b".", b",", b"\n", b"\r\n", b"\r", b'"', b"'",
        b'"""', b"'''", b"#", b"\\", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"12.10",
        b"[gpu]\n", b"cuda = 1\n", b"stack", b"@", b"://", b"true", b"inf", b"2024-02-30",
        b"[target.win-64]\n", b"a.b.c = 1\n", b'"\\ud800"', b"\\u0000", b"0x" + b"f" * 9000,
    ]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The base with some cuts, insertions and doublings."""
    content = BASE.encode()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        size = draw(st.sampled_from([0, 1, 2, 10, 60, 400]))
        middle = draw(st.one_of(FRAGMENTS, st.just(content[at : at + size] * 2), st.just(b"")))
        content = content[:at] + middle + content[at + size :]
    return content


@TWO_CORES
@given(st.one_of(st.binary(max_size=200), damaged(), st.lists(FRAGMENTS).map(b"".join)))
@example(b"[" * 5000)
@example(b"a = " + b"{a = " * 3000)
@example(b"a." * 400 + b"a = 1")
@example(b"stack = 1\npython = []\ngpu = [[1]]\ntarget = 'x'\npypi-index = [1, {}]")
def test_any_bytes_are_a_stack_or_an_input_file_error(content: bytes):
    outcome = read(content)

    if isinstance(outcome, InputFileError):
        assert outcome.faults
        assert all(fault.where.startswith("a.toml") for fault in outcome.faults)
        assert all(line.isprintable() for line in str(outcome).split("\n"))
        assert json.loads(json.dumps(outcome.fields()))
    else:
        assert set(outcome.inputs) <= set(outcome.where)
        assert all(where.line > 0 for where in outcome.where.values())


VALUES = st.recursive(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(["linux-64", "osx-64", "cuda", "pypi", "*", "12.1", "a", "Numpy", "a\n"]),
        st.integers(-5, 10**20),
        st.booleans(),
        st.floats(allow_nan=False).filter(lambda number: not number.is_integer()),
        st.dates(),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["version", "name", "url", "x", "A b"]), inner, max_size=3
        )
    ),
    max_leaves=4,
)


def paths_of(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    return [path, *(inner for key, item in items for inner in paths_of(item, (*path, key)))]


@st.composite
def changed_documents(draw: st.DrawFn) -> dict[str, Any]:
    """The base document with some values replaced, removed or added."""
    document: Any = copy.deepcopy(DOCUMENT)
    for _ in range(draw(st.integers(0, 3))):
        *parents, key = draw(st.sampled_from(paths_of(document)[1:]))
        place = document
        for parent in parents:
            place = place[parent]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                place[key] = draw(VALUES)
            case "remove":
                del place[key]
            case _ if isinstance(place, dict):
                place[draw(st.sampled_from(["version", "win-64", "jax", "x y"]))] = draw(VALUES)
    return document


@TWO_CORES
@given(changed_documents())
def test_the_quick_check_and_the_full_one_agree(document: dict[str, Any]):
    problems = find_problems(document)

    try:
        msgspec.convert(document, StackFile)
    except msgspec.ValidationError:
        assert problems
    else:
        assert problems == []


def table_entries(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


@TWO_CORES
@given(changed_documents())
def test_the_published_schema_agrees_but_for_repeats(document: dict[str, Any]):
    if isinstance(document.get("audit"), dict):  # JSON has no days, and TOML has
        for entry in table_entries(document["audit"].get("ignore")):
            if type(entry.get("expires")) is date:
                entry["expires"] = entry["expires"].isoformat()
    faults = [item for item in VALIDATOR.iter_errors(document) if item.validator != "uniqueItems"]
    nested = [item for fault in faults for item in fault.context or [] if fault.validator]

    assert bool(faults) == bool(find_problems(document)) or any(
        item.validator == "uniqueItems" for item in nested
    )


@TWO_CORES
@given(changed_documents())
def test_what_is_accepted_reads_back_the_same_from_other_toml(document: dict[str, Any]):
    outcome = read(tomlkit.dumps(document).encode())

    if isinstance(outcome, Stack):
        again = read_stack(tomlkit.dumps(document, sort_keys=True).encode(), "a.toml")
        assert again.inputs == outcome.inputs


# --- secrets ------------------------------------------------------------------------------------

SECRET = st.text("abcXYZ0189-_.~!$&*+,;:/@%", min_size=4, max_size=12).map(lambda s: f"Q{s}Q")
FORMS = st.sampled_from(
    [
        "https://user:{}@host/ch",
        "https://{}@host/ch",
        "http://{}:x@host:80/ch/sub",
        "ftp://user:{}@host",
        "git+https://{}@host/x",
        "//user:{}@host/ch",
        "user:{}@host/ch",
        "https://host/ch?token={}",
        "https://host/ch#token={}",
    ]
)
SPOTS = st.sampled_from(
    [
        ("[stack]\n", '[stack]\nchannels = ["{}"]\nname = "{}"\nqq = "{}"\n'),
        ("name = ", '"{}" = 1\nname = "{}"\nold-name = '),
        ('cuda = "12.1"', 'cuda = "{}"\n"{}" = "{}"'),
        ("appnope = ", '"{}" = {{ channel = "{}", build = "{}", version = "{}" }}\na = '),
        ("einops = ", '"{}" = {{ url = "{}", markers = "{}", extras = ["{}"] }}\ne = '),
        ("url = ", 'url = "{}"\nold = '),
    ]
)


@TWO_CORES
@given(SECRET, FORMS, SPOTS)
def test_no_secret_comes_out_of_a_file(secret: str, form: str, spot: tuple[str, str]):
    old, new = spot
    text = BASE.replace(old, new.replace("{}", form.format(secret)).replace("{{", "{"), 1)

    outcome = read(text.replace("}}", "}").encode())

    assert isinstance(outcome, InputFileError)
    assert secret not in json.dumps(outcome.fields())


# --- lines --------------------------------------------------------------------------------------

BARE = st.text("abc-_1", min_size=1, max_size=4)
KEYS = st.one_of(
    BARE.map(lambda key: (key, key)),
    st.text("ab.#[]= '\t", max_size=4).map(lambda key: (json.dumps(key), key)),
    st.text('ab.#[]= "\\', max_size=4).map(lambda key: (f"'{key}'", key)),
)
"""Keys as they are written and what they mean."""
SCALARS = st.sampled_from(
    [
        "1", "-1.5e3", "true", "inf", "0xff", "1979-05-27 07:32:00", "07:32:00.5", '""', "''",
        '"a # b"', "'a = [1]'", '"\\"]"', "'\\'", '"""', "'''",
    ]
)  # fmt: skip
TRAPS = ["[a]\n", "b = 1\n", "# c\n", "}\n", "]\n", "\\\\", '\\"', '""', "'", "\n", "x"]


@st.composite
def scalars(draw: st.DrawFn) -> str:
    scalar = draw(SCALARS)
    if scalar not in ('"""', "'''"):
        return scalar
    parts = draw(st.lists(st.sampled_from(TRAPS), max_size=5))
    if scalar == "'''":
        return "'''" + "".join(part for part in parts if "'" not in part) + "'''"
    inside = "".join(part if part != '""' else 'a""b' for part in parts)
    return f'"""{inside}{draw(st.sampled_from(["", "x", chr(34), chr(34) * 2]))}"""'


class Writer:
    """Writes TOML and notes the line of each key as it goes."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[tuple[str | int, ...], int] = {}

    def put(self, text: str) -> None:
        self.text += text

    def note(self, path: tuple[str | int, ...]) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def gap(self) -> None:
        """Blank lines and comments, where an array may have them."""
        self.put(self.draw(st.sampled_from(["", " ", "\n", " # [x]\n", "\r\n", '\t# """\n '])))

    def space(self) -> None:
        self.put(self.draw(st.sampled_from(["", " ", "\t"])))

    def value(self, path: tuple[str | int, ...], depth: int) -> None:
        kinds = ["scalar", "array", "table"] if depth else ["scalar"]
        match self.draw(st.sampled_from(kinds)):
            case "scalar":
                self.put(self.draw(scalars()))
            case "array":
                self.array(path, depth)
            case _:
                self.table(path, depth)

    def array(self, path: tuple[str | int, ...], depth: int) -> None:
        self.put("[")
        for position in range(self.draw(st.integers(0, 3))):
            self.gap()
            self.note((*path, position))
            self.value((*path, position), depth - 1)
            self.gap()
            self.put(",")
        self.gap()
        self.put("]")

    def table(self, path: tuple[str | int, ...], depth: int) -> None:
        self.put("{")
        keys = self.draw(st.lists(KEYS, max_size=3, unique_by=lambda key: key[1]))
        for position, (written, key) in enumerate(keys):
            self.put("," if position else "")
            self.space()
            self.pair(path, written, key, depth - 1)
        self.put("}")

    def pair(self, path: tuple[str | int, ...], written: str, key: str, depth: int) -> None:
        self.note((*path, key))
        if self.draw(st.booleans()):
            dotted, meaning = self.draw(KEYS)
            self.note((*path, key, meaning))
            self.put(f"{written} . {dotted}")
            path = (*path, key, meaning)
        else:
            self.put(written)
            path = (*path, key)
        self.space()
        self.put("=")
        self.space()
        self.value(path, depth)
        self.space()

    def section(self, number: int) -> None:
        """Write a table whose name no other section has."""
        name = f"t{number}"
        sub, key = self.draw(KEYS)
        match self.draw(st.sampled_from(["plain", "sub", "array"])):
            case "plain":
                self.note((name,))
                self.put(f"[ {name} ] # x\n")
                self.pairs((name,))
            case "sub":
                self.note((name,))
                self.note((name, key))
                self.put(f"  [{name}.{sub}]\n")
                self.pairs((name, key))
            case _:
                self.note((name,))
                for position in range(self.draw(st.integers(1, 3))):
                    self.note((name, position))
                    self.put(f"[[{name}]]\n")
                    self.pairs((name, position))
                    self.note((name, position, "sub"))
                    self.put(f"[{name}.sub]\n")
                    self.pairs((name, position, "sub"))

    def pairs(self, path: tuple[str | int, ...]) -> None:
        keys = self.draw(st.lists(KEYS, max_size=3, unique_by=lambda key: key[1]))
        for written, key in keys:
            self.put(self.draw(st.sampled_from(["", "\n", "# a = 1\n", "  "])))
            self.pair(path, written, key, 2)
            self.put(self.draw(st.sampled_from(["\n", " # b\n", "\r\n"])))


@st.composite
def written(draw: st.DrawFn) -> Writer:
    writer = Writer(draw)
    writer.pairs(())
    for number in range(draw(st.integers(0, 3))):
        writer.section(number)
    return writer


@TWO_CORES
@given(written())
def test_every_key_of_any_toml_is_found_on_its_line(writer: Writer):
    document = tomllib.loads(writer.text)

    lines = find_lines(writer.text)

    assert set(lines) == set(paths_of(document)[1:])
    assert lines == writer.lines


@TWO_CORES
@given(written())
def test_tomlkit_sees_the_same_keys(writer: Writer):
    try:
        document = tomlkit.parse(writer.text).unwrap()
    except (tomlkit.exceptions.TOMLKitError, ValueError):
        return  # it refuses some TOML that tomllib takes

    assert set(find_lines(writer.text)) == set(paths_of(document)[1:])


@TWO_CORES
@given(st.text(max_size=200) | damaged().map(lambda content: content.decode(errors="replace")))
def test_lines_of_any_text_are_lines_of_it(text: str):
    last = text.count("\n") + 1

    assert all(1 <= line <= last for line in find_lines(text).values())


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[2].glob("stacks/*.toml")), ids=lambda path: path.stem
)
def test_every_stack_that_ships_is_read_with_all_its_lines(path: Path):
    content = path.read_bytes()
    lines = content.decode().split("\n")

    stack = read_stack(content, path.name)

    for key, where in stack.where.items():
        name = key.rpartition(".")[2].partition("[")[0].strip('"')
        assert name in lines[where.line - 1] or "[" in key
    keys = {format_key(item) for item in paths_of(tomllib.loads(content.decode()))[1:]}
    assert set(stack.where) == keys
