"""The door to YAML: one reading on every road, and what is damaged is told with its line."""

from __future__ import annotations

import pytest

from envlock.errors import LockError
from envlock.formats.readers.notes import Notes
from envlock.formats.readers.yaml_plain import parse_plain
from envlock.formats.readers.yaml_text import LARGEST, YamlFile, open_yaml
from envlock.formats.yaml_text import parse

PLAIN = """\
# a lock
version: 1
rows:
- name: a
  needs: {}
  list: []
  'quoted': 'it''s'
  "size": 120

- name: http://x/y#z   # a comment
  bool: true
  none: null
  empty:
  text: >=1
- <2
"""


def opened(text: str | bytes) -> tuple[YamlFile, list[tuple[str, int, str]]]:
    notes = Notes()
    content = text.encode() if isinstance(text, str) else text
    yaml = open_yaml(content, "x.yml", "a lock", notes)
    return yaml, [(item.kind.value, item.line, item.said) for item in notes.oddities]


def test_the_plain_form_goes_the_fast_road_and_reads_as_the_reference_does():
    plain = PLAIN.replace(">=1", "(1)")

    assert parse_plain(plain) == parse(plain).root
    assert parse_plain(plain) is not None


@pytest.mark.parametrize(
    "text",
    [
        "a: 3.10\n",
        "a: 1e5\n",
        "a: 012\n",
        "a: 0x1f\n",
        "a: 1_000\n",
        "a: True\n",
        "1: a\n",
        "a: !path x\n",
        "a: &b x\n",
        "<<: {a: b}\n",
        "a: |\n  x\n",
        'a: "\\n"\n',
        "a: [b]\n",
        "a: {b: c}\n",
        "a:\tb\n",
        "é: b\n",
        "a: 1\na: 2\n",
        "--- \na: b\n",
        "...\na: b\n",
        "? a\n: b\n",
        "a: b\x00\n",
        "a: b\x85c: d\n",
        "a: 'b\n  c'\n",
        "- " * 120 + "a",
        "text",
        "",
    ],
)
def test_all_that_parsers_could_take_otherwise_is_declined(text: str):
    assert parse_plain(text) is None


def test_rows_have_their_lines_on_every_road():
    slow = PLAIN.replace("(1)", "'>=1'")
    indented = "a: b\nrows:\n  # none\n\n  - x: 1\n    y:\n    - z\n  - 2\nlast:\n  - 3\n"

    assert [line for line, _ in opened(PLAIN.replace(">=1", "(1)"))[0].rows("rows")] == [4, 10, 15]
    assert [line for line, _ in opened(slow.replace("true", "!x true"))[0].rows("rows")] == [
        4,
        10,
        15,
    ]
    assert [line for line, _ in opened(indented)[0].rows("rows")] == [5, 8]
    assert [line for line, _ in opened("rows: [a, b]\n")[0].rows("rows")] == [1, 1]
    assert list(opened("rows: a\n")[0].rows("rows")) == []


def test_words_and_values_are_found_by_line():
    yaml, _ = opened("a: x y\nb:\n- 'x y'\n- x\n- k: v\n")

    assert (yaml.line_of("x y"), yaml.line_of("x y", 2), yaml.line_of("z")) == (1, 3, 0)
    assert yaml.lines_of(["x y", "x", "v", "z"], after=2) == {"x y": 3, "x": 4, "v": 5}


def test_a_broken_row_is_told_and_the_others_are_read():
    yaml, said = opened("version: 1\nrows:\n- a: 1\n- a: '\n- a: 3\n- b: [\n- c\nlast: x\n")

    assert yaml.root == {"version": "1", "rows": [{"a": "1"}, {"a": "3"}, "c"], "last": "x"}
    assert [line for line, _ in yaml.rows("rows")] == [3, 5, 7]
    assert [(kind, line) for kind, line, _ in said] == [
        ("not-understood", 4),
        ("not-understood", 6),
    ]


def test_of_a_broken_row_the_other_keys_are_read():
    yaml, said = opened("rows:\n- a: 1\n  b: x: y\n  c:\n    d: 2\n    e: ]\n  f: 3\n")

    assert yaml.root == {"rows": [{"a": "1", "c": {"d": "2"}, "f": "3"}]}
    assert said == [
        (
            "not-understood",
            3,
            "it cannot be read as YAML: mapping values are not allowed in this context",
        ),
        (
            "not-understood",
            6,
            "it cannot be read as YAML: while parsing a block node: did not find expected node "
            "content",
        ),
    ]


def test_keys_that_stand_twice_are_told_also_where_the_file_is_broken():
    said = "the key {} stands twice in one table; the last one is read"
    yaml, told = opened("a: 1\nrows:\n- b: 1\n  b: 2\na: 3\nbad: [\n")

    assert yaml.root == {"a": "3", "rows": [{"b": "2"}]}
    assert [(kind, line, text) for kind, line, text in told if kind == "duplicate-key"] == [
        ("duplicate-key", 4, said.format("`b`")),
        ("duplicate-key", 5, said.format("`a`")),
    ]


def test_one_document_is_read_and_a_second_is_told():
    assert opened("--- # c\na: 1\n")[0].root == {"a": "1"}
    assert opened("%YAML 1.2\n---\na: 1\n...\n")[0].root == {"a": "1"}
    yaml, said = opened("---\na: 1\n---\nb: 2\n")

    assert yaml.root == {"a": "1"}
    assert said == [("not-understood", 3, "a second document begins here; only the first is read")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: 1\r\nb: 2\r\n", ["the lines end as on Windows (CRLF); tools write LF"]),
        ("a: 1\nb: 2\n".encode("utf-8-sig"), ["the file begins with a byte order mark"]),
        (
            "a: 1\nb: 2\n".encode("utf-16"),
            ["the file is UTF-16, as a shell of Windows writes it; tools write UTF-8"],
        ),
        (
            b"a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> x\n",
            ["a merge was not ended in line 2; the side above `=======` is read"],
        ),
    ],
)
def test_what_checkouts_and_editors_do_is_told_and_read(content: bytes, said: list[str]):
    yaml, told = opened(content)

    assert yaml.root == {"a": "1", "b": "2"}
    assert [text for _, _, text in told] == said


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: " + "x" * LARGEST,
            "x.yml: expected at most 6,000,000 bytes of YAML, found 6,000,003",
        ),
        ("'", "x.yml:1: cannot be read as YAML: while scanning a quoted scalar: found unexpected "
              "end of stream"),
        ("- a\n", "x.yml: expected a lock, found a list"),
        ("? " * 200, "x.yml: expected a lock, found values nested more than 100 deep"),
    ],
)  # fmt: skip
def test_a_file_of_which_nothing_can_be_read_is_refused(text: str, message: str):
    with pytest.raises(LockError) as refused:
        opened(text)

    assert str(refused.value) == message
    assert refused.value.hints


def test_a_bomb_of_aliases_does_not_go_off():
    yaml, said = opened(BOMB)

    assert yaml.root == {"a": ["x"] * 9}
    assert {kind for kind, _, _ in said} == {"not-understood"}
