"""Read what a project asks of its audits: `[audit]` of a stack, `[tool.envlock.audit]` elsewhere.

Only this table is looked at. A stack whose other tables are at fault still says what may pass, and
a pyproject.toml in which the word `envlock` does not stand is not even parsed: it belongs to
somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UnsetType

from envlock.errors import Fault, InputFileError
from envlock.formats.audit_schema import (
    AuditTable,
    IgnoreTable,
    ProjectAuditTable,
    ProjectTable,
    RuleSeverity,
)
from envlock.formats.stack_lines import Places, find_lines
from envlock.formats.stack_problems import Problem, faults_of, find_problems
from envlock.formats.stack_rules import judge_repeats, sound_part, table_at
from envlock.formats.stack_text import decode_text, parse_text
from envlock.formats.stack_words import Path, closest, quote, show_key
from envlock.model.finding import AuditPolicy, Ignore, Severity

T = TypeVar("T")
PROJECT_FILE = "pyproject.toml"
_Table = tuple[str, ...]
_IN_PROJECT: _Table = ("tool", "envlock", "audit")
_IN_STACK: _Table = ("audit",)


def read_policy(content: bytes, file: str, rules: Mapping[str, str]) -> AuditPolicy | None:
    """Return the policy that a file holds; None where it has no such table.

    `rules` gives the code of each rule, by code and by name. Raises `InputFileError` with every
    fault of the table.
    """
    if b"audit" not in content:
        return None
    is_project = file.rpartition("/")[2] == PROJECT_FILE
    if is_project and b"envlock" not in content:
        return None
    text = decode_text(content, file)
    document = parse_text(text, file)
    path = _IN_PROJECT if is_project or "tool" in document else _IN_STACK
    problems = _problems(document, path, rules)
    places = Places(file, find_lines(text))
    if problems:
        raise InputFileError(faults_of(problems, places))
    table = table_at(document, *path[:-1]).get(path[-1])
    if table is None:
        return None
    schema = ProjectAuditTable if path is _IN_PROJECT else AuditTable
    return build_policy(msgspec.convert(table, schema), places, path)


def require_policy(content: bytes, file: str, rules: Mapping[str, str]) -> AuditPolicy:
    """Return the policy of a file that was named for it. Raises `InputFileError`."""
    policy = read_policy(content, file, rules)
    if policy is None:
        problem = "expected a policy, found neither [audit] nor [tool.envlock.audit]"
        raise InputFileError([Fault(where=file, problem=problem)])
    return policy


def _problems(document: Mapping[str, Any], path: _Table, rules: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong with the table, and with the tables around it."""
    found: list[Problem] = []
    for size in range(len(path)):
        table = table_at(document, *path[:size])
        if path[size] in table and not isinstance(table[path[size]], dict):
            key = path[: size + 1]
            hint = f"write it as a table: `[{show_key(key)}]`"
            return [Problem(path=key, text="expected a table, found another value", hint=hint)]
    if path is _IN_PROJECT:
        ours = table_at(document, "tool", "envlock")
        found += find_problems(ours, ProjectTable, path[:-1])
    elif "audit" in document:
        found += find_problems(document["audit"], AuditTable, path)
    sound = sound_part(document, frozenset(item.path for item in found))
    table = table_at(sound, *path)
    found += judge_repeats(table, path)
    found += _unknown_rules(table, path, rules)
    return found


def _unknown_rules(
    table: Mapping[str, Any], path: _Table, rules: Mapping[str, str]
) -> list[Problem]:
    """Return the rules that there are not, and those that are given two severities."""
    found: list[Problem] = []
    seen: dict[str, str] = {}
    for word in table_at(table, "severity"):
        place = (*path, "severity", word)
        if word not in rules:
            found.append(_unknown_rule(place, word, rules))
        elif rules[word] in seen:
            text = f"`{seen[rules[word]]}` is the same rule, and has a severity already"
            found.append(Problem(path=place, text=text, hint="keep one of the two"))
        else:
            seen[rules[word]] = word
    for number, entry in enumerate(table.get("ignore") or ()):
        named = (entry or {}).get("rule")
        if named is not None and named not in rules:
            found.append(_unknown_rule((*path, "ignore", number, "rule"), named, rules))
    return found


def _unknown_rule(path: Path, word: str, rules: Mapping[str, str]) -> Problem:
    lower = {known.lower(): known for known in rules}
    near = lower.get(closest(word, lower) or "")
    hint = f"did you mean `{near}`?" if near else "`envlock audit --rules` lists them"
    return Problem(path=path, text=f"there is no rule {quote(word)}", hint=hint)


def build_policy(table: AuditTable, places: Places, path: Path) -> AuditPolicy:
    """Return the policy of a table without faults."""
    more = table if isinstance(table, ProjectAuditTable) else ProjectAuditTable()
    return AuditPolicy(
        file=places.file,
        level=_given(table.level),
        fail_on=_given(table.fail_on),
        severities={word: _severity(each) for word, each in table.severity.items()},
        ignores=tuple(
            _ignore(each, places, (*path, "ignore", number))
            for number, each in enumerate(table.ignore)
        ),
        allowed_licenses=tuple(table.licenses.allow),
        denied_licenses=tuple(table.licenses.deny),
        driver=_given(more.driver),
        glibc=_given(more.glibc),
        compute=tuple(more.compute),
    )


def _severity(each: RuleSeverity) -> Severity | None:
    return None if each is RuleSeverity.OFF else Severity(each.value)


def _ignore(table: IgnoreTable, places: Places, path: Path) -> Ignore:
    expires = _given(table.expires)
    return Ignore(
        rule=table.rule,
        reason=" ".join(table.reason.split()),
        package=table.package,
        file=table.file,
        expires=expires.isoformat() if expires else "",
        where=places.name(path),
    )


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value
