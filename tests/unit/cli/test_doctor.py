"""Whole screens of `doctor`: recorded machines, verdicts made by hand."""

from __future__ import annotations

import pytest

from envlock.cli.doctor import describe, render
from envlock.model.host import Host, HostGpu
from envlock.model.platform import Platform
from envlock.model.verdict import (
    Coverage,
    Covered,
    Evidence,
    Judgement,
    Missing,
    Unknown,
    Verdict,
    Workload,
)
from envlock.model.version import CudaLine
from envlock.workflows.doctor import Examination, Examined
from envlock.workflows.whatif import Candidate
from fakes_host import recorded


def fact(text: str) -> Evidence:
    return Evidence(
        fact=text, row="drivers/minor_compat[12]", source="NVIDIA", confidence="verified"
    )


RUNS = Covered(evidence=fact("CUDA 12 runs on Linux driver 525.60.13 or newer"))
TOO_OLD = Missing(
    evidence=fact("CUDA 13 runs on Linux driver 580.65.06 or newer"),
    remedy="driver 580.65.06 or newer",
)
NO_DRIVER = Missing(
    evidence=fact("this machine has no NVIDIA driver"),
    remedy="driver 525.60.13 or newer",
)
OPEN = Unknown(reason="nothing is known of the GPU code of jaxlib 0.10.2 cuda129py313h0_200")


def examined(name: str, coverage: Coverage, line: str | None = "12.9") -> Examined:
    platform = Platform.LINUX_64
    workload = Workload(name=name, platform=platform, line=CudaLine.parse(line) if line else None)
    path = f"stacks/{name}.toml"
    verdict = Verdict(
        workload=name,
        platform=platform,
        machine="x",
        judgements=(Judgement(subject="driver", coverage=coverage),),
    )
    candidate = Candidate(path=path, read=path, name=name, workloads={platform: workload})
    return Examined(path=path, candidate=candidate, verdict=verdict)


def screen(host: Host, *stacks: Examined) -> str:
    return "".join(f"{line}\n" for line in render(Examination(host=host, stacks=stacks)))


def test_a_box_of_h100():
    found = screen(
        recorded("h100-box"),
        examined("jax-cu129", OPEN),
        examined("torch-cu121", RUNS),
        examined("torch-cu129", RUNS),
        examined("torch-cu130", TOO_OLD, "13.0"),
        examined("torch-cu132", TOO_OLD, "13.2"),
        examined("workbench", RUNS, None),
    )

    assert (
        found
        == """\
h100-box: linux-64, glibc 2.35, kernel 5.15.0-105-generic
  driver 550.54.15, offers CUDA 12.4

       GPU             compute  memory
  8 x  H100 80GB HBM3  9.0      80 GiB  18 NVLinks

runs here:
  torch-cu121, torch-cu129, workbench

does not run here:
  torch-cu130, torch-cu132
    CUDA 13 runs on Linux driver 580.65.06 or newer
    would do: driver 580.65.06 or newer

not known:
  jax-cu129
    nothing is known of the GPU code of jaxlib 0.10.2 cuda129py313h0_200
"""
    )


def test_a_laptop_with_an_old_toolkit_on_the_library_path():
    assert (
        screen(recorded("laptop-rtx4070"), examined("torch-cu129", RUNS))
        == """\
laptop-rtx4070: linux-64, glibc 2.39, kernel 6.8.0-45-generic
  driver 555.58.02, offers CUDA 12.5

       GPU                          compute  memory
  1 x  GeForce RTX 4070 Laptop GPU  8.9      8 GiB

warning: LD_LIBRARY_PATH has /usr/local/cuda-11.8/lib64 with libcublas,
  libcudart, libcudnn: it replaces what an environment brings
  [library-path-shadows]
  hint: `unset LD_LIBRARY_PATH` before you run an environment

runs here:
  torch-cu129
"""
    )


def test_wsl_names_the_windows_driver():
    assert (
        screen(recorded("wsl2-rtx3080"))
        == """\
wsl2-rtx3080: linux-64, glibc 2.35, kernel 5.15.153.1-microsoft-standard-WSL2,
  WSL
  Windows driver 551.78, offers CUDA 12.4

       GPU               compute  memory
  1 x  GeForce RTX 3080  8.6      10 GiB
"""
    )


def test_a_broken_driver_lets_gpu_stacks_wait():
    assert (
        screen(
            recorded("broken-driver"),
            examined("torch-cu129", RUNS),
            examined("workbench", RUNS, None),
        )
        == """\
broken-driver: linux-64, glibc 2.35, kernel 5.15.0-105-generic
  driver 535.161.08

       GPU             compute  memory
  1 x  A100-SXM4-40GB  ?        ?

broken: the kernel runs driver 535.161.08, its libraries are of 535.183.06
  [driver-library-mismatch]
  hint: restart the machine: the driver was upgraded while the old one was in
    use

runs here:
  workbench

runs here once that is mended:
  torch-cu129
"""
    )


def test_mig_instances_are_shown():
    assert (
        screen(recorded("a100-mig"))
        == """\
a100-mig: linux-64, glibc 2.31, kernel 5.4.0-182-generic
  driver 535.183.06, offers CUDA 12.2

       GPU             compute  memory
  1 x  A100-SXM4-40GB  8.0      40 GiB  12 NVLinks, MIG 3g.20gb 2g.10gb 1g.5gb
  1 x  A100-SXM4-40GB  8.0      40 GiB  12 NVLinks, MIG without instances

warning: 1 of 2 GPUs are in MIG mode without an instance: CUDA sees nothing
  there [mig-without-instances]
  hint: `sudo nvidia-smi mig -cgi PROFILE -C` makes one; `nvidia-smi mig -lgip`
    lists the profiles
"""
    )


def test_a_machine_without_a_gpu_says_so_in_one_sentence():
    assert (
        screen(
            recorded("cpu-only"),
            examined("torch-cu129", NO_DRIVER),
            examined("workbench", RUNS, None),
        )
        == """\
cpu-only: linux-64, glibc 2.36, kernel 6.1.0-21-amd64
  no NVIDIA GPU and no driver: stacks for CPUs run here, GPU stacks do not

runs here:
  workbench

does not run here:
  torch-cu129
    this machine has no NVIDIA driver
    would do: driver 525.60.13 or newer
"""
    )


@pytest.mark.parametrize(
    ("host", "line"),
    [
        (Host(name="a", platform=Platform.OSX_ARM64, macos="14.5"), "a: osx-arm64, macOS 14.5"),
        (
            Host(name="a", platform=Platform.LINUX_64, container="podman"),
            "a: linux-64, in podman",
        ),
        (
            Host(name="a", platform=Platform.LINUX_64, container="container"),
            "a: linux-64, in a container",
        ),
    ],
)
def test_the_system_is_one_line(host: Host, line: str):
    assert screen(host).splitlines()[0] == line


@pytest.mark.parametrize(
    ("host", "line"),
    [
        (Host(name="a", platform=Platform.LINUX_64, driver="535"), "driver 535; no GPU"),
        (
            Host(name="a", platform=Platform.LINUX_64, gpus=(HostGpu(name="Orin"),)),
            "no driver",
        ),
        (
            Host(name="a", platform=Platform.OSX_ARM64),
            "no NVIDIA GPU, as on every Mac: stacks for CPUs and MPS run here",
        ),
    ],
)
def test_the_driver_is_one_line(host: Host, line: str):
    assert screen(host).splitlines()[1] == f"  {line}"


def test_a_name_cannot_steer_the_terminal():
    host = Host(name="a\x1b[31m", platform=Platform.LINUX_64)

    assert "\x1b" not in screen(host)


def test_the_data_says_what_waits_and_whether_a_gpu_can_be_used():
    broken = Examination(host=recorded("broken-driver"), stacks=(examined("torch-cu129", RUNS),))

    told = describe(broken)

    assert told["has_usable_gpu"] is False
    (stack,) = told["stacks"]  # type: ignore[misc]
    assert stack["waits_for_the_machine"] is True
    assert stack["verdict"]["fit"] == "runs"
