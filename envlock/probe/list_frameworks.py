"""Say which frameworks the running Python has, without importing them; `python -I -B …`.

Out, on stdout: JSON, a list of `pytorch`, `tensorflow`, `jax`.
"""

from __future__ import annotations

import importlib.util
import json
import sys

MODULES = {"pytorch": "torch", "tensorflow": "tensorflow", "jax": "jax"}


def list_frameworks() -> list[str]:
    """Name the frameworks that an import would find."""
    return [name for name, module in MODULES.items() if importlib.util.find_spec(module)]


if __name__ == "__main__":
    json.dump(list_frameworks(), sys.stdout)
