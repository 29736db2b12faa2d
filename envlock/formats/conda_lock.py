"""The unified lock format of conda-lock: emitted canonically, read leniently.

Emitting is ours and not PyYAML's for two reasons: speed (a lock of 900 packages in 10 ms), and
bytes that no library's next release can change. The head comes first and in a fixed form, so that
freshness can be judged without parsing YAML: see `read_facts`. Everything from the line `package:`
to the end is the body; its SHA-256 stands in the head.

conda-lock's own parser is this module's contract test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from envlock.errors import LockError
from envlock.formats.channel import channel_name
from envlock.formats.plain import printable
from envlock.formats.yaml_text import YamlError, decode, parse
from envlock.model.lock import Lock, LockedPackage, LockHead

FACT_PREFIX = "envlock/"
LINK_SCRIPTS = "link-scripts"
"""The fact that names the packages whose post-link script may run; absent where there is none."""
BODY_DIGEST = "envlock/packages-sha256"
HEAD_DIGEST = "envlock/head-sha256"
"""Of the head without this fact's own line; it covers the body by the body's digest."""
BODY_START = b"package:\n"
EMPTY_BODY = b"package: []\n"
_FACTS_START = "  custom_metadata:\n"

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+-]*(?:://[A-Za-z0-9_./+%=!~@:-]*[A-Za-z0-9_/])?")
_NOT_IN_YAML = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON leaves as they are and YAML refuses or folds."""
_NOT_TEXT = frozenset(
    ["", "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "none"]
)

_BANNER = """\
# This lock was written by envlock from {sources}. Do not edit it: `envlock solve` writes it anew,
# `envlock solve --check` says whether it still fits. The format is conda-lock's; conda-lock,
# micromamba and pixi can install it as it is.
"""


def quote(text: str) -> str:
    """Return a YAML scalar that every YAML 1.1 and 1.2 parser reads as this text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return _quote_json(text)


def _quote_json(text: str) -> str:
    """Return a double-quoted scalar that JSON and YAML read alike."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def format_body(packages: Iterable[LockedPackage]) -> bytes:
    """Return the package section, in conda-lock's order: manager, name, platform."""
    ordered = sorted(packages, key=_order)
    if not ordered:
        return EMPTY_BODY
    lines = ["package:\n"]
    for package in ordered:
        lines.extend(_package_lines(package))
    return "".join(lines).encode()


def _order(package: LockedPackage) -> tuple[object, ...]:
    """Return conda-lock's order first, then all the rest: equal keys are equal packages."""
    return (
        *(package.manager, package.name, package.platform, package.url, package.version),
        *(package.category, package.md5 or "", package.sha256 or ""),
        sorted(package.dependencies.items()),
    )


def _package_lines(package: LockedPackage) -> Iterable[str]:
    yield f"- name: {quote(package.name)}\n"
    yield f"  version: {quote(package.version)}\n"
    yield f"  manager: {package.manager}\n"
    yield f"  platform: {package.platform}\n"
    if package.dependencies:
        yield "  dependencies:\n"
        for name in sorted(package.dependencies):
            yield f"    {quote(name)}: {quote(package.dependencies[name])}\n"
    else:
        yield "  dependencies: {}\n"
    yield f"  url: {quote(package.url)}\n"
    yield "  hash:\n"
    if package.md5:
        yield f"    md5: {quote(package.md5)}\n"
    if package.sha256:
        yield f"    sha256: {quote(package.sha256)}\n"
    yield f"  category: {quote(package.category)}\n"
    yield f"  optional: {'false' if package.category == 'main' else 'true'}\n"


def format_lock(lock: Lock) -> bytes:
    """Return the whole file; the digests of the body and of the head are added to the facts."""
    body = format_body(lock.packages)
    facts = {**lock.head.facts, BODY_DIGEST: sha256(body).hexdigest()}
    facts.pop(HEAD_DIGEST, None)
    facts[HEAD_DIGEST] = sha256(_format_head(lock.head, facts)).hexdigest()
    return _format_head(lock.head, facts) + body


def _format_head(head: LockHead, facts: Mapping[str, str]) -> bytes:
    lines = [
        _BANNER.format(sources=", ".join(head.sources)),
        "version: 1\n",
        "metadata:\n",
        "  content_hash:\n",
        *(f"    {key}: {quote(head.content_hash[key])}\n" for key in sorted(head.content_hash)),
        "  channels:\n",
        *_channel_lines(head.channels),
        "  platforms:\n",
        *(f"  - {platform}\n" for platform in sorted(head.platforms)),
        "  sources:\n",
        *(f"  - {quote(source)}\n" for source in head.sources),
        _FACTS_START,
        *(f"    {key}: {_quote_json(facts[key])}\n" for key in sorted(facts)),
    ]
    return "".join(lines).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a lock of ours says of itself, and whether it still is what it says."""

    facts: Mapping[str, str]
    head_is_whole: bool
    body_is_whole: bool


def read_seal(content: bytes) -> Seal | None:
    """Read the facts of a lock and hold its bytes against the digests among them.

    None when another tool wrote it. A checkout may turn the line ends: it is the same lock.
    """
    head, body = split_body(content.replace(b"\r\n", b"\n"))
    facts = read_facts(head)
    if facts is None:
        return None
    return Seal(
        facts=facts,
        head_is_whole=_has_own_head(head, facts),
        body_is_whole=sha256(body).hexdigest() == facts[BODY_DIGEST],
    )


def _has_own_head(head: bytes, facts: Mapping[str, str]) -> bool:
    own = f"    {HEAD_DIGEST}: ".encode()
    kept = b"".join(line for line in head.splitlines(keepends=True) if not line.startswith(own))
    return sha256(kept).hexdigest() == facts.get(HEAD_DIGEST)


def _channel_lines(channels: Iterable[str]) -> Iterable[str]:
    for channel in channels:
        yield f"  - url: {quote(channel_name(channel))}\n"
        yield "    used_env_vars: []\n"


def split_body(content: bytes) -> tuple[bytes, bytes]:
    """Return the head and the body; the body is empty when the line `package:` is missing."""
    if content.startswith(BODY_START):
        return b"", content
    place = max(content.find(b"\n" + BODY_START), content.find(b"\n" + EMPTY_BODY))
    return (content, b"") if place < 0 else (content[: place + 1], content[place + 1 :])


def read_facts(head: bytes) -> Mapping[str, str] | None:
    """Return envlock's facts of a head in the form that `format_lock` writes, without YAML.

    None when there are none in that form: another tool has written the file anew, or it is not
    ours at all.
    """
    text = head.decode("utf-8", errors="replace")
    _, found, rest = text.partition(_FACTS_START)
    if not found:
        return None
    facts: dict[str, str] = {}
    for line in rest.splitlines():
        key, separator, value = line.strip().partition(": ")
        if not line.startswith("    ") or not separator:
            break
        try:
            parsed = json.loads(value)
        except ValueError:
            return None
        if not isinstance(parsed, str):
            return None
        facts[key] = parsed
    return facts if BODY_DIGEST in facts else None


def read_lock(content: bytes, file: str) -> Lock:
    """Read any unified lock (version 1) of conda-lock, ours or not.

    Where a row gives a key twice the last one counts, as it does for conda-lock. Raises `LockError`
    saying what is wrong and where.
    """
    own = _read_own(content)
    if own is not None:
        return own
    data, lines = _load_yaml(content, file)
    version = data.get("version")
    if version is not None and not isinstance(version, str):
        version = type(version).__name__
    if version != "1":
        found = f"a pixi lock of format {version}" if "environments" in data else version
        raise LockError(f"{file}: version: expected the unified format 1, found {found}")
    metadata, rows = data.get("metadata"), data.get("package")
    if not isinstance(metadata, dict) or not isinstance(rows, list):
        raise LockError(f"{file}: expected the tables `metadata` and `package` of a unified lock")
    try:
        head = _read_head(metadata)
    except _RowError as error:
        raise LockError(f"{file}: metadata: {error}") from None
    packages: list[LockedPackage] = []
    for row in rows:
        try:
            packages.append(_read_package(row))
        except _RowError as error:
            raise _bad_row(f"{file}:{lines[len(packages)]}", len(packages), error) from None
    return Lock(head=head, packages=tuple(packages))


# --- locks as we write them -----------------------------------------------------------------------

_ROW = re.compile(
    r"- name: (?P<name>.+)\n  version: (?P<version>.+)\n"
    r"  manager: (?P<manager>.+)\n  platform: (?P<platform>.+)\n"
    r"  dependencies:(?: {}\n|\n(?P<dependencies>(?:    .+\n)+))  url: (?P<url>.+)\n  hash:\n"
    r"(?:    md5: (?P<md5>.+)\n)?(?:    sha256: (?P<sha256>.+)\n)?  category: (?P<category>.+)\n"
)
_PAIR = re.compile(r"""    (?P<key>'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^'"].*?): (?P<value>.+)\n""")
_HEAD = re.compile(
    r"metadata:\n  content_hash:\n(?P<hashes>(?:    .+\n)*)  channels:\n(?P<channels>(?:  .+\n)*)"
    r"  platforms:\n(?P<platforms>(?:  - .+\n)*)  sources:\n(?P<sources>(?:  - .+\n)*)"
    r"  custom_metadata:\n"
)


def _read_own(content: bytes) -> Lock | None:
    """Read a lock that is just as `format_lock` writes it, ten times as fast as YAML is read.

    None for any other: what was understood is written again, and must come out as these bytes.
    """
    head_bytes, body = split_body(content)
    facts, head = read_facts(head_bytes), _HEAD.search(head_bytes.decode(errors="replace"))
    if facts is None or head is None:
        return None
    try:
        lock = Lock(
            head=LockHead(
                channels=_items(head["channels"], "  - url: "),
                platforms=_items(head["platforms"], "  - "),
                sources=_items(head["sources"], "  - "),
                content_hash=_pairs(head["hashes"]),
                facts=facts,
            ),
            packages=tuple(map(_own_package, _ROW.finditer(body.decode()))),
        )
        return lock if format_lock(lock) == content else None
    except ValueError:
        return None


def _own_package(row: re.Match[str]) -> LockedPackage:
    return LockedPackage(
        name=_unquote(row["name"]),
        version=_unquote(row["version"]),
        manager=row["manager"],
        platform=row["platform"],
        url=_unquote(row["url"]),
        md5=_unquote(row["md5"]) if row["md5"] else None,
        sha256=_unquote(row["sha256"]) if row["sha256"] else None,
        dependencies=_pairs(row["dependencies"] or ""),
        category=_unquote(row["category"]),
    )


def _items(text: str, start: str) -> tuple[str, ...]:
    lines = text.splitlines()
    return tuple(_unquote(line.removeprefix(start)) for line in lines if line.startswith(start))


def _pairs(text: str) -> dict[str, str]:
    return {_unquote(pair["key"]): _unquote(pair["value"]) for pair in _PAIR.finditer(text)}


def _unquote(text: str) -> str:
    if text.startswith('"'):
        return str(json.loads(text))
    return text[1:-1].replace("''", "'") if text.startswith("'") else text


# --- locks of anybody -----------------------------------------------------------------------------


class _RowError(ValueError):
    """A value that a unified lock cannot have there; given its place by whoever knows it."""


_CONFLICT = re.compile(rb"^<{7} ", re.MULTILINE)
_MAX_SHOWN = 300


def _load_yaml(content: bytes, file: str) -> tuple[dict[str, Any], list[int]]:
    """Return the file's table, and the line of each package."""
    try:
        texts = parse(decode(content))
    except YamlError as error:
        raise _not_yaml(content, file, error) from None
    if not isinstance(texts.root, dict):
        found = "nothing" if texts.root is None else type(texts.root).__name__
        raise LockError(f"{file}: expected a unified lock, found {found}")
    return texts.root, texts.item_lines.get("package", [])


def _not_yaml(content: bytes, file: str, error: YamlError) -> LockError:
    conflict = _CONFLICT.search(content)
    if conflict:
        line = content.count(b"\n", 0, conflict.start()) + 1
        return LockError(
            f"{file}:{line}: a merge conflict is left in the file",
            hints=["take one side of it, then solve or lock anew"],
        )
    place = f"{file}:{error.line}" if error.line else file
    return LockError(
        f"{place}: cannot be read as YAML: {printable(error.said)[:_MAX_SHOWN]}",
        hints=["was the file cut short?"],
    )


def _bad_row(place: str, index: int, error: _RowError) -> LockError:
    return LockError(
        f"{place}: package {index + 1}: {error}",
        hints=[
            "a bad merge can leave half a package behind; restore the file, or lock anew",
        ],
    )


def _read_head(metadata: Mapping[Any, Any]) -> LockHead:
    channels = _list(metadata.get("channels"), "`channels`")
    custom = _table(metadata.get("custom_metadata"), "`custom_metadata`")
    hashes = _table(metadata.get("content_hash"), "`content_hash`")
    return LockHead(
        channels=tuple(
            _required(row, "url") if isinstance(row, dict) else _text(row) for row in channels
        ),
        platforms=tuple(map(_text, _list(metadata.get("platforms"), "`platforms`"))),
        sources=tuple(map(_text, _list(metadata.get("sources"), "`sources`"))),
        content_hash={_text(key): _text(value) for key, value in hashes.items()},
        facts={
            key: _text(value) for key, value in custom.items() if str(key).startswith(FACT_PREFIX)
        },
    )


def _read_package(row: object) -> LockedPackage:
    table = _table(row, "the row")
    hashes = _table(table.get("hash"), "`hash`")
    dependencies = _table(table.get("dependencies"), "`dependencies`")
    return LockedPackage(
        name=_required(table, "name"),
        version=_required(table, "version"),
        manager=_required(table, "manager"),
        platform=_required(table, "platform"),
        url=_required(table, "url"),
        md5=_optional(hashes, "md5"),
        sha256=_optional(hashes, "sha256"),
        dependencies={_text(key): _text(value) for key, value in dependencies.items()},
        category=_optional(table, "category") or "main",
    )


def _table(value: object, what: str) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _RowError(f"{what}: expected a table, found {type(value).__name__}")
    return value


def _list(value: object, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _RowError(f"{what}: expected a list, found {type(value).__name__}")
    return value


def _required(table: Mapping[Any, Any], key: str) -> str:
    if key not in table:
        raise _RowError(f"`{key}` is missing")
    return _text(table[key])


def _optional(table: Mapping[Any, Any], key: str) -> str | None:
    value = table.get(key)
    return None if value is None else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _RowError(f"expected text, found {type(value).__name__}")
    return value
