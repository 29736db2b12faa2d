"""The content hash: what an environment holds, whatever prefix it was built for.

A file that knows its prefix is put back to what the package had: the prefix becomes the package's
placeholder again, and the padding that a shorter prefix left in a binary file goes. Bytecode and
times are left out. So two stores at different paths, or two machines, can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.tree import format_tree, tree_digest

OWN_PLACEHOLDER = "/envlock-prefix"
"""In files that no package holds: launchers, `pyvenv.cfg`."""
_BYTECODE_ENDINGS = (".pyc", "__pycache__")
_INTERPRETER = re.compile(rb"#! *(?P<path>/(?:\\ |[^ \n\r\t])*)(?P<rest>[^\n]*)")
"""A script's first line, as rattler takes it apart."""
_BYTECODE = re.compile(r"(?:^|/)__pycache__(?:/[^/]+\.pyc)?$")


def restore_text(
    content: bytes, prefix: str, placeholder: str, original: bytes | None = None
) -> bytes:
    """Return a text file with its placeholder back in place.

    `original` is what the package has. Where the prefix made a script's first line longer than a
    system reads, rattler wrote another one; it becomes the package's again.
    """
    new, old = prefix.encode(), placeholder.encode()
    if original is not None and original.startswith(b"#!"):
        # rattler reads the line as text: what is not UTF-8 in it is lost, whatever the prefix.
        first = original.partition(b"\n")[0].decode(errors="replace").encode()
        for line in _instead_of(first.replace(old, new)):
            rest = content[len(line) :]
            if content.startswith(line) and rest[:1] in (b"\n", b""):
                return first + rest.replace(new, old)
    return content.replace(new, old)


def _instead_of(first: bytes) -> Iterator[bytes]:
    """Yield what rattler writes for a first line that is too long: for Python, and for others."""
    match = _INTERPRETER.fullmatch(first)
    if match is not None:
        path, rest = match["path"], match["rest"]
        yield b"#!/bin/sh\n'''exec' \"" + path + b'"' + rest + b' "$0" "$@" #\'\'\''
        yield b"#!/usr/bin/env " + path.rpartition(b"/")[2] + rest


def restore_binary(content: bytes, prefix: str, placeholder: str) -> bytes:
    """Return a binary file with its placeholder back in place.

    The prefix was written over the placeholder within one string that ends in NUL, and the room
    that was left was filled with NULs at that string's end; so many are taken away there.
    """
    new, old = prefix.encode(), placeholder.encode()
    spare = len(old) - len(new)

    def restore(match: re.Match[bytes]) -> bytes:
        text = match[0]
        count = text.count(new)
        body, nuls = text.rstrip(b"\0"), len(text) - len(text.rstrip(b"\0"))
        return body.replace(new, old) + b"\0" * (nuls - count * spare)

    return re.sub(re.escape(new) + rb"[^\0]*\0*", restore, content)


def content_digest(entries: Iterable[TreeEntry], restored: Mapping[str, TreeEntry]) -> str:
    """Return `content_sha256`; `restored` has the entries that a prefix has changed."""
    kept = [entry for entry in entries if not _is_bytecode(entry)]
    if restored:
        kept = [restored.get(entry.path, entry) for entry in kept]
    return tree_digest(format_tree(kept))


def _is_bytecode(entry: TreeEntry) -> bool:
    return (
        entry.path.endswith(_BYTECODE_ENDINGS)
        and entry.kind is not EntryKind.LINK
        and _BYTECODE.search(entry.path) is not None
    )
