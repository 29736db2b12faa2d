"""One CUDA line for wheels, and ranges between the two worlds."""

from __future__ import annotations

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
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
    assert found["nvidia-nvjpeg-cu12"] == ">=12.1.0.39,<12.2.1.2,!=12.1.1.14.*"
    assert found["cuda-toolkit"] == ">=12.1,<12.2"


def test_what_has_numbers_of_its_own_is_left_free():
    found = requirements(gpu("12.1"))

    assert not {"nvidia-nccl-cu12", "nvidia-nvshmem-cu12", "triton", "nvidia-ml-py"} & set(found)


def test_each_distribution_is_named_once_and_each_requirement_can_be_read():
    for line in ("11.8", "12.1", "12.7", "12.9", "13.0", "13.5", "14.0"):
        asks = family_requirements(gpu(line, "8.9.*|9.*", ("libcufft",)))

        assert len({ask.name for ask in asks}) == len(asks)
        assert [Requirement(ask.requirement).name for ask in asks] == [ask.name for ask in asks]


def test_other_majors_are_shut_out():
    of_12, of_13 = requirements(gpu("12.1")), requirements(gpu("13.0"))

    assert of_12["nvidia-cublas-cu11"] == of_12["nvidia-cublas"] == "<0"
    assert of_12["nvidia-cudnn-cu13"] == of_12["jax-cuda13-plugin"] == "<0"
    assert of_12["nvidia-cuda-tileiras"] == "<0"
    assert of_13["nvidia-cublas-cu12"] == of_13["jax-cuda12-pjrt"] == "<0"
    assert of_13["nvidia-cublas"] == ">=13.0.0.19,<13.2.0.9"


def test_an_ask_says_whose_wish_it_is():
    asks = {ask.name: ask for ask in family_requirements(gpu("12.1", ">=8.9,<9", ("libcufft",)))}

    told = {
        name: (asks[name].wish, asks[name].where.key)
        for name in (
            "nvidia-nvjitlink-cu12",
            "nvidia-cufft-cu12",
            "nvidia-cudnn-cu12",
            "nvidia-cublas-cu11",
        )
    }
    assert told == {
        "nvidia-nvjitlink-cu12": ("nvidia-nvjitlink-cu12 of CUDA 12.1", "gpu.cuda"),
        "nvidia-cufft-cu12": ("nvidia-cufft-cu12 of CUDA 12.1 or a newer 12.x", "gpu.cuda"),
        "nvidia-cudnn-cu12": ("cudnn >=8.9,<9", "gpu.cudnn"),
        "nvidia-cublas-cu11": (
            "CUDA 12.1: no nvidia-cublas-cu11, which is for CUDA 11",
            "gpu.cuda",
        ),
    }


@pytest.mark.parametrize(
    ("cudnn", "held"),
    [
        (">=8.9,<10", ">=8.9,<10"),
        ("9.*", "==9.*"),
        ("8.*|9.*", ">=8,<10"),
        ("8.9.*|9.*", ">=8.9,<10"),
        ("8.9.*|>=9.5", ">=8.9"),
        ("*", None),
        ("9.1.0|9.3.0", None),
        ("9_1", None),
    ],
)
def test_cudnn_is_held_as_far_as_specifiers_can_say_it(cudnn: str, held: str | None):
    assert requirements(gpu("12.1", cudnn)).get("nvidia-cudnn-cu12") == held
    assert "nvidia-cudnn-cu12" not in requirements(gpu("12.1"))


def test_a_component_that_may_be_newer_stays_within_the_major():
    found = requirements(gpu("12.1", newer=("libcurand", "cuda-nvcc")))

    assert found["nvidia-curand-cu12"] == ">=10.3.2.56,<10.4.0.35"
    assert found["nvidia-cuda-nvcc-cu12"] == ">=12.1,<13"
    assert found["cuda-toolkit"] == ">=12.1,<13"
    assert found["nvidia-cublas-cu12"] == ">=12.1.0.26,<12.2.1.16"


PINNED_BY_FRAMEWORKS = [  # from the METADATA of the wheels
    ("12.1", "torch 2.4.1", "nvidia-cusparse-cu12", "12.1.0.106"),
    ("12.1", "torch 2.4.1", "nvidia-cusolver-cu12", "11.4.5.107"),
    ("12.8", "torch 2.8.0", "nvidia-cufile-cu12", "1.13.1.3"),
    ("12.8", "torch 2.8.0", "nvidia-cuda-nvrtc-cu12", "12.8.93"),
    ("13.2", "torch 2.15.0", "cuda-toolkit", "13.2.2"),
    ("11.8", "tensorflow 2.14.0", "nvidia-cuda-nvcc-cu11", "11.8.89"),
    ("12.5", "tensorflow 2.19.0", "nvidia-cublas-cu12", "12.5.3.2"),
]


@pytest.mark.parametrize(("line", "by", "name", "version"), PINNED_BY_FRAMEWORKS)
def test_what_a_framework_pins_is_within_its_own_line(line: str, by: str, name: str, version: str):
    assert SpecifierSet(requirements(gpu(line))[name]).contains(version)


def test_torch_2_0_pins_a_cufft_of_the_next_line():
    line = requirements(gpu("11.7"))["nvidia-cufft-cu11"]
    or_newer = requirements(gpu("11.7", newer=("libcufft",)))["nvidia-cufft-cu11"]

    assert not SpecifierSet(line).contains("10.9.0.58")
    assert SpecifierSet(or_newer).contains("10.9.0.58")


@pytest.mark.parametrize(
    ("conda", "pypi"),
    [
        ("*", ""),
        (">=8.9,<10", ">=8.9,<10"),
        (">= 8.9, < 10", ">=8.9,<10"),
        ("9.*", "==9.*"),
        ("9*", "==9.*"),
        ("=9.1", "==9.1.*"),
        ("=9.1.*", "==9.1.*"),
        ("9.1.0", "==9.1.0"),
        ("==9.1.0", "==9.1.0"),
        (">=9.*", ">=9"),
        ("!=9.2.*", "!=9.2.*"),
        ("~=9.1", "~=9.1"),
        ("(>=8,<9)", ">=8,<9"),
        ("1!2.0", "==1!2.0"),
        ("8.*|9.*", ">=8,<10"),
        ("9.*|8.*", ">=8,<10"),
        ("<9|9.*", "<10"),
        ("9.*|>=9.5", ">=9"),
        ("8.9.*|8.10.*|~=8.11", ">=8.9,<9"),
        ("(>=8,<9)|=9", ">=8,<10"),
    ],
)
def test_a_conda_range_becomes_specifiers(conda: str, pypi: str):
    assert conda_to_specifiers(conda) == pypi


@pytest.mark.parametrize(
    "conda",
    [
        "8.9.*|9.*",
        "8.9|9.1",
        "9.1,",
        "",
        "8.9.a.b",
        "<2021_01",
        "==9.*",
        "~=9.1.*",
        "~=9",
        "^9",
        "(8|9),<10",
        "8.*|!=9.1",
        ">=9,<8|>=9,<7",
        "1!8.*|9.*",
    ],
)
def test_what_specifiers_cannot_say_is_an_error(conda: str):
    with pytest.raises(ValueError, match="no counterpart"):
        conda_to_specifiers(conda)


@pytest.mark.parametrize(
    ("pypi", "conda"),
    [
        (">=1.23.5,<2.0", "<2.0,>=1.23.5"),
        (">=1.19.5,>1.20,<2.7,>=1.26.4,<2.0", "<2.0,>=1.26.4"),
        (">=2,>2,<=3,<3", "<3,>2"),
        ("<2.0,>=1.23.5,!=1.25", "!=1.25,<2.0,>=1.23.5"),
        ("==1.26.*", "1.26.*"),
        ("==1.26.4", "==1.26.4"),
        ("!=2.1.*", "!=2.1.*"),
        ("~=2.1", "<3,>=2.1"),
        ("~=2.1.3", "<2.2,>=2.1.3"),
        ("~=1!2.1", "<1!3,>=1!2.1"),
        (">=2.0.0.dev0", ">=2.0.0"),
        (">2.0.dev0,<3.0.dev1", "<3.0,>=2.0"),
        (">=2.0rc1", ">=2.0rc1"),
        ("", "*"),
        ("===1.0", None),
        ("==1.0+cu121", None),
        ("==1.0.dev1", None),
        ("nonsense", None),
    ],
)
def test_specifiers_become_a_conda_range(pypi: str, conda: str | None):
    assert pypi_to_conda(pypi) == conda


NUMBERS = st.lists(st.integers(0, 12), min_size=1, max_size=3).map(
    lambda parts: ".".join(map(str, parts))
)
PYPI_CLAUSES = st.one_of(
    st.tuples(st.sampled_from([">=", "<", "<=", ">", "!=", "=="]), NUMBERS).map("".join),
    st.tuples(st.sampled_from(["==", "!="]), NUMBERS, st.just(".*")).map("".join),
    st.tuples(st.just("~="), NUMBERS, st.just("."), NUMBERS).map("".join),
    st.tuples(st.sampled_from([">=", "<", ">", "<="]), NUMBERS, st.just(".dev0")).map("".join),
    st.tuples(st.sampled_from([">=", "<"]), NUMBERS, st.sampled_from(["a1", "rc2"])).map("".join),
)
CONDA_CLAUSES = st.one_of(
    st.tuples(st.sampled_from([">=", "<", "<=", ">", "!=", "==", "=", ""]), NUMBERS).map("".join),
    st.tuples(st.sampled_from(["=", "", "!=", ">=", "<"]), NUMBERS, st.just(".*")).map("".join),
    st.tuples(st.just("~="), NUMBERS, st.just("."), NUMBERS).map("".join),
)
CONDA_RANGES = st.lists(
    st.lists(CONDA_CLAUSES, min_size=1, max_size=2).map(",".join), min_size=1, max_size=3
).map("|".join)


@settings(max_examples=400)
@given(st.lists(PYPI_CLAUSES, min_size=1, max_size=3), NUMBERS)
def test_conda_admits_the_releases_that_the_specifiers_admit(clauses: list[str], version: str):
    specifiers = ",".join(clauses)
    conda = pypi_to_conda(specifiers)

    assert conda is not None
    assert VersionSpec(conda).matches(CondaVersion(version)) == SpecifierSet(specifiers).contains(
        version
    )


@settings(max_examples=400)
@given(CONDA_RANGES, NUMBERS)
def test_specifiers_admit_the_releases_that_the_conda_range_admits(conda: str, version: str):
    try:
        specifiers = conda_to_specifiers(conda)
    except ValueError:
        reject()

    assert SpecifierSet(specifiers).contains(version) == VersionSpec(conda).matches(
        CondaVersion(version)
    )


@given(CONDA_RANGES, NUMBERS)
def test_a_held_cudnn_never_loses_what_the_stack_admits(conda: str, version: str):
    held = requirements(gpu("12.1", conda)).get("nvidia-cudnn-cu12", "")

    if VersionSpec(conda).matches(CondaVersion(version)):
        assert SpecifierSet(held).contains(version)


@given(st.text(alphabet="0123456789.*=<>!~|,() abrc_+-", max_size=16))
def test_any_text_is_translated_or_refused(text: str):
    pypi_to_conda(text)
    family_requirements(gpu("12.1", text))
