"""EL403: platforms that differ in what they mean."""

from __future__ import annotations

from builders import stack_of
from envlock.audit.rules.platform_skew import RULE
from envlock.model.reading import FileKind
from readings import case, conda, reading, told, wheel

BOTH = ["linux-64", "win-64"]
SKEWED = (conda("pytorch", "2.5.1", line=4), conda("pytorch", "2.3.1", platforms=["win-64"]))
STACK = """\
[stack]
name = "demo"
platforms = ["linux-64", "win-64"]
channels = ["conda-forge"]

[python]
version = "3.12.*"

[frameworks]
pytorch = "2.5.*"

[target.win-64.frameworks]
pytorch = { version = "2.3.*", from = "conda" }
"""


def test_another_python_framework_or_cuda_on_each_platform_is_told():
    found = reading(
        conda("python", "3.11.9", line=2),
        conda("python", "3.12.1", platforms=["win-64"]),
        *SKEWED,
        conda("cuda-version", "12.1"),
        conda("cuda-version", "12.4", platforms=["win-64"]),
        platforms=BOTH,
    )

    assert told(RULE, found) == [
        "warning (cuda): CUDA is not the same on all platforms: 12.1 on linux-64; 12.4 on win-64.",
        "warning at 2 (python): python is not the same on all platforms: 3.11 on linux-64; 3.12 on "
        "win-64.",
        "warning at 4 (pytorch): pytorch is not the same on all platforms: 2.5 on linux-64; 2.3 on "
        "win-64.",
    ]


def test_a_patch_or_a_package_of_one_platform_is_no_difference():
    found = reading(
        conda("python", "3.12.1"),
        conda("python", "3.12.9", platforms=["win-64"]),
        wheel("torch", "2.5.1+cu121"),
        wheel("torch", "2.5.0", platforms=["win-64"]),
        conda("jaxlib", "0.4.30"),
        platforms=BOTH,
    )

    assert told(RULE, found) == []


def test_a_difference_that_the_stack_declares_is_meant():
    found = reading(*SKEWED, platforms=BOTH)

    assert len(told(RULE, found)) == 1
    assert told(RULE, case(found, stack=stack_of(STACK))) == []
    facts = {"envlock/inputs": '{"target.win-64.frameworks.pytorch.version": "2.3.*"}'}
    assert told(RULE, reading(*SKEWED, platforms=BOTH, facts=facts)) == []


def test_environments_may_differ():
    found = reading(
        conda("python", "3.11.9", environments=["old"]),
        conda("python", "3.12.1", environments=["new"]),
        kind=FileKind.PIXI,
    )

    assert told(RULE, found) == []
