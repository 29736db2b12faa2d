"""The content hash: what an environment holds, whatever prefix it was built for.

A file that knows its prefix is put back to what the package had: the prefix becomes the package's
placeholder again, and the padding that a shorter prefix left in a binary file goes. Bytecode and
times are left out. So two stores at different paths, or two machines, can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.tree import format_tree, tree_digest

OWN_PLACEHOLDER = "/envlock-prefix"
"""In files that no package holds: launchers, `pyvenv.cfg`."""
_BYTECODE_ENDINGS = (".pyc", "__pycache__")
_BYTECODE = re.compile(r"(?:^|/)__pycache__(?:/[^/]+\.pyc)?$")


def restore_text(content: bytes, prefix: str, placeholder: str) -> bytes:
    """Return a text file with its placeholder back in place."""
    return content.replace(prefix.encode(), placeholder.encode())


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

    return re.sub(re.escape(new) + rb"[^\0]*\0+", restore, content)


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
