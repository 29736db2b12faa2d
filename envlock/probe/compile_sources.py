"""Compile the sources named on stdin; run as `python -s -S -B -c …` with nothing around it.

In, on stdin: JSON, `[[source, name, target folder], …]`. `name` goes into the code as its file
name: the import system puts the real path in its place, so it need not be one. Out, on stdout:
JSON, the paths written. A source that is none (Python 2, a template) is passed over, as pip does.

The order is the caller's and the process is fresh, so the bytes do not depend on what was compiled
before. The code is invalidated by nothing ("unchecked hash"): a store's files do not change.
"""

import json
import os
import sys
import warnings
from importlib._bootstrap_external import _code_to_hash_pyc  # type: ignore[attr-defined]
from importlib.util import cache_from_source, source_hash
from typing import Optional


def compile_source(source: str, name: str, target: str) -> Optional[str]:
    """Write one file of bytecode and return its path; None when the source cannot be compiled."""
    with open(source, "rb") as file:
        text = file.read()
    try:
        code = compile(text, name, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    path = cache_from_source(os.path.join(target, os.path.basename(source)), optimization="")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # Anew, and through no link: what lies there may be a hard link to somebody else's file.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
        file.write(_code_to_hash_pyc(code, source_hash(text), False))
    return path


def main() -> None:
    """Compile everything that was asked for."""
    warnings.simplefilter("ignore")
    wanted = json.load(sys.stdin)
    try:
        written = [compile_source(*each) for each in wanted]
    except OSError as error:
        sys.stderr.write(str(error))
        sys.exit(4)
    json.dump([path for path in written if path], sys.stdout)


main()
