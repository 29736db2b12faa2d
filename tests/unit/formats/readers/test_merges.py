"""Open merges of git and of Jujutsu: the first side stays, and every line keeps its number."""

from __future__ import annotations

import pytest

from envlock.formats.readers.merges import one_side
from envlock.formats.readers.notes import Notes

GIT = "a\n<<<<<<< HEAD\nb\n||||||| base\nc\n=======\nd\n>>>>>>> main\ne\n"
SIDES = (
    "a\n<<<<<<< conflict 1 of 1\n+++++++ one\nb\n------- base\nc\n+++++++ two\nd\n"
    ">>>>>>> conflict 1 of 1 ends\ne\n"
)
CHANGES = "a\n<<<<<<< conflict 1 of 1\n%%%%%%% from base to side 1\n b\n-c\n+d\n>>>>>>> ends\ne\n"
MIXED = "<<<<<<< 1\n%%%%%%% changes\n-a\n+b\n+++++++ two\nc\n>>>>>>> ends\n"
ABOVE = "a merge was not ended in line {}; the side above `=======` is read"
FIRST = "a merge was not ended in line {}; the first side is read"
LEFT = "a conflict marker was left in"


@pytest.mark.parametrize(
    ("text", "kept", "said"),
    [
        (GIT, "a\n\nb\n\n\n\n\n\ne\n", [(2, ABOVE.format(2))]),
        (SIDES, "a\n\n\nb\n\n\n\n\n\ne\n", [(2, FIRST.format(2))]),
        (CHANGES, "a\n\n\nb\n\nd\n\ne\n", [(2, FIRST.format(2))]),
        (MIXED, "\n\n\n\n\nc\n\n", [(1, FIRST.format(1))]),
        ("<<<<<<< a\nb\n", "\nb\n", [(1, ABOVE.format(1))]),
        (
            "<<<<<<< a\n<<<<<<< b\nc\n=======\nd",
            "\n\nc\n\n",
            [(1, ABOVE.format(1)), (2, ABOVE.format(2))],
        ),
        ("a\n>>>>>>> b\nc\n", "a\n\nc\n", [(2, LEFT)]),
        ("<<<<<<<", "", [(1, ABOVE.format(1))]),
        ("=======\n<<<<<<<<\n", "=======\n<<<<<<<<\n", []),
    ],
)
def test_the_first_side_of_a_merge_stays(text: str, kept: str, said: list[tuple[int, str]]):
    notes = Notes()

    assert one_side(text, notes) == kept
    assert [(item.line, item.said) for item in notes.oddities] == said
