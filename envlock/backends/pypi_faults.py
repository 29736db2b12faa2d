"""What went wrong with a package index, for people.

The HTTP library's exceptions carry whole addresses, with logins in them: none leaves this module,
not even as the cause of another. What a person needs is said anew; the library's own words go into
`detail`, redacted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from envlock.errors import WorldError
from envlock.model.stack import DEFAULT_INDEX
from envlock.ports.pypi import IndexSource

PAGE = "a page of the simple repository API, JSON or HTML"
FILE = "the file, or ranges of it"
STATE = "Nothing was recorded; the stack stays with the recording that it had."
_DETAIL_CHARACTERS = 600

AGAIN = "run it again; if it stays so, a proxy on the way may cut the connection"
NETWORK = "check the network and its proxy, or name a mirror: `--mirror NAME=ADDRESS`"
NOT_AN_INDEX = (
    "a proxy or a login page may answer in the index's place: open {asked} in a browser, and look "
    "whether the address ends where the projects begin, often in /simple"
)
_LOGIN = "give its login in ~/.netrc, or as {key}_USERNAME and {key}_PASSWORD"
_VARIABLE_LOGIN = "check the value of {names}: that is what the index was asked with"
_SERVER = "the server has a problem: try later, or name a mirror: `--mirror NAME=ADDRESS`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came in place of an answer, and what a person can do about it."""

    what: str
    hint: str = AGAIN
    status: int | None = None
    is_passing: bool = False
    """Whether asking again may help."""
    wait_seconds: float | None = None
    """How long the server wants to be left alone."""
    detail: str = ""


class HttpFault(Exception):  # noqa: N818 - a finding on its way to become a WorldError
    """An address did not answer as it should."""

    def __init__(self, received: Received) -> None:
        super().__init__(received.what)
        self.received = received


def page_error(name: str, source: IndexSource, asked: str, received: Received) -> WorldError:
    """Return the error for a project's page."""
    of = "the default index" if source.name == DEFAULT_INDEX else f"the index `{source.name}`"
    return _error(f"no page of `{name}` from {of}", asked, PAGE, received, source.name)


def file_error(
    file_name: str, asked: str, received: Received, *, expected: str = FILE, index: str = ""
) -> WorldError:
    """Return the error for one file."""
    return _error(f"`{file_name}` cannot be read", asked, expected, received, index)


def _error(headline: str, asked: str, expected: str, received: Received, index: str) -> WorldError:
    return WorldError(
        f"{headline}\n"
        f"  asked:    {asked}\n"
        f"  expected: {expected}\n"
        f"  received: {received.what}\n"
        f"{STATE}",
        hints=[_hint(received, asked, index)],
        detail=received.detail,
    )


def _hint(received: Received, asked: str, index: str) -> str:
    if received.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        names = dict.fromkeys(re.findall(r"\$\{(\w+)\}", asked))
        if names:
            return _VARIABLE_LOGIN.format(names=" and ".join(f"`{name}`" for name in names))
        key = f"UV_INDEX_{re.sub(r'[^A-Za-z0-9]', '_', index).upper()}"
        return _LOGIN.format(key=key) if index else "give its login in ~/.netrc"
    return received.hint.replace("{asked}", asked)


def read_status(status: int, wait_seconds: float | None) -> Received:
    """Return what an HTTP status that is no success means."""
    try:
        told = f"HTTP {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        told = f"HTTP {status}"
    is_passing = status in (429, 500, 502, 503, 504)
    hint = AGAIN
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        hint = "wait some minutes, then run it again"
    elif status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        hint = "the proxy wants a login: write it into HTTPS_PROXY, `http://USER:PASSWORD@HOST`"
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        hint = _SERVER
    elif status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        hint = "the index lists what its server does not have: name a mirror, or try later"
    if wait_seconds is not None:
        told += f", and the wish to be left alone for {wait_seconds:,.0f} seconds"
    return Received(
        what=told, hint=hint, status=status, is_passing=is_passing, wait_seconds=wait_seconds
    )


def read_exception(error: BaseException, hide: Callable[[str], str]) -> Received:
    """Return what an exception of requests or urllib3 means, without the secrets in it."""
    words = hide(_all_words(error))
    detail = words[:_DETAIL_CHARACTERS]
    for pattern, what, hint, is_passing in _KNOWN:
        found = re.search(pattern, words, re.IGNORECASE)
        if found:
            cause = found.groupdict().get("cause") or ""
            told = f"{what}: {cause}" if cause else what
            return Received(what=told, hint=hint, is_passing=is_passing, detail=detail)
    return Received(what=f"an error, {type(error).__name__}", is_passing=True, detail=detail)


_KNOWN: tuple[tuple[str, str, str, bool], ...] = (
    (
        r"TooManyRedirects",
        "one redirection after another",
        "check the index's address: it may lack a slash or a login",
        False,
    ),
    (
        r"(?:certificate verify failed:? ?(?P<cause>[a-z ,'.0-9-]*)|SSLError|SSLCertVerification)",
        "a TLS connection that cannot be trusted",
        "behind a proxy with a certificate of its own, set SSL_CERT_FILE to that certificate",
        False,
    ),
    (
        r"ProxyError|proxy",
        "no way through the proxy",
        "check HTTPS_PROXY and NO_PROXY",
        True,
    ),
    (
        (
            r"NameResolutionError|getaddrinfo|Name or service not known|nodename nor servname"
            r"|failure in name resolution"
        ),
        "no address for this host name",
        "check the spelling of the host, and that this machine can resolve names",
        True,
    ),
    (
        r"Connection refused|actively refused",
        "a refused connection",
        "check host and port, and whether a firewall or proxy is in the way",
        True,
    ),
    (
        r"network is (?:unreachable|down)|no route to host|host is down",
        "no way to this host",
        NETWORK,
        True,
    ),
    (
        (
            r"IncompleteRead|ChunkedEncodingError|Connection broken|InvalidChunkLength"
            r"|RemoteDisconnected|ConnectionReset|reset by peer|BrokenPipe|ProtocolError"
        ),
        "an answer that broke off before its end",
        AGAIN,
        True,
    ),
    (
        r"ContentDecodingError|DecodeError",
        "content that cannot be unpacked",
        "a proxy on the way may change what it hands on: run it again without it",
        False,
    ),
    (
        (
            r"InvalidURL|InvalidSchema|MissingSchema|LocationParse|LocationValue|UnicodeError"
            r"|InvalidHeader|UnicodeEncodeError|ValueError"
        ),
        "no answer, as this is no address of a web server",
        "use an address with https:// and a host",
        False,
    ),
    (r"timed? ?out|Timeout", "no answer in time", NETWORK, True),
)


def _all_words(error: BaseException) -> str:
    """Return the types and texts of an exception and what caused it."""
    words = []
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        words.append(f"{type(at).__name__}: {at}")
        at = at.__cause__ or at.__context__
    return "\n".join(words)
