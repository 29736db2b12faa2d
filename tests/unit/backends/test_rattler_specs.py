from __future__ import annotations

import pytest

from envlock.backends.rattler_specs import RattlerSpecs
from locks import locked, pip_locked

NUMPY = locked("numpy", "1.26.4", "py311h64a7726_0")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", True),
        ("*", True),
        (">=1.22,<2.0a0", True),
        (">=1.22,<2.0a0 py311*", True),
        ("1.26.* *_0", True),
        ("1.26.4 py312*", False),
        (">=2", False),
        ("<1|>=1.26", True),
        (">=>1", None),
    ],
)
def test_a_match_spec_admits_versions_and_builds(spec: str, said: bool | None):
    assert RattlerSpecs().admits(spec, NUMPY, asker="conda") is said


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", True),
        ("~=1.0", True),
        ("==1.0.*", True),
        ("!=1.0", False),
        (">=1,<0", False),
        ("?", None),
    ],
)
def test_a_wheel_asks_with_pep_440(spec: str, said: bool | None):
    assert RattlerSpecs().admits(spec, pip_locked("a", "1.0"), asker="pip") is said


def test_a_pre_release_that_was_locked_is_admitted():
    assert RattlerSpecs().admits(">=1.0rc1", pip_locked("a", "1.0rc2"), asker="pip") is True


@pytest.mark.parametrize("version", ["", "1!!2", "not a version at all"])
def test_a_version_that_cannot_be_read_is_unknown(version: str):
    odd = locked("numpy", version)

    assert RattlerSpecs().admits(">=1", odd, asker="conda") is None
    assert RattlerSpecs().admits(">=1", odd, asker="pip") is None
