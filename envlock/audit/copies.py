"""Two copies of one library in one environment: what both cuDNN's and NCCL's rule look for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from envlock.audit.environments import Environment, gathered, told_places
from envlock.audit.rule import Case, Hit
from envlock.audit.wording import listed
from envlock.compat.copies import Copy
from envlock.model.finding import Severity

Look = Callable[[Environment], Iterable[Copy]]


def find_copies(case: Case, library: str, look: Look, clash: Severity) -> Iterable[Hit]:
    """Yield the sets of copies that meet; `clash` is how bad copies of two majors are."""

    def several(place: Environment) -> Iterable[tuple[Copy, ...]]:
        copies = tuple(look(place))
        return [copies] if len(copies) > 1 else []

    for copies, places in gathered(case.environments, several).items():
        majors = dict.fromkeys(item.major for item in copies)
        told = listed((f"{item.version} in {item.carrier}" for item in copies), 6)
        names = {item.carrier for item in copies}
        lines = (item.found.line for item in places[0].placed if item.row.name in names)
        yield Hit(
            message=f"{len(copies)} copies of {library} meet {told_places(places)}: {told}.",
            line=max(lines, default=0),
            subject=library.lower(),
            severity=clash if len(majors) > 1 else Severity.WARNING,
        )
