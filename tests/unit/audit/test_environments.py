"""What is installed together, and a reading as a lock."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.audit.as_lock import as_lock
from envlock.audit.environments import environments, gathered, told_places
from envlock.audit.wording import listed
from envlock.model.reading import FileKind, FoundPlatform, OriginKind, Reading
from readings import INDEX, conda, origin, reading, wheel


def rows(found: Reading) -> list[tuple[str, str, str]]:
    return [(item.name, item.version, item.platform) for item in as_lock(found).packages]


def places(found: Reading) -> dict[str, list[str]]:
    return {place.told: [item.told for item in place.placed] for place in environments(found)}


def wheel_of(name: str, *tags: str):
    return [origin(f"{INDEX}/{name}-1.0-{tag}.whl", OriginKind.WHEEL) for tag in tags]


def test_names_of_distributions_are_normalised():
    found = reading(wheel("Nvidia_cuDNN.cu12", "9.1"), conda("libcublas", "12.4"))

    assert rows(found) == [
        ("nvidia-cudnn-cu12", "9.1", "linux-64"),
        ("libcublas", "12.4", "linux-64"),
    ]


def test_a_file_without_platforms_is_judged_for_linux():
    assert rows(reading(wheel("a", platforms=()), platforms=())) == [("a", "1.0", "linux-64")]


def test_a_file_is_for_the_folders_that_its_packages_come_from():
    found = reading(
        conda("a", subdir="win-64", platforms=()),
        conda("b", subdir="noarch", platforms=()),
        platforms=(),
        kind=FileKind.EXPLICIT,
    )

    assert rows(found) == [("a", "1.0", "win-64"), ("b", "1.0", "win-64")]


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("sys_platform == 'linux'", ["linux-64"]),
        ("platform_machine == 'AMD64' and os_name == 'nt'", ["win-64"]),
        ("python_version < '3.11'", ["linux-64", "win-64"]),
        ("python_version < '3'", []),
        ("extra == 'gpu' or sys_platform == 'win32'", ["win-64"]),
        ("no marker at all", ["linux-64", "win-64"]),
    ],
)
def test_a_marker_says_where_a_package_is_installed(marker, expected):
    found = reading(wheel("a", platforms=(), marker=marker), platforms=["linux-64", "win-64"])

    assert [platform for _, _, platform in rows(found)] == expected


def test_wheels_say_where_a_package_is_installed():
    linux = wheel_of("a", "cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_universal2")
    found = reading(
        wheel("a", platforms=(), origins=linux),
        wheel("b", platforms=(), origins=wheel_of("b", "cp312-cp312-win_amd64", "py3-none-any")),
        platforms=["linux-64", "osx-arm64", "win-64"],
    )

    assert [(item.name, item.platform, item.url[-12:]) for item in as_lock(found).packages] == [
        ("a", "linux-64", "7_x86_64.whl"),
        ("a", "osx-arm64", "iversal2.whl"),
        ("b", "linux-64", "none-any.whl"),
        ("b", "osx-arm64", "none-any.whl"),
        ("b", "win-64", "in_amd64.whl"),
    ]


def test_an_sdist_installs_everywhere():
    files = [
        *wheel_of("a", "cp312-cp312-win_amd64"),
        origin(f"{INDEX}/a-1.0.tar.gz", OriginKind.SDIST),
    ]
    found = reading(wheel("a", platforms=(), origins=files))

    assert [item.url for item in as_lock(found).packages] == [files[0].address]


def test_environments_of_pixi_are_apart_and_groups_of_others_together():
    packages = [
        conda("a", environments=["default", "gpu"]),
        conda("b", environments=["gpu"], platforms=["linux-64", "win-64"]),
    ]

    assert places(reading(*packages, kind=FileKind.PIXI, platforms=["linux-64", "win-64"])) == {
        "linux-64": ["a 1.0"],
        "linux-64 (gpu)": ["a 1.0", "b 1.0"],
        "win-64 (gpu)": ["b 1.0"],
    }
    assert places(reading(*packages, platforms=["linux-64", "win-64"])) == {
        "linux-64": ["a 1.0", "b 1.0"],
        "win-64": ["b 1.0"],
    }


def test_a_row_may_say_exactly_where_it_is_installed():
    package = replace(
        conda("a", environments=["x", "y"], platforms=["linux-64", "win-64"]),
        places=(("x", "linux-64"), ("y", "win-64")),
    )
    found = reading(package, kind=FileKind.PIXI, platforms=["linux-64", "win-64"])

    assert places(found) == {"linux-64 (x)": ["a 1.0"], "win-64 (y)": ["a 1.0"]}


def test_a_platform_with_a_name_of_its_own_keeps_it():
    found = Reading(
        file="pixi.lock",
        kind=FileKind.PIXI,
        platforms=(FoundPlatform(name="cluster", subdir="linux-64"),),
        packages=(conda("a", platforms=["cluster"], environments=["default"]),),
    )

    (place,) = environments(found)
    assert (place.told, place.subdir, place.platform) == ("cluster", "linux-64", "linux-64")
    assert place.lock.packages == as_lock(found).packages


def test_a_platform_that_envlock_does_not_know_is_none():
    (place,) = environments(reading(conda("a", platforms=["linux-ppc64le"])))

    assert (place.told, place.platform) == ("linux-ppc64le", None)


def test_what_is_found_in_several_places_is_told_once():
    found = reading(
        conda("a", environments=["x", "y"]), conda("b", environments=["y"]), kind=FileKind.PIXI
    )
    names = gathered(environments(found), lambda place: [item.row.name for item in place.placed])

    assert {name: told_places(where) for name, where in names.items()} == {
        "a": "on linux-64 (x) and linux-64 (y)",
        "b": "on linux-64 (y)",
    }


def test_of_many_things_the_first_are_listed():
    assert listed("abcde") == "a, b, c, d and e"
    assert listed("abcdef") == "a, b, c, d and 2 more"
    assert listed("aab", 1) == "a and b"
    assert listed([]) == ""
