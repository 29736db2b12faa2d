from __future__ import annotations

import msgspec

from envlock.model.lock import LockedPackage
from envlock.solve.moves import Way, find_way, mixture
from locks import locked, make_lock, pip_locked


def way_of(good: list[LockedPackage], bad: list[LockedPackage], **facts: str) -> Way:
    return find_way(make_lock(*good, facts=facts), make_lock(*bad, facts=facts), "linux-64")


def told(way: Way) -> list[str]:
    return [str(move) for move in way.moves]


def test_a_move_is_a_package_that_comes_goes_or_is_another_file():
    way = way_of(
        [locked("a"), locked("b"), locked("c"), locked("d", "1.0", "h0")],
        [locked("a"), locked("b", "2.0"), locked("d", "1.0", "h1"), locked("e")],
    )

    assert told(way) == [
        "b 1.0 0 -> 2.0 0",
        "c 1.0 0 removed",
        "d 1.0 h0 -> 1.0 h1",
        "e 1.0 0 added",
    ]


def test_another_file_of_the_same_version_is_told_by_its_digest():
    package = pip_locked("a")
    again = msgspec.structs.replace(package, sha256="1" * 64)

    assert told(way_of([package], [again])) == [
        "a 1.0 (PyPI): sha256 000000000000… -> sha256 111111111111…"
    ]


def test_what_changes_in_the_lock_and_not_in_the_environment_is_no_move():
    package = locked("a", needs=["b >=1"])
    patched = msgspec.structs.replace(
        package,
        url=package.url.replace("conda-forge", "mirror"),
        dependencies={"b": ">=2"},
        category="dev",
    )

    assert way_of([package], [patched]).moves == ()


def test_a_distribution_that_changes_from_conda_to_pypi_is_one_move():
    way = way_of([locked("pyyaml", "6.0", needs=["python >=3.8"])], [pip_locked("PyYAML", "6.0.2")])

    assert told(way) == ["pyyaml 6.0 0 -> 6.0.2 (PyPI)"]


def test_other_platforms_are_not_looked_at():
    way = way_of([locked("a"), locked("b")], [locked("a"), locked("b", "2.0", platform="win-64")])

    assert told(way) == ["b 1.0 0 removed"]


def test_a_mixture_is_good_with_nothing_moved_and_bad_with_everything_moved():
    good = [locked("a"), locked("b"), locked("c")]
    bad = [locked("a"), locked("b", "2.0"), locked("d")]
    way = way_of(good, bad)

    assert mixture(way, ()).packages == tuple(good)
    assert mixture(way, ["b", "c", "d"]).packages == tuple(bad)
    assert mixture(way, ["b"]).packages == (locked("a"), locked("b", "2.0"), locked("c"))
    assert mixture(way, ["c"]).packages == (locked("a"), locked("b"))


def test_a_mixture_does_not_say_that_it_was_solved():
    way = way_of([locked("a")], [locked("a", "2.0")], stack="s", pin="sha256:0")

    assert mixture(way, ["a"]).head.facts == {}


def test_a_package_may_run_its_script_where_the_lock_that_it_comes_from_lets_it():
    packages = [locked("a"), locked("b")]
    way = find_way(
        make_lock(*packages, facts={"link-scripts": "a"}),
        make_lock(*packages, facts={"link-scripts": "b"}),
        "linux-64",
    )

    assert told(way) == [f"{name} 1.0 0: whether its script may run" for name in "ab"]
    assert mixture(way, ()).head.facts == {"envlock/link-scripts": "a"}
    assert mixture(way, ["a"]).head.facts == {}
    assert mixture(way, ["a", "b"]).head.facts == {"envlock/link-scripts": "b"}
