"""What a reader stumbled over, as hits of the rule that tells of it."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.audit.addresses import file_name
from envlock.audit.rule import Case, Hit
from envlock.audit.wording import sentence
from envlock.model.reading import OddityKind


def odd_hits(case: Case, kind: OddityKind, *, why: str = "", together: str = "") -> Iterator[Hit]:
    """Yield a hit for each oddity of a kind: what is there, and what follows from it.

    The same said of one thing at several lines is told at the first.
    """
    told: set[tuple[str, str]] = set()
    for oddity in case.reading.oddities:
        key = (oddity.subject, oddity.said)
        if oddity.kind is not kind or key in told:
            continue
        told.add(key)
        yield Hit(
            message=f"{sentence(oddity.said)} {why}".rstrip(),
            line=oddity.line,
            subject=_subject(oddity.subject),
            together=together,
        )


def _subject(text: str) -> str:
    """Return what an oddity is about, in short: the file of an address."""
    return file_name(text) if "://" in text else text
