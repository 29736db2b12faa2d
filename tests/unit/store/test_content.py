"""Files put back to what their package had, whatever prefix they were rewritten for."""

from __future__ import annotations

import pytest

from envlock.store.content import restore_binary, restore_text

PLACEHOLDER = "/placehold_placehold"
PREFIX = "/opt/x"


def test_a_prefix_in_a_text_becomes_the_placeholder():
    assert restore_text(b"a=/opt/x/b\nc=/opt/x", PREFIX, PLACEHOLDER) == (
        b"a=/placehold_placehold/b\nc=/placehold_placehold"
    )


@pytest.mark.parametrize(
    ("first", "shortened"),
    [
        (
            b"#!/placehold_placehold/bin/python",
            b"#!/bin/sh\n'''exec' \"/opt/x/bin/python\" \"$0\" \"$@\" #'''",
        ),
        (
            b"#! /placehold_placehold/bin/python3 -E -s",
            b"#!/bin/sh\n'''exec' \"/opt/x/bin/python3\" -E -s \"$0\" \"$@\" #'''",
        ),
        (b"#!/placehold_placehold/\xef\xbf\xbd", b"#!/usr/bin/env \xef\xbf\xbd"),
        (b"#!/placehold_placehold/bin/perl\t-w", b"#!/usr/bin/env perl\t-w"),
    ],
)
def test_a_first_line_that_was_shortened_becomes_the_packages_again(first: bytes, shortened: bytes):
    rest = b"\nprint('%s')\n"
    original = first + rest % PLACEHOLDER.encode()

    for line in (shortened, first.replace(PLACEHOLDER.encode(), PREFIX.encode())):
        content = line + rest % PREFIX.encode()
        assert restore_text(content, PREFIX, PLACEHOLDER, original) == original


def test_another_first_line_stays():
    original = b"#!/placehold_placehold/bin/python\n1\n"

    found = restore_text(b"#!/usr/bin/env perl\n/opt/x\n", PREFIX, PLACEHOLDER, original)

    assert found == b"#!/usr/bin/env perl\n/placehold_placehold\n"


@pytest.mark.parametrize(
    ("content", "original"),
    [
        (b"a\0/opt/x/lib" + b"\0" * 15 + b"b", b"a\0/placehold_placehold/lib\0b"),
        (b"/opt/x:/opt/x" + b"\0" * 28, b"/placehold_placehold:/placehold_placehold"),
        (b"/opt/x:/opt/x" + b"\0" * 30, b"/placehold_placehold:/placehold_placehold\0\0"),
        (b"no prefix\0", b"no prefix\0"),
    ],
)
def test_the_room_that_a_shorter_prefix_left_in_a_binary_file_goes(content: bytes, original: bytes):
    assert restore_binary(content, PREFIX, PLACEHOLDER) == original


def test_a_string_at_the_end_needs_no_nul_where_the_prefix_is_as_long():
    assert restore_binary(b"\x7fELF\0/opt/y/lib", "/opt/y", "/old/z") == b"\x7fELF\0/old/z/lib"
