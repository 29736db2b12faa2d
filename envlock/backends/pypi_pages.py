"""Pages of package indexes: what they list, and which of it a resolver is shown.

Never shown: what is neither wheel nor source archive, what another project's page should hold, what
came after the moment of the recording, and wheels for machines or Pythons that no stack can have.
A resolver passes over those, so leaving them out changes no answer; it makes recordings small.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
PAGE_LIMIT_BYTES = 64_000_000
_FILE_LIMIT = 200_000
"""No page of a project lists so many files; the largest have about 15,000."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}")
_VERSION_ONE = re.compile(r"1(\.\d+)?")
_EMPTY_PAGE = re.compile(rb"pypi:repository-version|links for", re.IGNORECASE)
_MACHINES = re.compile(
    r"any|(?:manylinux|linux)\w*_(?:x86_64|aarch64)|macosx_\w+_(?:x86_64|arm64|universal2?|intel"
    r"|fat\w*)|win_amd64"
)
_CPYTHON = re.compile(r"cp(\d)(\d*)")
_GENERIC = re.compile(r"py(\d)(\d*)")
_STABLE_SINCE = 2
"""The first minor version of Python 3 with a stable interface, `abi3`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One file as an index lists it; the address is the real one."""

    file_name: str
    url: str
    sha256: str | None = None
    size_bytes: int | None = None
    uploaded: datetime | None = None
    requires_python: str = ""
    yanked: str | None = None
    has_metadata: bool = False
    metadata_sha256: str | None = None

    def at(self, url: str) -> Link:
        """Return the same file at another address."""
        return replace(self, url=url)


class NotAPageError(ValueError):
    """What came is no page of an index; says what it is instead."""


class _File(msgspec.Struct, rename="kebab"):
    filename: str
    url: str
    hashes: dict[str, str]
    requires_python: str | None = None
    core_metadata: bool | dict[str, str] | None = None
    dist_info_metadata: bool | dict[str, str] | None = None
    yanked: bool | str = False
    size: int | None = None
    upload_time: str | None = None


class _Meta(msgspec.Struct, rename="kebab"):
    api_version: str


class _Project(msgspec.Struct):
    meta: _Meta
    files: list[_File]


def parse_page(body: bytes, content_type: str, url: str) -> list[Link]:
    """Return what a page lists, whatever its form. Raises `NotAPageError`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        links = _parse_json(body, url)
    elif kind.endswith("html") or (not kind and body.lstrip()[:1] == b"<"):
        links = _parse_html(body, content_type, url)
    else:
        shown = kind[:80] if kind.isprintable() else ""
        raise NotAPageError(f"something of the type `{shown}`" if shown else "no page")
    if len(links) > _FILE_LIMIT:
        raise NotAPageError(f"a page of {len(links):,} files")
    return links


def _parse_json(body: bytes, base: str) -> list[Link]:
    try:
        page = msgspec.json.decode(body, type=_Project)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # msgspec names places and types, never the values.
        raise NotAPageError(f"JSON that is no page of a project: {error}") from None
    version = page.meta.api_version
    if not _VERSION_ONE.fullmatch(version):
        raise NotAPageError(f"version {version[:20]!r} of the simple API, and envlock knows 1")
    return [_from_json(file, base) for file in page.files]


def _from_json(file: _File, base: str) -> Link:
    offer = file.core_metadata if file.core_metadata is not None else file.dist_info_metadata
    digests = offer if isinstance(offer, dict) else {}
    return Link(
        file_name=file.filename,
        url=_joined(base, file.url),
        sha256=_digest(file.hashes.get("sha256")),
        size_bytes=file.size if file.size is not None and file.size >= 0 else None,
        uploaded=_moment(file.upload_time),
        requires_python=file.requires_python or "",
        yanked=file.yanked if isinstance(file.yanked, str) else ("" if file.yanked else None),
        has_metadata=bool(offer) or isinstance(offer, dict),
        metadata_sha256=_digest(digests.get("sha256")),
    )


class _Anchors(HTMLParser):
    """Collects the links of a page, and nothing else of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.base: str | None = None
        self.anchors: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.anchors.append(dict(attrs))
        elif tag == "base" and self.base is None:
            self.base = dict(attrs).get("href")


def _parse_html(body: bytes, content_type: str, url: str) -> list[Link]:
    parser = _Anchors()
    try:
        parser.feed(_decoded(body, content_type))
        parser.close()
    except AssertionError:  # what html.parser says to some malformed declarations
        raise NotAPageError("HTML that cannot be read") from None
    base = _joined(url, parser.base) if parser.base else url
    found = (_from_anchor(anchor, base) for anchor in parser.anchors)
    links = [link for link in found if link is not None]
    if not any(link.file_name.endswith((".whl", ".tar.gz", ".zip")) for link in links) and (
        not _EMPTY_PAGE.search(body)
    ):
        raise NotAPageError("an HTML page that lists no files")
    return links


def _decoded(body: bytes, content_type: str) -> str:
    found = re.search(r"charset=[\"']?([\w-]+)", content_type)
    try:
        return body.decode(found[1] if found else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def _from_anchor(anchor: dict[str, str | None], base: str) -> Link | None:
    href = anchor.get("href")
    if not href:
        return None
    url, _, fragment = _joined(base, href).partition("#")
    kind, _, digest = fragment.partition("=")
    offer = anchor.get("data-core-metadata", anchor.get("data-dist-info-metadata")) or ""
    offered, _, offered_digest = offer.partition("=")
    return Link(
        file_name=file_name_in(url),
        url=url,
        sha256=_digest(digest) if kind == "sha256" else None,
        requires_python=anchor.get("data-requires-python") or "",
        yanked=(anchor["data-yanked"] or "") if "data-yanked" in anchor else None,
        has_metadata=bool(offer) and offer.lower() != "false",
        metadata_sha256=_digest(offered_digest) if offered == "sha256" else None,
    )


def file_name_in(url: str) -> str:
    """Return the last part of an address's path."""
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:
        return ""


def _joined(base: str, url: str) -> str:
    url = url.strip()
    if url.startswith(("https://", "http://")):
        return url  # thousands on a page, and joining parses each
    try:
        return urljoin(base, url)
    except ValueError:  # an address that is none: nothing can lie there
        return ""


def _digest(text: str | None) -> str | None:
    text = (text or "").lower()
    return text if _SHA256.fullmatch(text) else None


def _moment(text: str | None) -> datetime | None:
    try:
        then = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return then.replace(tzinfo=then.tzinfo or UTC).astimezone(UTC) if then else None


def format_moment(then: datetime | None) -> str:
    """Return a moment as pages carry it, empty for none."""
    return then.strftime("%Y-%m-%dT%H:%M:%SZ") if then else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """Which files a resolver is shown."""

    as_of: datetime
    sdists: frozenset[str] = frozenset()
    pythons: tuple[tuple[int, int], ...] = ()
    """The minor versions that count; empty is all of them."""

    def shown(self, name: str, links: Iterable[Link]) -> Iterator[Link]:
        """Yield what a project's page shows, with a digest or without."""
        for link in links:
            is_late = link.uploaded is not None and link.uploaded > self.as_of
            if not is_late and link.url and self.admits(name, link.file_name):
                yield link

    def admits(self, name: str, file_name: str) -> bool:
        """Say whether a file name is one of the project's that may be chosen."""
        if not _FILE_NAME.fullmatch(file_name):
            return False
        try:
            if file_name.endswith(".whl"):
                found, _, _, tags = parse_wheel_filename(file_name)
                return found == name and self._may_run(tags)
            if not file_name.endswith((".tar.gz", ".zip")) or name not in self.sdists:
                return False
            return parse_sdist_filename(file_name)[0] == name
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            return False

    def _may_run(self, tags: Collection[Tag]) -> bool:
        return any(
            _MACHINES.fullmatch(tag.platform)
            and (not self.pythons or any(_runs(tag, python) for python in self.pythons))
            for tag in tags
        )


def _runs(tag: Tag, python: tuple[int, int]) -> bool:
    """Say whether CPython of a minor version may take a tag; in doubt it may."""
    if found := _GENERIC.fullmatch(tag.interpreter):
        major, minor = int(found[1]), int(found[2] or 0)
        return major == python[0] and minor <= python[1]
    found = _CPYTHON.fullmatch(tag.interpreter)
    if found is None:
        return not tag.interpreter.startswith(("pp", "graalpy", "ip", "jy"))
    major, minor = int(found[1]), int(found[2] or 0)
    if tag.abi == "abi3":
        return major == python[0] and _STABLE_SINCE <= minor <= python[1]
    if tag.abi == "none":
        return major == python[0] and minor <= python[1]
    return (major, minor) == python and not tag.abi.endswith("t")


def parse_minors(pythons: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Read minor versions such as `3.11`; a full version is its minor version."""
    found = (re.match(r"(\d+)\.(\d+)", text) for text in pythons)
    return tuple(sorted({(int(item[1]), int(item[2])) for item in found if item}))


def project_of(file_name: str) -> str:
    """Return the normalised project name of a wheel or a source archive; empty for other files."""
    try:
        if file_name.endswith(".whl"):
            return parse_wheel_filename(file_name)[0]
        if file_name.endswith((".tar.gz", ".zip")):
            return parse_sdist_filename(file_name)[0]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return ""
    return ""


def normal(name: str) -> str:
    """Return a project's name as PEP 503 compares it."""
    return canonicalize_name(name)
