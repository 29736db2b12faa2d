from __future__ import annotations

import pytest

from envlock.model.draft import Keep
from envlock.solve.drafting.versions import is_sayable, keep_specifiers, keep_version


@pytest.mark.parametrize(
    ("version", "pypi", "expected"),
    [
        ("2.4.1", True, ("==2.4.1", "2.4.*", "*")),
        ("2.4.1+cu121", True, ("==2.4.1", "2.4.*", "*")),
        ("2.4.1", False, ("==2.4.1", "2.4.*", "*")),
        ("1!2.0.3", True, ("==1!2.0.3", "1!2.0.*", "*")),
        ("1.0rc1", True, ("==1.0rc1", "==1.0rc1", "*")),
        ("1.0rc1", False, ("==1.0rc1", "==1.0rc1", "*")),
        ("84", True, ("==84", "==84", "*")),
        ("9e", False, ("==9e", "==9e", "*")),
        ("2025b", False, ("==2025b", "==2025b", "*")),
    ],
)
def test_an_exact_version_is_kept_as_much_as_is_asked(
    version: str, pypi: bool, expected: tuple[str, ...]
):
    kept = tuple(keep_version(version, keep, pypi=pypi) for keep in Keep)

    assert kept == expected
    assert all(is_sayable(text, pypi=pypi) for text in kept)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", "*"),
        ("*", "*"),
        (">=1.20, <2", ">=1.20,<2"),
        ("==2.4.1", "2.4.*"),
        ("===2.4.1", "2.4.*"),
        ("2.4.1", "2.4.*"),
        ("==2.4.*", "2.4.*"),
        ("=2", "==2"),
        ("2.*", "2.*"),
        ("2.4.1.*", "2.4.*"),
        ("~=2.4", "~=2.4"),
    ],
)
def test_a_range_stays_and_one_version_is_an_exact_one(asked: str, expected: str):
    assert keep_specifiers(asked, Keep.MINOR, pypi=True) == expected
    assert keep_specifiers(asked, Keep.ANY, pypi=True) == "*"
