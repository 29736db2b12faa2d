"""Two receipts of one lock, side by side."""

from __future__ import annotations

import msgspec
import pytest

from envlock.errors import EnvlockError
from envlock.model.outcome import Check
from envlock.model.receipt import HostLibrary, Receipt, Verdict, VerifiedHost
from envlock.verify.challenge import Pair, Speed, challenge
from receipts import (
    FAILED,
    curve,
    digest,
    foreign_receipt,
    passed_receipt,
    subject,
    training_check,
)


def with_training(check: Check, **changes: object) -> Receipt:
    before = passed_receipt().checks
    return passed_receipt(checks=(*before[:2], check, *before[3:]), **changes)


def test_a_receipt_agrees_with_itself():
    found = challenge(passed_receipt(), passed_receipt())

    assert found.is_same
    assert found.same_outcomes == 4
    assert found.frameworks == found.host == found.host_libraries == ()
    assert [each.is_same for each in found.weights] == [True]


def test_another_prefix_another_speed_and_other_weights_decide_nothing():
    other = with_training(
        training_check(per_second=80625.0),
        subject=subject(tree_sha256=digest("other tree"), derivation_key="another"),
        curves=(curve("other weights"),),
    )

    found = challenge(passed_receipt(), other)

    assert found.is_same
    assert not found.tree.is_same
    assert [each.is_same for each in found.weights] == [False]
    assert (
        Speed(
            check="pytorch.training.cnn-sgd",
            measure="examples_per_second",
            first=40312.5,
            second=80625.0,
            ratio=2.0,
        )
        in found.speed
    )


def test_a_ratio_over_nothing_is_none():
    found = challenge(passed_receipt(), passed_receipt())

    assert {each.measure: each.ratio for each in found.speed} == {
        "seconds": 1.0,
        "examples_per_second": 1.0,
        "peak_memory_bytes": None,
    }


def test_other_content_is_not_the_same():
    other = passed_receipt(subject=subject(content_sha256=digest("other content")))

    found = challenge(passed_receipt(), other)

    assert not found.is_same
    assert found.content == Pair(
        name="content", first=digest("content"), second=digest("other content")
    )


def test_content_that_one_cannot_claim_is_not_the_same():
    unknown = passed_receipt(subject=subject(content_sha256=""))

    assert not challenge(passed_receipt(), unknown).is_same
    assert not challenge(unknown, unknown).is_same


def test_another_outcome_is_not_the_same_and_is_named():
    other = with_training(training_check(FAILED), verdict=Verdict.FAILED)

    found = challenge(passed_receipt(), other)

    assert not found.is_same
    assert found.outcomes == (
        Pair(name="pytorch.training.cnn-sgd", first="passed", second="failed"),
    )


def test_a_check_that_only_one_has_is_a_difference():
    shorter = passed_receipt(checks=passed_receipt().checks[:3])

    found = challenge(passed_receipt(), shorter)

    assert found.outcomes == (Pair(name="pytorch.collectives", first="not run", second=""),)
    assert not found.is_same


def test_versions_hosts_and_host_libraries_that_differ_are_told():
    host = passed_receipt().host
    other = passed_receipt(
        frameworks={"pytorch": "2.5.1", "cuda": "12.1", "cudnn": "9.1.0", "keras": "3.0"},
        host=msgspec.structs.replace(host, driver="550.54.15"),
        host_libraries=(
            HostLibrary(path="/lib/ld-linux-x86-64.so.2", build_id="5f2c0b1a"),
            HostLibrary(path="/usr/lib64/libcuda.so.1", build_id="00"),
        ),
    )

    found = challenge(passed_receipt(), other)

    assert found.frameworks == (
        Pair(name="numpy", first="2.1.3", second=""),
        Pair(name="keras", first="", second="3.0"),
    )
    assert found.host == (Pair(name="driver", first="535.183.06", second="550.54.15"),)
    assert found.host_libraries == (Pair(name="libcuda.so.1", first="77aa01c4", second="00"),)


def test_a_machine_without_a_gpu_is_told_as_such():
    host = passed_receipt().host
    bare = VerifiedHost(platform=host.platform, kernel=host.kernel, glibc=host.glibc)

    found = challenge(passed_receipt(), passed_receipt(host=bare))

    assert found.host == (
        Pair(name="gpus", first="NVIDIA H100 80GB HBM3", second="none"),
        Pair(name="driver", first="535.183.06", second="none"),
    )


def test_a_second_training_of_one_name_is_a_second_training():
    twice = passed_receipt(curves=(curve(), curve("second")))

    found = challenge(twice, passed_receipt())

    assert [(each.name, each.is_same) for each in found.weights] == [
        ("pytorch.training.cnn-sgd", True),
        ("pytorch.training.cnn-sgd #2", False),
    ]


def test_a_measure_that_only_one_took_has_no_ratio():
    bare = msgspec.structs.replace(training_check(), varying={"seconds": 3.5})
    untrained = passed_receipt(curves=(msgspec.structs.replace(curve(), weights_sha256=""),))

    found = challenge(passed_receipt(), with_training(bare))

    assert [(each.measure, each.ratio) for each in found.speed] == [("seconds", 2.0)]
    assert challenge(untrained, untrained).weights == ()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (passed_receipt(subject=subject(lock_sha256=digest("other"))), digest("other")),
        (foreign_receipt(), "names no lock"),
    ],
)
def test_receipts_of_different_locks_are_not_compared(other: Receipt, said: str):
    with pytest.raises(EnvlockError) as caught:
        challenge(passed_receipt(), other)

    assert str(caught.value) == (
        "expected two receipts of one lock, found\n"
        f"  A: {passed_receipt().subject.lock_sha256}\n"
        f"  B: {said}"
    )
    assert caught.value.exit_code == 2
