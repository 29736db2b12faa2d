"""EL302: packages of several CUDA lines together."""

from __future__ import annotations

from builders import stack_of
from envlock.audit.rules.mixed_cuda import RULE
from envlock.model.reading import FileKind
from readings import case, conda, reading, remedies, told, wheel

STACK = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.12.*"

[gpu]
cuda = "12.1"
newer-components = ["libcurand"]
"""


def test_wheels_of_two_majors_are_a_mixture():
    found = reading(
        wheel("torch", "2.3.1+cu118", line=3),
        wheel("nvidia-cublas-cu12", "12.1.3.1", line=7),
        wheel("nvidia_cuda_runtime_cu12", "12.1.105", line=9),
    )

    assert told(RULE, found) == [
        "error at 3 (cuda): CUDA 11 and 12 are installed together on linux-64: torch 2.3.1+cu118 "
        "of 11; nvidia-cublas-cu12 12.1.3.1 and nvidia-cuda-runtime-cu12 12.1.105 of 12."
    ]
    assert remedies(RULE, found) == [
        "take everything for one CUDA major: two of them do not share a process."
    ]


def test_conda_and_a_wheel_of_two_majors_are_a_mixture():
    found = reading(
        conda("cudatoolkit", "11.8.0", "h4ba93d1_13"),
        conda("pytorch", "2.1.2", "cuda118_py311hde743b7_301"),
        wheel("cupy-cuda12x", "13.0.0", line=40),
    )

    assert told(RULE, found) == [
        "error at 40 (cuda): CUDA 11 and 12 are installed together on linux-64: cudatoolkit 11.8.0 "
        "and pytorch 2.1.2 of 11; cupy-cuda12x 13.0.0 of 12."
    ]


def test_what_is_called_the_same_in_both_majors_is_only_untidy():
    found = reading(
        conda("cuda-cudart", "11.8.89"),
        conda("libcublas", "11.11.3.6"),
        conda("cuda-version", "12.8"),
    )

    assert told(RULE, found) == [
        "warning (cuda): CUDA 11 and 12 are installed together on linux-64: cuda-cudart 11.8.89 "
        "and "
        "libcublas 11.11.3.6 of 11; cuda-version 12.8 of 12."
    ]
    assert remedies(RULE, found) == ["hold `cuda-version` at one major, so that the rest follows."]


def test_libraries_of_two_minors_are_a_mixture():
    found = reading(
        conda("cuda-cudart", "12.1.105"), conda("libcublas", "12.4.5.8", line=12), conda("numpy")
    )

    assert told(RULE, found) == [
        "warning (cuda): libraries of CUDA 12.1 and 12.4 are installed together on linux-64: "
        "cuda-cudart 12.1.105 of 12.1; libcublas 12.4.5.8 of 12.4."
    ]


def test_what_nvidia_leaves_open_upwards_is_a_note():
    found = reading(
        wheel("nvidia-cublas-cu12", "12.1.3.1"), wheel("nvidia-nvjitlink-cu12", "12.9.86")
    )

    assert told(RULE, found) == [
        "note (cuda): libraries of CUDA 12.1 and 12.9 are installed together on linux-64: "
        "nvidia-cublas-cu12 12.1.3.1 of 12.1; nvidia-nvjitlink-cu12 12.9.86 of 12.9."
    ]


def test_a_build_newer_than_all_libraries_is_told():
    found = reading(
        conda("cuda-version", "12.4", subdir="noarch"),
        conda("libcublas", "12.4.5.8"),
        conda("pytorch", "2.10.0", "cuda129_mkl_py312_h2ff76c1_300", line=5),
    )

    assert told(RULE, found) == [
        "warning at 5 (cuda): builds for CUDA 12.9 meet libraries of CUDA 12.4 at most on "
        "linux-64: "
        "pytorch 2.10.0 of 12.9; cuda-version 12.4 and libcublas 12.4.5.8 of 12.4."
    ]
    assert remedies(RULE, found) == ["take builds for CUDA 12.4 or older, or newer libraries."]


def test_an_older_build_of_the_same_major_runs_with_newer_libraries():
    found = reading(
        conda("cuda-version", "12.9", subdir="noarch"),
        conda("cuda-cudart", "12.9.79"),
        conda("libcurand", "10.3.10.19"),
        conda("pytorch", "2.8.0", "cuda126_mkl_py312_h2ff76c1_300"),
    )

    assert told(RULE, found) == []


def test_a_build_without_compiled_code_says_nothing():
    found = reading(
        conda("libxgboost", "2.0.3", "cuda120_h75debf4_1"),
        conda("py-xgboost", "2.0.3", "cuda118_pyhedeaf28_1", subdir="noarch"),
    )

    assert told(RULE, found) == []


def test_packages_of_two_environments_do_not_meet():
    found = reading(
        conda("cuda-version", "11.8", environments=["old"]),
        conda("cuda-version", "12.9", environments=["new"]),
        kind=FileKind.PIXI,
    )

    assert told(RULE, found) == []


def test_packages_of_two_platforms_do_not_meet():
    found = reading(
        conda("cuda-version", "12.9"),
        conda("cuda-version", "11.8", platforms=["win-64"]),
        platforms=["linux-64", "win-64"],
    )

    assert told(RULE, found) == []


def test_one_mixture_in_many_places_is_told_once():
    names = ["default", "dev", "test"]
    found = reading(
        conda("cuda-cudart", "12.1.105", environments=names, platforms=["linux-64", "win-64"]),
        conda("libcublas", "12.4.5.8", environments=names, platforms=["linux-64", "win-64"]),
        platforms=["linux-64", "win-64"],
        kind=FileKind.PIXI,
    )

    assert told(RULE, found) == [
        "warning (cuda): libraries of CUDA 12.1 and 12.4 are installed together on linux-64, "
        "linux-64 (dev), linux-64 (test), win-64 and 2 more: cuda-cudart 12.1.105 of 12.1; "
        "libcublas "
        "12.4.5.8 of 12.4."
    ]


def test_a_component_that_the_stack_lets_be_newer_is_none():
    found = reading(conda("cuda-cudart", "12.1.105"), conda("libcurand", "10.3.4.107"))

    assert len(told(RULE, found)) == 1
    assert told(RULE, case(found, stack=stack_of(STACK))) == []
    facts = {"envlock/inputs": '{"gpu.newer-components": ["libcurand"]}'}
    own = reading(*found.packages, facts=facts)
    assert told(RULE, own) == []


def test_answers_for_several_extras_do_not_meet():
    forks = [wheel("torch", "2.5.1+cu118"), wheel("torch", "2.5.1+cu124")]

    assert len(told(RULE, reading(*forks))) == 1
    assert told(RULE, reading(*forks, kind=FileKind.UV)) == []
