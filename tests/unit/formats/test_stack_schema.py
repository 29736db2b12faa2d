"""The published schema."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from envlock.formats.stack_problems import find_problems
from envlock.formats.stack_schema import json_schema

STACKS = sorted((Path(__file__).parents[3] / "stacks").glob("*.toml"))
SMALL = {
    "stack": {"name": "a", "platforms": ["linux-64"]},
    "python": {"version": "3.12.*"},
}


def valid(document: object) -> bool:
    return Draft202012Validator(json.loads(json_schema())).is_valid(document)


def test_the_schema_is_a_valid_schema_of_its_draft():
    schema = json.loads(json_schema())

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "envlock stack"
    assert schema["description"].startswith("A stack file of envlock")


def test_the_schema_is_canonical_text():
    content = json_schema()

    assert content == json_schema()
    assert b"\r" not in content
    assert content.endswith(b"}\n")
    assert json.dumps(json.loads(content), indent=2, sort_keys=True) + "\n" == content.decode()


def test_every_key_of_the_schema_is_described():
    tables = json.loads(json_schema())["$defs"]

    silent = [
        f"{name}.{key}"
        for name, table in tables.items()
        for key, value in table.get("properties", {}).items()
        if "description" not in json.dumps(value) and "$ref" not in json.dumps(value)
    ]
    assert silent == []


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_editors_accept_each_stack_that_ships(path: Path):
    assert valid(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        {"gpu": {"cuda": 12.1}},
        {"gpu": {}},
        {"gpu": {"cuda": "12.1", "compute": ["8.6", "8.6"]}},
        {"target": {"linux": {}}},
        {"frameworks": {"torch": "2"}},
        {"dependencies": {"NumPy": "*"}},
        {"dependencies": {"numpy": ">"}},
        {"stack": {"name": "a\n", "platforms": ["linux-64"]}},
        {"nonsense": {}},
    ],
    ids=json.dumps,
)
def test_editors_refuse_what_the_reader_refuses(change: dict[str, object]):
    assert valid(SMALL)
    assert not valid({**SMALL, **change})


def test_a_document_that_fits_has_no_problems():
    assert find_problems(SMALL) == []
