"""EL201: packages without an exact version."""

from __future__ import annotations

from envlock.audit.rules.unpinned_package import RULE
from envlock.model.reading import Ecosystem, FileKind
from readings import folder, git, image, reading, remedies, told, wheel, wish


def test_a_wish_without_a_version_is_told():
    found = reading(wish("numpy>=1.20", line=3), wish("torch", line=4), kind=FileKind.REQUIREMENTS)

    assert told(RULE, found) == [
        "warning at 3 (numpy): `numpy` has no exact version (`numpy>=1.20`): pip takes whatever "
        "is newest on the day.",
        "warning at 4 (torch): `torch` has no exact version: pip takes whatever is newest on "
        "the day.",
    ]


def test_a_dockerfile_names_all_that_pip_takes_as_it_comes():
    found = reading(*(wish(f"p{at}", line=at + 2) for at in range(12)), kind=FileKind.DOCKERFILE)

    assert told(RULE, found) == [
        "warning at 2: 12 packages have no exact version, so pip takes whatever is newest on "
        "the day: `p0`, `p1`, `p2`, `p3`, `p4`, `p5`, `p6`, `p7`, `p8`, `p9`, `p10` and `p11`.",
    ]


def test_pip_and_conda_are_told_apart():
    found = reading(
        wish("torch", line=1), wish("numpy=1.*", Ecosystem.CONDA, line=2), kind=FileKind.ENVIRONMENT
    )

    assert told(RULE, found) == [
        "warning at 1 (torch): `torch` has no exact version: pip takes whatever is newest on "
        "the day.",
        "warning at 2 (numpy): `numpy` has no exact version (`numpy=1.*`): conda takes whatever "
        "is newest on the day.",
    ]


def test_exact_versions_addresses_and_python_itself_are_fine():
    found = reading(
        wish("numpy==2.1.3"),
        wish("cudnn=9.1.0=h123_0", Ecosystem.CONDA),
        wish("python", Ecosystem.CONDA),
        git("tool"),
        folder("here"),
        wish("curl", Ecosystem.APT),
        image("python"),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []


def test_a_release_of_conda_is_one_in_either_spelling():
    found = reading(
        wish("pytorch=2.5.1", Ecosystem.CONDA),
        wish("numpy==2.1.3", Ecosystem.CONDA),
        wish("scipy=1.14", Ecosystem.CONDA, line=5),
        kind=FileKind.ENVIRONMENT,
    )

    assert told(RULE, found) == [
        "warning at 5 (scipy): `scipy` has no exact version (`scipy=1.14`): conda takes "
        "whatever is newest on the day.",
    ]


def test_a_lock_is_not_asked():
    found = reading(git("tool"), wheel("torch"), kind=FileKind.UV)

    assert told(RULE, found) == []


def test_a_stack_is_locked_first():
    found = reading(wish("torch"), kind=FileKind.STACK)

    assert told(RULE, found) == []


def test_a_newcomer_is_told_what_to_do():
    found = reading(wish("torch"), kind=FileKind.DOCKERFILE)

    assert remedies(RULE, found) == [
        "`envlock import Dockerfile` drafts a stack from these lines and `envlock solve` locks "
        "it; then install from the lock. For one package: `pip install NAME==VERSION`, with the "
        "version that `pip list` shows in an image that works.",
    ]
