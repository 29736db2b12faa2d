"""EL108: files with two digests."""

from __future__ import annotations

from envlock.audit.rules.conflicting_hash import RULE
from readings import conda, reading, told


def test_one_file_with_two_digests_is_told():
    found = reading(
        conda("numpy", "2.1.3", hashes={"sha256": "a" * 64}),
        conda("numpy", "2.1.3", hashes={"sha256": "b" * 64}, line=90),
    )

    assert told(RULE, found) == [
        "error at 90 (numpy): `numpy-2.1.3-0.conda` has two sha256 digests, `aaaaaaaaaaaa…` and "
        "`bbbbbbbbbbbb…`: at most one of them fits.",
    ]


def test_one_file_twice_with_one_digest_is_fine_in_any_case():
    found = reading(
        conda("numpy", hashes={"sha256": "a" * 64}), conda("numpy", hashes={"sha256": "A" * 64})
    )

    assert told(RULE, found) == []


def test_one_build_at_two_addresses_with_other_bytes_is_told():
    found = reading(
        conda("numpy", "2.1.3"),
        conda("numpy", "2.1.3", channel="https://mirror.example/conda-forge", line=9),
    )

    assert told(RULE, found) == [
        "warning at 9 (numpy): `numpy 2.1.3` comes from two addresses with other bytes, "
        "`https://conda.example/conda-forge/linux-64/numpy-2.1.3-0.conda` and "
        "`https://mirror.example/conda-forge/linux-64/numpy-2.1.3-0.conda`: which one is "
        "installed is chance.",
    ]


def test_two_mirrors_that_agree_are_fine():
    found = reading(
        conda("numpy", hashes={"sha256": "a" * 64}),
        conda("numpy", channel="https://mirror.example/conda-forge", hashes={"sha256": "a" * 64}),
    )

    assert told(RULE, found) == []


def test_other_platforms_environments_and_builds_are_other_packages():
    found = reading(
        conda("numpy"),
        conda("numpy", platforms=["win-64"], subdir="win-64"),
        conda("numpy", build="1"),
        conda("scipy", environments=["a"]),
        conda("scipy", environments=["b"], channel="https://mirror.example/x"),
    )

    assert told(RULE, found) == []
