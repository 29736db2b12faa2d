"""The probe: run as `python -I -B FOLDER/verify.py` by the Python of the environment.

In, on stdin: one `ProbeRequest` as JSON. Out, on stdout: one `ProbeLine` as JSON on each line; see
`envlock/model/probe.py`, which this folder must not import: it runs where envlock is not.

Frameworks print as they please. So lines go to a copy of the first stdout that nobody else knows,
and what the process calls stdout from here on is stderr.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

PACKAGE = "envlock_probe"


def take_stdout() -> int:
    """Keep stdout for lines alone; whoever prints from here on prints to stderr."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def load_folder() -> None:
    """Make this folder a package of its own name.

    Its modules stay out of `sys.path`: one of them is called `numbers`, as the standard library's.
    """
    folder = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(folder)
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


def main() -> None:
    """Answer one request."""
    private = take_stdout()
    load_folder()
    session = importlib.import_module(PACKAGE + ".session")
    with os.fdopen(private, "w", encoding="utf-8") as lines:
        session.answer(sys.stdin.read(), lines)


if __name__ == "__main__":
    main()
