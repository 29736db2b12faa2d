"""The checks on an answer, as if somebody else than our question had made it."""

from __future__ import annotations

import pytest

from builders import GPU_STACK, view_of
from envlock.errors import NoSolutionError
from envlock.model.package import Package
from envlock.model.platform import Platform
from envlock.model.question import Answer
from envlock.solve.coherence import check_answer, check_answers, check_skew, cudnn_of
from fakes import NVIDIA, PYTORCH, make_package

TORCH_STACK = GPU_STACK + '[frameworks]\npytorch = "2.*"\n'
TORCH = make_package("pytorch", "2.5.1", "py3.12_cuda12.1_cudnn9.1.0_0", channel=PYTORCH)


def problems(text: str, *packages: Package, platform: Platform = Platform.LINUX_64) -> list[str]:
    answer = Answer(platform=platform, packages=packages)
    view = view_of(text, packages, platform=platform)
    return [item.problem for item in check_answer(view, answer)]


def test_a_gpu_build_of_the_line_passes():
    assert problems(TORCH_STACK, TORCH) == []


def test_a_build_for_an_older_minor_of_the_same_major_passes():
    older = make_package("pytorch", "2.4.0", "cuda120_mkl_py312_h1234567_300")

    assert problems(TORCH_STACK, older) == []


def test_a_cpu_build_is_named():
    cpu = make_package("pytorch", "2.5.1", "cpu_mkl_py312_h1234567_100")

    assert problems(TORCH_STACK, cpu) == [
        "pytorch 2.5.1 cpu_mkl_py312_h1234567_100 is a CPU build in a stack for CUDA 12.1"
    ]


def test_a_cpu_companion_is_named():
    vision = make_package("torchvision", "0.20.1", "py312_cpu", channel=PYTORCH)

    assert problems(TORCH_STACK, TORCH, vision) == [
        "torchvision 0.20.1 py312_cpu is a CPU build in a stack for CUDA 12.1"
    ]


def test_a_framework_that_did_not_come_is_named():
    assert problems(TORCH_STACK) == [
        "pytorch came out without `pytorch`, which carries its kernels"
    ]


@pytest.mark.parametrize("build", ["cuda124_py312_0", "cuda118_py312_0", "cuda130_py312_0"])
def test_a_build_for_a_newer_minor_or_another_major_is_named(build: str):
    magma = make_package("magma", "2.9.0", build)
    told = {"cuda124": "12.4", "cuda118": "11.8", "cuda130": "13.0"}[build.partition("_")[0]]

    assert problems(GPU_STACK, magma) == [
        f"magma 2.9.0 {build} is built for CUDA {told}, the line is 12.1"
    ]


def test_a_component_of_another_line_is_named_by_the_toolkits_table():
    cufft = make_package("libcufft", "11.0.2.4", channel=NVIDIA)
    curand = make_package("libcurand", "10.3.4.107", channel=NVIDIA)

    assert problems(GPU_STACK, cufft, curand) == [
        "libcurand 10.3.4.107 belongs to CUDA 12.3, the line is 12.1"
    ]


def test_a_newer_component_passes_where_the_stack_allows_it_by_name():
    curand = make_package("libcurand", "10.3.4.107", channel=NVIDIA)

    assert problems(GPU_STACK + 'newer-components = ["libcurand"]\n', curand) == []


@pytest.mark.parametrize("version", ["13.0.96", "11.8.89", "12.0.107"])
def test_an_allowed_component_may_not_leave_the_major_nor_be_older(version: str):
    cudart = make_package("cuda-cudart", version, channel=NVIDIA)

    found = problems(GPU_STACK + 'newer-components = ["cuda-cudart"]\n', cudart)

    assert len(found) == 1


def test_a_cuda_version_newer_than_the_line_is_named():
    package = make_package("cuda-version", "12.8", subdir="noarch", channel=NVIDIA)

    assert problems(GPU_STACK, package) == [
        "cuda-version 12.8 belongs to CUDA 12.8, the line is 12.1"
    ]


def test_a_cudnn_outside_the_range_is_named_wherever_it_is_carried():
    stack = TORCH_STACK.replace('cuda = "12.1"\n', 'cuda = "12.1"\ncudnn = ">=9.5,<10"\n')
    package = make_package("cudnn", "8.9.7.29")

    assert problems(stack, TORCH, package) == [
        "two copies of cuDNN: 9.1.0 in pytorch, 8.9.7.29 in cudnn",
        "pytorch carries cuDNN 9.1.0, the stack asks for >=9.5,<10",
        "cudnn carries cuDNN 8.9.7.29, the stack asks for >=9.5,<10",
    ]


def test_a_stack_that_asks_for_cudnn_gets_one_or_a_refusal():
    stack = GPU_STACK + 'cudnn = ">=9,<10"\n'

    assert problems(stack) == ["nothing in the answer carries cuDNN, the stack asks for >=9,<10"]


@pytest.mark.parametrize(
    ("driver", "refused"), [("525", False), ("525.60.13", False), ("520", True)]
)
def test_the_fleets_driver_must_meet_the_floor_of_the_line(driver: str, refused: bool):
    found = problems(GPU_STACK + f'[fleet]\ndriver = "{driver}"\n')

    assert bool(found) is refused
    if refused:
        assert found[0].startswith("CUDA 12.1 needs driver 525.60.13 or newer, the fleet has 520 (")


def test_windows_has_its_own_floor():
    text = GPU_STACK.replace("linux-64", "win-64") + '[fleet]\ndriver = "527.41"\n'

    found = problems(text, platform=Platform.WIN_64)

    assert found[0].startswith("CUDA 12.1 needs driver 528.33 or newer, the fleet has 527.41 (")


def test_a_cpu_stack_is_not_judged_by_gpu_rules():
    text = GPU_STACK.partition("[gpu]")[0] + '[frameworks]\npytorch = "2.*"\n'

    assert problems(text, make_package("pytorch", "2.5.1", "cpu_mkl_py312_h1234567_100")) == []


def test_every_incoherence_is_told_at_once():
    packages = (make_package("libcurand", "10.3.4.107"), make_package("cuda-version", "12.8"))
    answer = Answer(platform=Platform.LINUX_64, packages=packages)

    with pytest.raises(NoSolutionError) as refused:
        check_answers([(view_of(TORCH_STACK, packages), answer)])

    assert str(refused.value) == (
        "the answer for demo would not run as the stack says\n"
        "  linux-64: pytorch came out without `pytorch`, which carries its kernels\n"
        "    (demo.toml:12: frameworks.pytorch)\n"
        "  linux-64: libcurand 10.3.4.107 belongs to CUDA 12.3, the line is 12.1\n"
        "    (demo.toml:10: gpu.cuda)\n"
        "  linux-64: cuda-version 12.8 belongs to CUDA 12.8, the line is 12.1\n"
        "    (demo.toml:10: gpu.cuda)\n"
        "No lock was written."
    )
    assert len(refused.value.hints) == 3


def test_a_vendored_cudnn_is_found_in_the_build():
    assert cudnn_of([TORCH, make_package("numpy")]) == {"pytorch": "9.1.0"}


def test_two_copies_of_cudnn_are_named_even_when_nobody_asked_for_cudnn():
    package = make_package("cudnn", "9.13.1.26")
    shared = make_package("libcudnn", "9.13.1.26")

    assert problems(TORCH_STACK, TORCH, package, shared) == [
        "two copies of cuDNN: 9.1.0 in pytorch, 9.13.1.26 in cudnn, 9.13.1.26 in libcudnn"
    ]
    assert problems(GPU_STACK, package, shared) == []


def test_a_cpu_build_of_a_framework_that_the_stack_does_not_list_is_named():
    jaxlib = make_package("jaxlib", "0.9.0", "cpu_py312_0")

    assert problems(GPU_STACK, jaxlib) == [
        "jaxlib 0.9.0 cpu_py312_0 is a CPU build in a stack for CUDA 12.1"
    ]


def test_a_cuda_build_where_no_cuda_was_declared_is_named():
    text = GPU_STACK.partition("[gpu]")[0] + '[frameworks]\npytorch = "2.*"\n'
    cuda = make_package("pytorch", "2.8.0", "cuda129_mkl_py312_h1234567_300")

    assert problems(text, cuda) == [
        "pytorch 2.8.0 cuda129_mkl_py312_h1234567_300 is a CUDA build, the platform computes on cpu"
    ]


def test_a_driver_of_an_older_major_is_refused_where_no_floor_is_known():
    text = GPU_STACK.replace("12.1", "14.1") + '[fleet]\ndriver = "535"\n'

    assert problems(text) == [
        "CUDA 14.1 is of a newer major, the fleet has 535 (that driver offers CUDA 12.2)"
    ]


def test_a_build_that_names_only_the_major_of_its_cudnn_may_be_any_minor_of_it():
    windows = make_package("pytorch", "2.3.1", "py3.12_cuda12.1_cudnn8_0", channel=PYTORCH)
    stack = TORCH_STACK.replace('cuda = "12.1"\n', 'cuda = "12.1"\ncudnn = ">=8.9,<10"\n')

    assert problems(stack, windows) == []
    assert len(problems(stack.replace(">=8.9,<10", ">=9,<10"), windows)) == 1


def test_frameworks_below_other_packages_are_held_to_one_version_too():
    one = view_of(GPU_STACK)
    other = view_of(GPU_STACK, platform=Platform.WIN_64)
    answers = [
        Answer(platform=Platform.LINUX_64, packages=(TORCH,)),
        Answer(platform=Platform.WIN_64, packages=(make_package("pytorch", "2.3.1"),)),
    ]

    (found,) = check_skew([(one, answers[0]), (other, answers[1])])

    assert found.problem == (
        "pytorch would be 2.5.1 on linux-64, 2.3.1 on win-64: one lock, two frameworks"
    )
