from __future__ import annotations

import re

import pytest

from envlock.nix.rewrite import LinkError, rewrite, shell_line, wheel_line

OLD = b"/placehold_placehold_placehold_placehold"
NEW = b"/nix/store/abc-demo"


def test_text_has_the_prefix_wherever_it_had_the_placeholder():
    text = b"a=" + OLD + b"/x\nb=" + OLD + b"\n"

    found = rewrite(text, OLD, NEW, is_binary=False)

    assert found == b"a=/nix/store/abc-demo/x\nb=/nix/store/abc-demo\n"


def test_a_binary_file_keeps_its_length_and_every_string_in_it_its_place():
    content = b"\x7fELF\0" + OLD + b"/lib:" + OLD + b"/share\0tail\0" + OLD

    found = rewrite(content, OLD, NEW, is_binary=True)

    assert len(found) == len(content)
    assert found.index(b"tail") == content.index(b"tail")
    assert [part for part in found.split(b"\0") if part] == [
        b"\x7fELF",
        NEW + b"/lib:" + NEW + b"/share",
        b"tail",
        NEW,
    ]


def test_a_prefix_that_a_binary_file_has_no_room_for_is_refused():
    with pytest.raises(
        LinkError,
        match=re.escape("the prefix has 41 bytes, and a binary file has room for 40"),
    ):
        rewrite(OLD, OLD, b"x" * 41, is_binary=True)


def test_a_first_line_that_linux_would_cut_off_asks_env():
    long = b"/" + b"p" * 120
    script = b"#!" + OLD + b"/bin/python3.11 -E\nprint('" + OLD + b"')\n"

    found = rewrite(script, OLD, long, is_binary=False)

    assert found == b"#!/usr/bin/env python3.11 -E\nprint('" + long + b"')\n"


def test_a_first_line_that_fits_names_the_program_itself():
    script = b"#!" + OLD + b"/bin/python3.11\n"

    assert rewrite(script, OLD, NEW, is_binary=False) == b"#!" + NEW + b"/bin/python3.11\n"


@pytest.mark.parametrize("size", [124, 125])
def test_a_wheels_launcher_goes_through_the_shell_where_the_line_is_too_long(size: int):
    program = "/" + "p" * (size - 1)

    assert wheel_line(program).startswith("#!/bin/sh\n" if size > 124 else f"#!{program}")


@pytest.mark.parametrize("size", [125, 126])
def test_a_conda_launcher_goes_through_the_shell_where_the_line_is_too_long(size: int):
    program = "/" + "p" * (size - 1)

    assert shell_line(program).startswith("#!/bin/sh\n" if size > 125 else f"#!{program}")
