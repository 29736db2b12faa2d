"""What went wrong with a channel, for people: rattler's words turned into a message and a hint.

rattler's errors are one text, the outermost cause first. It is searched for what it is known to say
(py-rattler 0.28, measured against a server that misbehaves on purpose); what is not known is shown
as it is, with credentials left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from envlock.backends.channel_files import is_remote
from envlock.errors import WorldError
from envlock.formats.channel import channel_name
from envlock.formats.secrets import redact
from envlock.ports.index import ChannelSource

_SHOWN_BLOCKS = 4
_ADDRESS = re.compile(r"\w+://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came in place of repodata, and what a person can do about it."""

    what: str
    hint: str


class FolderError(Exception):
    """One channel folder did not answer as it should."""

    def __init__(self, source: ChannelSource, subdir: str, received: Received) -> None:
        super().__init__(received.what)
        self.source = source
        self.subdir = subdir
        self.received = received


_AGAIN = "run it again; if it stays so, a proxy on the way may cut the connection"
_SPELLING = "check the channel's spelling: it is a name on conda.anaconda.org or a whole address"
_LOCAL = "a channel on disk holds repodata.json, or repodata.json.zst, in noarch and each folder"
_NOT_A_CHANNEL = (
    "a proxy or a login page may answer in the channel's place: open {asked} in a browser"
)
_NETWORK = "check the network and its proxy, or ask a mirror with `--from URL`"
_LOGIN = (
    "give the channel's credentials in ~/.netrc or in the file that RATTLER_AUTH_FILE names "
    "(`pixi auth login` writes one)"
)
_FOLDER = "without a network: `--from FOLDER` takes a folder of channels"
_NO_ADDRESS = "no address for this host name"
_REFUSED = "a refused connection"
_NO_ROUTE = "no way to this host"
_LATE = "no answer in time"
_UNREACHED = frozenset({_NO_ADDRESS, _REFUSED, _NO_ROUTE, _LATE})
"""What a machine without a network finds."""
_KNOWN: Sequence[tuple[str, str, str]] = (
    (r"could not find subdir", "nothing: there is no such channel or folder", _SPELLING),
    (r"\((?P<found>40[13] [^)]*)\)", "HTTP {found}", _LOGIN),
    (r"\((?P<found>429 [^)]*)\)", "HTTP {found}", "wait some minutes, then run it again"),
    (
        r"\((?P<found>[45]\d\d [^)]*)\)",
        "HTTP {found}",
        "the server has a problem: try later, or ask a mirror with `--from URL`",
    ),
    (
        r"No space left on device|Disk quota exceeded|Permission denied|Read-only file system",
        "repodata that this machine could not store: {cause}",
        "free space, or set ENVLOCK_CACHE to a folder with room that you may write to",
    ),
    (
        r"end of file before message length|connection closed before|connection reset|BrokenPipe",
        "an answer that broke off before its end",
        _AGAIN,
    ),
    (
        r"Data corruption|Unknown frame descriptor|decode zst|incomplete frame",
        "something that is not zstd: {cause}",
        _NOT_A_CHANNEL,
    ),
    (
        r"dns error|failed to lookup address",
        _NO_ADDRESS,
        "check the spelling of the host, and that this machine can resolve names",
    ),
    (
        r"invalid peer certificate|corrupt message|certificate|HandshakeFailure|tls",
        "a TLS connection that cannot be trusted: {cause}",
        "behind a proxy with a certificate of its own, set SSL_CERT_FILE to that certificate",
    ),
    (
        r"Connection refused",
        _REFUSED,
        "check host and port, and whether a firewall or proxy is in the way",
    ),
    (r"network is (?:unreachable|down)|no route to host|host is down", _NO_ROUTE, _NETWORK),
    (r"timed out", _LATE, _NETWORK),
    (
        r"is not a supported scheme|invalid (channel|\w+ domain|port)|empty host|IPv6 address",
        "no answer, as this is no address of a channel: {cause}",
        "use an address with https:// or file://",
    ),
    (
        r"failed to parse|expected value|malformed|invalid|missing field|is not a valid",
        "something that is not repodata: {cause}",
        _NOT_A_CHANNEL,
    ),
)


def read_fault(message: str) -> Received:
    """Return what an error text of rattler means."""
    cause = redact(message).strip().rpartition("\n")[2].removeprefix("Caused by: ")
    words = _ADDRESS.sub("", message)
    for pattern, what, hint in _KNOWN:
        found = re.search(pattern, words, re.IGNORECASE)
        if found:
            return Received(what=what.format(cause=cause, **found.groupdict()), hint=hint)
    return Received(what=f"an error: {cause}", hint=_AGAIN)


def silence(seconds: float) -> Received:
    """Return the finding that a server sent nothing for a while."""
    return Received(
        what=f"nothing for {seconds:g} seconds",
        hint=_NETWORK,
    )


def lateness(seconds: float) -> Received:
    """Return the finding that the whole query took too long."""
    return Received(
        what=f"not everything within {seconds:g} seconds",
        hint="the connection is slow: run it again, or ask a nearer mirror with `--from URL`",
    )


def contradiction(file_name: str) -> Received:
    """Return the finding that a channel says two things of one archive."""
    return Received(
        what=f"two different records for `{file_name}`",
        hint="tell whoever keeps the channel: its index must be built anew",
    )


def elsewhere(address: str) -> Received:
    """Return the finding that the archives do not lie in the channel (CEP 15)."""
    return Received(
        what=f"records of archives that lie elsewhere: {address}",
        hint="a pin knows only channels that keep their own archives: name that address as channel",
    )


def unsteadiness(answer: str) -> Received:
    """Return the finding that a folder looks empty and yet does not say so."""
    return Received(
        what=f"no repodata.json, and {answer}",
        hint="wait some minutes, then run it again",
    )


def fault_error(faults: Iterable[FolderError]) -> WorldError:
    """Return one error for all faults; folders that failed alike share a paragraph."""
    groups: dict[tuple[ChannelSource, Received], list[str]] = {}
    for fault in faults:
        groups.setdefault((fault.source, fault.received), []).append(fault.subdir)
    blocks = [_block(source, subdirs, received) for (source, received), subdirs in groups.items()]
    if len(blocks) > _SHOWN_BLOCKS:
        blocks[_SHOWN_BLOCKS:] = [f"and {len(blocks) - _SHOWN_BLOCKS} more"]
    hints = dict.fromkeys(_hint(source, received) for source, received in groups)
    if any(received.what in _UNREACHED for _, received in groups):
        hints[_FOLDER] = None
    return WorldError("\n".join([*blocks, "No pin was written."]), hints=list(hints))


def _hint(source: ChannelSource, received: Received) -> str:
    if not is_remote(source.location) and received.hint in (_SPELLING, _NOT_A_CHANNEL):
        return _LOCAL
    return received.hint.format(asked=redact(source.location))


def _block(source: ChannelSource, subdirs: Sequence[str], received: Received) -> str:
    return (
        f"no repodata from the channel `{channel_name(source.url)}`\n"
        f"  asked:    {redact(source.location)} ({', '.join(subdirs)})\n"
        f"  expected: repodata, sharded, zst or JSON\n"
        f"  received: {received.what}"
    )
