"""Whatever a reader found, a draft is a stack, or the user is told what to add."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from envlock.formats.stack_toml import read_stack
from envlock.model.draft import Keep
from envlock.model.reading import (
    Command,
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    Oddity,
    OddityKind,
    Origin,
    OriginKind,
    Reading,
)
from envlock.solve.drafting.narrow import narrow
from envlock.solve.drafting.stack import Asked
from envlock.workflows.importing import draft_reading

TEXTS = st.text(max_size=12) | st.text(st.characters(categories=["Cc", "Zs", "Po"]), max_size=6)
KNOWN_NAMES = """
python torch pytorch tensorflow-gpu jax numpy Numpy cuda-version pytorch-cuda cudnn sklearn
nvidia-cublas-cu12 tensorflow/tensorflow
"""
NAMES = TEXTS | st.sampled_from(KNOWN_NAMES.split())
VERSIONS = TEXTS | st.sampled_from(["2.4.1", "12.1", "1!2.0", "2.1.0+cu118", "9e", "1.0rc1", "84"])
PLATFORMS = TEXTS | st.sampled_from(["linux-64", "win-64", "osx-arm64", "linux-ppc64le", "noarch"])
KNOWN_ADDRESSES = """
conda-forge defaults https://u:p@conda.example/t/tok/x/linux-64/a-1-0.conda file:///a/b.whl
https://wheels.example/whl/cu121 https://own.example/simple
"""
ADDRESSES = TEXTS | st.sampled_from(KNOWN_ADDRESSES.split())
WANTED = TEXTS | st.builds(
    "{}{}{}".format, NAMES, st.sampled_from(["==", ">=", "=", " "]), VERSIONS
)


def some(values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=most).map(tuple)


ORIGINS = st.builds(Origin, address=ADDRESSES, kind=st.sampled_from(OriginKind))
PACKAGES = st.builds(
    FoundPackage,
    name=NAMES,
    ecosystem=st.sampled_from(Ecosystem),
    version=st.none() | VERSIONS,
    wanted=WANTED,
    build=TEXTS,
    subdir=PLATFORMS,
    platforms=some(PLATFORMS),
    environments=some(st.sampled_from(["main", "dev"]) | TEXTS, 2),
    origins=some(ORIGINS, 2),
    dependencies=some(WANTED),
    marker=TEXTS | st.just("sys_platform == 'linux'"),
    index=ADDRESSES,
    is_editable=st.booleans(),
    is_project=st.booleans(),
    line=st.integers(0, 9),
)
READINGS = st.builds(
    Reading,
    file=st.sampled_from(["Dockerfile", "a b/c.lock"]) | TEXTS.filter(bool),
    kind=st.sampled_from(FileKind),
    packages=some(PACKAGES, 6),
    platforms=some(st.builds(FoundPlatform, name=PLATFORMS, subdir=PLATFORMS)),
    places=some(
        st.builds(NamedPlace, address=ADDRESSES, kind=st.sampled_from(["channel", "index"]))
    ),
    python=TEXTS | st.sampled_from([">=3.10,<3.13", "^3.10", "3.11"]),
    facts=st.just({}) | st.dictionaries(st.just("envlock/inputs"), TEXTS),
    commands=some(st.builds(Command, instruction=st.just("RUN"), text=TEXTS)),
    oddities=some(st.builds(Oddity, kind=st.sampled_from(OddityKind), said=TEXTS)),
)


@given(READINGS, st.none() | st.sampled_from(Keep), st.none() | TEXTS)
def test_any_reading_becomes_a_stack(reading: Reading, keep: Keep | None, name: str | None):
    imported = draft_reading(reading, Asked(name=name, keep=keep))

    stack = read_stack(imported.text.encode("utf-8", "replace"), "x.toml")

    paths = [item.path for item in imported.draft.decisions]
    assert len(paths) == len(set(paths))
    assert stack.python.version
    assert "u:p@" not in imported.text


@given(READINGS)
def test_nothing_goes_in_silence(reading: Reading):
    """A package of a wish list is in the stack, or what is left out names it."""
    wishes = replace(reading, kind=FileKind.REQUIREMENTS, facts={})

    imported = draft_reading(wishes, Asked(name="x"))

    told = {item.line for item in imported.draft.left_out if item.what.startswith("apt package")}
    kept = narrow(wishes).reading.packages
    assert told == {item.line for item in kept if item.ecosystem is Ecosystem.APT}
