"""EL401: packages for a newer glibc."""

from __future__ import annotations

import pytest

from envlock.audit.rules.glibc_floor import RULE
from envlock.model.finding import AuditPolicy
from envlock.model.reading import FoundPackage, OriginKind
from envlock.model.sight import Sight
from readings import INDEX, case, conda, origin, reading, seen, told, wheel


def of(*rows: FoundPackage, glibc: str = "2.17", platforms=("linux-64",)):
    found = reading(*rows, platforms=platforms)
    return case(found, policy=AuditPolicy(glibc=glibc), sights=seen(Sight.GLIBC))


def wheels(*tags: str):
    return [origin(f"{INDEX}/a-1.0-{tag}.whl", OriginKind.WHEEL) for tag in tags]


def test_wheels_and_conda_packages_say_which_glibc_they_need():
    found = of(
        wheel("a", tags="cp312-cp312-manylinux_2_28_x86_64", line=3),
        wheel("b", tags="cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        conda("c", needs=["__glibc >=2.34,<3.0.a0", "python"], line=9),
    )

    assert told(RULE, found) == [
        "error at 9 (glibc): glibc 2.34 is needed on linux-64, the fleet has 2.17: c 1.0 (2.34) "
        "and "
        "a 1.0 (2.28)."
    ]


def test_what_can_be_built_from_source_is_a_warning():
    source = origin(f"{INDEX}/a-1.0.tar.gz", OriginKind.SDIST)
    found = of(wheel("a", origins=[*wheels("cp312-cp312-manylinux_2_28_x86_64"), source]))

    assert told(RULE, found) == [
        "warning (glibc): glibc 2.28 is needed on linux-64, the fleet has 2.17: a 1.0 (2.28); each "
        "could be built from source instead."
    ]


@pytest.mark.parametrize(
    "row",
    [
        conda("a", needs=["__glibc >=2.17,<3.0.a0"]),
        wheel("a", tags="cp312-cp312-manylinux2014_x86_64"),
        wheel("a", tags="cp312-cp312-linux_x86_64"),
        wheel("a", origins=wheels("cp312-cp312-manylinux_2_34_x86_64", "py3-none-any")),
        wheel("a", origins=wheels("py3-none-manylinux_2_34_x86_64", "py3-none-manylinux1_x86_64")),
        wheel("a", origins=wheels("py3-none-musllinux_1_2_x86_64")),
    ],
)
def test_what_an_old_system_can_take_is_left_alone(row):
    assert told(RULE, of(row)) == []


def test_the_wheel_for_the_python_of_the_environment_counts():
    both = wheel(
        "a",
        origins=wheels("cp39-cp39-manylinux2014_x86_64", "cp312-cp312-manylinux_2_28_x86_64"),
    )
    stable = wheel("b", origins=wheels("cp38-abi3-manylinux2014_x86_64"))

    assert told(RULE, of(both)) == []
    assert told(RULE, of(both, stable, conda("python", "3.12.4"))) == [
        "error (glibc): glibc 2.28 is needed on linux-64, the fleet has 2.17: a 1.0 (2.28)."
    ]


def test_only_linux_has_a_glibc():
    mac = conda("a", platforms=["osx-arm64"], needs=["__glibc >=2.34"])

    assert told(RULE, of(mac, platforms=["osx-arm64"])) == []


def test_without_a_version_of_the_fleet_nothing_is_found():
    assert told(RULE, of(conda("c", needs=["__glibc >=2.34"]), glibc="old")) == []
    assert told(RULE, reading(conda("c", needs=["__glibc >=2.34"]))) == []
