"""GPU frameworks from PyPI: one CUDA family over both halves, or a refusal that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.errors import NoSolutionError
from envlock.model.verdict import Evidence, Kernels
from envlock.model.version import CudaLine
from pypi_house import House
from tiny import record

STACK = """\
[stack]
name = "demo"
platforms = ["{platform}"]
channels = ["conda-forge"]

[python]
version = "3.11.*"

[gpu]
cuda = "{cuda}"
"""
HEADLINE = "no solution for demo on linux-64 from the package index, as of 2026-01-01T00:00:00Z"


def read(*sass: str, ptx: tuple[str, ...] = (), line: str | None = "12.1") -> Kernels:
    return Kernels(
        artifact="torch 2.4.1 wheel",
        line=CudaLine.parse(line) if line else None,
        sass=sass,
        ptx=ptx,
        evidence=Evidence(
            fact="it says so", row="torch/x", source="read from the wheel", confidence="verified"
        ),
    )


def house_of(
    folder: Path, text: str, *, cuda: str = "12.1", platform: str = "linux-64", **records: object
) -> House:
    extra = records.get("conda", ())
    python = record("python", "3.11.9", subdir=platform)
    channels = {"conda-forge": {platform: [python, *extra]}}  # type: ignore[misc]
    return House(folder, STACK.format(platform=platform, cuda=cuda) + text, channels)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))


def refusal(house: House) -> str:
    with pytest.raises(NoSolutionError) as refused:
        house.locked()
    return str(refused.value)


def add_torch(house: House, *requires: str, **more: object) -> None:
    house.wheels.add("torch", "2.4.1", *requires, kernels=read("8.0"), **more)  # type: ignore[arg-type]


def test_loose_libraries_are_held_to_the_line(tmp_path: Path):
    house = house_of(tmp_path, '[frameworks]\npytorch = { version = "2.4.1", from = "pypi" }\n')
    add_torch(house, "nvidia-nvjitlink-cu12", "nvidia-cublas-cu12==12.1.3.1")
    house.wheels.add("nvidia-cublas-cu12", "12.1.3.1", "nvidia-nvjitlink-cu12")
    for version in ("12.1.105", "12.9.86"):
        house.wheels.add("nvidia-nvjitlink-cu12", version)

    assert house.locked()["pip", "nvidia-nvjitlink-cu12"] == "12.1.105"


def test_two_frameworks_that_pin_two_nccls_are_named(tmp_path: Path):
    text = """\
[frameworks]
pytorch = { version = "2.4.1", from = "pypi" }
tensorflow = { version = "2.17.0", from = "pypi" }
"""
    house = house_of(tmp_path, text, cuda="12.3")
    add_torch(house, "nvidia-nccl-cu12==2.20.5")
    house.wheels.add(
        "tensorflow",
        "2.17.0",
        "nvidia-nccl-cu12==2.19.3 ; extra == 'and-cuda'",
        extras=["and-cuda"],
    )
    for version in ("2.19.3", "2.20.5"):
        house.wheels.add("nvidia-nccl-cu12", version)

    assert refusal(house) == (
        f"{HEADLINE}\n"
        "  these cannot all hold:\n"
        f"    `tensorflow 2.17.0 from PyPI` ({house.path}:13: frameworks.tensorflow)\n"
        f"    `pytorch 2.4.1 from PyPI` ({house.path}:12: frameworks.pytorch)\n"
        "  they meet at nvidia-nccl-cu12:\n"
        "    tensorflow 2.17.0 needs nvidia-nccl-cu12 ==2.19.3\n"
        "    torch 2.4.1 needs nvidia-nccl-cu12 ==2.20.5\n"
        "No lock was written."
    )


def test_cudnn_8_and_9_are_named(tmp_path: Path):
    text = 'cudnn = ">=8.9,<9"\n[frameworks]\npytorch = { version = "2.4.1", from = "pypi" }\n'
    house = house_of(tmp_path, text)
    add_torch(house, "nvidia-cudnn-cu12==9.1.0.70")
    for version in ("8.9.7.29", "9.1.0.70"):
        house.wheels.add("nvidia-cudnn-cu12", version)

    assert refusal(house) == (
        f"{HEADLINE}\n"
        "  these cannot all hold:\n"
        f"    `pytorch 2.4.1 from PyPI` ({house.path}:13: frameworks.pytorch)\n"
        f"    `cudnn >=8.9,<9` ({house.path}:11: gpu.cudnn)\n"
        "  they meet at nvidia-cudnn-cu12:\n"
        "    torch 2.4.1 needs nvidia-cudnn-cu12 ==9.1.0.70\n"
        "    `cudnn >=8.9,<9` needs nvidia-cudnn-cu12 <9,>=8.9\n"
        "No lock was written."
    )


def test_a_library_of_another_cuda_major_is_named(tmp_path: Path):
    text = """\
[frameworks]
pytorch = { version = "2.4.1", from = "pypi" }
[pypi-dependencies]
old-tool = "*"
"""
    house = house_of(tmp_path, text)
    add_torch(house, "nvidia-cublas-cu12")
    house.wheels.add("nvidia-cublas-cu12", "12.1.3.1")
    house.wheels.add("old-tool", "1.0", "nvidia-cublas-cu11")
    house.wheels.add("nvidia-cublas-cu11", "11.11.3.6")

    assert refusal(house) == (
        f"{HEADLINE}\n"
        "  these cannot all hold:\n"
        f"    `old-tool` ({house.path}:14: pypi-dependencies.old-tool)\n"
        "    `CUDA 12.1: no nvidia-cublas-cu11, which is for CUDA 11` "
        f"({house.path}:10: gpu.cuda)\n"
        "  they meet at nvidia-cublas-cu11:\n"
        "    old-tool 1.0 needs nvidia-cublas-cu11\n"
        "    `CUDA 12.1: no nvidia-cublas-cu11, which is for CUDA 11` needs nvidia-cublas-cu11 <0\n"
        "No lock was written."
    )


def test_a_cpu_wheel_in_a_gpu_stack_is_refused(tmp_path: Path):
    text = 'compute = ["8.0"]\n[frameworks]\npytorch = { version = "2.4.1", from = "pypi" }\n'
    house = house_of(tmp_path, text, platform="win-64")
    house.wheels.add("torch", "2.4.1", tag="cp311-cp311-win_amd64", kernels=read(line=None))

    assert refusal(house) == (
        "the answer for demo would not run as the stack says\n"
        "  win-64: torch 2.4.1 on win-64 is a CPU build in a stack for CUDA 12.1\n"
        f"    ({house.path}:13: frameworks.pytorch)\n"
        "No lock was written."
    )


def test_a_cuda_wheel_in_a_cpu_stack_is_refused(tmp_path: Path):
    stack = STACK.partition("[gpu]")[0].format(platform="linux-64")
    text = stack + '[frameworks]\npytorch = { version = "2.4.1", from = "pypi" }\n'
    house = House(tmp_path, text, {"conda-forge": {"linux-64": [record("python", "3.11.9")]}})
    add_torch(house)

    assert refusal(house) == (
        "the answer for demo would not run as the stack says\n"
        "  linux-64: torch 2.4.1 is a CUDA build, the platform computes on cpu\n"
        f"    ({house.path}:10: frameworks.pytorch)\n"
        "No lock was written."
    )


def test_a_cuda_wheel_that_another_one_brings_is_told_with_who_needs_it(tmp_path: Path):
    stack = STACK.partition("[gpu]")[0].format(platform="linux-64")
    text = stack + '[pypi-dependencies]\naccelerate = "*"\n'
    house = House(tmp_path, text, {"conda-forge": {"linux-64": [record("python", "3.11.9")]}})
    house.wheels.add("accelerate", "1.0", "torch")
    add_torch(house)

    assert refusal(house) == (
        "the answer for demo would not run as the stack says\n"
        "  linux-64: torch 2.4.1, which accelerate needs, is a CUDA build, the platform computes "
        "on cpu\n"
        f"    ({house.path}:10: pypi-dependencies.accelerate)\n"
        "No lock was written."
    )


def test_cuda_libraries_of_two_lines_over_the_halves_are_refused(tmp_path: Path):
    """A wheel that names a library of another line by itself is read as it came out."""
    text = 'newer-components = ["libnvjitlink"]\n[pypi-dependencies]\nnvidia-curand-cu12 = "*"\n'
    house = house_of(tmp_path, text)
    house.wheels.add("nvidia-curand-cu12", "10.3.2.106")
    house.wheels.add("nvidia-curand-cu12", "10.3.5.147")

    assert house.locked()["pip", "nvidia-curand-cu12"] == "10.3.2.106"


def test_two_copies_of_cudnn_over_the_halves_are_refused(tmp_path: Path):
    text = """\
[frameworks]
pytorch = { version = "2.4.1", from = "pypi" }
[dependencies]
cudnn = "*"
"""
    house = house_of(tmp_path, text, conda=[record("cudnn", "9.2.0")])
    add_torch(house, "nvidia-cudnn-cu12==9.1.0.70")
    house.wheels.add("nvidia-cudnn-cu12", "9.1.0.70")

    assert "two copies of cuDNN: 9.2.0 in cudnn, 9.1.0.70 in nvidia-cudnn-cu12" in refusal(house)


def test_two_copies_of_nccl_over_the_halves_are_refused(tmp_path: Path):
    text = """\
[frameworks]
pytorch = { version = "2.4.1", from = "pypi" }
[dependencies]
nccl = "*"
"""
    house = house_of(tmp_path, text, conda=[record("nccl", "2.21.5")])
    add_torch(house, "nvidia-nccl-cu12==2.20.5")
    house.wheels.add("nvidia-nccl-cu12", "2.20.5")

    assert "two copies of NCCL: 2.21.5 from conda, 2.20.5 in nvidia-nccl-cu12" in refusal(house)


def test_jax_without_its_plugin_is_refused(tmp_path: Path):
    house = house_of(tmp_path, '[frameworks]\njax = { version = "*", from = "pypi" }\n')
    house.wheels.add("jax", "0.4.30")

    assert "jax came out without `jax-cuda12-plugin`, which has its GPU code" in refusal(house)


PYTORCH = '[frameworks]\npytorch = { version = "2.4.1", from = "pypi" }\n'


def test_a_gpu_without_code_in_the_wheel_is_refused(tmp_path: Path):
    house = house_of(tmp_path, 'compute = ["8.6", "10.0"]\n' + PYTORCH)
    add_torch(house)

    assert refusal(house) == (
        "the answer for demo would not run as the stack says\n"
        "  linux-64: torch 2.4.1 wheel does not run on compute capability 10.0: torch 2.4.1 wheel "
        "has nothing for 10.0: sm_80 (read from the wheel; verified)\n"
        f"    ({house.path}:11: gpu.compute)\n"
        "No lock was written."
    )


def test_ptx_that_the_fleets_driver_cannot_compile_is_refused(tmp_path: Path):
    text = 'compute = ["9.0"]\n[fleet]\ndriver = "530.30.01"\n' + PYTORCH
    house = house_of(tmp_path, text)
    house.wheels.add("torch", "2.4.1", kernels=read("8.0", ptx=("9.0",)))

    assert refusal(house) == (
        "the answer for demo would not run as the stack says\n"
        "  linux-64: torch 2.4.1 wheel does not run on compute capability 9.0: torch 2.4.1 wheel "
        "has no machine code for 9.0, but PTX for 9.0 of CUDA 12.1, which driver 530.30.02 or "
        "newer compiles (CUDA release notes, table of toolkits and their driver versions; "
        "verified)\n"
        f"    ({house.path}:11: gpu.compute)\n"
        "No lock was written."
    )


def test_a_wheel_of_unknown_code_is_locked_and_refused_when_strict(tmp_path: Path):
    house = house_of(tmp_path, 'compute = ["9.0"]\n' + PYTORCH.replace("2.4.1", "2.99"))
    house.wheels.add("torch", "2.99", "nvidia-cublas-cu12")
    house.wheels.add("nvidia-cublas-cu12", "12.1.3.1")
    house.record()

    facts = house.solve(write=False).lock.head.facts

    assert facts["envlock/linux-64/gpus"] == (
        "9.0: unknown, nothing is known of the GPU code in torch 2.99 wheel"
    )
    with pytest.raises(NoSolutionError, match=r"whether torch 2\.99 wheel runs"):
        house.solve(strict=True)


def test_the_head_says_which_artifact_serves_each_gpu(tmp_path: Path):
    text = 'compute = ["8.6", "9.0"]\n[fleet]\ndriver = "535"\n' + PYTORCH
    house = house_of(tmp_path, text)
    house.wheels.add("torch", "2.4.1", kernels=read("8.0", ptx=("9.0",)))
    house.record()

    facts = house.solve().lock.head.facts

    assert facts["envlock/linux-64/gpus"] == (
        "8.6: machine code in torch 2.4.1 wheel; "
        "9.0: PTX for 9.0 in torch 2.4.1 wheel, compiled by driver 530.30.02 or newer"
    )
    assert facts["envlock/linux-64/driver-floor"] == (
        ">=530.30.02 to compile PTX for some of the GPUs (verified fact); the fleet's 535 meets it"
    )
    assert facts["envlock/linux-64/kernels/torch"] == (
        "sm_80 compute_90; CUDA 12.1; verified; torch/x; read from the wheel"
    )


def test_why_names_the_framework_that_asks_for_a_wheel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    house = house_of(tmp_path, PYTORCH)
    add_torch(house, "filelock")
    house.wheels.add("filelock", "3.0")
    house.record()
    house.solve()

    assert main(["why", "filelock", house.path]) == 0

    assert "frameworks.pytorch" in capsys.readouterr().out


def test_a_fleet_of_driver_515_is_refused_cuda_13(tmp_path: Path):
    text = '[fleet]\ndriver = "515"\n' + PYTORCH
    house = house_of(tmp_path, text, cuda="13.0")
    house.wheels.add("torch", "2.4.1", kernels=read("8.0", line="13.0"))

    assert refusal(house) == (
        "the answer for demo would not run as the stack says\n"
        "  linux-64: CUDA 13.0 needs driver 580.65.06 or newer, the fleet has 515 (NVIDIA CUDA "
        "compatibility guide, minor version compatibility, table 1; exact builds from the cuDNN "
        "support matrices 8.9.6, 9.0.0, 9.5.1, 9.17.0; verified)\n"
        f"    ({house.path}:12: fleet.driver)\n"
        "No lock was written."
    )


def test_a_v100_is_refused_a_wheel_for_cuda_13(tmp_path: Path):
    house = house_of(tmp_path, 'compute = ["7.0"]\n' + PYTORCH, cuda="13.0")
    house.wheels.add("torch", "2.4.1", kernels=read("7.5", "8.0", line="13.0"))

    assert refusal(house) == (
        "the answer for demo would not run as the stack says\n"
        "  linux-64: CUDA 13.0 has left Volta (compute capability 7.0); the last line for it is "
        "12.9 (NVIDIA data-center driver documentation, CUDA toolkit, driver and architecture "
        "matrix; verified)\n"
        f"    ({house.path}:11: gpu.compute)\n"
        "  linux-64: torch 2.4.1 wheel does not run on compute capability 7.0: torch 2.4.1 wheel "
        "has nothing for 7.0: sm_75 sm_80 (read from the wheel; verified)\n"
        f"    ({house.path}:11: gpu.compute)\n"
        "No lock was written."
    )
