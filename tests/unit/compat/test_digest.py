"""The identity of the facts that a lock rests on."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from envlock.compat import digest
from envlock.compat.digest import facts_digest

NAMES = {entry.name for entry in (files("envlock.compat") / "facts").iterdir()}


def test_it_is_a_sha256_and_stays():
    assert re.fullmatch(r"[0-9a-f]{64}", facts_digest())
    assert facts_digest.__wrapped__() == facts_digest()


def test_tables_about_machines_do_not_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(digest, "_BESIDE", frozenset())

    assert {"cloud.toml", "pitfalls.toml"} <= NAMES
    assert facts_digest.__wrapped__() != facts_digest()
