"""What was declared of the machines that a lock is for."""

from __future__ import annotations

import pytest

from builders import GPU_STACK, stack_of
from envlock.audit.declared import (
    accelerator_of,
    compute_of,
    fleet_of,
    has_gpus,
    has_own_word,
    newer_components,
)
from envlock.model.finding import AuditPolicy
from envlock.model.platform import Accelerator
from envlock.model.stack import Fleet
from readings import case, conda, reading

STACK = f"""\
{GPU_STACK}compute = ["8.0"]

[fleet]
driver = "535"
glibc = "2.28"
"""


def test_a_policy_goes_before_the_stack():
    found = reading(conda("a"))
    stack = stack_of(STACK)
    policy = AuditPolicy(driver="580", compute=("9.0", "no capability"))

    assert fleet_of(case(found)) == Fleet()
    whole = fleet_of(case(found, stack=stack))
    assert (whole.driver, whole.glibc) == ("535", "2.28")
    both = fleet_of(case(found, stack=stack, policy=policy))
    assert (both.driver, both.glibc) == ("580", "2.28")
    assert compute_of(case(found, stack=stack)) == ("8.0",)
    assert compute_of(case(found, stack=stack, policy=policy)) == ("9.0",)


def test_a_stack_says_what_a_platform_computes_on_before_the_head_does():
    found = reading(conda("a"), facts={"envlock/linux-64/accelerator": "cpu"})
    alone, beside = case(found), case(found, stack=stack_of(STACK))

    assert accelerator_of(alone, alone.environments[0]) is Accelerator.CPU
    assert accelerator_of(beside, beside.environments[0]) is Accelerator.CUDA


@pytest.mark.parametrize("platform", ["osx-arm64", "linux-ppc64le"])
def test_a_policy_says_nothing_of_machines_that_have_no_cuda(platform):
    found = case(
        reading(conda("a", platforms=[platform]), platforms=[platform]),
        policy=AuditPolicy(driver="535"),
    )

    assert has_gpus(found, found.environments[0]) is False


@pytest.mark.parametrize("text", ["[", "[" * 100_000, "7", '{"gpu.newer-components": 7}'])
def test_a_damaged_head_declares_nothing(text):
    found = case(reading(conda("a"), facts={"envlock/inputs": text}))

    assert newer_components(found) == frozenset()
    assert has_own_word(found, found.environments[0], ["a"]) is False
