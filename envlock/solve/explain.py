"""Why a question has no answer, in the words of the stack.

The solver's own message names records that nobody asked for. So the cause is found by asking
again: first whether each wish alone is in the pin at all, then for the smallest set of demands that
cannot hold together (`conflict`), and where those meet (`meeting`). What the pin has instead comes
from its records.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from envlock.errors import NoSolutionError
from envlock.model.pin import Origin
from envlock.model.question import Ask, Question
from envlock.solve.conflict import smallest_conflict
from envlock.solve.demand import Demand, demands_of
from envlock.solve.meeting import find_meeting
from envlock.solve.oracle import Oracle, list_some, version_key
from envlock.solve.view import View


def explain(view: View, question: Question, oracle: Oracle) -> NoSolutionError:
    """Return the error for a question that the solver could not answer."""
    lines, hints = _alone(view, question, oracle)
    if not lines:
        lines, hints = _together(view, question, oracle)
    body = "\n".join(f"  {line}" for line in lines)
    narrow = any(view.asked_of(ask.name) == () or _ask_anew(view, ask) for ask in question.asks)
    return NoSolutionError(
        f"{_headline(view, narrow=narrow)}\n{body}\nNo lock was written.",
        hints=list(dict.fromkeys([*hints, *view.origin_hints()])),
    )


def _headline(view: View, *, narrow: bool) -> str:
    name, platform, digest = view.stack.name, view.platform, view.digest[:12]
    if narrow:
        return (
            f"no solution for {name} on {platform} "
            f"in what the pin was asked for ({view.origin} pin {digest})"
        )
    match view.origin:
        case Origin.OBSERVED:
            return (
                f"no solution for {name} on {platform} in this partial view (observed pin {digest})"
            )
        case Origin.LIVE:
            return f"{name} cannot be satisfied on {platform} (live pin {digest})"


def _alone(view: View, question: Question, oracle: Oracle) -> tuple[list[str], list[str]]:
    """Name the wishes that nothing in the pin meets, whatever else is asked."""
    lines: list[str] = []
    hints: list[str] = []
    names = oracle.names()
    for ask in question.asks:
        if ask.name not in names:
            lines.extend(_not_there(view, ask))
            hints.extend(_near(ask, names))
            if view.asked_of(ask.name) == ():
                hints.append(f"ask for it: `envlock index pin --extend {ask.where.file}`")
        elif not oracle.matching(ask.spec):
            lines.extend(_no_such_build(view, ask, oracle))
            hints.extend(
                _ask_anew(view, ask) or [f"ask for one of those, or for less: {ask.where}"]
            )
    return lines, hints


def _not_there(view: View, ask: Ask) -> list[str]:
    if view.asked_of(ask.name) == ():
        told = "was not asked for when the pin was made"
    elif view.origin is Origin.OBSERVED:
        told = "is not among the records that were collected"
    else:
        told = "is in none of the channels"
    return [f"`{ask.name}` {told}", f"  {ask.where} asks for `{ask.wish}`"]


def _ask_anew(view: View, ask: Ask) -> list[str]:
    """Say so where the pin was asked for other versions of a name than the stack wants now."""
    asked = view.asked_of(ask.name)
    version = ask.spec.partition("[build=")[0].partition(" ")[2]
    if not asked or "*" in asked or version in asked:
        return []
    ranges = ", ".join(f"`{ask.name} {wanted}`" for wanted in asked)
    anew = f"`envlock index pin {ask.where.file}` asks the channels anew"
    return [f"the pin was asked for {ranges} only; {anew}"]


def _near(ask: Ask, names: Iterable[str]) -> list[str]:
    near = difflib.get_close_matches(ask.name, sorted(names), n=1, cutoff=0.8)
    return [f"did you mean `{near[0]}`?"] if near else []


def _no_such_build(view: View, ask: Ask, oracle: Oracle) -> list[str]:
    of_version = oracle.matching(ask.spec.partition("[build=")[0])
    if of_version:
        told = f"no build of `{ask.name}` meets `{ask.wish}`"
        has = f"builds {list_some(sorted({item.build for item in of_version}))}"
    else:
        present = oracle.builds(ask.name)
        shown = {item.version for item in view.visible(present) or present}
        told = f"no version of `{ask.name}` meets `{ask.wish}`"
        has = f"{ask.name} {list_some(sorted(shown, key=version_key, reverse=True))}"
    return [told, f"  {ask.where}", f"  the pin has {has}"]


def _together(view: View, question: Question, oracle: Oracle) -> tuple[list[str], list[str]]:
    """Name the smallest set of demands that cannot hold together, and where they meet."""
    demands = demands_of(view, question, oracle)
    core = smallest_conflict(demands, lambda relaxed: oracle.conflicts(_without(question, relaxed)))
    names = frozenset(name for demand in core for name in demand.names)
    lines = [
        "these cannot all hold:",
        *(f"  {demand.text}" for demand in core),
        *find_meeting(view, question, names, oracle),
    ]
    hints = [
        *(demand.hint for demand in core if demand.hint),
        *(hint for ask in question.asks if ask.name in names for hint in _ask_anew(view, ask)),
    ]
    return lines, hints or ["relax one of those lines"]


def _without(question: Question, relaxed: Iterable[Demand]) -> Question:
    for demand in relaxed:
        question = demand.relax(question)
    return question
