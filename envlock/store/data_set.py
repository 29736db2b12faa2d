"""Data sets: the artifacts of a stack that lie beside environments, as one folder shows them.

The folder is named by what it shows, names and digests: two stacks that name the same have one
folder, and a stack that names something else gets another. It is part of no environment's key.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256

from envlock.formats.canonical import format_canonical

_KEY_BYTES = 20


def data_key(files: Mapping[str, str]) -> str:
    """Return the name of the folder that shows files, digests by name; 32 characters."""
    content = format_canonical({"layout": 1, "files": dict(files)})
    return base64.b32encode(sha256(content.encode()).digest()[:_KEY_BYTES]).decode().lower()
