"""EL102: digests that are weak or malformed."""

from __future__ import annotations

from envlock.audit.rules.weak_hash import RULE
from envlock.model.reading import FileKind
from readings import conda, reading, remedies, told, wheel


def test_an_md5_alone_is_weak():
    found = reading(conda("numpy", "2.1.3", hashes={"md5": "0" * 32}, line=7))

    assert told(RULE, found) == [
        "warning at 7 (numpy): `numpy-2.1.3-0.conda` has only an MD5 digest, which another file "
        "can be made to have.",
    ]


def test_an_md5_beside_a_sha256_is_fine():
    found = reading(
        conda("numpy", hashes={"md5": "0" * 32, "sha256": "0" * 64}),
        wheel("torch", hashes={"sha512": "A" * 128}),
    )

    assert told(RULE, found) == []


def test_no_hash_at_all_is_left_to_another_rule():
    found = reading(conda("numpy", hashes={}))

    assert told(RULE, found) == []


def test_a_list_with_md5_only_is_one_finding_and_says_how_to_write_it_anew():
    found = reading(
        *(conda(f"p{at:02}", hashes={"md5": "0" * 32}) for at in range(20)), kind=FileKind.EXPLICIT
    )

    assert told(RULE, found) == [
        "warning: 20 packages have only an MD5 digest, which another file can be made to have: "
        "`p00`, `p01`, `p02` and 17 more.",
    ]


def test_an_explicit_list_can_be_written_with_sha256():
    found = reading(conda("numpy", hashes={"md5": "0" * 32}), kind=FileKind.EXPLICIT)

    assert remedies(RULE, found) == [
        "write the list again with `conda list --explicit --sha256`, or lock the environment "
        "with `envlock import` and `envlock solve`.",
    ]


def test_a_digest_of_a_wrong_length_fits_nothing():
    found = reading(conda("numpy", "2.1.3", hashes={"sha256": "0" * 63}, line=7))

    assert told(RULE, found) == [
        "error at 7 (numpy): the sha256 of `numpy-2.1.3-0.conda` has 63 digits where 64 are "
        "right: no file can fit it.",
    ]


def test_a_digest_that_is_not_hexadecimal_fits_nothing():
    found = reading(wheel("torch", hashes={"sha256": "z" * 64}))

    assert told(RULE, found) == [
        "error (torch): the sha256 of `torch-1.0-py3-none-any.whl` has signs in it that are not "
        "hexadecimal: no file can fit it.",
    ]


def test_an_algorithm_that_is_not_known_is_judged_by_its_digits_alone():
    found = reading(wheel("torch", hashes={"sha3_256": "ab"}))

    assert told(RULE, found) == []
