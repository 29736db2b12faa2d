"""EL205: packages that are built where they are installed."""

from __future__ import annotations

from envlock.audit.rules.source_build import RULE
from envlock.model.reading import OriginKind
from readings import conda, folder, git, origin, reading, told, wheel, wish


def test_a_package_with_only_a_source_archive_is_told():
    found = reading(
        wheel(
            "flash-attn",
            "2.6.3",
            origins=[origin("https://wheels.example/flash_attn-2.6.3.tar.gz", OriginKind.SDIST)],
            line=4,
        )
    )

    assert told(RULE, found) == [
        "warning at 4 (flash-attn): `flash-attn` has no built file, only the source archive "
        "`flash_attn-2.6.3.tar.gz`: it is built wherever it is installed, with the compiler and "
        "the build tools that are there.",
    ]


def test_a_git_repository_is_told():
    found = reading(git("tool", line=5))

    assert told(RULE, found) == [
        "warning at 5 (tool): `tool` has no built file, only a git repository: it is built "
        "wherever it is installed, with the compiler and the build tools that are there.",
    ]


def test_a_wheel_beside_it_is_enough_and_folders_are_another_rules():
    found = reading(
        wheel(
            "torch",
            origins=[
                origin("https://wheels.example/t.tar.gz", OriginKind.SDIST),
                origin("https://wheels.example/t.whl", OriginKind.WHEEL),
            ],
        ),
        conda("numpy"),
        folder("here"),
        wish("scipy"),
    )

    assert told(RULE, found) == []


def test_many_are_told_as_one():
    found = reading(*(git(f"p{at}") for at in range(4)))

    assert told(RULE, found) == [
        "warning: 4 packages have no built file, only source: `p0`, `p1`, `p2` and `p3`. They "
        "are built wherever they are installed, with the compiler and the build tools that are "
        "there.",
    ]
