"""NVIDIA's wheels as toolkit components."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from envlock.compat.components import components, spec_for
from envlock.compat.evidence import read_table
from envlock.compat.nvidia_wheels import (
    MAJORS,
    WheelKind,
    distributions,
    specifiers_for,
    wheel_component,
    wheel_line,
)
from envlock.model.version import CudaLine, parse_dotted

LINES = (
    *(CudaLine(11, minor) for minor in (7, 8)),
    *(CudaLine(12, minor) for minor in (0, 1, 2, 3, 4, 5, 6, 8, 9)),
    *(CudaLine(13, minor) for minor in range(6)),
)
TOOLKIT = tuple(name for major in MAJORS for name in distributions(major, WheelKind.TOOLKIT))
WITHOUT_CONDA_PACKAGE = {"cuda-culibos", "cuda-tileiras", "cudla"}
PINS = [  # what the cuda-toolkit metapackage of a release pins, from its METADATA
    ("11.8.0", "nvidia-cufft-cu11", "10.9.0.58"),
    ("11.8.0", "nvidia-cuda-cupti-cu11", "11.8.87"),
    ("12.0.0", "nvidia-npp-cu12", "12.0.0.30"),
    ("12.1.1", "nvidia-cublas-cu12", "12.1.3.1"),
    ("12.1.1", "nvidia-cuda-cccl-cu12", "12.1.109"),
    ("12.1.1", "nvidia-cuda-runtime-cu12", "12.1.105"),
    ("12.1.1", "nvidia-cufft-cu12", "11.0.2.54"),
    ("12.1.1", "nvidia-nvjitlink-cu12", "12.1.105"),
    ("12.1.1", "nvidia-nvjpeg-cu12", "12.2.0.2"),
    ("12.2.0", "nvidia-nvjpeg-cu12", "12.1.1.14"),
    ("12.2.2", "nvidia-nvjpeg-cu12", "12.2.2.4"),
    ("12.3.2", "nvidia-cuda-nvrtc-cu12", "12.3.107"),
    ("12.6.3", "nvidia-cufile-cu12", "1.11.1.6"),
    ("12.8.2", "nvidia-cublas-cu12", "12.8.5.5"),
    ("12.9.1", "nvidia-nvjitlink-cu12", "12.9.86"),
    ("12.9.1", "nvidia-cublas-cu12", "12.9.1.4"),
    ("13.0.2", "nvidia-cublas", "13.1.0.3"),
    ("13.0.2", "nvidia-cuda-nvrtc", "13.0.88"),
    ("13.1.0", "nvidia-cuda-tileiras", "13.1.80"),
    ("13.4.2", "nvidia-cuda-cccl", "13.3.4.3.1"),
    ("13.5.0", "nvidia-cublas", "13.10.0.20"),
    ("13.5.0", "nvidia-cufile", "1.20.0.107"),
    ("13.5.0", "nvidia-cudla", "13.5.25"),
    ("13.5.0", "nvidia-cuda-culibos", "13.5.25"),
]


@pytest.mark.parametrize(("release", "name", "version"), PINS)
def test_a_pinned_version_is_of_its_release_and_admitted_by_its_line_alone(
    release: str, name: str, version: str
):
    line = CudaLine.parse(release)

    assert wheel_line(name, version) == line
    ranges = {of: specifiers_for(name, of) for of in LINES}
    assert [of for of, spec in ranges.items() if spec and SpecifierSet(spec).contains(version)] == [
        line
    ]


@pytest.mark.parametrize(
    ("name", "version", "line"),
    [
        ("nvidia-cublas-cu12", "12.9.3.13", "12.9"),
        ("nvidia-cublas-cu12", "12.1.3.1.post1", "12.1"),
        ("nvidia-cuda-runtime-cu12", "12.1.105.post1", "12.1"),
        ("nvidia-cuda-runtime", "13.4.46rc1", "13.4"),
        ("cuda-toolkit", "12.8.2.0", "12.8"),
        ("cuda-toolkit", "11.8.0", "11.8"),
    ],
)
def test_patches_rebuilds_and_the_metapackage_have_their_line(name: str, version: str, line: str):
    assert wheel_line(name, version) == CudaLine.parse(line)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("nvidia-nvjitlink-cu12", "0.0.1.dev5"),
        ("nvidia-cuda-runtime", "0.0.0a0"),
        ("nvidia-cublas", "13.7.0.10rc1"),
        ("nvidia-cublas", "99.0"),
        ("nvidia-cuda-nvrtc-cu12", "11.8.89"),
        ("nvidia-cudnn-cu12", "9.1.0.70"),
        ("nvidia-cublas-cu12", "one"),
        ("torch", "12.1"),
    ],
)
def test_placeholders_candidates_and_other_numbers_have_no_line(name: str, version: str):
    assert wheel_line(name, version) is None


@pytest.mark.parametrize(
    ("name", "line", "specifiers"),
    [
        ("nvidia-nvjitlink-cu12", "12.1", ">=12.1,<12.2"),
        ("nvidia-cufft-cu12", "12.1", ">=11.0.2.4,<11.0.8.15"),
        ("nvidia-nvjpeg-cu12", "12.1", ">=12.1.0.39,<12.2.1.2,!=12.1.1.14.*"),
        ("nvidia-nvjpeg-cu12", "12.2", ">=12.1.1.14,<12.2.3.32,!=12.2.0.2.*"),
        ("nvidia-cublas", "13.5", ">=13.10.0.20,<=13.10.0.20"),
        ("nvidia-cuda-tileiras", "13.1", ">=13.1,<13.2"),
        ("cuda-toolkit", "12.9", ">=12.9,<12.10"),
    ],
)
def test_specifiers_admit_one_line(name: str, line: str, specifiers: str):
    assert specifiers_for(name, CudaLine.parse(line)) == specifiers


@pytest.mark.parametrize(
    ("name", "line", "specifiers"),
    [
        ("nvidia-nvjitlink-cu12", "12.1", ">=12.1,<13"),
        ("nvidia-curand-cu12", "12.1", ">=10.3.2.56,<10.4.0.35"),
        ("nvidia-nvjpeg-cu12", "12.2", ">=12.1.1.14,<13.0.0.40,!=12.2.0.2.*"),
        ("nvidia-nvjpeg-cu12", "12.1", ">=12.1.0.39,<13.0.0.40"),
        ("nvidia-cublas", "13.4", ">=13.7.0.27,<=13.10.0.20"),
    ],
)
def test_specifiers_may_admit_newer_minors_of_the_major(name: str, line: str, specifiers: str):
    assert specifiers_for(name, CudaLine.parse(line), or_newer=True) == specifiers


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nvidia-cublas", "13.99"),
        ("nvidia-cublas", "12.1"),
        ("nvidia-cuda-nvcc", "12.1"),
        ("nvidia-cublas-cu12", "11.8"),
        ("nvidia-cudnn-cu12", "12.1"),
        ("nvidia-ml-py", "12.1"),
        ("torch", "12.1"),
    ],
)
def test_there_are_no_specifiers_for_what_is_not_known(name: str, line: str):
    assert specifiers_for(name, CudaLine.parse(line)) is None


@pytest.mark.parametrize(
    ("name", "kind", "major"),
    [
        ("nvidia-cublas-cu12", WheelKind.TOOLKIT, 12),
        ("nvidia-cublas-cu11", WheelKind.TOOLKIT, 11),
        ("nvidia-cublas", WheelKind.TOOLKIT, 13),
        ("nvidia-nvvm", WheelKind.TOOLKIT, 13),
        ("nvidia-cudnn-cu12", WheelKind.CUDNN, 12),
        ("nvidia-cudnn-cu13", WheelKind.CUDNN, 13),
        ("nvidia-nccl-cu13", WheelKind.NCCL, 13),
        ("nvidia-nvshmem-cu12", WheelKind.OTHER, 12),
        ("nvidia-cusparselt-cu12", WheelKind.OTHER, 12),
        ("nvidia-cufftmp-cu12", WheelKind.OTHER, 12),
        ("cuda-toolkit", WheelKind.TOOLKIT, None),
    ],
)
def test_the_name_says_what_a_wheel_is_and_for_which_major(
    name: str, kind: WheelKind, major: int | None
):
    wheel = wheel_component(name)

    assert wheel is not None
    assert (wheel.kind, wheel.cuda_major) == (kind, major)


@pytest.mark.parametrize(
    "name",
    [
        "nvidia-ml-py",
        "nvidia-dali-cuda120",
        "nvidia-cudnn",
        "nvidia-cudnn-frontend",
        "nvidia-cublas-cu110",
        "cuda-bindings",
        "cuda-python",
        "torch",
        "nvidia",
        "",
    ],
)
def test_other_names_are_not_of_one_cuda_major(name: str):
    assert wheel_component(name) is None


def test_the_toolkit_of_13_has_no_suffix_and_the_others_have():
    assert "nvidia-cublas" in distributions(13, WheelKind.TOOLKIT)
    assert distributions(13, WheelKind.CUDNN, WheelKind.NCCL) == (
        "nvidia-cudnn-cu13",
        "nvidia-nccl-cu13",
    )
    assert "nvidia-cublas-cu12" in distributions(12, WheelKind.TOOLKIT)
    assert "nvidia-cuda-tileiras-cu12" not in distributions(12, WheelKind.TOOLKIT)
    assert distributions(10, *WheelKind) == ()


def test_every_known_distribution_is_recognised_by_its_name():
    for major in MAJORS:
        for kind in WheelKind:
            for name in distributions(major, kind):
                wheel = wheel_component(name)
                assert wheel is not None
                assert (wheel.kind, wheel.cuda_major) == (kind, major)


def test_every_component_has_conda_packages_but_for_three():
    rows = [row for row in read_table("nvidia_wheels", "wheel") if row["kind"] == "toolkit"]
    named = {row["component"] for row in rows}

    assert named - set(components()) == WITHOUT_CONDA_PACKAGE
    assert {row["component"] for row in read_table("nvidia_wheels", "wheel")} - named == {""}


def test_a_range_without_a_gap_is_the_conda_range():
    for name in TOOLKIT:
        wheel = wheel_component(name)
        assert wheel is not None
        for line in LINES:
            conda = spec_for(wheel.component or "", line)
            if conda and "|" not in conda and line.major == wheel.cuda_major:
                assert specifiers_for(name, line) == conda


@st.composite
def wheels_near_a_row(draw: st.DrawFn) -> tuple[str, str]:
    name = draw(st.sampled_from(TOOLKIT))
    wheel = wheel_component(name)
    assert wheel is not None
    rows = read_table("components", "release")
    known = [row[wheel.component] for row in rows if row.get(wheel.component or "")]
    numbers = list(parse_dotted(draw(st.sampled_from(known or ["12.1.105", "13.0.96", "11.8.89"]))))
    at = draw(st.integers(0, len(numbers) - 1))
    numbers[at] = max(0, numbers[at] + draw(st.integers(-2, 2)))
    return name, ".".join(map(str, numbers))


@given(wheels_near_a_row())
def test_a_version_is_admitted_by_its_own_line_and_by_no_other(pair: tuple[str, str]):
    name, version = pair
    line = wheel_line(name, version)
    ranges = {of: specifiers_for(name, of) for of in {*LINES, *([line] if line else [])}}

    admitting = [of for of, spec in ranges.items() if spec and SpecifierSet(spec).contains(version)]

    if line:
        assert line in admitting
    if "nvjpeg" not in name:  # between its stretches, only the versions that exist are left out
        assert admitting == ([line] if line else [])


@given(st.text(max_size=20), st.text(max_size=12))
def test_any_name_and_version_has_an_answer(name: str, version: str):
    wheel_line(name, version)
    wheel_line("nvidia-cublas-cu12", version)
    wheel_line("nvidia-nvjitlink-cu12", version)
