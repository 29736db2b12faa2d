"""The rules: each module of this folder is one, and its value `RULE` is what the engine runs."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from envlock.audit.rule import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, ordered by code."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return tuple(sorted((cast("Rule", module.RULE) for module in modules), key=_code))


def _code(rule: Rule) -> str:
    return rule.code
