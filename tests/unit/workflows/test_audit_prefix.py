"""An installed environment held against what it should hold, package by package."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.model.installed import Installed, InstalledPackage
from envlock.model.lock import LockedPackage
from envlock.model.reading import Ecosystem
from envlock.workflows.audit_prefix import (
    compare_packages,
    hashes_of_lock,
    optional_of_lock,
    wanted_of_lock,
)
from locks import locked, pip_locked
from readings import conda, origin, reading, sha, wheel


def conda_there(name: str, version: str = "1.0", build: str = "0", **more: str) -> InstalledPackage:
    return InstalledPackage(
        name=name,
        version=version,
        ecosystem=Ecosystem.CONDA,
        record=f"conda-meta/{name}.json",
        build=build,
        **more,  # type: ignore[arg-type]
    )


def wheel_there(name: str, version: str = "1.0", sha256: str = "") -> InstalledPackage:
    return InstalledPackage(
        name=name, version=version, ecosystem=Ecosystem.PYPI, record=name, sha256=sha256
    )


def compared(
    packages: list[InstalledPackage],
    wanted: list[LockedPackage],
    **more: frozenset[str],
) -> list[tuple[str, str, str, str]]:
    there = Installed(path="env", packages=tuple(packages), platform="linux-64")
    found = compare_packages(there, wanted, **more)
    assert {item.platform for item in found} <= {"linux-64"}
    return [(item.subject, item.field, item.was, item.now) for item in found]


def test_what_should_be_there_and_is_differs_in_nothing():
    row = locked("numpy", "1.0", "0")
    there = conda_there("numpy", sha256=row.sha256 or "")

    assert compared([there, wheel_there("Tool_Box")], [row, pip_locked("tool-box")]) == []


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (conda_there("numpy", "2.0", "9"), ("numpy", "version", "1.0", "2.0")),
        (conda_there("numpy", "1.0", "9"), ("numpy", "build", "0", "9")),
    ],
)
def test_the_weightiest_difference_of_a_package_is_told(
    there: InstalledPackage, expected: tuple[str, str, str, str]
):
    assert compared([there], [locked("numpy", "1.0", "0")]) == [expected]


def test_an_md5_is_compared_where_there_is_no_sha256():
    row = replace(locked("numpy"), sha256=None, md5="A" * 32)

    assert compared([conda_there("numpy", md5="a" * 32)], [row]) == []
    assert compared([conda_there("numpy", md5="b" * 32)], [row]) == [
        ("numpy", "md5", "a" * 32, "b" * 32)
    ]


@pytest.mark.parametrize(
    ("was", "now", "is_same"),
    [("1.0", "1.0.0", True), ("1.0+cu121", "1.0", False), ("odd one", "odd one", True)],
)
def test_versions_of_distributions_are_compared_as_versions(was: str, now: str, is_same: bool):
    found = compared([wheel_there("a", now)], [pip_locked("a", was)])

    assert found == ([] if is_same else [("a", "version", was, now)])


def test_any_wheel_of_the_version_that_a_lock_names_is_as_good():
    many = wheel(
        "torch",
        origins=[
            origin("https://w.example/torch-1.0-cp311-cp311-manylinux1_x86_64.whl"),
            origin("https://w.example/torch-1.0-cp311-cp311-manylinux2_x86_64.whl"),
        ],
    )
    lock = reading(many)
    other = sha("https://w.example/torch-1.0-cp311-cp311-manylinux2_x86_64.whl")
    wanted = list(wanted_of_lock(lock, "linux-64"))

    admitted = hashes_of_lock(lock)
    assert compared([wheel_there("torch", sha256=other)], wanted, admitted=admitted) == []
    (found,) = compared([wheel_there("torch", sha256="0" * 64)], wanted, admitted=admitted)
    assert found[1] == "sha256"


def test_two_versions_of_one_package_may_each_be_there():
    rows = [locked("a", "1.0"), locked("a", "2.0")]

    assert compared([conda_there("a", "2.0")], rows) == []


def test_packages_of_a_group_that_not_everybody_installs_may_be_missing():
    lock = reading(conda("a", environments=["main"]), conda("b", environments=["dev"]), conda("c"))
    wanted = list(wanted_of_lock(lock, "linux-64"))

    found = compared([conda_there("z")], wanted, optional=optional_of_lock(lock))

    assert found == [
        ("a", "missing", "a 1.0", ""),
        ("c", "missing", "c 1.0", ""),
        ("z", "extra", "", "z 1.0"),
    ]


def test_the_conda_half_is_not_missed_where_python_is_from_elsewhere():
    assert compared([wheel_there("a")], [locked("python"), pip_locked("a")]) == []
