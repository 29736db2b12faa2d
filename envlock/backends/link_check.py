"""What rattler wrote into files that hold their prefix, held against what it should have written.

rattler 0.28 overlooks the disk's refusal when it writes such a file: the file comes out cut off,
often empty, and linking is said to have gone well. Everything else that it writes fails loudly.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from envlock.errors import WorldError

_ASIDE = "__clobbers__/"
_SITE = "/site-packages/"
_PROGRAMS = "bin/"


def check_rewritten(
    staging: Path, prefix: str, rows: Sequence[Mapping[str, Any]], tree: Path
) -> None:
    """Check the files of one package that hold a prefix; `rows` are what rattler says it linked.

    Raises `WorldError` for a file that was not written whole.
    """
    for row in rows:
        placeholder = row.get("prefix_placeholder")
        path = str(row["_path"])
        source = next((each for each in _sources(path, tree) if each.is_file()), None)
        if not placeholder or path.startswith(_ASIDE) or source is None:
            continue
        found, original = (staging / path).read_bytes(), source.read_bytes()
        if row.get("file_mode") == "binary":
            is_whole = len(found) == len(original) or sys.platform != "linux"  # else signed anew
        else:
            is_whole = _is_rewritten(found, original, str(placeholder).encode(), prefix.encode())
        if not is_whole:
            raise WorldError(
                f"`{path}` was not written whole: the disk is full, or failing\n"
                "Nothing was installed; the store holds what it held before.",
                hints=["free space (`envlock gc`), then run it again"],
            )


def _sources(path: str, tree: Path) -> Iterator[Path]:
    """Yield where a linked file may lie in its package; noarch ones keep theirs elsewhere."""
    yield tree / path
    _, site, rest = path.partition(_SITE)
    if site:
        yield tree / "site-packages" / rest
    if path.startswith(_PROGRAMS):
        yield tree / "python-scripts" / path.removeprefix(_PROGRAMS)


def _is_rewritten(found: bytes, original: bytes, placeholder: bytes, prefix: bytes) -> bool:
    """Say whether a text has its prefix; a first line too long for Linux may be another one."""
    expected = original.replace(placeholder, prefix)
    if found == expected:
        return True
    is_script = original.startswith(b"#!")
    return is_script and found.partition(b"\n")[2] == expected.partition(b"\n")[2] != b""
