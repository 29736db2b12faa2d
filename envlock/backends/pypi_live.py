"""Package indexes as they are now, asked over HTTP or looked at on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from envlock.backends.pypi_cache import FactCache
from envlock.backends.pypi_credentials import Access, Credentials, Vault, origin_of
from envlock.backends.pypi_faults import (
    NOT_AN_INDEX,
    HttpFault,
    Received,
    file_error,
    page_error,
)
from envlock.backends.pypi_files import FileReader, Found, Place
from envlock.backends.pypi_folders import LocalFile, find_file, list_folder
from envlock.backends.pypi_http import HttpClient
from envlock.backends.pypi_once import Once
from envlock.backends.pypi_options import HttpOptions
from envlock.backends.pypi_pages import (
    ACCEPT,
    PAGE_LIMIT_BYTES,
    Link,
    NotAPageError,
    Sieve,
    file_name_in,
    format_moment,
    parse_page,
    project_of,
)
from envlock.errors import Fault, InputFileError, WorldError
from envlock.model.pypi import DistributionFile, Page
from envlock.model.stack import DEFAULT_INDEX, IndexFormat
from envlock.model.verdict import Kernels
from envlock.ports.pypi import IndexSource

DIRECT = "url"
"""The index of a distribution that may come from one address only."""
_ABSENT = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_NO_DIGESTS = (
    "envlock locks nothing without a digest: name the one file by its `url` in "
    "[pypi-dependencies], or download the files and name their folder as a flat index"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What all questions of one run share."""

    indexes: tuple[IndexSource, ...]
    sieve: Sieve
    as_of: str
    base: Path
    """Where relative folders start: the stack's own."""
    http: HttpOptions


class LiveSource:
    """Implements `ports.pypi.PackageSource`. Threads may share it."""

    def __init__(
        self, settings: LiveSettings, credentials: Credentials, vault: Vault, cache: FactCache
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._vault = vault
        self._once = Once()
        self._found: dict[tuple[str, str], Found] = {}
        self._owners = {
            name: index for index in reversed(settings.indexes) for name in index.packages
        }
        named = {index.name: index for index in settings.indexes}
        self._default = named.get(DEFAULT_INDEX)
        self._reader = FileReader(vault, cache, settings.as_of, self._default_access)

    def page(self, name: str) -> Page | None:
        """Ask the owner of a project for its page; see the port."""
        owner = self._owners.get(name, self._default)
        if owner is None:
            return None
        return self._once.get(("page", name), lambda: self._page(self._place(owner), name))

    def url_page(self, name: str, url: str) -> Page:
        """Look at the one address of a project; see the port."""
        return self._once.get(("url", name, url), lambda: self._url_page(name, url))

    def metadata(self, file: DistributionFile) -> bytes:
        """Read what a listed file needs; see the port."""
        found = self._origin(file)
        text = self._once.get(_metadata_key(file), lambda: self._reader.metadata(found))
        return text.encode()

    def kernels(self, name: str, version: str, file: DistributionFile) -> Kernels | None:
        """Read the GPU code of a listed wheel; see the port."""
        if not file.file_name.endswith(".whl"):
            return None
        found = self._origin(file)
        key = ("kernels", file.sha256)
        return self._once.get(key, lambda: self._reader.kernels(name, version, found))

    def _origin(self, file: DistributionFile) -> Found:
        found = self._found.get((file.file_name, file.sha256))
        if found is None:
            raise WorldError(f"`{file.file_name}` was not listed by any index in this run")
        return found

    def _place(self, source: IndexSource) -> Place:
        def make() -> Place:
            return self._open(source, self._credentials.open(source))

        return self._once.get(("place", source.name), make)

    def _open(self, source: IndexSource, access: Access) -> Place:
        client = HttpClient(access, self._credentials, self._vault, self._settings.http)
        return Place(source=source, access=access, client=client)

    def _default_access(self) -> Access:
        source = self._default or IndexSource(name=DEFAULT_INDEX, url="", location="")
        return self._place(source).access

    def _page(self, place: Place, name: str) -> Page | None:
        if place.access.is_local:
            return self._local_page(place, name)
        if place.source.format is IndexFormat.FLAT:
            asked = place.access.shown
            every = self._once.get(
                ("flat", place.source.name),
                lambda: self._links(place, place.access.address, asked, name),
            )
            links = [link for link in every or () if project_of(link.file_name) == name]
            return self._listed(place, name, links, asked) if links else None
        asked = _project_address(place.access.shown, name)
        address = _project_address(place.access.address, name)
        found = self._links(place, address, asked, name)
        return None if found is None else self._listed(place, name, found, asked)

    def _links(self, place: Place, url: str, asked: str, name: str) -> list[Link] | None:
        received: Received
        try:
            answer = place.client.get(url, ACCEPT, PAGE_LIMIT_BYTES)
            return parse_page(answer.body, answer.content_type, answer.url)
        except HttpFault as fault:
            received = fault.received
        except NotAPageError as error:
            received = Received(what=self._vault.hide(str(error)), hint=NOT_AN_INDEX)
        if received.status in _ABSENT and place.source.format is IndexFormat.SIMPLE:
            return None
        raise page_error(name, place.source, asked, received)

    def _listed(self, place: Place, name: str, links: Iterable[Link], asked: str) -> Page:
        files: dict[tuple[str, str], DistributionFile] = {}
        lasting = self._vault.secrets.lasting
        undigested = 0
        for link in self._settings.sieve.shown(name, links):
            if not link.url.startswith(("http://", "https://")):
                continue  # a page of the network cannot name files of this machine
            if link.sha256 is None:
                undigested += 1
                continue
            key = (link.file_name, link.sha256)
            if key not in files and lasting.replace(link.file_name) == link.file_name:
                files[key] = self._keep(_with_query(link, place.access), place)
        if undigested and not files:
            of = "its only file" if undigested == 1 else f"any of {undigested:,} files"
            received = Received(what=f"no sha256 digest for {of}", hint=_NO_DIGESTS)
            raise page_error(name, place.source, asked, received)
        ordered = tuple(files[key] for key in sorted(files))
        return Page(index=place.source.name, name=name, files=ordered)

    def _keep(self, link: Link, place: Place) -> DistributionFile:
        """Describe a file as it may be written down, and remember where it really lies."""
        lasting = self._vault.secrets.lasting
        file = DistributionFile(
            file_name=link.file_name,
            url=self._vault.public(link.url),
            sha256=link.sha256 or "",
            size_bytes=link.size_bytes,
            uploaded=format_moment(link.uploaded),
            requires_python=lasting.replace(link.requires_python),
            yanked=None if link.yanked is None else self._vault.hide(link.yanked),
        )
        self._found[file.file_name, file.sha256] = Found(link=link, place=place)
        return file

    def _local_page(self, place: Place, name: str) -> Page | None:
        received: Received
        try:
            found = list_folder(place.access.address, self._settings.base, name)
        except OSError as error:
            received = _unreadable(error, "check the path of the folder")
        else:
            sieve = self._settings.sieve
            admitted = [item for item in found if sieve.admits(name, item.path.name)]
            return self._local_files(place, name, admitted) if found else None
        raise page_error(name, place.source, place.access.shown, received)

    def _local_files(self, place: Place, name: str, found: Sequence[LocalFile]) -> Page:
        files: dict[tuple[str, str], DistributionFile] = {}
        for item in sorted(found, key=lambda item: item.url):
            key = (item.path.name, item.sha256)
            link = Link(file_name=item.path.name, url=item.url, sha256=item.sha256)
            self._found[key] = Found(link=link, place=place, path=item.path)
            files[key] = DistributionFile(
                file_name=item.path.name,
                url=item.url,
                sha256=item.sha256,
                size_bytes=item.size_bytes,
            )
        ordered = tuple(files[key] for key in sorted(files))
        return Page(index=place.source.name, name=name, files=ordered)

    def _url_page(self, name: str, url: str) -> Page:
        bare, _, fragment = url.partition("#")
        file_name = file_name_in(bare)
        self._refuse_other_file(name, file_name)
        source = IndexSource(name=DIRECT, url=bare, location=bare)
        place = self._file_place(source, name)
        promised = _promised_digest(fragment)
        if place.access.is_local:
            return self._local_url_page(place, name, file_name, promised)
        link = Link(file_name=file_name, url=place.access.address, sha256=promised)
        if promised is None:
            link, text = self._reader.fetch_whole(Found(link=link, place=place))
            self._once.put(("metadata", link.sha256, file_name), text)
        return Page(index=DIRECT, name=name, files=(self._keep(link, place),))

    def _local_url_page(
        self, place: Place, name: str, file_name: str, promised: str | None
    ) -> Page:
        try:
            item = find_file(place.access.address, self._settings.base)
        except OSError as error:
            received = _unreadable(error, "check the path")
        else:
            if promised in (None, item.sha256):
                return self._local_files(place, name, [item])
            received = Received(
                what=f"a file with another sha256: {item.sha256}, and its address says {promised}",
                hint="correct the digest, or put the right file there",
            )
        raise file_error(file_name, place.access.shown, received)

    def _file_place(self, source: IndexSource, name: str) -> Place:
        """Return how one address is asked: with the login of an index on the same server."""
        access = self._credentials.open_file(source.location, name)
        if not access.is_local and access.login is None:
            for index in self._settings.indexes:
                place = self._place(index)
                if not place.access.is_local and place.access.origin == access.origin:
                    return Place(source=source, access=access, client=place.client)
        return self._open(source, access)

    def _refuse_other_file(self, name: str, file_name: str) -> None:
        is_sdist = file_name.endswith((".tar.gz", ".zip"))
        if project_of(file_name) != name:
            problem = f"its address names no wheel of `{name}`"
            hint = "the address of a wheel ends in its whole file name, `….whl`"
        elif is_sdist and name not in self._settings.sieve.sdists:
            problem = "its address names a source archive, and the stack takes wheels"
            hint = f'allow it by name: `sdists = ["{name}"]` in [pypi]'
        else:
            return
        fault = Fault(where=f"pypi-dependencies.{name}.url", problem=problem, hint=hint)
        raise InputFileError([fault], state="Nothing was recorded.")


def _metadata_key(file: DistributionFile) -> tuple[str, str, str]:
    return "metadata", file.sha256, file.file_name


def _project_address(index: str, name: str) -> str:
    """Return where an index keeps a project's page; a query stays behind the path."""
    path, question, query = index.partition("?")
    return f"{path.rstrip('/')}/{name}/{question}{query}"


def _with_query(link: Link, access: Access) -> Link:
    """Give a file the index's query, where that is how the server knows its guests."""
    query = urlsplit(access.address).query
    parts = urlsplit(link.url)
    if not query or parts.query or origin_of(link.url) != access.origin:
        return link
    return link.at(urlunsplit(parts._replace(query=query)))


def _promised_digest(fragment: str) -> str | None:
    kind, _, digest = fragment.partition("=")
    return digest.lower() if kind == "sha256" and digest else None


def _unreadable(error: OSError, hint: str) -> Received:
    return Received(what=f"an error of the disk: {error.strerror or error}", hint=hint)
