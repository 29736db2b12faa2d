"""What the solver is asked: GPU builds, one CUDA line, and never a second cuDNN."""

from __future__ import annotations

import re

import pytest

from builders import CPU_STACK, GPU_STACK, view_of
from envlock.errors import NoSolutionError
from envlock.model.package import Package
from envlock.model.question import Question
from envlock.solve.question import frame_question
from fakes import CONDA_FORGE, NVIDIA, PYTORCH, make_package

TORCH = GPU_STACK.replace('["conda-forge"]', '["pytorch", "nvidia", "conda-forge"]') + (
    '[frameworks]\npytorch = "2.*"\n'
)


def question(text: str, *packages: Package) -> Question:
    return frame_question(view_of(text, packages))


def asked(text: str, *packages: Package) -> dict[str, str]:
    return {ask.name: ask.spec for ask in question(text, *packages).asks}


def constrained(text: str, *packages: Package) -> dict[str, str]:
    return {ask.name: ask.spec for ask in question(text, *packages).constraints}


def torch(build: str, version: str = "2.5.1") -> Package:
    return make_package("pytorch", version, build, channel=PYTORCH)


def admitted(spec: str, *builds: str) -> list[str]:
    """Which builds the selector of a spec admits."""
    pattern = re.search(r'\[build="(.*)"\]', spec)
    assert pattern
    return [build for build in builds if re.search(pattern[1], build)]


def test_a_framework_is_asked_for_by_its_gpu_builds_only():
    builds = ["py3.12_cpu_0", "py3.12_cuda12.1_cudnn9.1.0_0", "py3.12_cuda12.4_cudnn9.1.0_0"]

    spec = asked(TORCH, *map(torch, builds))["pytorch"]

    assert admitted(spec, *builds) == ["py3.12_cuda12.1_cudnn9.1.0_0"]


def test_a_selector_admits_exact_builds_not_their_beginnings():
    spec = asked(TORCH, torch("py3.12_cuda12.1_cudnn9.1.0_0"))["pytorch"]

    assert admitted(spec, "py3.12_cuda12.1_cudnn9.1.0_0x", "py3.12_cuda12x1_cudnn9.1.0_0") == []


def test_builds_in_channels_that_strict_priority_hides_do_not_count():
    hidden = make_package("pytorch", "2.5.1", "cuda120_mkl_py312_h1234567_300", channel=CONDA_FORGE)

    with pytest.raises(NoSolutionError, match="pytorch has there: CPU"):
        question(TORCH, torch("py3.12_cpu_0"), hidden)


def test_with_disabled_priority_every_channel_counts():
    text = TORCH.replace("[python]", 'channel-priority = "disabled"\n\n[python]')
    other = make_package("pytorch", "2.5.1", "cuda120_mkl_py312_h1234567_300", channel=CONDA_FORGE)

    spec = asked(text, torch("py3.12_cpu_0"), other)["pytorch"]

    assert admitted(spec, "py3.12_cpu_0", other.build) == [other.build]


def test_a_carrier_that_is_not_asked_for_is_bound_by_its_builds():
    text = GPU_STACK + '[frameworks]\ntensorflow = "2.17.*"\n'
    builds = ["cpu_py312h1234567_0", "cuda120py312h1234567_0"]
    packages = [
        *(make_package("tensorflow-base", "2.17.0", build) for build in builds),
        *(make_package("tensorflow", "2.17.0", build) for build in builds),
    ]

    framed = question(text, *packages)

    assert {ask.name: ask.spec for ask in framed.asks}["tensorflow"] == "tensorflow 2.17.*"
    bound = {ask.name: ask.spec for ask in framed.constraints}
    assert admitted(bound["tensorflow-base"], *builds) == ["cuda120py312h1234567_0"]


def test_jax_asks_for_both_of_its_packages_and_binds_the_one_with_kernels():
    text = GPU_STACK + '[frameworks]\njax = "0.7.*"\n'
    packages = [
        make_package("jax", "0.7.0", "pyhd8ed1ab_0", subdir="noarch"),
        make_package("jaxlib", "0.7.0", "cuda120py312h1234567_200"),
        make_package("jaxlib", "0.7.0", "cpu_py312h1234567_0"),
    ]

    specs = asked(text, *packages)

    assert specs["jax"] == "jax 0.7.*"
    assert admitted(specs["jaxlib"], "cuda120py312h1234567_200", "cpu_py312h1234567_0") == [
        "cuda120py312h1234567_200"
    ]


def test_cpu_companions_are_kept_out():
    vision = [
        make_package("torchvision", "0.20.1", build, channel=PYTORCH)
        for build in ("py312_cpu", "py312_cu121")
    ]

    specs = constrained(TORCH, torch("py3.12_cuda12.1_cudnn9.1.0_0"), *vision)

    assert admitted(specs["torchvision"], "py312_cpu", "py312_cu121") == ["py312_cu121"]


def test_a_cudnn_range_never_becomes_an_ask():
    text = TORCH.replace('cuda = "12.1"\n', 'cuda = "12.1"\ncudnn = ">=9,<10"\n')

    framed = question(text, torch("py3.12_cuda12.1_cudnn9.1.0_0"))

    assert not [ask for ask in framed.asks if "cudnn" in ask.name]
    assert {ask.spec for ask in framed.constraints} >= {"cudnn >=9,<10", "libcudnn >=9,<10"}


def test_builds_whose_own_cudnn_is_out_of_range_are_not_asked_for():
    text = TORCH.replace('cuda = "12.1"\n', 'cuda = "12.1"\ncudnn = ">=9,<10"\n')
    builds = ["py3.12_cuda12.1_cudnn8.9.2_0", "py3.12_cuda12.1_cudnn9.1.0_0"]

    spec = asked(text, *map(torch, builds))["pytorch"]

    assert admitted(spec, *builds) == ["py3.12_cuda12.1_cudnn9.1.0_0"]


def test_cuda_version_is_asked_for_only_where_the_pin_has_the_line():
    has = make_package("cuda-version", "12.1", subdir="noarch")
    has_not = make_package("cuda-version", "12.4", subdir="noarch")

    assert asked(GPU_STACK, has)["cuda-version"] == "cuda-version 12.1.*"
    assert "cuda-version" not in asked(GPU_STACK, has_not)
    assert constrained(GPU_STACK, has_not)["cuda-version"] == "cuda-version 12.1.*"


def test_components_are_held_on_the_line_by_the_toolkits_table():
    packages = [
        make_package("cuda-cudart", "12.1.105", channel=NVIDIA),
        make_package("libcufft", "11.0.2.4", channel=NVIDIA),
    ]

    specs = constrained(GPU_STACK, *packages)

    assert specs["cuda-cudart"] == "cuda-cudart >=12.1,<12.2"
    assert specs["libcufft"].startswith("libcufft >=11.0.2.4,<11.0.8")


def test_an_allowed_component_takes_the_nearest_newer_minor_not_the_newest():
    text = GPU_STACK + 'newer-components = ["libnvjitlink"]\n'
    versions = ["12.3.101", "12.9.86", "13.0.88", "12.0.140"]

    specs = constrained(text, *(make_package("libnvjitlink", version) for version in versions))

    assert specs["libnvjitlink"] == "libnvjitlink >=12.3,<12.4"


def test_a_component_that_has_the_line_stays_on_it_even_when_newer_is_allowed():
    text = GPU_STACK + 'newer-components = ["libnvjitlink"]\n'
    packages = [make_package("libnvjitlink", version) for version in ("12.1.105", "12.9.86")]

    assert constrained(text, *packages)["libnvjitlink"] == "libnvjitlink >=12.1,<12.2"


def test_a_cpu_stack_keeps_cuda_builds_out():
    text = CPU_STACK + '[frameworks]\npytorch = "2.*"\n'
    builds = ["cpu_mkl_py312_h1234567_100", "cuda129_mkl_py312_h1234567_300"]

    spec = asked(text, *(make_package("pytorch", "2.8.0", build) for build in builds))["pytorch"]

    assert admitted(spec, *builds) == ["cpu_mkl_py312_h1234567_100"]


def test_a_cpu_stack_without_frameworks_asks_for_what_it_says_and_no_more():
    framed = question(CPU_STACK + '[dependencies]\nnumpy = ">=2"\n')

    assert [ask.spec for ask in framed.asks] == ["numpy >=2", "python 3.12.*"]
    assert framed.constraints == ()


def test_companions_for_another_line_are_kept_out_and_silent_ones_let_through():
    vision = [
        make_package("torchvision", "0.20.1", build, channel=PYTORCH)
        for build in ("py312_cu118", "py312_cu121", "py312_cu124", "py312_0", "cuda_py312_0")
    ]

    specs = constrained(TORCH, torch("py3.12_cuda12.1_cudnn9.1.0_0"), *vision)

    assert admitted(specs["torchvision"], *(package.build for package in vision)) == [
        "py312_cu121",
        "py312_0",
        "cuda_py312_0",
    ]


def test_the_order_of_the_file_does_not_change_the_question():
    one = question(CPU_STACK + '[dependencies]\nnumpy = "*"\nscipy = "*"\n')
    two = question(CPU_STACK + '[dependencies]\nscipy = "*"\nnumpy = "*"\n')

    assert [ask.spec for ask in one.asks] == [ask.spec for ask in two.asks]


def test_frameworks_that_the_stack_does_not_list_are_bound_to_gpu_builds():
    builds = ["cpu_py312_0", "cuda120_py312_200"]

    specs = constrained(GPU_STACK, *(make_package("jaxlib", "0.9.0", build) for build in builds))

    assert admitted(specs["jaxlib"], *builds) == ["cuda120_py312_200"]


def test_what_is_asked_for_by_name_is_bound_to_the_line_too():
    text = GPU_STACK + '[dependencies]\nfaiss-gpu = "*"\n'
    builds = ["py312_cuda11.4", "py312_cuda12.1", "py312_0"]

    specs = constrained(text, *(make_package("faiss-gpu", "1.8.0", build) for build in builds))

    assert admitted(specs["faiss-gpu"], *builds) == ["py312_cuda12.1", "py312_0"]


def test_a_cpu_stack_with_cuda_builds_only_is_refused():
    text = CPU_STACK + '[frameworks]\npytorch = "2.*"\n'
    cuda = make_package("pytorch", "2.8.0", "cuda129_mkl_py312_h1234567_300")

    with pytest.raises(NoSolutionError) as refused:
        question(text, cuda)

    assert str(refused.value) == (
        "no CPU build of pytorch for demo on linux-64\n"
        "  demo.toml:9: frameworks.pytorch needs a build that works without CUDA\n"
        "  conda-forge has there: CUDA 12.9\n"
        "No lock was written."
    )
