"""EL902: built again, the environment comes out otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import LOCKS, Case, Hit, Rule
from envlock.audit.wording import count, some
from envlock.model.finding import Severity
from envlock.model.sight import Difference, Sight

_SHOWN_DIGITS = 12


def _find(case: Case) -> Iterable[Hit]:
    files = [item for item in case.sights.rebuilt if item.field != "receipt"]
    if files:
        yield Hit(
            message=f"Built twice on {files[0].platform}, {count(len(files), 'file')} "
            f"{'differs' if len(files) == 1 else 'differ'}: "
            f"{some(item.subject for item in files)}.",
            remedy="see how, `envlock build --rebuild-check LOCK`, and report it: the archives are "
            "the same, so what writes these files is at fault.",
        )
    yield from (_other(item) for item in case.sights.rebuilt if item.field == "receipt")


def _other(item: Difference) -> Hit:
    was, now = (f"{text[:_SHOWN_DIGITS]}…" for text in (item.was, item.now))
    return Hit(
        message=f"Built again on {item.platform}, the content is {now}, and {item.subject} is of "
        f"the content {was}.",
        subject=item.subject,
    )


RULE = Rule(
    code="EL902",
    name="other-content",
    title="environments that come out otherwise when they are built again",
    reason="What was verified was one content; if the same lock gives another, nobody has verified "
    "that one.",
    remedy="verify this lock again and compare: `envlock challenge OLD NEW` names what differs.",
    severity=Severity.ERROR,
    find=_find,
    kinds=LOCKS,
    needs=(Sight.REBUILD,),
)
