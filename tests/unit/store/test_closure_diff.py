"""What differs from one closure to another."""

from __future__ import annotations

import pytest

from envlock.model.store import ArtifactKind
from envlock.store.closure_diff import Closure, ClosurePackage, Move, compare_closures


def package(
    name: str,
    version: str = "1",
    build: str = "",
    sha256: str = "",
    size: int | None = 10,
    kind: ArtifactKind = ArtifactKind.WHEEL,
) -> ClosurePackage:
    return ClosurePackage(
        name=name,
        version=version,
        build=build,
        kind=kind,
        sha256=sha256 or f"{name} {version} {build}",
        size_bytes=size,
    )


def closure(*packages: ClosurePackage, content: str = "", tree: str = "") -> Closure:
    return Closure(
        title="x",
        platform="linux-64",
        packages=packages,
        content_sha256=content,
        tree_sha256=tree,
    )


@pytest.mark.parametrize(
    ("before", "after", "move", "size"),
    [
        (None, package("a"), Move.ADDED, 10),
        (package("a"), None, Move.REMOVED, -10),
        (package("a", "1"), package("a", "2", size=30), Move.VERSION, 20),
        (package("a", build="0"), package("a", build="1"), Move.BUILD, 0),
        (package("a", sha256="x"), package("a", sha256="y"), Move.FILE, 0),
        (package("a", size=None), package("a", "2"), Move.VERSION, None),
    ],
)
def test_a_package_moves(before, after, move: Move, size: int | None):
    sides = [closure(*([each] if each else [])) for each in (before, after)]

    (found,) = compare_closures(*sides).moves

    assert (found.move, found.before, found.after, found.size_change) == (move, before, after, size)
    assert found.either == (after or before)


def test_what_is_the_same_file_is_counted_and_not_listed():
    difference = compare_closures(
        closure(package("a"), package("b")), closure(package("b"), package("a"))
    )

    assert difference.moves == ()
    assert difference.unchanged == 2
    assert difference.is_empty


def test_a_wheel_and_a_conda_package_of_one_name_are_two_things():
    wheel, conda = package("a"), package("a", kind=ArtifactKind.CONDA)

    found = compare_closures(closure(wheel), closure(conda))

    assert [each.move for each in found.moves] == [Move.ADDED, Move.REMOVED]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("x", "x", True), ("x", "y", False), ("x", "", None), ("", "", None)],
)
def test_content_is_compared_where_both_are_built(one: str, other: str, equal: bool | None):
    difference = compare_closures(
        closure(content=one, tree=one), closure(content=other, tree=other)
    )

    assert difference.is_content_equal is equal
    assert difference.is_tree_equal is equal
    assert difference.is_empty is (equal is not False)
