"""EL701 to EL705: the receipts beside a lock."""

from __future__ import annotations

import pytest

from envlock.audit.rule import Rule
from envlock.audit.rules import (
    failed_receipt,
    missing_receipt,
    stale_receipt,
    unreadable_receipt,
    unsigned_receipt,
)
from envlock.model.sight import ReceiptSeen, Sight
from readings import case, judged, reading, seen, told

LOCK = reading(facts={"envlock/inputs": "{}"})
RULES = (
    missing_receipt.RULE,
    stale_receipt.RULE,
    unsigned_receipt.RULE,
    failed_receipt.RULE,
    unreadable_receipt.RULE,
)
KEY = "ab" * 32


def receipt(**changes: object) -> ReceiptSeen:
    """A passed receipt of the lock, signed by a key that the auditor trusts."""
    fields: dict[str, object] = {
        "file": "a.receipt.json",
        "lock_sha256": "0" * 64,
        "is_of_lock": True,
        "platform": "linux-64",
        "verdict": "passed",
        "device": "gpu",
        "verified_at": "2026-11-24T10:00:00Z",
        "claimed": (KEY,),
        "signers": (KEY,),
        "trusted": True,
    }
    return ReceiptSeen(**{**fields, **changes})  # type: ignore[arg-type]


def said(rule: Rule, *receipts: ReceiptSeen, demanded: bool = False) -> list[str]:
    sights = seen(Sight.RECEIPT, receipts=receipts, demands_signature=demanded)
    return told(rule, case(LOCK, sights=sights))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
@pytest.mark.parametrize("demanded", [False, True])
def test_a_passed_receipt_of_the_lock_by_a_trusted_key_has_no_finding(rule: Rule, demanded: bool):
    assert said(rule, receipt(), demanded=demanded) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_nothing_is_said_of_receipts_that_nobody_looked_at(rule: Rule):
    (unlooked,) = judged(rule, LOCK).unlooked

    assert unlooked.what == "receipts"


def test_a_missing_receipt_is_a_note_for_a_lock_of_ours_alone():
    assert said(missing_receipt.RULE) == [
        "note: No receipt lies beside this lock: nothing tells that it was ever seen to run."
    ]
    assert told(missing_receipt.RULE, case(reading(), sights=seen(Sight.RECEIPT))) == []


def test_a_receipt_that_names_no_lock_is_stale():
    found = said(stale_receipt.RULE, receipt(lock_sha256="", is_of_lock=False))

    assert found == [
        "warning (a.receipt.json): a.receipt.json, of 2026-11-24, names no lock: it says nothing "
        "of this one."
    ]


def test_a_receipt_that_cannot_be_read_is_told_once():
    broken = ReceiptSeen(file="a.receipt.json", problem="a.receipt.json:1: cut short")

    assert [said(rule, broken, demanded=True) for rule in RULES] == [
        [],
        [],
        [],
        [],
        [
            "warning (a.receipt.json): a.receipt.json cannot be read as a receipt: "
            "a.receipt.json:1: cut short."
        ],
    ]


@pytest.mark.parametrize(
    ("changes", "demanded", "expected"),
    [
        ({"claimed": (), "signers": (), "trusted": False}, False, "note"),
        ({"claimed": (), "signers": (), "trusted": False}, True, "warning"),
        ({"signers": (), "trusted": False}, False, None),
        ({"signers": (), "trusted": False}, True, "warning"),
        ({"signers": (), "trusted": False, "is_forged": True}, True, "error"),
    ],
)
def test_a_signature_matters_as_much_as_was_asked_for(
    changes: dict[str, object], demanded: bool, expected: str | None
):
    found = said(unsigned_receipt.RULE, receipt(**changes), demanded=demanded)

    assert [text.partition(" ")[0] for text in found] == ([] if expected is None else [expected])


def test_a_failed_receipt_of_another_lock_is_only_stale():
    other = receipt(verdict="failed", is_of_lock=False)

    assert said(failed_receipt.RULE, other) == []
    assert len(said(stale_receipt.RULE, other)) == 1


def test_a_failed_receipt_of_another_platform_is_told_twice():
    found = said(failed_receipt.RULE, receipt(verdict="failed", failed=("a",), platform="osx-64"))

    assert found == [
        "warning (a.receipt.json): a.receipt.json is of osx-64, which this lock has no packages "
        "for: it has linux-64.",
        "error (a.receipt.json): a.receipt.json says that the verification failed (on osx-64, "
        "GPU, 2026-11-24): `a`.",
    ]
