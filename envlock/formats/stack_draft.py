"""A draft as the text of a stack: every value with where it is from, and what it does not say."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from envlock.formats.plain import printable
from envlock.formats.secrets import redact
from envlock.formats.stack_words import Path, format_key
from envlock.model.draft import Decision, Draft, LeftOut

_WIDTH = 100
_OFTEN = 3
"""So often a reason stands before it is said once for all."""
_ARRAYS_OF_TABLES = ("pypi-index", "artifacts")
_NO_GPU = """\
# No [gpu] table: nothing in the file says that it is for GPUs. For NVIDIA GPUs add
# [gpu]
# cuda = "12.9"
"""


def format_draft(draft: Draft) -> str:
    """Return the stack of a draft, with a comment beside each value. LF, one break at the end."""
    parts = [_opening(draft)]
    for table, decisions in groupby(draft.decisions, key=lambda item: _table(item.path)):
        header = f"[[{table[0]}]]" if table[0] in _ARRAYS_OF_TABLES else f"[{format_key(table)}]"
        parts.append("\n".join([header, *_lines(decisions, _usual(draft))]))
        if header == "[python]" and not _has_gpu(draft):
            parts.append(_NO_GPU.rstrip("\n"))
    if draft.left_out:
        parts.append("\n".join(_ending(draft.left_out)))
    return "\n\n".join(parts) + "\n"


def describe_left_out(draft: Draft) -> tuple[str, ...]:
    """Return what the stack does not say: `Dockerfile:3: apt package git: …`.

    What is left out for one reason is one text, the reason before it and a line for each.
    """
    told = []
    for reason, items in _by_reason(draft.left_out).items():
        whole = [f"{printable(draft.file)}{_at(item)}: {_plain(item.what)}" for item in items]
        alone = len(whole) == 1
        told.append(
            f"{whole[0]}: {_plain(reason)}"
            if alone
            else "\n  ".join([f"{_plain(reason)}:", *whole])
        )
    return tuple(told)


def describe_decision(decision: Decision) -> str:
    """Return why a key of a stack says what it says."""
    said = printable(redact(decision.reason))
    return f"guessed: {said}" if decision.is_guess else said


def _has_gpu(draft: Draft) -> bool:
    return any(item.path[0] == "gpu" for item in draft.decisions)


def _table(path: Path) -> Path:
    return path[:2] if path[0] in _ARRAYS_OF_TABLES else path[:-1]


def _usual(draft: Draft) -> str | None:
    """Return the reason that most values have: it is said once, at the top."""
    found = Counter(item.reason for item in draft.decisions if not item.is_guess)
    reason, times = next(iter(found.most_common(1)), ("", 0))
    return reason if times >= _OFTEN else None


def _opening(draft: Draft) -> str:
    guesses, usual = len(draft.guesses), _usual(draft)
    told = "nothing in it was guessed" if not guesses else f"what was guessed says so: {guesses}"
    about = f"{printable(draft.file)} ({draft.kind}); {told}"
    text = [f"Drafted by `envlock import` from {about}."]
    if usual:
        text.append(f"What has no comment is {printable(redact(usual))}.")
    text.append("Read it, change what is wrong, then solve it.")
    return "\n".join(_wrapped(" ".join(text)))


def _lines(decisions: Iterable[Decision], usual: str | None) -> Iterator[str]:
    for item in decisions:
        line = f"{format_key((item.path[-1],))} = {_value(item.value)}"
        comment = f"# {describe_decision(item)}"
        if item.reason == usual and not item.is_guess:
            yield line
        elif len(line) + len(comment) + 2 <= _WIDTH:
            yield f"{line}  {comment}"
        else:
            yield from _wrapped(comment.removeprefix("# "))
            yield line


def _ending(left_out: Iterable[LeftOut]) -> Iterator[str]:
    yield "# Left out, since no stack says it:"
    for reason, items in _by_reason(left_out).items():
        whole = [
            f"{f'line {item.line}: ' if item.line else ''}{_plain(item.what)}" for item in items
        ]
        if len(whole) == 1:
            yield from _wrapped(f"- {whole[0]}: {_plain(reason)}", "  ")
            continue
        yield from _wrapped(f"- {_plain(reason)}:", "  ")
        for line in whole:
            yield from (f"#   {part[2:]}" for part in _wrapped(f"- {line}", "  "))


def _by_reason(left_out: Iterable[LeftOut]) -> dict[str, list[LeftOut]]:
    found: dict[str, list[LeftOut]] = {}
    for item in left_out:
        found.setdefault(item.reason, []).append(item)
    return found


def _at(item: LeftOut) -> str:
    return f":{item.line}" if item.line else ""


def _plain(text: str) -> str:
    return printable(redact(text))


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent=f"# {indent}",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _value(value: object) -> str:
    """Return a value as TOML; JSON's strings are TOML's, but for DEL."""
    if isinstance(value, dict):
        entries = ", ".join(f"{format_key((key,))} = {_value(item)}" for key, item in value.items())
        return f"{{ {entries} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
