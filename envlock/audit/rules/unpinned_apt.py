"""EL206: packages of the system's own manager.

A version alone does not pin them: the archives of Debian and Ubuntu keep only the newest, so
`NAME=VERSION` fails after the next update. A dated snapshot (https://snapshot.debian.org,
https://snapshot.ubuntu.com) or an image that has them, by its digest, does. Hence a rule of its own
beside EL201, and a note.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import count, some
from envlock.model.finding import Severity
from envlock.model.reading import Ecosystem


def _find(case: Case) -> Iterable[Hit]:
    found = [item for item in case.reading.of(Ecosystem.APT) if not item.version]
    if found:
        names = some(item.name for item in found)
        yield Hit(
            message=f"apt installs {count(len({item.name for item in found}), 'package')} in "
            f"whatever version the archive has on the day: {names}.",
            line=found[0].line,
            subject="apt",
        )


RULE = Rule(
    code="EL206",
    name="unpinned-apt",
    title="system packages of the day",
    reason="Compilers and libraries of the system change with each update of the archive, and "
    "what is built against them changes, too.",
    remedy="take compilers and libraries from conda, where a lock holds them; else point apt at "
    "a dated snapshot of the archive, or build this image once and use it by its digest.",
    severity=Severity.NOTE,
    find=_find,
)
