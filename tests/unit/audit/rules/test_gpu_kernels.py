"""EL306: GPUs without code."""

from __future__ import annotations

from builders import GPU_STACK, stack_of
from envlock.audit.rules.gpu_kernels import RULE
from envlock.model.finding import AuditPolicy
from envlock.model.reading import FoundPackage
from envlock.model.sight import Sight
from readings import case, conda, reading, remedies, seen, told, wheel


def of(*rows: FoundPackage, compute=(), stack: str = "", driver: str | None = None):
    return case(
        reading(*rows),
        policy=AuditPolicy(compute=compute, driver=driver),
        sights=seen(Sight.GPUS),
        stack=stack_of(stack) if stack else None,
    )


def test_gpus_without_code_are_an_error_where_the_table_is_verified():
    found = of(wheel("torch", "2.5.1", line=8), compute=("9.0", "10.0", "12.0"))

    assert told(RULE, found) == [
        "error at 8 (torch): compute capability 10.0 and 12.0: torch 2.5.1 wheel has nothing: "
        "sm_50 "
        "sm_60 sm_70 sm_75 sm_80 sm_86 sm_90 (on linux-64)."
    ]
    assert remedies(RULE, found) == [
        "take a build that has code for these GPUs: often the same version for a newer CUDA."
    ]


def test_one_gpu_without_code_has_a_remedy_of_its_own():
    assert remedies(RULE, of(wheel("torch", "2.5.1"), compute=("10.0",))) == [
        "a build with code for 10.0, or a GPU of 5.0, 6.0, 7.0, 7.5, 8.0, 8.6, 9.0."
    ]


def test_where_a_row_is_recalled_it_is_a_warning():
    assert told(RULE, of(wheel("torch", "2.5.1+cu121"), compute=("10.0",))) == [
        "warning (torch): compute capability 10.0: torch 2.5.1+cu121 wheel has nothing: sm_50 "
        "sm_60 "
        "sm_70 sm_75 sm_80 sm_86 sm_90, as far as is recalled (on linux-64)."
    ]


def test_where_nobody_knows_the_code_it_is_a_note():
    assert told(RULE, of(wheel("torch", "99.5.1+cu121"), compute=("9.0", "10.0"))) == [
        "note (torch): compute capability 9.0 and 10.0: nothing is known of the GPU code in torch "
        "99.5.1+cu121 wheel (on linux-64)."
    ]


def test_a_gpu_that_cuda_has_left_is_an_error_whatever_is_installed():
    found = of(conda("cuda-version", "13.0"), compute=("7.0",))

    assert told(RULE, found) == [
        "error (cuda): compute capability 7.0: CUDA 13.0 has left Volta, the last line for it is "
        "12.9 "
        "(on linux-64)."
    ]
    assert remedies(RULE, found) == ["take packages for CUDA 12.9 or older."]


def test_code_for_every_gpu_is_enough():
    build = conda("pytorch", "2.8.0", "cuda129_mkl_py312_h2ff76c1_300")

    assert told(RULE, of(build, compute=("7.5", "9.0"))) == []


def test_a_stack_names_gpus_too():
    stack = GPU_STACK + 'compute = ["9.0", "12.0"]\n'

    assert len(told(RULE, of(wheel("torch", "2.5.1"), stack=stack))) == 1


def test_a_cpu_build_needs_no_code():
    rows = [
        conda("pytorch", "2.5.1", "cpu_generic_py312_h2ff76c1_0"),
        conda("cuda-version", "12.9"),
    ]

    assert told(RULE, of(*rows, compute=("9.0", "no capability"))) == []
