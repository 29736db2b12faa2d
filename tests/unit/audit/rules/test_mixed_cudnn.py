"""EL303: two copies of cuDNN."""

from __future__ import annotations

from envlock.audit.rules.mixed_cudnn import RULE
from readings import conda, reading, told, wheel


def test_a_package_and_a_wheel_of_two_majors_are_an_error():
    found = reading(
        conda("cudnn", "8.9.7.29", line=4), wheel("nvidia-cudnn-cu12", "9.1.0.70", line=9)
    )

    assert told(RULE, found) == [
        "error at 9 (cudnn): 2 copies of cuDNN meet on linux-64: 8.9.7.29 in cudnn and 9.1.0.70 in "
        "nvidia-cudnn-cu12."
    ]


def test_a_copy_inside_a_build_counts():
    found = reading(
        conda(
            "pytorch",
            "2.5.1",
            "py3.11_cuda12.1_cudnn9.1.0_0",
            channel="https://conda.example/pytorch",
        ),
        conda("cudnn", "9.10.1.4"),
    )

    assert told(RULE, found) == [
        "warning (cudnn): 2 copies of cuDNN meet on linux-64: 9.1.0 in pytorch and 9.10.1.4 in "
        "cudnn."
    ]


def test_wheels_for_two_majors_of_cuda_are_two_copies():
    found = reading(wheel("nvidia-cudnn-cu11", "8.7.0.84"), wheel("nvidia-cudnn-cu12", "8.9.2.26"))

    assert told(RULE, found) == [
        "warning (cudnn): 2 copies of cuDNN meet on linux-64: 8.7.0.84 in nvidia-cudnn-cu11 and "
        "8.9.2.26 in nvidia-cudnn-cu12."
    ]


def test_one_copy_in_two_packages_of_conda_is_one():
    found = reading(
        conda("cudnn", "9.13.1.26"),
        conda("libcudnn", "9.13.1.26"),
        conda("libcudnn-dev", "9.13.1.26"),
        conda("pytorch", "2.10.0", "cuda129_mkl_py312_h2ff76c1_300"),
        wheel("nvidia-cudnn-frontend", "1.14.0"),
    )

    assert told(RULE, found) == []
