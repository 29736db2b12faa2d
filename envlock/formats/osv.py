"""Known vulnerabilities in the format of OSV, and which versions they are about.

A file is one record, a list of them, the answer of OSV's server (`{"vulns": […]}`), JSON lines, or
the archive of records that OSV publishes for an ecosystem. Records about PyPI count; versions are
compared as PEP 440 says. What was withdrawn counts no more, and records that name each other are
one vulnerability.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envlock.errors import Fault, InputFileError
from envlock.formats.plain import printable
from envlock.model.sight import Advisory

CONTENT_LIMIT_BYTES = 512_000_000
_RECORD_LIMIT_BYTES = 16_000_000
_TOTAL_LIMIT_BYTES = 1_000_000_000
_RECORD_LIMIT = 500_000
"""PyPI had 20,000 records in 2026."""
_ZIP_SIGN = b"PK"
_BOM = b"\xef\xbb\xbf"
_ECOSYSTEM = "pypi"
_ORDERED = frozenset({"ECOSYSTEM", "SEMVER"})
_STATE = "Nothing of the file was used."


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A package that may have vulnerabilities."""

    package: str
    """As the file names it."""
    version: str
    distribution: str
    """The PyPI distribution that it is, normalised."""
    is_conda: bool = False
    """Whether conda built it: with patches of its own, perhaps."""


class _Package(msgspec.Struct):
    ecosystem: str = ""
    name: str = ""


class _Event(msgspec.Struct):
    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class _Range(msgspec.Struct):
    type: str = ""
    events: list[_Event] | None = None


class _Affected(msgspec.Struct):
    package: _Package | None = None
    ranges: list[_Range] | None = None
    versions: list[str] | None = None


class _Said(msgspec.Struct):
    severity: str | None = None


class _Record(msgspec.Struct):
    id: str
    summary: str | None = None
    details: str | None = None
    aliases: list[str] | None = None
    withdrawn: str | None = None
    affected: list[_Affected] | None = None
    database_specific: _Said | None = None


class _Answer(msgspec.Struct):
    vulns: list[_Record]


def find_advisories(content: bytes, file: str, suspects: Iterable[Suspect]) -> tuple[Advisory, ...]:
    """Return the vulnerabilities of a file that suspects have, in the suspects' order.

    Raises `InputFileError` for a file that is none of the forms, and for one that is too large.
    """
    by_name: dict[str, list[Suspect]] = {}
    for suspect in dict.fromkeys(suspects):
        by_name.setdefault(suspect.distribution, []).append(suspect)
    found: dict[Suspect, list[_Match]] = {each: [] for group in by_name.values() for each in group}
    for record in _records(content, printable(file)):
        if record.withdrawn:
            continue
        for affected in record.affected or ():
            for suspect in by_name.get(_name_of(affected), ()):
                if _is_about(affected, suspect.version):
                    found[suspect].append(_Match(record, affected))
    return tuple(
        advisory for suspect, matches in found.items() for advisory in _advisories(suspect, matches)
    )


class _Match:
    """A record that is about a suspect."""

    def __init__(self, record: _Record, affected: _Affected) -> None:
        self.record = record
        self.names = {record.id, *(record.aliases or ())}
        events = (event for each in affected.ranges or () for event in each.events or ())
        self.fixed = [event.fixed for event in events if event.fixed]


def _name_of(affected: _Affected) -> str:
    package = affected.package
    if package is None or package.ecosystem.partition(":")[0].lower() != _ECOSYSTEM:
        return ""
    return canonicalize_name(package.name)


def _is_about(affected: _Affected, text: str) -> bool:
    """Say whether a version is affected: one of those listed, or within a range."""
    version = _public(text)
    if version is None:
        return text in (affected.versions or ())
    if any(_public(item) == version for item in affected.versions or ()):
        return True
    return any(_holds(item, version) for item in affected.ranges or () if item.type in _ORDERED)


def _holds(item: _Range, version: Version) -> bool:
    """Say whether a range holds a version, as OSV's own evaluation does."""
    events: list[tuple[Version, str]] = []
    for event in item.events or ():
        for kind in ("introduced", "fixed", "last_affected", "limit"):
            text = getattr(event, kind)
            if text is not None and text != "*":
                at = _public(text)
                if at is None:
                    return False  # a range that PEP 440 cannot order says nothing
                events.append((at, kind))
    limits = [at for at, kind in events if kind == "limit"]
    if limits and not any(version < at for at in limits):
        return False
    is_affected = False
    for at, kind in sorted(events, key=lambda pair: pair[0]):
        if kind == "introduced" and version >= at:
            is_affected = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            is_affected = False
    return is_affected


def _public(text: str) -> Version | None:
    """Return a version without its local part: `2.5.1+cu121` is a build of 2.5.1."""
    try:
        return Version(text.partition("+")[0])
    except InvalidVersion:
        return None


def _advisories(suspect: Suspect, matches: Sequence[_Match]) -> Iterator[Advisory]:
    for group in _same(matches):
        best = min(group, key=lambda match: (_rank(match.record.id), match.record.id))
        names = sorted({name for match in group for name in match.names} - {best.record.id})
        summary = next((text for match in group if (text := _summary(match.record))), "")
        if suspect.is_conda:
            told = f"judged by the distribution {suspect.distribution}, conda may have mended it"
            summary = f"{summary.rstrip('.')} ({told})".lstrip()
        yield Advisory(
            id=best.record.id,
            package=suspect.package,
            version=suspect.version,
            summary=summary,
            fixed=tuple(dict.fromkeys(text for match in group for text in match.fixed)),
            aliases=tuple(names),
            severity=next((text for match in group if (text := _severity(match.record))), ""),
        )


def _same(matches: Iterable[_Match]) -> list[list[_Match]]:
    """Put records that name each other together: GHSA and PYSEC both tell of one CVE."""
    groups: list[tuple[set[str], list[_Match]]] = []
    for match in matches:
        names, members = set(match.names), [match]
        rest: list[tuple[set[str], list[_Match]]] = []
        for group in groups:
            if group[0].isdisjoint(names):
                rest.append(group)
            else:
                names |= group[0]
                members = [*group[1], *members]
        groups = [*rest, (names, members)]
    return [members for _, members in groups]


def _rank(name: str) -> int:
    order = ("MAL-", "GHSA-", "PYSEC-", "CVE-")
    return next((at for at, start in enumerate(order) if name.startswith(start)), len(order))


def _summary(record: _Record) -> str:
    if record.summary:
        return printable(record.summary.strip())
    first = (record.details or "").strip().partition("\n")[0]
    return printable(first[:200])


def _severity(record: _Record) -> str:
    if record.id.startswith("MAL-"):
        return "CRITICAL"
    return (record.database_specific.severity or "") if record.database_specific else ""


def _records(content: bytes, file: str) -> Iterator[_Record]:
    if len(content) > CONTENT_LIMIT_BYTES:
        raise _refused(file, f"expected at most {CONTENT_LIMIT_BYTES:,} bytes")
    if content.startswith(_ZIP_SIGN):
        yield from _of_archive(content, file)
        return
    start = content.removeprefix(_BOM).lstrip(b" \t\r\n")
    if start.startswith(b"["):
        yield from _decoded(content, file, list[_Record])
    elif _is_lines(start):
        for number, line in enumerate(content.splitlines(), 1):
            if line.strip():
                yield from _decoded(line, f"{file}:{number}", _Record)
    else:
        yield from _decoded(content, file, _Answer if b'"vulns"' in start[:1000] else _Record)


def _is_lines(start: bytes) -> bool:
    """Say whether the first line is a whole record, and more follow."""
    first, _, rest = start.partition(b"\n")
    if not rest.strip():
        return False
    try:
        msgspec.json.decode(first, type=_Record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _decoded(content: bytes, where: str, form: type) -> Iterator[_Record]:
    try:
        found: _Record | _Answer | list[_Record] = msgspec.json.decode(
            content.removeprefix(_BOM), type=form
        )
    except RecursionError:
        raise _refused(where, "it is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _refused(where, f"expected a record of OSV: {error}") from None
    if isinstance(found, _Answer):
        yield from found.vulns
    elif isinstance(found, list):
        yield from found
    else:
        yield found


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
"""What `zipfile` raises for damaged, encrypted and strange archives."""


def _of_archive(content: bytes, file: str) -> Iterator[_Record]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = [item for item in archive.infolist() if item.filename.endswith(".json")]
    except _BROKEN as error:
        raise _refused(file, f"a damaged archive: {error}") from None
    if not members:
        raise _refused(file, "an archive without a record, `….json`")
    if len(members) > _RECORD_LIMIT:
        raise _refused(file, f"an archive of {len(members):,} records")
    total = 0
    for member in members:
        where = f"{file}: {printable(member.filename)}"
        try:
            with archive.open(member) as opened:
                text = opened.read(_RECORD_LIMIT_BYTES + 1)
        except _BROKEN as error:
            raise _refused(where, f"a damaged archive: {error}") from None
        total += len(text)
        if len(text) > _RECORD_LIMIT_BYTES or total > _TOTAL_LIMIT_BYTES:
            raise _refused(where, "more bytes than records have")
        yield from _decoded(text, where, _Record)


def _refused(where: str, problem: str) -> InputFileError:
    hint = "take the records of the ecosystem PyPI as OSV publishes them: `PyPI/all.zip`"
    return InputFileError([Fault(where=where, problem=problem, hint=hint)], state=_STATE)
