"""What needs two keys of a stack to judge; the schema has seen to each key alone.

Credentials are refused wherever an address can stand, and no message repeats one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from envlock.formats.channel import channel_url
from envlock.formats.stack_problems import Problem
from envlock.formats.stack_values import PYPI_SPECIFIERS
from envlock.formats.stack_words import Path, closest, quote, show_key
from envlock.model.platform import Accelerator, Platform, System
from envlock.model.stack import DEFAULT_INDEX, FrameworkSource, IndexFormat

Table = Mapping[str, Any]
"""A TOML table; the schema has seen to its values."""

PYPI_NAMES = {"pytorch": "torch", "tensorflow": "tensorflow", "jax": "jax"}
"""What PyPI calls the frameworks."""


def sound_part(value: Any, bad: frozenset[Path], path: Path = ()) -> Any:
    """Return a document without its faulty parts; an array keeps None there: positions stay."""
    if not bad:
        return value
    if path in bad:
        return None
    if isinstance(value, dict):
        items = {key: sound_part(item, bad, (*path, key)) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not None}
    if isinstance(value, list):
        return [sound_part(item, bad, (*path, index)) for index, item in enumerate(value)]
    return value


def judge_document(document: Table, written: Table) -> list[Problem]:
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
        *_judge_indexes(document),
        *_judge_pypi(document),
        *_judge_addresses(document),
    ]


def table_at(document: Table, *path: str) -> Table:
    """Return a table of a document; empty when it is missing, or no table."""
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _entries(document: Table, *path: str) -> list[tuple[int, Any]]:
    value = table_at(document, *path[:-1]).get(path[-1])
    entries = value if isinstance(value, list) else []
    return [(index, item) for index, item in enumerate(entries) if item is not None]


def _whole_array(document: Table, *path: str) -> list[Any]:
    """Return an array, empty when it is missing or a part of it is faulty."""
    entries = table_at(document, *path[:-1]).get(path[-1])
    return entries if isinstance(entries, list) and None not in entries else []


def _scopes(document: Table) -> list[tuple[Path, Table]]:
    """Return the places that can hold dependencies: the file and each target."""
    targets = table_at(document, "target")
    return [((), document), *((("target", name), table) for name, table in targets.items())]


def _judge_repeats(document: Table) -> Iterator[Problem]:
    yield from _repeats(document, ("stack", "platforms"))
    yield from _repeats(document, ("stack", "channels"), channel_url)
    yield from _repeats(document, ("gpu", "compute"))
    yield from _repeats(document, ("gpu", "newer-components"))
    yield from judge_repeats(table_at(document, "audit"), ("audit",))
    yield from _repeats(document, ("pypi", "sdists"), normal_name)
    yield from _repeats(document, ("build", "link-scripts"))
    for index, table in _entries(document, "recipe"):
        for key in ("inputs", "platforms"):
            yield from _repeated(
                (("recipe", index, key, at), name, name) for at, name in _entries(table, key)
            )
    yield from _repeated(
        (("recipe", index, "path"), table["path"], table["path"])
        for index, table in _entries(document, "recipe")
        if "path" in table
    )
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
            for name in table_at(table, "pypi-dependencies")
        )


def judge_repeats(audit: Table, path: Path) -> Iterator[Problem]:
    """Yield the licences that an `[audit]` table names twice; `path` is where it stands."""
    for key in ("allow", "deny"):
        entries = _entries(audit, "licenses", key)
        yield from _repeated(((*path, "licenses", key, at), name, name) for at, name in entries)


def _repeats(
    document: Table, path: tuple[str, ...], same: Callable[[str], str] = str
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
    for name in table_at(document, "target"):
        if platforms and name not in platforms:
            yield Problem(
                path=("target", name),
                text=f"`{name}` is not one of the stack's platforms",
                hint=f"add `{name}` to stack.platforms, or remove this table",
            )
    for index, recipe in _entries(document, "recipe"):
        for at, name in _entries(recipe, "platforms"):
            if platforms and name not in platforms:
                yield Problem(
                    path=("recipe", index, "platforms", at),
                    text=f"`{name}` is not one of the stack's platforms",
                    hint=f"add `{name}` to stack.platforms, or take it out here",
                )


def _judge_accelerators(document: Table, written: Table) -> Iterator[Problem]:
    has_gpu = "gpu" in written
    for name, target in table_at(document, "target").items():
        path = ("target", name, "accelerator")
        yield from _judge_accelerator(path, target.get("accelerator"), has_gpu=has_gpu)
    platforms = {item: index for index, item in reversed(_entries(document, "stack", "platforms"))}
    for item, index in platforms.items():
        is_mac = Platform(item).system is System.MACOS
        if has_gpu and is_mac and "accelerator" not in table_at(written, "target", item):
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
        frameworks = {**table_at(document, "frameworks"), **table_at(table, "frameworks")}
        for name in table_at(table, "dependencies"):
            path = (*scope, "dependencies", name)
            if name == "python":
                hint = "write the version in [python]"
                yield Problem(path=path, text="Python has a table of its own", hint=hint)
            elif name in frameworks:
                yield _asked_twice(path, name)
        for name in table_at(table, "pypi-dependencies"):
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
    table = table_at(document, "stack")
    named = _whole_array(document, "stack", "channels") if "channels" in table else ["conda-forge"]
    known = {channel_url(item) for item in named}
    for scope, table in _scopes(document):
        for name in table_at(table, "dependencies"):
            channel = table_at(table, "dependencies", name).get("channel")
            if channel and known and channel_url(channel) not in known:
                yield Problem(
                    path=(*scope, "dependencies", name, "channel"),
                    text=f"{quote(channel)} is not one of the stack's channels",
                    hint=f"add {quote(channel)} to stack.channels",
                )


def _judge_indexes(document: Table) -> Iterator[Problem]:
    for index, table in _entries(document, "pypi-index"):
        path = ("pypi-index", index)
        if table.get("name") == DEFAULT_INDEX:
            text = f"`{DEFAULT_INDEX}` is the package index that owns what no other lists"
            yield Problem(path=(*path, "name"), text=text, hint="choose another name")
        is_folder = re.match(r"file:|\.", table.get("url", ""))
        if is_folder and table.get("format") != IndexFormat.FLAT:
            text = "a folder lists its files flat, and this index is `simple`"
            yield Problem(path=(*path, "url"), text=text, hint='add `format = "flat"`')


def _judge_pypi(document: Table) -> Iterator[Problem]:
    indexes = [table.get("name", "") for _, table in _entries(document, "pypi-index")]
    for scope, table in _scopes(document):
        for name in table_at(table, "pypi-dependencies"):
            entry = table_at(table, "pypi-dependencies", name)
            path = (*scope, "pypi-dependencies", name)
            yield from _judge_one_file(entry, path)
            yield from _judge_index(entry.get("index"), (*path, "index"), indexes)
        for name in table_at(table, "frameworks"):
            entry = table_at(table, "frameworks", name)
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
_VARIABLE = r"\$\{\w+\}"
_VARIABLES = re.compile(rf"(?<=//){_VARIABLE}(?::{_VARIABLE})?@|={_VARIABLE}|{_VARIABLE}")
"""A secret that stays in the environment, in each place that it can stand in an address."""


def _judge_addresses(document: Table) -> Iterator[Problem]:
    """Yield addresses that carry a secret; no message repeats it."""
    for path, address in _places_of_addresses(document):
        literal = _VARIABLES.sub("", address)
        if any(secret.search(literal) for secret in _SECRETS):
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
            for name in table_at(table, kind):
                address = table_at(table, kind, name).get(key)
                if address:
                    yield (*scope, kind, name, key), address
