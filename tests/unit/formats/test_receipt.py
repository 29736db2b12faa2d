"""The receipt as an in-toto Statement."""

from __future__ import annotations

from envlock.model.receipt import receipt_path


def test_the_receipt_of_a_lock_lies_beside_it():
    assert receipt_path("stacks/a.conda-lock.yml") == "stacks/a.receipt.json"
