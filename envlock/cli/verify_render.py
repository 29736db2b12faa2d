"""A verification for people: one line for each check, the verdict last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envlock.cli.table import count, printable
from envlock.model.outcome import Failed, NotRun, Passed
from envlock.model.receipt import Verdict

if TYPE_CHECKING:
    from envlock.model.outcome import Check, Outcome
    from envlock.model.receipt import Receipt

_VERDICTS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "FAILED",
    Verdict.INCOMPLETE: "not proven",
}


def render_receipt(receipt: Receipt) -> Iterator[str]:
    """Yield the checks by what they are about, then what came of it all."""
    last = ""
    for check in receipt.checks:
        if check.obligation != last:
            last = check.obligation
            yield f"{check.obligation}"
        yield from _check(check)
    yield ""
    yield verdict_line(receipt)


def _check(check: Check) -> Iterator[str]:
    word, said = _words(check.outcome)
    lines = printable(said.replace("\n", "; "))
    yield f"  {word:<8} {check.name}: {lines}"
    if isinstance(check.outcome, Failed) and check.outcome.hint:
        yield f"           hint: {printable(check.outcome.hint)}"


def _words(outcome: Outcome) -> tuple[str, str]:
    match outcome:
        case Passed(said=said):
            return "passed", said
        case Failed(said=said):
            return "FAILED", said
        case NotRun(reason=reason):
            return "not run", reason


def verdict_line(receipt: Receipt) -> str:
    """Return the verdict in one line, with what it rests on."""
    passed = len(receipt.checks) - len(receipt.failed) - len(receipt.not_run)
    where = ", ".join(dict.fromkeys(gpu.name for gpu in receipt.host.gpus))
    place = where if receipt.device == "gpu" and where else f"the {receipt.device.upper()}"
    parts = [count(passed, "check") + " passed", f"{len(receipt.failed)} failed"]
    parts.append(f"{len(receipt.not_run)} not run")
    hermetic = "" if receipt.subject.is_hermetic else "; not hermetic"
    return (
        f"{printable(receipt.subject.name)}: {_VERDICTS[receipt.verdict]} at level "
        f"{receipt.level} on {printable(place)}: {', '.join(parts)} in {receipt.seconds:.0f} s"
        f"{hermetic}"
    )
