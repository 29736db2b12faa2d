"""Why a recipe did not build, from what it said: so that a person knows what to change."""

from __future__ import annotations

import re

from envlock.errors import RecipeError
from envlock.formats.plain import printable
from envlock.model.stack import Recipe

_SHOWN = 12
_WIDTH = 300
_SCRIPT_FAILED = "Script failed with status"
_NETWORK = re.compile(
    r"could not resolve host|name or service not known|network is unreachable"
    r"|temporary failure in name resolution|getaddrinfo|errno 101\b|errno -[23]\b",
    re.IGNORECASE,
)
_OUTSIDE = re.compile(r"read-only file system", re.IGNORECASE)
_COMPILER = re.compile(
    r"cannot execute .?cc1|(?:gcc|g\+\+|cc|c\+\+|clang): (?:command )?not found"
    r"|no include path in which to search|fatal error: (?:stdio|stdlib|string|stddef|features)\.h"
)


def build_fault(recipe: Recipe, fault: str, log: str) -> RecipeError:
    """Return the error of a build that failed; `fault` is rattler-build's word, if it had one."""
    said = log.partition(_SCRIPT_FAILED)[0]  # what follows tells how to go on in a folder that goes
    lines = [printable(line.rstrip())[:_WIDTH] for line in said.splitlines() if line.strip()]
    said = "\n".join(lines[-_SHOWN * 5 :])
    why, hint = _cause(recipe, said)
    told = [f"  {line}" for line in (*lines[-_SHOWN:], *printable(fault).splitlines()[:_SHOWN])]
    return RecipeError(
        "\n".join(
            [
                f"{recipe.where}: `{recipe.path}` does not build{why}",
                *told,
                "Nothing of it stays, and no lock was written.",
            ]
        ),
        hints=[hint] if hint else [],
    )


def _cause(recipe: Recipe, said: str) -> tuple[str, str]:
    if _NETWORK.search(said):
        return (
            ": it reaches for the network, which no build has",
            f"put what it fetches into `{recipe.path}`, or lock it and name it in `inputs`",
        )
    if _OUTSIDE.search(said):
        return (
            ": it writes outside of its own folder",
            "write below $SRC_DIR, $PREFIX or $TMPDIR",
        )
    if not recipe.host_compiler and _COMPILER.search(said):
        return (
            ": it finds no compiler",
            (
                "the machine's own is hidden unless the stack says `host-compiler = true`; "
                "or lock a compiler and name it in `inputs`"
            ),
        )
    return "", ""
