"""JSON that somebody else may have written: every way in which it is not JSON is a fault."""

from __future__ import annotations

import json
from typing import Any

from envlock.errors import Fault

_SHOWN = 80


def parse_json(content: bytes, file: str) -> tuple[Any, tuple[Fault, ...]]:
    """Return the value of a text, or None and what is wrong with it; never raises.

    A key that stands twice in one object, `NaN`, a byte order mark, numbers of thousands of digits
    and nesting without end are faults.
    """
    try:
        return (
            json.loads(
                content.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant
            ),
            (),
        )
    except UnicodeDecodeError:
        return None, (Fault(where=file, problem="expected JSON in UTF-8, found other bytes"),)
    except json.JSONDecodeError as error:
        where = f"{file}:{error.lineno}"
        return None, (Fault(where=where, problem=f"expected JSON: {error.msg}"),)
    except RecursionError:
        return None, (Fault(where=file, problem="expected JSON, found it nested too deeply"),)
    except ValueError as error:  # our own hooks, and numbers of thousands of digits
        return None, (Fault(where=file, problem=f"expected JSON: {error}"),)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:_SHOWN]!a} stands twice in one object")
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")
