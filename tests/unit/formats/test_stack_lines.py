"""Keys and comments are found where they stand; see also the properties."""

from __future__ import annotations

from envlock.formats.stack_lines import find_comments, find_lines


def test_lines_know_keys_by_their_meaning_and_survive_what_has_none():
    assert find_lines('"a\\u0062" = 1\n') == {("ab",): 1}
    assert find_lines('\n"\\q" = 1\n') == {('"\\q"',): 2}


def test_comments_are_told_from_what_looks_like_one():
    text = '# a\r\nb = \'# no\' # c\nd = [ # e\n  "# no",\n] #f\ng = """\n# no\n"""'

    assert find_comments(text) == ["# a", "# c", "# e", "#f"]
