"""What all tests have in common: where their folders lie."""

from __future__ import annotations

import shutil
import tempfile

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep the folders of a worker's tests near the root.

    Environments are built in them, and Linux cuts a script's first line, which names the
    environment's Python, after 127 characters.
    """
    if hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="e")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take them away again."""
    if hasattr(config, "workerinput"):
        shutil.rmtree(config.option.basetemp, ignore_errors=True)
