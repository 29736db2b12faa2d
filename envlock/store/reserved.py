"""Paths of an environment that not every package may write.

The environment's Python runs while the environment is built, to compile. So nobody but the package
`python` may bring what it would load before anything is checked: its program, its standard library,
the files that tell it where its home is. And what an environment says of itself is envlock's.
"""

from __future__ import annotations

import re

_OURS = re.compile(
    r"(?:conda-meta|__clobbers__|pyvenv\.cfg|CACHEDIR\.TAG|bin/pyvenv\.cfg|bin/pybuilddir\.txt)"
    r"(?:/.*)?",
    re.IGNORECASE,
)
_LIBRARY = r"lib/python\d+(?:\.\d+)?t?"
_PYTHONS = re.compile(
    r"bin/python(?:\d+(?:\.\d+)?t?)?"
    r"|lib/python\d+t?\.zip"
    r"|lib/libpython\d[^/]*\.(?:so(?:\.[^/]*)?|dylib)"
    rf"|{_LIBRARY}(?:/site-packages)?"
    rf"|{_LIBRARY}/(?!(?:site-packages|test|config-[^/]+)/).+",
    re.IGNORECASE,
)
_SYSTEMS = re.compile(
    r"lib/(?:ld-linux[^/]*|lib(?:c|m|dl|pthread|rt|util)\.so\.\d+|libSystem[^/]*\.dylib)"
)
"""What the dynamic loader looks for beside a conda Python before it looks into the system."""
_FOLDERS = re.compile(r"bin|lib|etc|share|include", re.IGNORECASE)
_PROGRAM = re.compile(r"python(?:\d+(?:\.\d+)?t?)?", re.IGNORECASE)
_PYTHON = "python"


def is_reserved(path: str, package: str) -> bool:
    """Say whether a file or link of a package must not lie at a path of the environment."""
    if _OURS.fullmatch(path) or _SYSTEMS.fullmatch(path) or _FOLDERS.fullmatch(path):
        return True
    return package != _PYTHON and _PYTHONS.fullmatch(path) is not None


def is_reserved_command(command: str) -> bool:
    """Say whether no entry point may be called so."""
    return _PROGRAM.fullmatch(command) is not None
