"""Plain data held against a schema."""

from __future__ import annotations

import pytest
from msgspec import Struct

from envlock.formats.typed import convert, find_faults


class Tagged(Struct, tag=True):
    name: str


class Other(Struct, tag=True):
    flag: bool = False


class Whole(Struct, kw_only=True):
    either: Tagged | Other
    table: dict[str, float] = {}
    list: tuple[int, ...] = ()
    number: float = 0.0


class Strange(Struct):
    raw: bytes


GOOD = {"either": {"type": "Tagged", "name": "a"}}


def faults(**changes: object) -> list[str]:
    return [str(each) for each in find_faults({**GOOD, **changes}, Whole)]


def test_a_value_of_the_schema_has_no_faults():
    assert faults(table={"a": 1.0, "b": None}, list=[1], number=-0.5) == []


def test_null_in_a_table_becomes_a_number_that_is_none():
    found = convert({**GOOD, "table": {"b": None}}, Whole)

    assert found.table["b"] != found.table["b"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"either": 1}, "either: expected an object, found the number 1"),
        ({"either": {}}, "either.type: expected one of Other, Tagged, found null"),
        ({"either": {"type": "Tagged"}}, "either.name: expected this key, found none"),
        (
            {"either": {"type": "Other", "flag": 0}},
            "either.flag: expected true or false, found the number 0",
        ),
        ({"table": []}, "table: expected an object, found an array of 0"),
        (
            {"table": {"a": "x" * 90}},
            "table.a: expected a finite number with its point, such as 1.0, found another string",
        ),
        ({"list": {}}, "list: expected an array, found an object"),
        ({"list": [True]}, "list[0]: expected a whole number of at most 63 bits, found true"),
        (
            {"list": [2**63]},
            "list[0]: expected a whole number of at most 63 bits, found a large number",
        ),
        (
            {"number": None},
            "number: expected a finite number with its point, such as 1.0, found null",
        ),
        (
            {"number": ""},
            "number: expected a finite number with its point, such as 1.0, found an empty string",
        ),
        ({"tabel": 1}, "tabel: unknown key"),
        ({"a\nb": 1}, r"'a\nb': unknown key"),
    ],
)
def test_a_fault_has_its_place_and_its_reason(changes: dict[str, object], said: str):
    assert faults(**changes) == [said]


def test_a_key_that_was_misspelt_is_suggested():
    (fault,) = find_faults({**GOOD, "tabel": {}}, Whole)

    assert fault.hint == "did you mean `table`?"


def test_a_value_that_is_no_object_is_no_struct():
    (fault,) = find_faults([], Tagged)

    assert fault.problem == "expected an object, found an array of 0"


def test_a_schema_with_a_type_that_has_no_rule_is_our_mistake():
    with pytest.raises(TypeError, match="no rule for"):
        list(find_faults({"raw": "AA=="}, Strange))
