"""EL105: addresses that anybody on the way can answer.

`http://` and `git://` prove neither who answers nor what. GitHub turned `git://` off in March 2022:
https://github.blog/2021-09-01-improving-git-protocol-security-github/
A strong hash still notices an exchanged file: then it is a warning. Told once for each host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from envlock.audit.addresses import Address, has_whole_commit, is_loopback, parse_address
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.shell import all_said, short
from envlock.audit.wording import some
from envlock.model.finding import Severity
from envlock.model.reading import Origin, OriginKind

_OPEN = frozenset({"http", "git", "ftp"})
_STRONG = frozenset({"sha256", "sha384", "sha512", "blake2b"})


def _find(case: Case) -> Iterable[Hit]:
    yield from _packages(case)
    for place in case.reading.places:
        if is_insecure(parse_address(place.address)):
            yield Hit(
                message=f"the {place.kind} `{place.address}` is asked without encryption: "
                "anybody on the way can answer in its place.",
                line=place.line,
                subject=place.address,
            )
    yield from _commands(case)


def is_insecure(address: Address) -> bool:
    """Say whether whoever is on the way can answer for an address."""
    return address.scheme in _OPEN and not is_loopback(address.host)


def _packages(case: Case) -> Iterator[Hit]:
    found: dict[tuple[str, bool], tuple[int, list[str]]] = {}
    for package in case.reading.packages:
        for origin in package.origins:
            address = parse_address(origin.address)
            if is_insecure(address):
                key = (f"{address.scheme}://{address.host}", _is_checked(origin))
                found.setdefault(key, (origin.line or package.line, []))[1].append(package.name)
    for (host, is_checked), (line, names) in found.items():
        after = (
            "An exchanged file would be noticed by its hash."
            if is_checked
            else "No strong hash is there to notice an exchanged file."
        )
        yield Hit(
            message=f"{some(names)} {'come' if len({*names}) > 1 else 'comes'} from `{host}` "
            f"without encryption. {after}",
            line=line,
            subject=host,
            severity=Severity.WARNING if is_checked else None,
        )


def _is_checked(origin: Origin) -> bool:
    return bool(_STRONG & {*origin.hashes}) or (
        origin.kind is OriginKind.GIT and has_whole_commit(origin.revision, origin.address)
    )


_SWITCHED_OFF = (
    (re.compile(r"--trusted-host[\s=]+(?P<what>\S+)|trusted-host=(?P<host>\S+)"), "pip"),
    (re.compile(r"\bcurl\b.*\s(?:-\w*k\w*|--insecure)\b"), "curl"),
    (re.compile(r"--no-check-certificate\b"), "wget"),
    (re.compile(r"--allow-unauthenticated\b|--force-yes\b|AllowUnauthenticated"), "apt"),
    (re.compile(r"\bssl_verify\b[\s=:]+(?i:false|no|0)\b"), "conda"),
    (re.compile(r"http\.sslVerify[\s=]+(?:false|0)\b|GIT_SSL_NO_VERIFY"), "git"),
    (re.compile(r"--allow-insecure-host\b"), "uv"),
)
_ADDRESS = re.compile(r"\b(?:http|git|ftp)://[^\s'\"|;)>]+")
_FETCHES = re.compile(r"\b(?:curl|wget|git\s+clone)\b")


def _commands(case: Case) -> Iterator[Hit]:
    for said in all_said(case.reading):
        for pattern, tool in _SWITCHED_OFF:
            if pattern.search(said.text):
                yield Hit(
                    message=f"`{short(said.text)}` tells {tool} not to check who answers.",
                    line=said.line,
                    subject=tool,
                    remedy="leave the option out; where a company's own certificate is the "
                    "reason, install that certificate into the image.",
                )
        if said.instruction == "ADD" or _FETCHES.search(said.text):
            for text in _ADDRESS.findall(said.text):
                if is_insecure(parse_address(text)):
                    yield Hit(
                        message=f"`{text}` is fetched without encryption: anybody on the way can "
                        "answer in its place.",
                        line=said.line,
                        subject=text,
                    )


RULE = Rule(
    code="EL105",
    name="insecure-address",
    title="addresses that anybody on the way can answer",
    reason="Without encryption, or with its checks switched off, a stranger on the network "
    "decides what is installed.",
    remedy="write `https://` in place of it, and keep a SHA-256 of what is fetched.",
    severity=Severity.ERROR,
    find=_find,
)
