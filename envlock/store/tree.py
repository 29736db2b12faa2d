"""Trees as text: one line per entry, ordered by path, so that one digest names the whole tree.

    file  x 9f3c…  1204 bin/python3.11
    file  - 51d0…    88 conda-meta/history
    folder          lib
    link  python3.11 bin/python

Each line is canonical JSON, since a path may hold a space. The digest of the text is the tree's
`tree_sha256`; the text is kept, named by its digest, and so proves itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from operator import attrgetter

import msgspec

from envlock.errors import StoreError
from envlock.model.tree import Difference, EntryDifference, TreeEntry

_HEADER = b"envlock-tree 1\n"
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(TreeEntry)
_path_of = attrgetter("path")


def format_tree(entries: Iterable[TreeEntry]) -> bytes:
    """Return the text of a tree; the order that the entries come in does not matter.

    Raises `StoreError` for a name or a target that is no Unicode text.
    """
    ordered = sorted(entries, key=_path_of)
    try:
        return _HEADER + (_encoder.encode_lines(ordered) or b"\n")
    except UnicodeEncodeError:
        faulty = next(entry.path for entry in ordered if not _is_text(entry))
        raise StoreError(f"a name in a tree is no text: {faulty!a}") from None


def _is_text(entry: TreeEntry) -> bool:
    try:
        (entry.path + entry.target).encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_tree(content: bytes) -> tuple[TreeEntry, ...]:
    """Return the entries of a tree's text. Raises `StoreError` when it is none."""
    if not content.startswith(_HEADER):
        raise StoreError("expected the manifest of a tree, found something else")
    try:
        return tuple(_decoder.decode_lines(content[len(_HEADER) :]))
    except msgspec.MsgspecError as error:
        raise StoreError(f"the manifest of a tree cannot be read: {error}") from None


def tree_digest(content: bytes) -> str:
    """Return `tree_sha256`: the digest of a tree's text."""
    return sha256(content).hexdigest()


def compare_trees(
    expected: Sequence[TreeEntry], found: Sequence[TreeEntry]
) -> tuple[EntryDifference, ...]:
    """Return what differs, ordered by path."""
    was, now = _by_path(expected), _by_path(found)
    differences = [
        difference
        for path in sorted(was.keys() | now.keys())
        if (difference := _compare(path, was.get(path), now.get(path))) is not None
    ]
    return tuple(differences)


def compare_sealed(
    expected: Sequence[TreeEntry], found: Sequence[TreeEntry], loose: Mapping[str, str]
) -> tuple[EntryDifference, ...]:
    """Return what differs, and what was touched without becoming anything else; ordered by path.

    `loose` says by path in what an entry is no longer sealed. Of one path one thing is said.
    """
    differences = {each.path: each for each in compare_trees(expected, found)}
    for path, what in loose.items():
        touched = EntryDifference(path=path, difference=Difference.LOOSE, found=what)
        differences.setdefault(path, touched)
    return tuple(differences[path] for path in sorted(differences))


def _by_path(entries: Iterable[TreeEntry]) -> Mapping[str, TreeEntry]:
    return {entry.path: entry for entry in entries}


def _compare(path: str, was: TreeEntry | None, now: TreeEntry | None) -> EntryDifference | None:
    if was is None or now is None:
        kind = Difference.ADDED if was is None else Difference.MISSING
        return EntryDifference(path=path, difference=kind)
    for difference, expected, found in (
        (Difference.KIND, was.kind.value, now.kind.value),
        (Difference.CONTENT, was.sha256, now.sha256),
        (Difference.SIZE, f"{was.size_bytes:,} bytes", f"{now.size_bytes:,} bytes"),
        (Difference.TARGET, was.target, now.target),
        (Difference.EXECUTABLE, _mode(was), _mode(now)),
    ):
        if expected != found:
            return EntryDifference(path=path, difference=difference, expected=expected, found=found)
    return None


def _mode(entry: TreeEntry) -> str:
    return "executable" if entry.is_executable else "not executable"
