"""EL207: what is downloaded is run, whatever it is that day.

Piped into a shell, run after a download, or added from an address without `--checksum`. A check
with `sha256sum`, `shasum` or `gpg --verify` between the download and the run makes it right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from envlock.audit.addresses import file_name, mutable_part, parse_address
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.shell import commands, short
from envlock.model.finding import Severity
from envlock.model.reading import Command

_URL = re.compile(r"(?:https?|ftp)://[^\s'\"|;)>]+")
_FETCH = re.compile(r"\b(?:curl|wget)\b")
_SHELL = r"(?:/(?:usr/)?bin/)?(?:ba|da|z|k)?sh|python[\d.]*|perl|ruby|node"
_PIPED = re.compile(
    rf"\|\s*(?:sudo\s+(?:-\w+\s+)*)?(?:\w+=\S+\s+)*(?:{_SHELL})\b(?!\S*[./])(?!\s+-[mc]\b)"
)
_SUBSTITUTED = re.compile(r"(?:\$\(|<\(|`)\s*(?:curl|wget)\b")
_RUNS_IT = re.compile(rf"\b(?:{_SHELL}|source|eval)\b")
_SAVED = re.compile(r"(?:\s-[a-zA-Z]*[oO]\s*|--output[= ]|--output-document[= ]|>\s*)(\S+)")
_CHECKED = re.compile(r"\b(?:sha(?:256|512|384)sum|shasum|b2sum)\b|gpgv?\b.*--verify|\bcosign\b")
_SCRIPT = re.compile(r"\.(?:sh|py|run|bash|pl|deb|rpm)$")


def _find(case: Case) -> Iterable[Hit]:
    yield from _piped(case)
    yield from _saved(case)
    yield from _added(case)


def _piped(case: Case) -> Iterator[Hit]:
    for item in commands(case.reading):
        text = item.text
        is_run = _FETCH.search(text) and _PIPED.search(text)
        if is_run or (_SUBSTITUTED.search(text) and _RUNS_IT.search(text)):
            yield _hit(item, _address(text), "is run as it comes from")


def _saved(case: Case) -> Iterator[Hit]:
    """Yield scripts that one command saves and a later one runs, with no check between."""
    saved: dict[str, str] = {}
    for item in commands(case.reading):
        if _CHECKED.search(item.text):
            saved.clear()
        elif _FETCH.search(item.text) and (address := _address(item.text)):
            names = [name.strip("'\"") for name in _SAVED.findall(item.text)]
            for name in (*names, file_name(address)):
                saved[name.rpartition("/")[2]] = address
        else:
            for name, address in tuple(saved.items()):
                if name and _runs(item.text, name):
                    del saved[name]
                    yield _hit(item, address, "runs what was downloaded from")


def _runs(text: str, name: str) -> bool:
    path = rf"(?:\S*/)?{re.escape(name)}(?![\w.-])"
    by_shell = rf"^(?:\S+=\S+\s+)*(?:sudo\s+)?(?:{_SHELL}|source|\.|dpkg|apt-get|apt)\b.*\s{path}"
    return bool(
        re.search(by_shell, text)
        or (_SCRIPT.search(name) and re.match(rf"(?:sudo\s+)?{path}", text))
    )


def _added(case: Case) -> Iterator[Hit]:
    for item in commands(case.reading, "ADD"):
        address = _address(item.text)
        if address and "--checksum=" not in item.text:
            yield Hit(
                message=f"`ADD` downloads `{address}` and checks nothing.",
                line=item.line,
                subject=address,
                severity=Severity.WARNING,
                remedy="write `ADD --checksum=sha256:… URL DEST`, with the digest that "
                "`sha256sum` gives for a copy that you trust.",
            )


def _address(text: str) -> str:
    found = _URL.search(text)
    return found.group() if found else ""


_RELEASE = re.compile(r"\d+\.\d+|\$\{?\w*VERSION")


def _hit(item: Command, address: str, how: str) -> Hit:
    where = f"`{address}`" if address else "the network"
    is_release = _RELEASE.search(address) and not mutable_part(parse_address(address))
    after = (
        "nothing checks that it is the file that was meant."
        if is_release
        else "nobody looks at it, and it is another script tomorrow."
    )
    return Hit(
        message=f"`{short(item.text)}` {how} {where}: {after}",
        line=item.line,
        subject=address or short(item.text),
        severity=Severity.WARNING if is_release else None,
    )


RULE = Rule(
    code="EL207",
    name="remote-script",
    title="scripts that are run as they come from the network",
    reason="Whoever holds the address, or answers for it, runs commands in the build; and what "
    "the script installs changes with it.",
    remedy='save a release of the script under its version, check it (`echo "SHA256  FILE" | '
    "sha256sum -c`) and then run it.",
    severity=Severity.ERROR,
    find=_find,
)
