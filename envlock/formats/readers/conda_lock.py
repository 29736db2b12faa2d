"""conda-lock's unified format, version 1, ours or not."""

from __future__ import annotations

from envlock.formats.readers.notes import Notes
from envlock.formats.readers.unified import read_unified
from envlock.formats.readers.yaml_text import open_yaml
from envlock.model.reading import FileKind, Reading


def read(content: bytes, file: str) -> Reading:
    """Read a unified lock of conda-lock or of ours; see the package's contract."""
    notes = Notes()
    yaml = open_yaml(content, file, "a unified lock", notes)
    return read_unified(yaml, file, FileKind.CONDA_LOCK, "1", notes)
