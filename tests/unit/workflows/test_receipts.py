"""Receipts held against what they say they are."""

from __future__ import annotations

from hashlib import sha256

import pytest

from envlock.errors import InputFileError, ReceiptError
from envlock.formats.receipt import format_receipt
from envlock.model.outcome import Obligation
from envlock.model.platform import Platform
from envlock.model.receipt import Receipt, VerifiedHost
from envlock.model.store import Derivation, Environment
from envlock.workflows.receipts import (
    Demands,
    Holding,
    check_receipt,
    load_receipt,
    means_lock,
    receipt_of,
    sign,
)
from fakes import FakeWorkspace
from receipts import (
    LOCK_BYTES,
    check,
    failed_receipt,
    foreign_receipt,
    incomplete_receipt,
    passed_receipt,
    subject,
)

RECEIPT = "a.receipt.json"
LOCK = "a.conda-lock.yml"


class FakeKey:
    """Signs by hashing: whoever has the name can, which is enough here. Both ports at once."""

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self.keyid = sha256(self.name).hexdigest()

    def sign(self, message: bytes) -> bytes:
        return sha256(self.name + message).digest()

    def fits(self, signature: bytes, message: bytes) -> bool:
        return signature == self.sign(message)


OURS, THEIRS = FakeKey("ours"), FakeKey("theirs")


def workspace(receipt: Receipt | None = None, *keys: FakeKey) -> FakeWorkspace:
    files = FakeWorkspace(
        {RECEIPT: format_receipt(receipt or passed_receipt()), LOCK: LOCK_BYTES, "b.yml": b"other"}
    )
    for key in keys:
        files.files[RECEIPT] = sign(load_receipt(RECEIPT, files), key)
    return files


def held(files: FakeWorkspace, **demands: object) -> Holding:
    return check_receipt(RECEIPT, Demands(**demands), files)  # type: ignore[arg-type]


def environment(**changes: object) -> Environment:
    ours = subject()
    fields: dict[str, object] = {
        "key": ours.derivation_key,
        "name": "torch-cu121",
        "path": "/store/a",
        "derivation": Derivation(
            name="torch-cu121",
            platform="linux-64",
            store_folder="/store",
            artifacts=(),
            made_with="tests",
        ),
        "tree_sha256": ours.tree_sha256,
        "content_sha256": ours.content_sha256,
        "size_bytes": 1,
        "built_at": "2026-11-24T10:00:00Z",
    }
    return Environment(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "receipt"),
    [
        ("stacks/a.toml", "stacks/a.receipt.json"),
        ("stacks/a.conda-lock.yml", "stacks/a.receipt.json"),
        ("stacks/a.receipt.json", "stacks/a.receipt.json"),
        ("elsewhere.json", "elsewhere.json"),
    ],
)
def test_a_lock_and_a_stack_mean_the_receipt_beside_them(path: str, receipt: str):
    assert receipt_of(path) == receipt
    assert means_lock(path) == (path != receipt)


def test_an_unsigned_receipt_holds_and_says_so():
    found = held(workspace())

    assert found.holds
    assert found.confirmed == (
        "whole: its parts agree, and its digest is that of its content",
        "self-reported, unsigned",
        "not held against a lock: none was given",
    )


def test_it_holds_for_its_own_lock():
    found = held(workspace(), lock=LOCK)

    assert found.holds
    assert found.confirmed[-1].startswith(f"of {LOCK}, sha256 ")


def test_another_lock_is_refused():
    found = held(workspace(), lock="b.yml")

    assert not found.holds
    assert found.refusals == (
        f"of another lock: it names sha256 {sha256(LOCK_BYTES).hexdigest()[:16]}…, and b.yml has "
        f"{sha256(b'other').hexdigest()[:16]}…",
    )


def test_one_changed_byte_of_the_lock_is_another_lock():
    files = workspace()
    files.files[LOCK] = LOCK_BYTES.replace(b"a", b"A", 1)

    assert not held(files, lock=LOCK).holds


def test_a_receipt_without_a_lock_is_of_none():
    found = held(workspace(foreign_receipt()), lock=LOCK)

    assert found.refusals == (f"names no lock, so not {LOCK} either",)


def test_a_lock_that_is_not_there_is_the_users_mistake():
    with pytest.raises(InputFileError, match="there is no such file"):
        held(workspace(), lock="none.yml")


def test_unsigned_is_refused_when_a_key_is_demanded():
    found = held(workspace(), keys=(OURS,))

    assert found.refusals == ("self-reported, unsigned: a signature by a trusted key is demanded",)


def test_a_signature_by_a_trusted_key_holds():
    found = held(workspace(None, OURS), keys=(THEIRS, OURS), lock=LOCK)

    assert found.holds
    assert f"signed by {OURS.keyid[:16]}…, which you trust" in found.confirmed


def test_an_untrusted_key_is_refused():
    found = held(workspace(None, THEIRS), keys=(OURS,))

    assert found.refusals == (
        f"signed by {THEIRS.keyid[:16]}…, and by none of the keys that you trust",
    )


def test_without_a_key_a_signature_proves_nothing_and_that_is_said():
    found = held(workspace(None, OURS))

    assert found.holds
    assert found.confirmed[1] == (
        f"says to be signed by {OURS.keyid[:16]}…: not looked at without its key"
    )


def test_one_of_several_signatures_is_enough():
    files = workspace(None, OURS, THEIRS)

    assert held(files, keys=(OURS,)).holds
    assert held(files, keys=(THEIRS,)).holds
    assert load_receipt(RECEIPT, files).keyids == tuple(sorted((OURS.keyid, THEIRS.keyid)))


def test_a_receipt_signed_again_by_one_key_stays_the_same():
    once = workspace(None, OURS).files[RECEIPT]

    assert workspace(None, OURS, OURS).files[RECEIPT] == once


def test_a_signature_of_another_receipt_does_not_fit():
    files, other = workspace(None, OURS), workspace(failed_receipt(), OURS)
    mine, theirs = load_receipt(RECEIPT, files), load_receipt(RECEIPT, other)
    assert mine.envelope
    assert theirs.envelope
    stolen = files.files[RECEIPT].replace(
        _coded(mine.envelope.signatures[0].sig), _coded(theirs.envelope.signatures[0].sig)
    )
    files.files[RECEIPT] = stolen

    found = held(files, keys=(OURS,))

    assert found.refusals[0] == (
        f"altered: the signature of {OURS.keyid[:16]}… does not fit the content"
    )


def test_a_signature_under_another_id_is_refused():
    files = workspace(None, OURS)
    renamed = files.files[RECEIPT].replace(OURS.keyid.encode(), THEIRS.keyid.encode())
    files.files[RECEIPT] = renamed

    found = held(files, keys=(OURS,))

    assert found.refusals == (f"altered: the key {OURS.keyid[:16]}… signed it under another id",)


def _coded(sig: bytes) -> bytes:
    from base64 import b64encode  # noqa: PLC0415 - only here

    return b64encode(sig)


def small_receipt() -> Receipt:
    return Receipt(
        subject=subject(pin_sha256="", derivation_key=""),
        host=VerifiedHost(platform=Platform.LINUX_64),
        level=passed_receipt().level,
        device="cpu",
        verdict=passed_receipt().verdict,
        checks=(check(Obligation.ARTIFACTS, "artifacts"),),
    )


def test_every_altered_byte_of_a_signed_receipt_is_refused():
    files = workspace(small_receipt(), OURS)
    content = files.files[RECEIPT]
    demands = Demands(keys=(OURS,), lock=LOCK)
    assert check_receipt(RECEIPT, demands, files).holds

    for place in range(len(content)):
        for flip in (0x01, 0x02, 0x20, 0x80):
            altered = bytearray(content)
            altered[place] ^= flip
            files.files[RECEIPT] = bytes(altered)
            assert not check_receipt(RECEIPT, demands, files).holds, (place, flip)


def test_every_shortened_signed_receipt_is_refused():
    files = workspace(small_receipt(), OURS)
    content = files.files[RECEIPT]

    for length in range(len(content)):
        files.files[RECEIPT] = content[:length]
        assert not check_receipt(RECEIPT, Demands(), files).holds, length


def test_a_receipt_that_was_altered_is_not_signed():
    files = workspace()
    files.files[RECEIPT] = files.files[RECEIPT].replace(b"0.98", b"0.99")

    with pytest.raises(ReceiptError, match="altered"):
        load_receipt(RECEIPT, files)


def test_a_signed_payload_that_is_no_receipt_is_refused():
    files = workspace(None, OURS)
    files.files[RECEIPT] = (
        b'{"payload":"e30=","payloadType":"application/vnd.in-toto+json",'
        b'"signatures":[{"keyid":"","sig":""}]}\n'
    )

    assert held(files).refusals == (
        "a.receipt.json: payload: _type: expected `https://in-toto.io/Statement/v1`, found null",
    )


# --- the environment ------------------------------------------------------------------------------


def test_it_holds_for_the_environment_that_it_was_made_in():
    found = held(workspace(), environment=environment())

    assert found.holds
    label = environment().label
    assert found.confirmed[-2:] == (
        f"its content is that of {label} as it was sealed",
        f"its tree is that of {label} as it was sealed",
    )


def test_under_another_prefix_the_content_decides():
    elsewhere = environment(key="another", tree_sha256="0" * 64)

    assert held(workspace(), environment=elsewhere).holds


def test_other_content_is_refused():
    found = held(workspace(), environment=environment(content_sha256="0" * 64))

    assert len(found.refusals) == 1
    assert found.refusals[0].startswith("of another environment: its content is ")


def test_another_tree_at_the_same_place_is_refused():
    assert not held(workspace(), environment=environment(tree_sha256="0" * 64)).holds


def test_a_receipt_without_content_is_of_no_environment():
    found = held(workspace(foreign_receipt()), environment=environment())

    assert found.refusals == (f"names no content, so not that of {environment().label} either",)


# --- the verdict ----------------------------------------------------------------------------------


@pytest.mark.parametrize("receipt", [failed_receipt(), incomplete_receipt()])
def test_an_honest_receipt_of_a_failure_holds_unless_a_pass_is_demanded(receipt: Receipt):
    files = workspace(receipt)

    assert held(files).holds
    assert held(files, must_pass=True).refusals == (
        f"its verdict is `{receipt.verdict}`, and `passed` is demanded",
    )


def test_a_pass_that_is_demanded_and_there_holds():
    assert held(workspace(), must_pass=True).holds


def test_a_lock_whose_line_ends_git_changed_is_refused_and_told_so():
    files = workspace()
    files.files[LOCK] = b"a\r\nb\r\n"
    files.files[RECEIPT] = format_receipt(
        passed_receipt(subject=subject(lock_sha256=sha256(b"a\nb\n").hexdigest()))
    )

    (refusal,) = check_receipt(RECEIPT, Demands(lock=LOCK), files).refusals

    assert refusal.startswith(f"of {LOCK} as it was before git or an editor gave it")
