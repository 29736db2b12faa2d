"""Fresh, stale with the keys that changed, or unknown: from the head alone."""

from __future__ import annotations

import pytest

from envlock.formats.canonical import format_canonical
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock, LockHead
from envlock.solve.freshness import (
    INPUTS,
    PIN,
    RECORDING,
    Fresh,
    Sources,
    Stale,
    Unknown,
    changed_inputs,
    judge_freshness,
)

INPUTS_NOW = {"gpu.cuda": "12.1", "python.version": "3.11.*", "stack.platforms": ["linux-64"]}
DIGEST = "a" * 64


def lock_of(inputs: object = INPUTS_NOW, pin: str = DIGEST, recording: str | None = None) -> bytes:
    facts = {
        **({RECORDING: f"sha256:{recording}"} if recording else {}),
        INPUTS: format_canonical(inputs),
        PIN: f"sha256:{pin}",
        "envlock/linux-64/cuda": "12.1",
    }
    head = LockHead(channels=(), platforms=(), sources=(), content_hash={}, facts=facts)
    return format_lock(Lock(head=head, packages=()))


def test_a_lock_of_these_inputs_and_this_pin_is_fresh():
    assert judge_freshness(INPUTS_NOW, Sources(pin=DIGEST), lock_of()) == Fresh()


def test_every_key_that_changed_is_named_with_both_values():
    locked = lock_of({"gpu.cuda": "12.4", "python.version": "3.11.*", "dependencies.numpy": "*"})

    assert judge_freshness(INPUTS_NOW, Sources(pin=DIGEST), locked) == Stale(
        reasons=(
            'dependencies.numpy: removed; it was "*"',
            'gpu.cuda: "12.4" when it was locked, now "12.1"',
            'stack.platforms: added: ["linux-64"]',
        )
    )


def test_another_pin_makes_a_lock_stale():
    assert judge_freshness(INPUTS_NOW, Sources(pin="b" * 64), lock_of()) == Stale(
        reasons=("index pin: aaaaaaaaaaaa… when it was locked, now bbbbbbbbbbbb…",)
    )


def test_a_recipe_whose_files_have_changed_makes_a_lock_stale():
    key = "envlock/linux-64/recipe-sources/recipes/kernel"
    facts = {
        INPUTS: format_canonical(INPUTS_NOW),
        PIN: f"sha256:{DIGEST}",
        "envlock/linux-64/cuda": "12.1",
        key: "e" * 64,
    }
    head = LockHead(channels=(), platforms=(), sources=(), content_hash={}, facts=facts)
    locked = format_lock(Lock(head=head, packages=()))

    same = Sources(pin=DIGEST, recipes={"recipes/kernel": "e" * 64})
    other = Sources(pin=DIGEST, recipes={"recipes/kernel": "f" * 64})

    assert judge_freshness(INPUTS_NOW, same, locked) == Fresh()
    assert judge_freshness(INPUTS_NOW, other, locked) == Stale(
        reasons=("recipes/kernel: its files, or its toolchain, are others than it was built from",)
    )


def test_a_lost_pin_makes_a_lock_stale():
    assert judge_freshness(INPUTS_NOW, Sources(pin=None), lock_of()) == Stale(
        reasons=("the stack has no index pin any more: `envlock index pin` makes one",)
    )


def test_a_recording_is_part_of_what_a_lock_was_solved_from():
    lock = lock_of(recording="c" * 64)
    same = Sources(pin=DIGEST, recording="c" * 64, takes_pypi=True)
    other = Sources(pin=DIGEST, recording="d" * 64, takes_pypi=True)
    lost = Sources(pin=DIGEST, takes_pypi=True)

    assert judge_freshness(INPUTS_NOW, same, lock) == Fresh()
    assert judge_freshness(INPUTS_NOW, other, lock) == Stale(
        reasons=("recording: cccccccccccc… when it was locked, now dddddddddddd…",)
    )
    assert judge_freshness(INPUTS_NOW, lost, lock) == Stale(
        reasons=(
            "the stack has no recording of the package index any more: "
            "`envlock index record` makes one",
        )
    )


def test_an_edited_body_makes_a_lock_stale():
    edited = lock_of().replace(b"package: []", b"package:\n- name: evil")

    assert judge_freshness(INPUTS_NOW, Sources(pin=DIGEST), edited) == Stale(
        reasons=(
            "the package section no longer matches its digest: it was edited, cut short or merged",
        )
    )


@pytest.mark.parametrize(
    ("honest", "edited"),
    [
        (b"  - conda-forge\n", b""),
        (b"url: conda-forge", b"url: evil"),
        (b'"12.1"\n', b'"12.9"\n'),
    ],
)
def test_an_edited_head_makes_a_lock_stale(honest: bytes, edited: bytes):
    facts = {INPUTS: format_canonical(INPUTS_NOW), PIN: f"sha256:{DIGEST}"}
    facts["envlock/linux-64/cuda"] = "12.1"
    head = LockHead(
        channels=("conda-forge",),
        platforms=("conda-forge",),
        sources=(),
        content_hash={},
        facts=facts,
    )
    lock = format_lock(Lock(head=head, packages=()))
    assert honest in lock

    assert judge_freshness(INPUTS_NOW, Sources(pin=DIGEST), lock) == Fresh()
    assert judge_freshness(INPUTS_NOW, Sources(pin=DIGEST), lock.replace(honest, edited)) == Stale(
        reasons=("the head no longer matches its digest: it was edited",)
    )


def test_a_truncated_lock_is_stale():
    assert isinstance(judge_freshness(INPUTS_NOW, Sources(pin=DIGEST), lock_of()[:-4]), Stale)


def test_metadata_that_another_tool_dropped_makes_the_answer_unknown():
    foreign = b"version: 1\nmetadata:\n  platforms:\n  - linux-64\npackage: []\n"

    assert judge_freshness(INPUTS_NOW, Sources(pin=DIGEST), foreign) == Unknown(
        reason="the lock's head holds none of envlock's facts: another tool wrote it"
    )


def test_a_head_with_damaged_inputs_is_stale_not_a_crash():
    head = LockHead(
        channels=(), platforms=(), sources=(), content_hash={},
        facts={INPUTS: "[", PIN: f"sha256:{DIGEST}"},
    )  # fmt: skip

    judged = judge_freshness(
        INPUTS_NOW, Sources(pin=DIGEST), format_lock(Lock(head=head, packages=()))
    )

    assert judged == Stale(reasons=("the lock's head is damaged: envlock/inputs is not JSON",))


def test_inputs_that_are_nested_without_end_are_damaged():
    assert changed_inputs({INPUTS: "[" * 100_000}, INPUTS_NOW) == (
        "the lock's head is damaged: envlock/inputs is not JSON",
    )
