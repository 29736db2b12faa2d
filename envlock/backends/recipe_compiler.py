"""The machine's own compiler, described so that another one is another address."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from envlock.backends.artifact_files import hash_file
from envlock.errors import WorldError

SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_PROGRAMS = ("gcc", "g++", "as", "ld")
_PARTS = ("cc1", "cc1plus", "collect2")
_LIMIT_SECONDS = 30


def host_compiler() -> tuple[tuple[str, str], ...]:
    """Return the programs of the machine's gcc with their SHA-256, its version, and glibc's.

    Raises `WorldError` where there is none.
    """
    found: dict[str, str] = {}
    for name in _PROGRAMS:
        program = shutil.which(name, path=SYSTEM_PATH)
        if program is not None:
            found[name] = _digest(program)
    if "gcc" not in found:
        raise WorldError(
            f"`host-compiler = true` needs the machine's gcc; none is on {SYSTEM_PATH}\n"
            "Nothing was built.",
            hints=["install it, as with `apt-get install gcc libc6-dev`, or lock a compiler"],
        )
    for name in _PARTS:
        path = Path(_ask(f"-print-prog-name={name}"))
        if path.is_absolute() and path.is_file():
            found[name] = _digest(str(path))
    found["version"] = _ask("-dumpfullversion")
    found["libc"] = os.confstr("CS_GNU_LIBC_VERSION") or "unknown"
    return tuple(sorted(found.items()))


def _digest(program: str) -> str:
    return hash_file(Path(os.path.realpath(program))).sha256


def _ask(option: str) -> str:
    gcc = shutil.which("gcc", path=SYSTEM_PATH) or "gcc"
    done = subprocess.run(  # noqa: S603 - the machine's gcc, which the stack names
        [gcc, option], capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS
    )
    return done.stdout.strip()
