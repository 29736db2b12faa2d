"""EL103: addresses that mean another file tomorrow.

A branch moves with each push, a tag can be moved, and a short revision becomes ambiguous as a
project grows: only a whole commit is content. Archives of a branch and files named `latest` are the
same in other words. With a hash the change is noticed, and then nothing can be installed: a
warning; without one another file is installed: an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from envlock.audit.addresses import has_whole_commit, mutable_part, parse_address
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.shell import commands, programs
from envlock.model.finding import Severity
from envlock.model.reading import FoundPackage, Origin, OriginKind


def _find(case: Case) -> Iterable[Hit]:
    for package in case.reading.packages:
        if package.is_project:
            continue
        for origin in package.origins:
            if origin.kind is OriginKind.GIT:
                yield from _git(package, origin)
            else:
                yield from _file(package, origin)
    yield from _commands(case)


def _git(package: FoundPackage, origin: Origin) -> Iterable[Hit]:
    if has_whole_commit(origin.revision, origin.address):
        return
    named = (
        f"at `{origin.revision}`, which is no whole commit"
        if origin.revision
        else "with no commit at all"
    )
    yield Hit(
        message=f"`{package.name}` comes from `{origin.address}` {named}: whatever lies there on "
        "the day is built.",
        line=origin.line or package.line,
        subject=package.name,
        remedy=f"find the commit with `git ls-remote {_bare(origin.address)} "
        f"{origin.revision or 'HEAD'}` and write all 40 digits of it.",
        severity=Severity.WARNING if _is_release(origin.revision) else None,
    )


def _is_release(revision: str) -> bool:
    """Say whether a revision is named like a release, whose tag is seldom moved."""
    return re.fullmatch(r"\w*?[-_]?v?\d+(?:\.\d+)+\S*", revision) is not None


def _bare(address: str) -> str:
    """Return an address as git takes it: without pip's `git+`, revision and fragment."""
    whole = re.split(r"[?#]", address.removeprefix("git+"), maxsplit=1)[0]
    head, slash, last = whole.rpartition("/")
    return f"{head}{slash}{last.partition('@')[0]}"


def _file(package: FoundPackage, origin: Origin) -> Iterable[Hit]:
    part = mutable_part(parse_address(origin.address))
    if part:
        after = (
            "Its hash will then fit no more, and nothing can be installed."
            if origin.hashes
            else "It has no hash, so nobody would notice."
        )
        yield Hit(
            message=f"`{package.name}` comes from `{origin.address}`, and `{part}` is another "
            f"file after each change. {after}",
            line=origin.line or package.line,
            subject=package.name,
            severity=Severity.WARNING if origin.hashes else None,
        )


_BRANCH = ("-b", "--branch")


def _cloned(text: str) -> tuple[str, str] | None:
    """Return the address that a command clones, and the branch or tag that it asks for."""
    for program in programs(text):
        if program[0] == "git" and "clone" in program[:-1]:
            rest = program[program.index("clone") + 1 :]
            asked = [after for word, after in pairwise(rest) if word in _BRANCH]
            asked += [word.partition("=")[2] for word in rest if word.startswith("--branch=")]
            address = next((word for word in rest if "://" in word or "@" in word), rest[-1])
            return address, "".join(asked[:1])
    return None


_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"|;)>]+")


def _commands(case: Case) -> Iterable[Hit]:
    checked_out = [
        item.text
        for item in commands(case.reading)
        if re.search(r"\bgit\b.*\b(?:checkout|reset|switch|fetch)\b", item.text)
        and has_whole_commit(item.text)
    ]
    for item in commands(case.reading, "RUN", "ADD"):
        cloned = None if checked_out else _cloned(item.text)
        if cloned:
            address, branch = cloned
            yield Hit(
                message=f"`git clone` of `{address}` takes whatever is newest on the day"
                f"{f' under `{branch}`' if branch else ''}.",
                line=item.line,
                subject=address,
                severity=Severity.WARNING if _is_release(branch) else None,
                remedy="go to one commit after it: `git clone URL DIR && git -C DIR checkout "
                "COMMIT`, with all 40 digits.",
            )
            continue
        if re.search(r"\bpip[\d.]*\s+install\b", item.text):
            continue  # its packages stand in rows of their own
        for address in _URL.findall(item.text):
            if part := mutable_part(parse_address(address)):
                yield Hit(
                    message=f"`{address}` is downloaded; `{part}` is another file after each "
                    "change.",
                    line=item.line,
                    subject=address,
                    severity=Severity.WARNING,
                )


RULE = Rule(
    code="EL103",
    name="mutable-address",
    title="addresses that mean another file tomorrow",
    reason="A branch, a tag or `latest` can be moved at any time: the same lock then installs "
    "another program, or none.",
    remedy="name a release or a whole commit in the address, and write its SHA-256 beside it.",
    severity=Severity.ERROR,
    find=_find,
)
