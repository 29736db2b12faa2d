"""What a distribution needs on a platform that is not this machine's."""

from __future__ import annotations

import pytest

from envlock.formats.core_metadata import marker_environment, needed_by, requires_dist
from envlock.formats.distribution_name import version_in
from envlock.model.platform import Platform


def metadata(*requires: str) -> bytes:
    lines = ["Metadata-Version: 2.1", "Name: x", "Version: 1"]
    return "\n".join([*lines, *(f"Requires-Dist: {item}" for item in requires), "", ""]).encode()


@pytest.mark.parametrize(
    ("platform", "marker"),
    [
        (Platform.LINUX_64, "sys_platform == 'linux' and platform_machine == 'x86_64'"),
        (Platform.LINUX_AARCH64, "platform_machine == 'aarch64' and os_name == 'posix'"),
        (Platform.OSX_64, "sys_platform == 'darwin' and platform_machine == 'x86_64'"),
        (Platform.OSX_ARM64, "platform_system == 'Darwin' and platform_machine == 'arm64'"),
        (Platform.WIN_64, "os_name == 'nt' and platform_machine == 'AMD64'"),
    ],
)
def test_markers_are_judged_for_the_platform_asked_about(platform: Platform, marker: str):
    content = metadata(f"only-there ; {marker}")

    for other in Platform:
        found = needed_by(["x"], {"x": content}, marker_environment(other, "3.11.9"))
        assert found["x"] == ((("only-there", "*"),) if other is platform else ())


def test_a_python_marker_is_judged_for_the_locked_interpreter():
    content = metadata("old ; python_version < '3.11'", "new ; python_full_version >= '3.11.4'")

    found = needed_by(["x"], {"x": content}, marker_environment(Platform.LINUX_64, "3.11.9"))

    assert found == {"x": (("new", "*"),)}


def test_extras_travel_along_the_requirements():
    packages = {
        "a": metadata("b[fast]"),
        "b": metadata("c ; extra == 'fast'", "d ; extra == 'slow'", "a"),
        "c": metadata(),
    }

    found = needed_by(["A"], packages, marker_environment(Platform.LINUX_64, "3.11.9"))

    assert found == {"a": (("b", "*"),), "b": (("a", "*"), ("c", "*")), "c": ()}


def test_several_requirements_on_one_name_become_one_in_one_order():
    content = metadata("N.u_m<3", "n-u-m>=1 ; python_version >= '3'", "n.u.m!=2.5")

    found = needed_by(["x"], {"x": content}, marker_environment(Platform.LINUX_64, "3.11.9"))

    assert found == {"x": (("n-u-m", "!=2.5,<3,>=1"),)}


def test_what_is_not_a_requirement_is_passed_over():
    assert [item.name for item in requires_dist(metadata("good", "not a requirement!", "b>"))] == [
        "good"
    ]


@pytest.mark.parametrize(
    ("file_name", "version"),
    [
        ("torch-2.4.1-cp311-cp311-manylinux1_x86_64.whl", "2.4.1"),
        ("torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", "2.13.0+cpu"),
        ("a_b-1.0.post1-2-py3-none-any.whl", "1.0.post1"),
        ("tool-1.0.tar.gz", "1.0"),
        ("tool-1.0.zip", "1.0"),
        ("tool-1.0.tar.bz2", "1.0"),
        ("tool-1.0.egg", None),
        ("tool.whl", None),
        ("tool-not_a_version-py3-none-any.whl", None),
    ],
)
def test_the_version_stands_in_the_file_name(file_name: str, version: str | None):
    assert version_in(file_name) == version
