from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from envlock.errors import DepotError
from envlock.formats.canonical import format_canonical
from envlock.formats.depot_entry import LARGEST_ENTRY_BYTES, format_entry, read_entry_file
from envlock.model.depot import DepotBytecode, DepotEntry, DepotObject

ENTRY = DepotEntry(
    key="a" * 32,
    name="demo",
    platform="linux-64",
    content_sha256="1" * 64,
    tree_sha256="2" * 64,
    derivation_key="b" * 32,
    prefix_bytes=60,
    size_bytes=1000,
    artifacts=(DepotObject(file_name="a-1-0.conda", sha256="3" * 64, size_bytes=10),),
    bytecode=(
        DepotBytecode(
            tree=f"bytecode-{'3' * 64}-{'4' * 32}",
            tree_sha256="5" * 64,
            sha256="6" * 64,
            size_bytes=5,
        ),
    ),
    serial=20261124100000,
    pushed_at="2026-11-24T10:00:00Z",
    envlock_version="0.1.0",
)
HEAD = "an entry of a depot is not as envlock writes it\n"
END = "\nNothing was taken from it."


def refusal(content: bytes) -> str:
    with pytest.raises(DepotError) as caught:
        read_entry_file(content, "it")
    return str(caught.value)


def altered(**changes: object) -> bytes:
    document = json.loads(format_entry(ENTRY))
    document["predicate"].update(changes)
    return f"{format_canonical(document)}\n".encode()


def test_an_entry_is_an_in_toto_statement_about_a_content():
    document = json.loads(format_entry(ENTRY))

    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["subject"] == [{"digest": {"sha256": "1" * 64}, "name": "demo/content"}]
    assert document["predicateType"] == "urn:envlock:depot-entry:1"
    assert document["predicate"]["serial"] == 20261124100000


def test_an_entry_names_no_folder_of_any_machine():
    assert b"/tmp" not in format_entry(ENTRY)
    assert not any(name.endswith(("folder", "path", "prefix")) for name in ENTRY.__struct_fields__)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"key": "../../x"}, "predicate.key: expected 32 characters of base32, found `../../x`"),
        ({"tree_sha256": "f"}, "predicate.tree_sha256: expected 64 hex digits, found `f`"),
        ({"pushed_at": "now"}, "predicate.pushed_at: expected a time in UTC, found `now`"),
        (
            {"artifacts": [{"file_name": "a", "sha256": "../x", "size_bytes": 1}]},
            "predicate.artifacts[0].sha256: expected 64 hex digits, found `../x`",
        ),
        (
            {"artifacts": [{"file_name": "a", "sha256": "3" * 64, "size_bytes": -1}]},
            "predicate.artifacts[0].size_bytes: expected a size, found the number -1",
        ),
        (
            {
                "bytecode": [
                    {"tree": "../x", "tree_sha256": "5" * 64, "sha256": "6" * 64, "size_bytes": 1}
                ]
            },
            "predicate.bytecode[0].tree: expected the name of bytecode's tree, found `../x`",
        ),
        ({"more": 1}, "predicate.more: unknown key"),
        ({"serial": "1"}, "predicate.serial: expected a whole number of at most 63 bits"),
    ],
)
def test_what_an_entry_must_not_say_is_refused_where_it_says_it(
    changes: dict[str, object], problem: str
):
    said = refusal(altered(**changes))

    assert said.startswith(f"{HEAD}  it: {problem}")
    assert said.endswith(END)


def test_an_entry_whose_subject_is_another_than_its_content_is_refused():
    document = json.loads(format_entry(ENTRY))
    document["subject"][0]["digest"]["sha256"] = "9" * 64

    problem = "altered: expected canonical JSON as envlock writes it, found another text"
    assert refusal(f"{format_canonical(document)}\n".encode()) == f"{HEAD}  it: {problem}{END}"


def test_a_receipt_is_no_entry():
    document = json.loads(format_entry(ENTRY))
    document["predicateType"] = "https://in-toto.io/attestation/test-result/v0.1"

    assert refusal(json.dumps(document).encode()) == (
        f"{HEAD}  it: expected a statement of the type `urn:envlock:depot-entry:1`{END}"
    )


def test_an_entry_that_is_too_large_is_not_even_parsed():
    assert refusal(b"[" * (LARGEST_ENTRY_BYTES + 1)) == (
        f"{HEAD}  it: expected at most 8,000,000 bytes, found more{END}"
    )


def test_the_same_facts_give_the_same_bytes():
    assert format_entry(ENTRY) == format_entry(replace(ENTRY))
