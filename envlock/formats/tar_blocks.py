"""The blocks of a tar archive of plain files: one way to write each, so that any other is seen.

POSIX's ustar, which every tar reads: nobody's name, no time, mode 0644. Where it has no room, what
GNU, BSD and Python read too: a size of more than 8 GiB in binary, a long path in a file before.
"""

from __future__ import annotations

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
"""What the archive ends with."""
LONGEST_NAME = 100
_LONGEST_FOLDER = 155
_LONG_NAME = b"././@LongLink"
_OCTAL_LIMIT = 8**11
_SIZE = slice(124, 136)


def format_header(path: str, size_bytes: int) -> bytes:
    """Return the blocks before a file's content: one, or three where its path needs them."""
    name = path.encode()
    if len(name) <= LONGEST_NAME:
        return _header(b"", name, size_bytes, b"0")
    folder, _, last = name.rpartition(b"/")
    if folder and len(last) <= LONGEST_NAME and len(folder) <= _LONGEST_FOLDER:
        return _header(folder, last, size_bytes, b"0")
    told = name + b"\0"
    before = _header(b"", _LONG_NAME, len(told), b"L") + told + bytes(padding(len(told)))
    return before + _header(b"", name[:LONGEST_NAME], size_bytes, b"0")


def _header(folder: bytes, name: bytes, size_bytes: int, kind: bytes) -> bytes:
    fields = (
        name.ljust(LONGEST_NAME, b"\0"),
        b"0000644\0",
        b"0000000\0",
        b"0000000\0",
        _format_size(size_bytes),
        b"00000000000\0",
        b" " * 8,
        kind,
        bytes(100),
        b"ustar\x0000",
        bytes(32),
        bytes(32),
        b"0000000\0",
        b"0000000\0",
        folder.ljust(_LONGEST_FOLDER, b"\0"),
        bytes(12),
    )
    header = b"".join(fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _format_size(size_bytes: int) -> bytes:
    if size_bytes < _OCTAL_LIMIT:
        return b"%011o\0" % size_bytes
    return b"\x80" + size_bytes.to_bytes(11, "big")


def read_name_and_size(header: bytes) -> tuple[str, int]:
    """Return what a block says of a file, for whoever then compares the block with its own.

    Raises `ValueError` for a block that cannot be ours.
    """
    if len(header) != BLOCK_BYTES:
        raise ValueError("it is cut short")
    try:
        name = header[:LONGEST_NAME].rstrip(b"\0").decode("ascii")
        size = int(header[_SIZE].rstrip(b"\0").decode("ascii"), 8)
    except ValueError:
        raise ValueError("it is no tar archive") from None
    return name, size


def padding(size_bytes: int) -> int:
    """Return how many zeros follow a file of that size."""
    return -size_bytes % BLOCK_BYTES


def archive_bytes(sizes: dict[str, int]) -> int:
    """Return the size of the archive of files, sizes by path."""
    files = (len(format_header(path, size)) + size + padding(size) for path, size in sizes.items())
    return sum(files) + len(END)
