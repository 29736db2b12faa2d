"""What a bisection found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from envlock.cli.table import count, format_table, printable
from envlock.solve.coupling import reasons_within
from envlock.solve.culprits import Answer, most_tries

if TYPE_CHECKING:
    from envlock.solve.coupling import Step
    from envlock.solve.culprits import Culprit, Search
    from envlock.solve.moves import Side
    from envlock.workflows.bisect import Bisection, Tried

_REASONS = 3
_LISTED = 12

Labels = tuple[str, str]
"""What the person called the two locks."""


def render(found: Bisection, labels: Labels) -> Iterator[str]:
    """Yield the answer, then the evidence for it, then what it took."""
    good, bad = map(printable, labels)
    yield f"{good} -> {bad} on {found.way.platform}"
    if found.search is None:
        yield "they install the same: nothing can make a difference"
        return
    yield f"{count(len(found.way.moves), 'package')} differ, {_walk(found)}"
    yield ""
    match found.search.answer:
        case Answer.GOOD_IS_NOT_GOOD:
            yield from _not_as_said(f"{good} is not good", found.tried[0])
        case Answer.BAD_IS_NOT_BAD:
            yield from _not_as_said(f"{bad} is not bad", found.tried[1])
        case Answer.FOUND:
            yield from _found(found, found.search)
        case Answer.UNRESOLVED:
            yield from _unresolved(found, found.search)
    yield ""
    yield from _cost(found, found.search)


def _walk(found: Bisection) -> str:
    steps = count(len(found.steps), "step")
    joined = sum(len(step.names) > 1 for step in found.steps)
    return f"{steps} between them" + (f", {joined} of several packages" if joined else "")


def _not_as_said(told: str, tried: Tried) -> Iterator[str]:
    yield f"{told}: {printable(tried.trial.graded.said)}"
    yield f"  looked at in {_place(tried)}"


def _place(tried: Tried) -> str:
    return tried.trial.label or "no environment"


def _found(found: Bisection, search: Search) -> Iterator[str]:
    culprits = search.culprits
    names = sorted(name for each in culprits for name in each.step.names)
    if len(names) == 1:
        yield f"{_move(found, names[0])} makes the difference"
    elif len(culprits) == 1:
        yield f"these {len(names)} make the difference; they can only be changed together:"
        yield from _moves(found, names)
    else:
        yield f"these {len(names)} make the difference together, and none of them alone:"
        yield from _moves(found, names)
    for each in culprits:
        yield from _evidence(found, each)
    yield from _enough(found, search)


def _moves(found: Bisection, names: Sequence[str]) -> Iterator[str]:
    for name in names[:_LISTED]:
        yield f"  {_move(found, name)}"
    if len(names) > _LISTED:
        yield f"  and {len(names) - _LISTED} more; `--json` has all"


def _move(found: Bisection, name: str) -> str:
    return printable(str(next(move for move in found.way.moves if move.name == name)))


def _evidence(found: Bisection, each: Culprit) -> Iterator[str]:
    yield ""
    names = sorted(each.step.names)
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    yield f"two environments that differ in {names[0]}{more} alone:"
    without, with_it = found.of(each.without), found.of(each.with_it)
    yield from format_table(
        [_row("without", without), _row("with", with_it)],
        indent="  ",
    )
    for reason in reasons_within(each.step, found.links)[:_REASONS]:
        yield f"  together, since {printable(reason)}"


def _row(name: str, tried: Tried) -> list[str]:
    graded = tried.trial.graded
    return [name, graded.grade.value, printable(graded.said), _place(tried)]


def _enough(found: Bisection, search: Search) -> Iterator[str]:
    enough = search.enough or frozenset()
    named = frozenset().union(*(each.step.names for each in search.culprits))
    beside = sorted(enough - named)
    yield ""
    if beside:
        listed = ", ".join(beside[:_LISTED]) + (" …" if len(beside) > _LISTED else "")
        yield f"on top of the good lock that is enough, with what it needs: {listed}"
    else:
        yield "on top of the good lock that alone is enough:"
    yield from format_table([_row("", found.of(enough))[1:]], indent="  ")


def _unresolved(found: Bisection, search: Search) -> Iterator[str]:
    names = sorted(name for step in search.remainder for name in step.names)
    yield f"one or more of these {len(names)} make the difference, and no more can be told:"
    yield from _moves(found, names)
    for each in search.culprits:
        yield from _evidence(found, each)
    skipped = [each for each in found.tried if each.trial.graded.grade.value == "skipped"]
    if skipped:
        yield ""
        yield f"{count(len(skipped), 'environment')} between them could not be told:"
        yield from format_table(
            [[printable(each.trial.graded.said), _place(each)] for each in skipped[:_LISTED]],
            indent="  ",
        )


def _cost(found: Bisection, search: Search) -> Iterator[str]:
    built = sum(each.is_new for each in found.tried)
    recalled = sum(each.is_recalled for each in found.tried)
    there = search.tries - built - recalled
    told = [f"{built} built", *([f"{there} found built or not buildable"] if there else [])]
    told += [f"{recalled} known from before"] if recalled else []
    yield f"{count(search.tries, 'environment')}: {', '.join(told)}"
    if search.answer is Answer.FOUND:
        most = most_tries(len(found.steps))
        after = search.tries_to_find
        rest = search.tries - after
        shown = f", {rest} more to see that it is enough" if rest else ""
        limit = f"; log2 of {count(len(found.steps), 'step')} + 2 is {most}"
        yield f"found after {after}{shown}{limit}"
    yield f"notes: {found.notes}"


# --- for programs ---------------------------------------------------------------------------------


def describe(found: Bisection, labels: Labels) -> Mapping[str, object]:
    """Return a bisection as plain data."""
    search = found.search
    good, bad = labels
    told: dict[str, object] = {
        "good": good,
        "bad": bad,
        "platform": found.way.platform,
        "answer": "nothing-differs" if search is None else search.answer.value,
        "differences": len(found.way.moves),
        "steps": len(found.steps),
    }
    if search is not None:
        built = sum(each.is_new for each in found.tried)
        told |= {
            "culprits": [_describe_culprit(found, each) for each in search.culprits],
            "enough": None if search.enough is None else sorted(search.enough),
            "remainder": [_describe_step(found, step) for step in search.remainder],
            "environments": [_describe_tried(each) for each in found.tried],
            "tries": search.tries,
            "tries_to_find": search.tries_to_find,
            "most_tries_for_one": most_tries(len(found.steps)),
            "built": built,
            "recalled": sum(each.is_recalled for each in found.tried),
            "notes": found.notes,
        }
    return told


def _describe_culprit(found: Bisection, each: Culprit) -> Mapping[str, object]:
    return {
        **_describe_step(found, each.step),
        "without": _describe_tried(found.of(each.without)),
        "with": _describe_tried(found.of(each.with_it)),
    }


def _describe_step(found: Bisection, step: Step) -> Mapping[str, object]:
    moves = {move.name: move for move in found.way.moves}
    return {
        "packages": [
            {
                "name": name,
                "before": _describe_side(moves[name].before),
                "after": _describe_side(moves[name].after),
            }
            for name in sorted(step.names)
        ],
        "together_since": list(reasons_within(step, found.links)),
        "needs": sorted(step.below),
    }


def _describe_side(side: Side) -> list[Mapping[str, object]]:
    from envlock.solve.difference import parse_archive

    return [
        {
            "name": row.name,
            "version": row.version,
            "build": parse_archive(row).build,
            "manager": row.manager,
            "sha256": row.sha256,
        }
        for row in side.rows
    ]


def _describe_tried(tried: Tried) -> Mapping[str, object]:
    graded = tried.trial.graded
    return {
        "moved": sorted(tried.moved),
        "environment": tried.trial.label,
        "grade": graded.grade.value,
        "said": graded.said,
        "numbers": dict(graded.numbers),
        "seconds": tried.trial.seconds,
        "is_new": tried.is_new,
        "is_recalled": tried.is_recalled,
    }
