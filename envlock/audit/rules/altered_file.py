"""EL802: files of an installed environment that are not what a package installed."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import LOCKS, Case, Hit, Rule
from envlock.audit.wording import count
from envlock.model.finding import Severity
from envlock.model.installed import FileDrift, FileProblem
from envlock.model.reading import FileKind
from envlock.model.sight import Sight

_SHOWN = 3
_NOBODY = "no package"


def _find(case: Case) -> Iterable[Hit]:
    prefix = case.sights.prefix
    owners: dict[str, list[FileDrift]] = {}
    for item in case.sights.files:
        if item.problem is not FileProblem.FOREIGN:
            owners.setdefault(item.owner, []).append(item)
    for owner, files in sorted(owners.items()):
        is_only_touched = all(item.problem is FileProblem.TOUCHED for item in files)
        whose = f"of {owner}" if owner else f"of {_NOBODY}"
        yield Hit(
            message=f"{count(len(files), 'file')} {whose} in {prefix} "
            f"{'is' if len(files) == 1 else 'are'} not as installed: {_listed(files)}.",
            subject=owner,
            severity=Severity.NOTE if is_only_touched else None,
            together=f"{{count}} packages in {prefix} have files that are not as installed: "
            "{subjects}.",
        )


def _listed(files: list[FileDrift]) -> str:
    shown = [f"`{item.path}` {item.problem.value}" for item in files[:_SHOWN]]
    more = len(files) - _SHOWN
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


RULE = Rule(
    code="EL802",
    name="altered-file",
    title="installed files that are gone or were edited",
    reason="A file that differs from what its package brought was edited by hand, by another "
    "package or by somebody who should not: the versions still look right.",
    remedy="build the environment anew from its lock, `envlock build LOCK`; one of the store is "
    "repaired by `envlock store repair`.",
    severity=Severity.ERROR,
    find=_find,
    kinds=LOCKS | {FileKind.REQUIREMENTS, FileKind.ENVIRONMENT},
    needs=(Sight.PREFIX,),
)
