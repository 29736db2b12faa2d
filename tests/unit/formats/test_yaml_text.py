"""YAML as text: what is read, with its lines, and what no parser may be given."""

from __future__ import annotations

import pytest

from envlock.formats.yaml_text import DEEPEST, Texts, YamlError, decode, is_too_deep, parse


def test_every_scalar_is_the_text_that_it_is_and_only_null_is_none():
    texts = parse(
        "a: 3.10\nb: [012, yes, 2024-01-01, ~, '']\nc:\nd: !path ./x\ne: !!int '7'\n3: x\n"
    )

    assert texts.root == {
        "a": "3.10",
        "b": ["012", "yes", "2024-01-01", None, ""],
        "c": None,
        "d": "./x",
        "e": "7",
        "3": "x",
    }


def test_the_items_of_a_list_at_the_top_have_their_lines():
    texts = parse("# c\nrows:\n\n- a: 1\n  b: 2\n- c\n", first_line=10)

    assert texts.item_lines == {"rows": [13, 15]}


def test_a_document_may_be_a_list_or_a_single_text_or_nothing():
    assert [parse(text).root for text in ("- a\n- [b]\n", "a", "", "~")] == [
        ["a", ["b"]],
        "a",
        None,
        None,
    ]


def test_of_a_key_that_stands_twice_the_last_counts_and_both_are_told():
    assert parse("a:\n  x: 1\n  y: 2\n  x: 3\n") == Texts(
        root={"a": {"x": "3", "y": "2"}}, repeated=(("x", 4),)
    )


def test_a_merge_key_brings_what_is_not_there_yet():
    texts = parse("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\nc:\n  <<: [*a, {z: 4}]\n")

    assert texts.root["b"] == {"x": "3", "y": "2"}
    assert texts.root["c"] == {"x": "1", "y": "2", "z": "4"}


BOMB = (
    "a: &a ["
    + "x," * 20
    + "]\n"
    + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 20)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (BOMB, "aliases repeat more than 100,000 values", 0),
        ("a: &a [*a]\n", "an alias names what it stands in", 1),
        ("a: *b\n", "found undefined alias", 1),
        ("a: 1\n? [b]\n: c\n", "a key is a table or a list", 2),
        ("a:\n  <<: x\n", "a merge key names what is no table", 2),
        ("a: 1\n- b\n", "while parsing a block mapping: did not find expected key", 2),
        ("a: '\n", "while scanning a quoted scalar: found unexpected end of stream", 2),
        ("[" * 5000, "found values nested more than 100 deep", 0),
    ],
)
def test_what_is_no_yaml_of_a_lock_is_refused(text: str, said: str, line: int):
    with pytest.raises(YamlError) as refused:
        parse(text)

    assert (refused.value.said, refused.value.line) == (said, line)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 101,
        "{a: " * 101,
        "[" * 101 + "]" * 101,
        "- " * 60,
        "? " * 60,
        "".join(f"{' ' * at}a:\n" for at in range(DEEPEST + 1)),
        "a: [\n" + "  [{\n" * 60,
    ],
)
def test_what_nests_too_deep_is_seen_before_it_is_parsed(text: str):
    assert is_too_deep(text)


def test_many_brackets_beside_each_other_are_not_deep():
    assert not is_too_deep("".join(f"- {{a: [x, y], b: [], c: 'f[{at}]'}}\n" for at in range(5000)))


def test_both_encodings_of_yaml_are_read_with_and_without_their_marks():
    assert {decode("é: x".encode(name)) for name in ("utf-8", "utf-8-sig", "utf-16")} == {"é: x"}


def test_bytes_that_are_no_text_are_refused_with_their_line():
    with pytest.raises(YamlError, match=r"^the bytes of line 3 are no text$") as refused:
        decode(b"a\nb\n\xff\n")

    assert refused.value.line == 3
