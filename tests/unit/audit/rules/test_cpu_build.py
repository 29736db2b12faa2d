"""EL301: frameworks that came as CPU builds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from builders import CPU_STACK, GPU_STACK, stack_of
from envlock.audit.rules.cpu_build import RULE
from envlock.model.finding import AuditPolicy
from envlock.model.reading import FileKind, FoundPlatform
from readings import case, conda, reading, remedies, told, wheel

CPU = conda("pytorch", "2.5.1", "cpu_generic_py312_h2ff76c1_0", line=7)
CUDA = conda("pytorch", "2.5.1", "cuda126_py312_h2ff76c1_300")
SILENT = "pytorch 2.5.1 is a CPU build"


def test_a_cpu_build_in_a_stack_for_cuda_is_an_error():
    found = case(reading(CPU), stack=stack_of(GPU_STACK))

    assert told(RULE, found) == [
        f"error at 7 (pytorch): {SILENT} on linux-64: the stack is for CUDA there."
    ]
    assert remedies(RULE, found) == [
        "ask for a CUDA build by name, `pytorch=*=*cuda*`, and tell the solver that there is a GPU "
        "(the virtual package `__cuda`); or say in the stack that the CPU is meant."
    ]


def test_a_cpu_build_on_machines_with_gpus_is_an_error():
    said = [f"error at 7 (pytorch): {SILENT} on linux-64: the machines were said to have GPUs."]

    assert told(RULE, case(reading(CPU), policy=AuditPolicy(driver="535"))) == said
    gpus = FoundPlatform(name="linux-64", subdir="linux-64", virtual_packages=("__cuda=12.2",))
    assert told(RULE, replace(reading(CPU), platforms=(gpus,))) == said


def test_a_stack_that_means_the_cpu_is_left_alone():
    assert told(RULE, case(reading(CPU), stack=stack_of(CPU_STACK))) == []
    own = reading(CPU, facts={"envlock/linux-64/accelerator": "cpu"})
    assert told(RULE, own) == []


def test_the_head_of_our_own_lock_is_a_word_for_cuda():
    own = reading(CPU, facts={"envlock/linux-64/accelerator": "cuda"})

    assert told(RULE, own) == [
        f"error at 7 (pytorch): {SILENT} on linux-64: the stack is for CUDA there."
    ]


def test_a_platform_that_promises_no_gpu_means_the_cpu():
    plain = FoundPlatform(name="linux-64", subdir="linux-64", virtual_packages=("__glibc=2.28",))
    gpus = FoundPlatform(name="p1", subdir="linux-64", virtual_packages=("__cuda=12.9",))
    cuda = replace(CUDA, platforms=("p1",))
    toolkit = conda("cudatoolkit", "11.8.0")

    assert told(RULE, replace(reading(CPU, cuda), platforms=(plain, gpus))) == []
    assert len(told(RULE, replace(reading(CPU, cuda, toolkit), platforms=(plain, gpus)))) == 1


def test_a_toolkit_beside_a_cpu_build_is_for_nothing():
    found = reading(CPU, conda("cudatoolkit", "11.8.0"), conda("cudnn", "8.9.7.29"))

    assert told(RULE, found) == [
        f"warning at 7 (pytorch): {SILENT} on linux-64: cudatoolkit 11.8.0 and cudnn 8.9.7.29 "
        "beside it would be for nothing."
    ]


def test_another_framework_for_cuda_speaks_against_it():
    found = reading(wheel("torch", "2.5.1+cu121"), wheel("jaxlib", "0.4.30", line=30))

    assert told(RULE, found) == [
        "warning at 30 (jaxlib): jaxlib 0.4.30 is a CPU build on linux-64: torch 2.5.1+cu121 "
        "beside "
        "it is for CUDA."
    ]
    assert remedies(RULE, found) == [
        "ask for `jax[cuda12]` or newer, which brings the plugin; or say that it is meant."
    ]


def test_a_wheel_of_tensorflow_finds_its_libraries_beside_it():
    wanted = AuditPolicy(driver="535")
    alone = reading(wheel("tensorflow", "2.17.0", line=6))
    whole = reading(wheel("tensorflow", "2.17.0"), wheel("nvidia-cublas-cu12", "12.3.4.1"))

    assert told(RULE, alone) == []
    assert told(RULE, case(alone, policy=wanted)) == [
        "warning at 6 (tensorflow): tensorflow 2.17.0 computes on the CPU on linux-64: it has CUDA "
        "code, and nothing in the file brings the libraries that it needs."
    ]
    assert remedies(RULE, case(alone, policy=wanted)) == [
        "ask for `tensorflow[and-cuda]`, which brings them, or use an image that has them."
    ]
    assert told(RULE, case(whole, policy=wanted)) == []


def test_whoever_names_a_cpu_build_may_have_another_framework_on_cuda():
    assert told(RULE, reading(wheel("torch", "2.5.1+cpu"), wheel("jaxlib", "0.4.30+cuda12"))) == []


def test_a_companion_must_fit_its_framework():
    found = reading(wheel("torch", "2.5.1+cu121"), wheel("torchvision", "0.20.1+cpu"))

    assert told(RULE, found) == [
        "warning (torchvision): torchvision 0.20.1+cpu is a CPU build on linux-64: torch "
        "2.5.1+cu121 "
        "beside it is for CUDA."
    ]
    assert (
        told(RULE, reading(wheel("torch", "2.5.1+cpu"), wheel("torchvision", "0.20.1+cpu"))) == []
    )


def test_the_default_index_has_no_cuda_for_windows():
    found = reading(
        wheel("torch", "2.5.1", platforms=["linux-64", "win-64"]), platforms=["linux-64", "win-64"]
    )

    assert told(RULE, found) == [
        "warning (torch): torch 2.5.1 is a CPU build on win-64: on linux-64 it is for CUDA."
    ]
    assert remedies(RULE, found) == [
        "take torch from an index that has CUDA builds for this platform; or say in the stack that "
        "the CPU is meant."
    ]


def test_without_any_word_it_is_worth_a_note():
    assert told(RULE, reading(CPU)) == [
        f"note at 7 (pytorch): {SILENT} on linux-64: nothing in the file says that this is meant."
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [CUDA],
        [wheel("torch", "2.5.1+cpu")],
        [wheel("tensorflow-cpu", "2.17.0")],
        [CPU, conda("cpuonly", "2.0")],
        [wheel("jaxlib", "0.7.0"), wheel("jax-cuda12-plugin", "0.7.0")],
        [wheel("torch", "2.5.1+rocm6.2")],
        [conda("pytorch", "2.5.1", "h2ff76c1_0")],
    ],
    ids=["cuda", "local version", "tensorflow-cpu", "cpuonly", "jax plugin", "rocm", "unsaid"],
)
def test_what_is_for_cuda_or_says_cpu_itself_is_left_alone(rows):
    assert told(RULE, reading(*rows)) == []


def test_a_mac_has_no_other_builds():
    found = reading(
        conda("pytorch", "2.5.1", "cpu_generic_py312_h2ff76c1_0", platforms=["osx-arm64"]),
        CUDA,
        platforms=["osx-arm64", "linux-64"],
    )

    assert told(RULE, case(found, policy=AuditPolicy(driver="535"))) == []


def test_an_environment_of_its_own_may_be_for_the_cpu():
    cpu = conda("pytorch", "2.5.1", "cpu_generic_py312_h2ff76c1_0", environments=["cpu"])
    cuda = conda("pytorch", "2.5.1", "cuda126_py312_h2ff76c1_300", environments=["gpu"])

    found = reading(cpu, cuda, kind=FileKind.PIXI)
    assert told(RULE, found) == []
    assert told(RULE, case(found, policy=AuditPolicy(driver="535"))) == []


def test_answers_for_several_extras_do_not_meet():
    forks = [wheel("torch", "2.5.1+cpu"), wheel("torch", "2.5.1+cu124"), wheel("jaxlib", "0.7.0")]

    assert told(RULE, reading(*forks, kind=FileKind.UV)) == [
        "note (jaxlib): jaxlib 0.7.0 is a CPU build on linux-64: nothing in the file says that "
        "this "
        "is meant."
    ]
