"""A shell's text falls into commands, programs and words as a shell sees them."""

from __future__ import annotations

import pytest

from envlock.formats.readers.shell_words import is_shell, programs_of, split_commands


def commands(text: str) -> list[tuple[str, list[list[str]]]]:
    return [(text[item.offset : item.end], item.programs) for item in split_commands(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a b", [("a b", [["a", "b"]])]),
        ("a && b || c; d\ne", [(name, [[name]]) for name in "abcde"]),
        ("a | b |& c", [("a | b |& c", [["a"], ["b"], ["c"]])]),
        ("a 'b && c' \"d | e\"", [("a 'b && c' \"d | e\"", [["a", "b && c", "d | e"]])]),
        ("a b'c'\"d\"e\\ f", [("a b'c'\"d\"e\\ f", [["a", "bcde f"]])]),
        (r'a "b \" \$ \c"', [(r'a "b \" \$ \c"', [["a", r'b " $ \c']])]),
        ("a > b 2>&1 < c d", [("a > b 2>&1 < c d", [["a", "d"]])]),
        ("a # b && c\nd", [("a", [["a"]]), ("d", [["d"]])]),
        ("a b#c", [("a b#c", [["a", "b#c"]])]),
        ("a $(b && c) `d; e` f", [("a $(b && c) `d; e` f", [["a", "$(b && c)", "`d; e`", "f"]])]),
        ("(a; b) & c", [("a", [["a"]]), ("b", [["b"]]), ("c", [["c"]])]),
        ("if a; then b; else c; fi", [("a", [["a"]]), ("b", [["b"]]), ("c", [["c"]])]),
        ("a 'b", [("a 'b", [["a", "'b"]])]),
        ("a $(b", [("a $(b", [["a", "$(b"]])]),
        ("a \\\n b", [("a \\\n b", [["a", "b"]])]),
        ("", []),
        (" ;; && ", []),
    ],
)
def test_text_falls_into_commands(text: str, found: list[object]):
    assert commands(text) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["A=1", "sudo", "-E", "env", "B=2", "a", "b"], [["a", "b"]]),
        (["bash", "-c", "a; b | c"], [["bash", "-c", "a; b | c"], ["a"], ["b"], ["c"]]),
        (["sh", "-o", "errexit", "-c", "a"], [["sh", "-o", "errexit", "-c", "a"], ["a"]]),
        (["sh", "x.sh", "-c", "a"], [["sh", "x.sh", "-c", "a"]]),
        (["A=1"], []),
    ],
)
def test_programs_are_found_behind_what_stands_before_them(
    words: list[str], found: list[list[str]]
):
    assert list(programs_of(words)) == found


def test_shells_in_shells_are_followed_so_far():
    script = "a"
    for _ in range(8):  # each doubles the backslashes of the one before
        script = f"bash -c {script!r}"

    assert len(list(programs_of(["bash", "-c", script]))) == 4


def test_a_shell_without_a_script_reads_what_it_is_given():
    assert is_shell(["sudo", "/bin/bash", "-e"])
    assert not is_shell(["bash", "-c", "a"])
    assert not is_shell(["python3"])
