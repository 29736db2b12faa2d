"""The rules as a whole: what every one of them must have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envlock.audit import rules
from envlock.audit.rule import Rule
from envlock.audit.rules import all_rules
from envlock.model.reading import FileKind

MODULES = sorted(path.stem for path in Path(rules.__file__).parent.glob("[a-z]*.py"))
TESTS = [
    path.read_text("utf-8")
    for path in Path(__file__).parents[2].rglob("test_*.py")
    if path.name != "test_rules.py"
]


def test_each_module_of_the_folder_is_a_rule():
    assert len(all_rules()) == len(MODULES)


def test_rules_are_ordered_by_code():
    codes = [rule.code for rule in all_rules()]

    assert codes == sorted(codes)


@pytest.mark.parametrize("field", ["code", "name", "title", "reason", "remedy"])
def test_no_two_rules_share(field: str):
    values = [getattr(rule, field) for rule in all_rules()]

    assert len(set(values)) == len(values)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_a_rule_is_well_formed(rule: Rule):
    assert re.fullmatch(r"EL\d{3}", rule.code)
    assert re.fullmatch(r"[a-z]+(?:-[a-z0-9]+)*", rule.name)
    assert rule.title == rule.title.strip().rstrip(".")
    assert rule.reason[0].isupper()
    assert rule.reason.endswith(".")
    assert rule.remedy.endswith(".")
    assert rule.kinds
    assert rule.kinds <= frozenset(FileKind)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_a_rule_has_tests(rule: Rule):
    """A positive and a negative case at least, beside the rules or where the sight is made."""
    about = [text for text in TESTS if re.search(rf"\b{rule.code}\b", text)]

    assert sum(len(re.findall(r"^def test_", text, re.MULTILINE)) for text in about) >= 2


@pytest.mark.parametrize("module", MODULES)
def test_the_docstring_of_a_rule_begins_with_its_code(module: str):
    path = Path(rules.__file__).parent / f"{module}.py"
    text = path.read_text("utf-8")

    code = re.search(r'^    code="(EL\d{3})"', text, re.MULTILINE)
    assert code is not None
    assert re.match(rf'r?"""{code[1]}: ', text)
