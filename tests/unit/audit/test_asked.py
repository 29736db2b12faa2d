"""Which packages an index can be asked about."""

from __future__ import annotations

import pytest

from envlock.audit.asked import asked_of
from envlock.model.reading import FileKind
from envlock.ports.index_status import AskedPackage
from readings import conda, folder, git, place, reading, wheel, wish


def test_conda_packages_and_distributions_are_asked_about_once():
    found = reading(
        conda("numpy", "2.0"),
        wheel("Torch_Vision", "1.0", index="https://wheels.example/simple"),
        wheel("Torch_Vision", "1.0", index="https://wheels.example/simple", platforms=["win-64"]),
    )

    assert asked_of(found) == (
        AskedPackage(
            package="numpy",
            version="2.0",
            files=("https://conda.example/conda-forge/linux-64/numpy-2.0-0.conda",),
        ),
        AskedPackage(
            package="Torch_Vision",
            version="1.0",
            project="torch-vision",
            index="https://wheels.example/simple",
            files=("https://wheels.example/packages/Torch_Vision-1.0-py3-none-any.whl",),
        ),
    )


@pytest.mark.parametrize(
    "row",
    [
        git("a", version="1.0"),
        folder("a"),
        wheel("a", url="file:///srv/a-1.0-py3-none-any.whl"),
        wheel("a", url="https://${TOKEN}@wheels.example/a-1.0-py3-none-any.whl"),
        conda("a", url="s3://bucket/a-1.0-0.conda"),
        wish("a>=1"),
    ],
)
def test_what_no_public_server_knows_is_left_out(row):
    assert asked_of(reading(row)) == ()


def test_a_version_alone_can_be_asked_about_where_there_is_one_index():
    wanted = wish("flask==2.0")
    asked = AskedPackage(package="flask", version="2.0", project="flask")

    assert asked_of(reading(wanted, kind=FileKind.REQUIREMENTS)) == (asked,)
    other = place("https://wheels.example/simple", "extra-index")
    assert asked_of(reading(wanted, other, kind=FileKind.REQUIREMENTS)) == ()
