"""One CUDA line for wheels, and ranges between the two worlds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from rattler import Version as CondaVersion
from rattler import VersionSpec

from envlock.model.stack import Gpu, Where
from envlock.model.version import CudaLine
from envlock.solve.pypi_family import conda_to_specifiers, family_requirements, pypi_to_conda


def gpu(line: str, cudnn: str | None = None, newer: tuple[str, ...] = ()) -> Gpu:
    keys = ("cuda", "cudnn", "newer-components")
    return Gpu(
        cuda=CudaLine.parse(line),
        cudnn=cudnn,
        newer_components=newer,
        where={key: Where(file="a.toml", key=f"gpu.{key}", line=1) for key in keys},
    )


def requirements(of: Gpu) -> dict[str, str]:
    return {ask.name: ask.requirement.removeprefix(ask.name) for ask in family_requirements(of)}


def test_the_whole_family_is_held_to_the_line():
    found = requirements(gpu("12.1"))

    assert found["nvidia-nvjitlink-cu12"] == ">=12.1,<12.2"
    assert found["nvidia-cufft-cu12"] == ">=11.0.2.4,<11.0.8.15"
    assert found["cuda-toolkit"] == ">=12.1,<12.2"
    assert "nvidia-nccl-cu12" not in found


def test_other_majors_are_shut_out():
    of_12, of_13 = requirements(gpu("12.1")), requirements(gpu("13.0"))

    assert of_12["nvidia-cublas-cu11"] == of_12["nvidia-cublas"] == "<0"
    assert of_12["nvidia-cudnn-cu13"] == of_12["jax-cuda13-plugin"] == "<0"
    assert of_13["nvidia-cublas-cu12"] == of_13["jax-cuda12-pjrt"] == "<0"
    assert of_13["nvidia-cublas"].startswith(">=13.0")


def test_cudnn_is_held_where_the_stack_says_so():
    assert "nvidia-cudnn-cu12" not in requirements(gpu("12.1"))
    assert requirements(gpu("12.1", ">=8.9,<9"))["nvidia-cudnn-cu12"] == ">=8.9,<9"


def test_a_component_that_may_be_newer_is_only_held_from_below():
    found = requirements(gpu("12.1", newer=("libcurand",)))

    assert found["nvidia-curand-cu12"] == ">=10.3.2.56"
    assert "cuda-toolkit" not in found


@pytest.mark.parametrize(
    ("conda", "pypi"),
    [
        ("*", ""),
        (">=8.9,<10", ">=8.9,<10"),
        ("9.*", "==9.*"),
        ("=9.1", "==9.1.*"),
        ("9.1.0", "==9.1.0"),
        (">=9.*", ">=9"),
        ("!=9.2.*", "!=9.2.*"),
        ("~=9.1", "~=9.1"),
    ],
)
def test_a_conda_range_becomes_specifiers(conda: str, pypi: str):
    assert conda_to_specifiers(conda) == pypi


@pytest.mark.parametrize("conda", ["8.*|9.*", "8.9.a.b", "<2021_01"])
def test_what_specifiers_cannot_say_is_an_error(conda: str):
    with pytest.raises(ValueError, match="no counterpart"):
        conda_to_specifiers(conda)


@pytest.mark.parametrize(
    ("pypi", "conda"),
    [
        (">=1.23.5,<2.0", "<2.0,>=1.23.5"),
        ("==1.26.*", "1.26.*"),
        ("==1.26.4", "==1.26.4"),
        ("!=2.1.*", "!=2.1.*"),
        ("~=2.1", "~=2.1"),
        ("", "*"),
        ("===1.0", None),
        ("==1.0+cu121", None),
        ("nonsense", None),
    ],
)
def test_specifiers_become_a_conda_range(pypi: str, conda: str | None):
    assert pypi_to_conda(pypi) == conda


NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=3).map(
    lambda parts: ".".join(map(str, parts))
)
CLAUSES = st.one_of(
    st.tuples(st.sampled_from([">=", "<", "<=", ">", "!=", "=="]), NUMBERS).map("".join),
    st.tuples(st.sampled_from(["==", "!="]), NUMBERS, st.just(".*")).map("".join),
    st.tuples(st.just("~="), NUMBERS, st.just("."), NUMBERS).map("".join),
)


@given(st.lists(CLAUSES, min_size=1, max_size=3), NUMBERS)
def test_both_worlds_agree_on_every_version(clauses: list[str], version: str):
    specifiers = ",".join(clauses)
    conda = pypi_to_conda(specifiers)

    assert conda is not None
    assert VersionSpec(conda).matches(CondaVersion(version)) == SpecifierSet(specifiers).contains(
        version
    )
