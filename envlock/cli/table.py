"""Plain text for people: aligned columns, sizes, trees, and characters that a terminal can show."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from envlock.formats.plain import count as count  # noqa: PLC0414 - the commands ask for it here
from envlock.formats.plain import format_bytes as format_bytes  # noqa: PLC0414
from envlock.formats.plain import printable as printable  # noqa: PLC0414

LAST_FACTS = (
    "accelerator",
    "cuda",
    "cudnn",
    "driver-floor",
    "gpus",
    "newer-components",
    "unknown-components",
)
"""The facts of a platform that follow its frameworks, in this order."""
FACT_NAMES = {
    "driver-floor": "driver",
    "gpus": "GPUs",
    "newer-components": "newer",
    "unknown-components": "unknown",
    "virtual-packages": "assumes",
}
"""What people read for a fact whose key is long."""

_MIN_CUT = 8
_MIN_WRAP = 20
TEXT_WIDTH = 100
"""How wide a line of prose becomes on a terminal, however wide that is."""
_GAP = "  "
_PLAINER = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-", "…": "...", "—": "-"})


def terminal_width(*, talk: bool = False) -> int | None:
    """Return the width of the terminal that reads stdout, None when a file or a pipe does.

    `talk` asks for stderr instead.
    """
    if not (sys.stderr if talk else sys.stdout).isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def format_table(
    rows: Sequence[Sequence[str]],
    *,
    right: Iterable[int] = (),
    cut: int | None = None,
    width: int | None = None,
    indent: str = "",
) -> list[str]:
    """Return rows as aligned lines without trailing spaces; the first can be a heading.

    Columns in `right` are set to the right. Where a line would be wider than `width`, the column
    `cut` is shortened; the others never are.
    """
    if not rows:
        return []
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if cut is not None and width is not None:
        total = len(indent) + sum(widths) + len(_GAP) * (len(widths) - 1)
        widths[cut] = max(min(_MIN_CUT, widths[cut]), widths[cut] - max(0, total - width))
    flush = frozenset(right)
    return [
        indent
        + _GAP.join(
            _shorten(cell, size).rjust(size) if place in flush else _shorten(cell, size).ljust(size)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def format_facts(
    rows: Sequence[Sequence[str]], *, width: int | None = None, indent: str = ""
) -> list[str]:
    """Return rows as aligned lines whose last column is wrapped at spaces, below its own start.

    Lines wider than `TEXT_WIDTH` are hard to read, so a wider terminal is not filled. Without a
    `width`, as for a file or a pipe, each row is one line.
    """
    import textwrap

    heads = format_table([[*row[:-1], "|"] for row in rows], indent=indent)
    lines: list[str] = []
    for head, row in zip(heads, rows, strict=True):
        start, value = head.removesuffix("|"), printable(row[-1])
        if width is None:
            lines.append((start + value).rstrip())
            continue
        room = max(min(width, TEXT_WIDTH), len(start) + _MIN_WRAP)
        wrapped = textwrap.wrap(
            value, room - len(start), break_on_hyphens=False, break_long_words=False
        )
        first, *rest = wrapped or [""]
        lines += [(start + first).rstrip(), *(" " * len(start) + line for line in rest)]
    return lines


def _shorten(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"


def tree_prefix(last: Sequence[bool]) -> str:
    """Return what stands in front of a branch, by whether each level's branch is the last."""
    if not last:
        return ""
    above = "".join("    " if end else "│   " for end in last[:-1])
    return above + ("└── " if last[-1] else "├── ")


def emit(lines: Iterable[str]) -> None:
    """Print lines on stdout; what its encoding lacks is printed in plainer characters."""
    text = "".join(f"{line}\n" for line in lines)
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAINER).encode(encoding, "backslashreplace").decode(encoding)
    sys.stdout.write(text)
