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
from hashlib import sha256
from typing import Any

from envlock.errors import LockError
from envlock.formats.channel import channel_name
from envlock.model.lock import Lock, LockedPackage, LockHead

FACT_PREFIX = "envlock/"
BODY_DIGEST = "envlock/packages-sha256"
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
    ordered = sorted(packages, key=lambda item: (item.manager, item.name, item.platform, item.url))
    if not ordered:
        return EMPTY_BODY
    lines = ["package:\n"]
    for package in ordered:
        lines.extend(_package_lines(package))
    return "".join(lines).encode()


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
    """Return the whole file; the body's digest is added to the facts."""
    body = format_body(lock.packages)
    facts = {**lock.head.facts, BODY_DIGEST: sha256(body).hexdigest()}
    head = lock.head
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
    return "".join(lines).encode() + body


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

    Raises `LockError` saying what is wrong and where.
    """
    data = _load_yaml(content, file)
    version = data.get("version")
    if version != 1:
        raise LockError(f"{file}: version: expected the unified format 1, found {version!r}")
    metadata, rows = data.get("metadata"), data.get("package")
    if not isinstance(metadata, dict) or not isinstance(rows, list):
        raise LockError(f"{file}: expected the tables `metadata` and `package` of a unified lock")
    try:
        return Lock(
            head=_read_head(metadata), packages=tuple(_read_package(row) for row in rows)
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise LockError(f"{file}: not a unified lock: {error!r}") from error


def _load_yaml(content: bytes, file: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - a fresh lock is recognised without it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(content, Loader=loader)  # noqa: S506 - a safe loader either way
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LockError(
            f"{file}: cannot be read as YAML: {' '.join(str(error).split())}",
            hints=["was the file cut short, or is a merge conflict left in it?"],
        ) from error
    if not isinstance(data, dict):
        raise LockError(f"{file}: expected a unified lock, found {type(data).__name__}")
    return data


def _read_head(metadata: Mapping[str, Any]) -> LockHead:
    channels = metadata.get("channels") or []
    custom = metadata.get("custom_metadata") or {}
    return LockHead(
        channels=tuple(str(row["url"] if isinstance(row, dict) else row) for row in channels),
        platforms=tuple(map(str, metadata.get("platforms") or ())),
        sources=tuple(map(str, metadata.get("sources") or ())),
        content_hash={str(k): str(v) for k, v in (metadata.get("content_hash") or {}).items()},
        facts={k: str(v) for k, v in custom.items() if str(k).startswith(FACT_PREFIX)},
    )


def _read_package(row: Mapping[str, Any]) -> LockedPackage:
    hashes = row.get("hash") or {}
    return LockedPackage(
        name=str(row["name"]),
        version=str(row["version"]),
        manager=str(row["manager"]),
        platform=str(row["platform"]),
        url=str(row["url"]),
        md5=hashes.get("md5"),
        sha256=hashes.get("sha256"),
        dependencies={str(k): str(v) for k, v in (row.get("dependencies") or {}).items()},
        category=str(row.get("category", "main")),
    )
