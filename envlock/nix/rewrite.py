"""The prefix of an environment in place of the one that a package was built with.

As rattler does it, byte for byte: text is replaced; in a binary file each string that holds a
placeholder keeps its length, filled with zeros; a first line that Linux would cut off asks `env`.
"""

from __future__ import annotations

import re

LONGEST_FIRST_LINE = 127
"""What Linux reads of a script's first line."""
_FIRST_LINE = re.compile(r"(#!(?: *)(/(?:\\ |[^ \n\r\t])*)(.*))", re.DOTALL)


class LinkError(Exception):
    """An environment cannot be linked; the text says why."""


def rewrite(content: bytes, placeholder: bytes, prefix: bytes, *, is_binary: bool) -> bytes:
    """Return a file's content with its prefix. Raises `LinkError` for a prefix that is too long."""
    if is_binary:
        return _rewrite_binary(content, placeholder, prefix)
    if not content.startswith(b"#!"):
        return content.replace(placeholder, prefix)
    line, newline, rest = content.partition(b"\n")
    first = _rewrite_first_line(line.decode("utf-8", "replace"), placeholder, prefix)
    return first.encode() + newline + rest.replace(placeholder, prefix)


def _rewrite_first_line(line: str, placeholder: bytes, prefix: bytes) -> str:
    line = line.replace(placeholder.decode(), prefix.decode())
    if len(line.encode()) <= LONGEST_FIRST_LINE:
        return line
    match = _FIRST_LINE.fullmatch(line)
    if match is None:
        return line
    return "#!/usr/bin/env %s%s" % (match.group(2).rpartition("/")[2], match.group(3))


def _rewrite_binary(content: bytes, placeholder: bytes, prefix: bytes) -> bytes:
    if len(prefix) > len(placeholder):
        raise LinkError(
            "the prefix has %d bytes, and a binary file has room for %d"
            % (len(prefix), len(placeholder))
        )
    pieces = []
    start = 0
    while True:
        found = content.find(placeholder, start)
        if found < 0:
            break
        end = content.find(b"\0", found)
        end = len(content) if end < 0 else end
        text = content[found:end].replace(placeholder, prefix)
        pieces += [content[start:found], text.ljust(end - found, b"\0")]
        start = end
    return b"".join([*pieces, content[start:]])


def shell_line(program: str) -> str:
    """Return the first line of rattler's launchers."""
    if len(program) <= LONGEST_FIRST_LINE - 2 and " " not in program:
        return "#!" + program
    return "#!/bin/sh\n'''exec' \"%s\" \"$0\" \"$@\" #'''" % program


def wheel_line(program: str) -> str:
    """Return the first line of a wheel's launchers, as PyPA's `installer` writes it."""
    if len(program.encode()) + 3 <= LONGEST_FIRST_LINE and " " not in program:
        return "#!" + program
    return "#!/bin/sh\n'''exec' %s \"$0\" \"$@\"\n' '''" % program
