"""Asks package indexes and channels whether the files of a lock are still there.

The lock may be a stranger's: of its addresses only http and https are asked, logins and variables
in them are left out, and a server gets no login but the one that netrc has for it. That a page does
not list a file is no proof, since it may be the page of another index: the file's own address must
say so, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

from packaging.version import InvalidVersion, Version

from envlock.backends.pypi_credentials import Access, Credentials, Vault
from envlock.backends.pypi_faults import HttpFault
from envlock.backends.pypi_http import HttpClient
from envlock.backends.pypi_once import Once
from envlock.backends.pypi_options import HttpOptions
from envlock.backends.pypi_pages import (
    ACCEPT,
    PAGE_LIMIT_BYTES,
    Link,
    NotAPageError,
    file_name_in,
    parse_page,
)
from envlock.formats.distribution_name import version_in
from envlock.formats.plain import count, printable
from envlock.model.sight import Withdrawn
from envlock.ports.index_status import AskedPackage, StatusAnswer

_PATIENCE = HttpOptions(timeout_seconds=10.0, total_seconds=60.0, retries=2)
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_NO_HEAD = (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
_SHOWN = 2


class LiveStatus:
    """Implements `ports.index_status.IndexStatus`.

    `environment` says where netrc and certificates lie; `default_index` takes the place of the
    default index, as a mirror would.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        default_index: str = "",
        http: HttpOptions = _PATIENCE,
        jobs: int = 16,
        seconds: float = 120.0,
    ) -> None:
        vault = Vault()
        options = replace(http, ca_file=environment.get("SSL_CERT_FILE") or None)
        nowhere = Access(address="", shown="")
        self._client = HttpClient(nowhere, Credentials(environment, vault), vault, options)
        self._default_index = default_index
        self._jobs = jobs
        self._seconds = seconds
        self._once = Once()

    def look(self, packages: Sequence[AskedPackage]) -> StatusAnswer:
        """Return which of the packages are gone or were withdrawn; see the port."""
        pool = ThreadPoolExecutor(self._jobs, "envlock-status")
        asked = [pool.submit(self._look_at, package) for package in packages]
        wait(asked, timeout=self._seconds)
        pool.shutdown(wait=False, cancel_futures=True)
        ended = [future for future in asked if future.done() and not future.cancelled()]
        answered = [future for future in ended if future.exception() is None]
        found = (future.result() for future in answered)
        return StatusAnswer(
            withdrawn=tuple(item for item in found if item),
            answered=len(answered),
            unasked=self._told(ended, late=len(asked) - len(ended)),
        )

    def _told(self, ended: Sequence[Future[Withdrawn | None]], late: int) -> str:
        """Say why there is no answer for some packages; a `ValueError` is about an address."""
        errors = [error for future in ended if (error := future.exception())]
        for error in errors:
            if not isinstance(error, _NoAnswerError | ValueError):
                raise error
        reasons = Counter(map(str, errors))
        parts = [f"{count(number, 'package')}: {why}" for why, number in reasons.most_common()]
        if len(parts) > _SHOWN:
            parts = [*parts[:_SHOWN], f"and {count(len(parts) - _SHOWN, 'other reason')}"]
        if late:
            parts.append(f"{count(late, 'package')}: no answer within {self._seconds:,.0f} seconds")
        return "; ".join(parts)

    def _look_at(self, package: AskedPackage) -> Withdrawn | None:
        """Return what there is to say about one package. Raises `_NoAnswerError`."""
        links = self._listed(package) if package.project else None
        if links is None:
            gone = [url for url in package.files if self._is_gone(url)]
            return self._gone(package, gone) if gone or not package.files else None
        if not package.files:
            links = [link for link in links if _is_of(link, package.version)]
            if not links:
                return self._gone(package, [])
            return _yanked(package, links) if all(_is_yanked(link) for link in links) else None
        by_name = {link.file_name: link for link in links}
        names = {file_name_in(url): url for url in package.files}
        gone = [url for name, url in names.items() if name not in by_name and self._is_gone(url)]
        if gone:
            return self._gone(package, gone)
        yanked = [by_name[name] for name in names if name in by_name and _is_yanked(by_name[name])]
        return _yanked(package, yanked) if yanked else None

    def _gone(self, package: AskedPackage, gone: Sequence[str]) -> Withdrawn:
        if not gone:
            named, problem = f"{package.package} {package.version}", "is not on its index"
        else:
            more = f", and {len(gone) - 1:,} more of its files" if len(gone) > 1 else ""
            named, problem = file_name_in(gone[0]), f"is gone{more}"
        return Withdrawn(
            package=package.package, file=printable(named), problem=problem, is_gone=True
        )

    def _listed(self, package: AskedPackage) -> list[Link] | None:
        """Return what the index lists of a project; None where it has no such project."""
        index = _plain(package.index or self._default())
        address = f"{index.rstrip('/')}/{package.project}/"
        return self._once.get(("page", address), lambda: self._page(address))

    def _page(self, address: str) -> list[Link] | None:
        try:
            answer = self._client.get(address, ACCEPT, PAGE_LIMIT_BYTES)
            return parse_page(answer.body, answer.content_type, answer.url)
        except HttpFault as fault:
            if fault.received.status in _GONE:
                return None
            problem = fault.received.what
        except NotAPageError as error:
            problem = f"{error} in place of a page"
        raise _NoAnswerError(address, problem)

    def _is_gone(self, url: str) -> bool:
        return self._once.get(("file", url), lambda: self._ask_file(_plain(url)))

    def _ask_file(self, url: str) -> bool:
        problem = ""
        for ask in (self._client.head, self._client.peek):
            try:
                ask(url)
            except HttpFault as fault:
                if fault.received.status in _GONE:
                    return True
                problem = fault.received.what
                if fault.received.status not in _NO_HEAD:
                    break
            else:
                return False
        raise _NoAnswerError(url, problem)

    def _default(self) -> str:
        if self._default_index:
            return self._default_index
        from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415 - only where nobody names one

        return PYPI_SIMPLE_ENDPOINT


class _NoAnswerError(Exception):
    """A server did not answer the question; says which server, and what it did instead."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"{problem} from {printable(urlsplit(url).hostname or url)}")


def _is_of(link: Link, version: str) -> bool:
    found = version_in(link.file_name)
    try:
        return found is not None and Version(found) == Version(version)
    except InvalidVersion:
        return found == version


def _is_yanked(link: Link) -> bool:
    return link.yanked is not None


def _yanked(package: AskedPackage, links: Sequence[Link]) -> Withdrawn:
    reason = next((link.yanked for link in links if link.yanked), "")
    why = f": {printable(reason)}" if reason else ""
    return Withdrawn(
        package=package.package,
        file=printable(links[0].file_name),
        problem=f"was yanked{why}",
    )


def _plain(url: str) -> str:
    """Return an address without login, query and fragment; a query may hold a secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
