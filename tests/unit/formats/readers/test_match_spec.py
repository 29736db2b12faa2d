"""Match specs of conda: what is one version, and what is left open."""

from __future__ import annotations

import pytest

from envlock.formats.readers.match_spec import read_match_spec
from envlock.formats.readers.notes import Notes
from envlock.model.reading import Ecosystem, FoundPackage, Origin, OriginKind


@pytest.mark.parametrize(
    ("text", "name", "version", "build"),
    [
        ("numpy", "numpy", None, ""),
        ("numpy=1.26", "numpy", None, ""),
        ("numpy=1.26.4=py311h64a7726_0", "numpy", "1.26.4", "py311h64a7726_0"),
        ("numpy==1.26.4", "numpy", "1.26.4", ""),
        ("numpy ==1.26.4", "numpy", "1.26.4", ""),
        ("numpy 1.26.4", "numpy", "1.26.4", ""),
        ("numpy 1.26.4 py311_0", "numpy", "1.26.4", "py311_0"),
        ("numpy 1.26.*", "numpy", None, ""),
        ("numpy==1.26.*", "numpy", None, ""),
        ("numpy>=1.26,<2", "numpy", None, ""),
        ("numpy ~=1.26", "numpy", None, ""),
        ("numpy=*=*_cuda", "numpy", None, "*_cuda"),
        ("x264 1!164.3095", "x264", "1!164.3095", ""),
        ("numpy[version='==1.2',build=py_0]", "numpy", "1.2", "py_0"),
        ("numpy[version='>=1.2']", "numpy", None, ""),
        ("numpy>=1[build=*_cuda]", "numpy", None, "*_cuda"),
    ],
)
def test_a_version_stands_only_where_one_is_named(
    text: str, name: str, version: str | None, build: str
):
    notes = Notes()

    assert read_match_spec(text, notes, 7) == FoundPackage(
        name=name, ecosystem=Ecosystem.CONDA, version=version, build=build, wanted=text, line=7
    )
    assert notes.oddities == ()


@pytest.mark.parametrize(
    ("text", "index", "subdir"),
    [
        ("conda-forge::numpy", "conda-forge", ""),
        ("conda-forge/linux-64::numpy=1", "conda-forge", "linux-64"),
        ("https://conda.example/label/dev::numpy", "https://conda.example/label/dev", ""),
        ("numpy[channel=conda-forge, subdir=noarch]", "conda-forge", "noarch"),
    ],
)
def test_a_channel_and_a_folder_are_told(text: str, index: str, subdir: str):
    package = read_match_spec(text, Notes(), 0)

    assert package is not None
    assert (package.name, package.index, package.subdir) == ("numpy", index, subdir)


def test_an_address_is_a_package_with_an_origin():
    text = "https://conda.example/main/linux-64/x264-1%21164.3095-h1_2.tar.bz2#md5=0123"

    assert read_match_spec(text, Notes(), 3) == FoundPackage(
        name="x264",
        ecosystem=Ecosystem.CONDA,
        version="1!164.3095",
        wanted=text,
        build="h1_2",
        subdir="linux-64",
        origins=(Origin(address=text, kind=OriginKind.CONDA, hashes={"md5": "0123"}, line=3),),
        line=3,
    )


@pytest.mark.parametrize("text", ["", "  ", ">=1", "numpy[version=1", "a(b)", "ä", "x" * 3000])
def test_what_is_no_spec_is_told(text: str):
    notes = Notes()

    assert read_match_spec(text, notes, 2) is None
    (oddity,) = notes.oddities
    assert oddity.said.endswith(" is no match spec of conda")
    assert oddity.line == 2
