"""Each way in which a machine can be broken is found, named and mended by its hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.backends.host_nvml import HANGS, NvmlAnswer
from envlock.model.host import Host, HostGpu, ProblemLevel
from host_trees import DRIVER_535, GPU_ON_BUS, observe, pci

A100 = HostGpu(name="NVIDIA A100-SXM4-40GB", compute="8.0", compute_mode="default")
WELL = NvmlAnswer(driver="535.183.06", cuda="12.2", gpus=(A100,))
LIB = "/usr/lib/x86_64-linux-gnu"
CUDA = "/usr/local/cuda-12.1"
SUPERUSER = "/root"
WSL = {
    "/proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n",
    "/dev/dxg": "",
    "/usr/lib/wsl/lib/libcuda.so.1": "",
}


def without(files: dict[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in files.items() if not name.startswith(names)}


def told(host: Host) -> list[tuple[str, str]]:
    return [(item.code, item.level.value) for item in host.problems]


def test_a_healthy_machine_has_no_problem(tmp_path: Path):
    assert observe(tmp_path, DRIVER_535, nvml=WELL).problems == ()


def test_a_machine_without_a_gpu_has_no_problem(tmp_path: Path):
    host = observe(tmp_path, pci(("0x8086", "0x030000")))

    assert (host.driver, host.gpus, host.problems) == (None, (), ())


def test_an_upgraded_driver_needs_a_restart(tmp_path: Path):
    files = {**DRIVER_535, "/sys/module/nvidia/version": "535.161.08\n"}

    host = observe(tmp_path, files, nvml=NvmlAnswer(fault="LibRmVersionMismatch"))

    (problem,) = host.problems
    assert problem.code == "driver-library-mismatch"
    assert problem.level is ProblemLevel.BROKEN
    assert problem.message == ("the kernel runs driver 535.161.08, its libraries are of 535.183.06")
    assert problem.hint == (
        "restart the machine: the driver was upgraded while the old one was in use"
    )
    assert host.driver == "535.161.08"


def test_a_container_with_an_old_driver_is_started_anew(tmp_path: Path):
    files = {**DRIVER_535, "/sys/module/nvidia/version": "550.54.15\n", "/.dockerenv": ""}

    host = observe(tmp_path, files, nvml=NvmlAnswer(fault="LibRmVersionMismatch"))

    assert host.problems[0].hint.startswith("start the container anew")


def test_files_alone_show_a_mismatch_when_nvml_fails(tmp_path: Path):
    files = {**DRIVER_535, "/sys/module/nvidia/version": "535.161.08\n"}

    codes = [code for code, _ in told(observe(tmp_path, files, nvml=NvmlAnswer(fault="Unknown")))]

    assert codes == ["driver-library-mismatch", "nvml-fails"]


def test_a_driver_that_hangs_is_told_with_its_version(tmp_path: Path):
    host = observe(tmp_path, DRIVER_535, nvml=NvmlAnswer(fault=HANGS))

    assert host.driver == "535.183.06"
    assert told(host) == [("nvml-hangs", "broken")]


def test_a_gpu_without_a_driver(tmp_path: Path):
    host = observe(tmp_path, GPU_ON_BUS)

    assert told(host) == [("gpu-without-driver", "broken")]
    assert host.problems[0].message == "an NVIDIA GPU on the PCI bus, and no driver"


def test_an_nvidia_network_card_or_sound_device_is_no_gpu(tmp_path: Path):
    assert observe(tmp_path, pci(("0x10de", "0x040300"), ("0x10de", "0x068000"))).problems == ()


def test_nouveau_is_named(tmp_path: Path):
    host = observe(tmp_path, {**GPU_ON_BUS, "/sys/module/nouveau/": ""})

    assert told(host) == [("nouveau-loaded", "broken")]


def test_a_driver_that_is_installed_and_not_loaded(tmp_path: Path):
    files = {**GPU_ON_BUS, f"{LIB}/libcuda.so.535.183.06": ""}

    host = observe(tmp_path, files, nvml=NvmlAnswer(fault="DriverNotLoaded"))

    assert told(host) == [("driver-not-loaded", "broken")]


def test_a_driver_without_device_files(tmp_path: Path):
    host = observe(tmp_path, without(DRIVER_535, "/dev"), nvml=NvmlAnswer(fault="Unknown"))

    assert ("no-device-files", "broken") in told(host)


def test_a_driver_without_its_libraries(tmp_path: Path):
    host = observe(tmp_path, without(DRIVER_535, LIB))

    assert told(host) == [("driver-libraries-missing", "broken")]


@pytest.mark.parametrize(
    ("files", "environment", "container", "words"),
    [
        ({"/.dockerenv": ""}, {}, "docker", "docker run --gpus all"),
        ({"/run/.containerenv": ""}, {}, "podman", "nvidia.com/gpu=all"),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes", "nvidia.com/gpu: 1"),
        ({}, {"APPTAINER_CONTAINER": "/x.sif"}, "apptainer", "--nv"),
        ({}, {"SINGULARITY_CONTAINER": "/x.sif"}, "singularity", "--nv"),
        ({"/proc/1/cgroup": "0::/lxc.payload/x\n"}, {}, "lxc", "container runtime"),
        ({"/proc/1/cgroup": "1:cpu:/docker/ab\n"}, {}, "docker", "--gpus"),
        ({}, {"container": "oci"}, "container", "container runtime"),
    ],
)
def test_a_container_that_was_not_given_the_gpu(
    tmp_path: Path,
    files: dict[str, str],
    environment: dict[str, str],
    container: str,
    words: str,
):
    """The kernel's driver shows through /sys, its device files do not."""
    outside = {**without(DRIVER_535, "/dev", LIB), **files}

    host = observe(tmp_path, outside, environment)

    assert host.container == container
    assert told(host) == [("container-without-gpu", "broken")]
    assert words in host.problems[0].hint


def test_a_container_whose_image_wants_no_gpu(tmp_path: Path):
    environment = {"NVIDIA_VISIBLE_DEVICES": "void"}

    host = observe(tmp_path, {"/.dockerenv": ""}, environment)

    assert "NVIDIA_VISIBLE_DEVICES=void keeps it out" in host.problems[0].message


def test_a_container_on_a_machine_without_a_gpu_has_no_problem(tmp_path: Path):
    host = observe(tmp_path, {"/.dockerenv": ""})

    assert (host.container, host.problems) == ("docker", ())


def test_a_library_path_that_shadows(tmp_path: Path):
    files = {
        **DRIVER_535,
        f"{CUDA}/lib64/libcudart.so.12": "",
        f"{CUDA}/lib64/libcublas.so.12": "",
        f"{CUDA}/lib64/libcudnn.so.8.9.7": "",
        "/opt/empty/": "",
    }
    environment = {"LD_LIBRARY_PATH": f"{CUDA}/lib64/:/opt/empty::relative:/no/such"}

    host = observe(tmp_path, files, environment, WELL)

    assert told(host) == [("library-path-shadows", "warning")]
    assert host.library_path == (f"{CUDA}/lib64",)
    assert host.problems[0].message == (
        f"LD_LIBRARY_PATH has {CUDA}/lib64 with libcublas, libcudart, libcudnn: it replaces what "
        "an environment brings"
    )


@pytest.mark.parametrize(
    ("folder", "home", "named"),
    [
        ("/home/ada/cuda", "/home/ada", "~/cuda"),
        ("/home/ada/cuda", "/root", "~/cuda"),
        (f"{SUPERUSER}/cuda", "/elsewhere", "~/cuda"),
        ("/data/ada/cuda", "/data/ada", "~/cuda"),
        ("/opt/cuda", "/home/ada", "/opt/cuda"),
    ],
)
def test_no_folder_names_a_person(tmp_path: Path, folder: str, home: str, named: str):
    environment = {"LD_LIBRARY_PATH": folder, "HOME": home}

    host = observe(tmp_path, {f"{folder}/libcudnn.so.9": ""}, environment)

    assert host.library_path == (named,)
    assert "ada" not in str(host)


@pytest.mark.parametrize(("name", "level"), [("libcuda.so", "warning"), ("libcuda.so.1", "broken")])
def test_the_stub_of_libcuda(tmp_path: Path, name: str, level: str):
    stubs = f"{CUDA}/lib64/stubs"

    host = observe(
        tmp_path, {**DRIVER_535, f"{stubs}/{name}": ""}, {"LD_LIBRARY_PATH": stubs}, WELL
    )

    assert told(host) == [("stub-libcuda", level)]


@pytest.mark.parametrize(
    ("version", "codes"),
    [
        ("560.35.05", [("compat-newer", "warning")]),
        ("525.147.05", [("compat-older", "warning")]),
        ("535.183.06", []),
    ],
)
@pytest.mark.parametrize("by", ["variable", "configuration"])
def test_a_compat_package_is_compared_with_the_driver(
    tmp_path: Path, version: str, codes: list[tuple[str, str]], by: str
):
    compat = "/usr/local/cuda-12.6/compat"
    files = {**DRIVER_535, f"{compat}/libcuda.so.{version}": "", f"{compat}/libcuda.so.1": ""}
    environment = {}
    if by == "variable":
        environment = {"LD_LIBRARY_PATH": compat}
    else:
        files["/etc/ld.so.conf.d/00-compat.conf"] = f"# compat\n{compat}\n"

    assert told(observe(tmp_path, files, environment, WELL)) == codes


def test_wsl_has_the_driver_of_windows(tmp_path: Path):
    nvml = NvmlAnswer(driver="551.78", cuda="12.4", gpus=(A100,))

    host = observe(tmp_path, WSL, nvml=nvml)

    assert (host.wsl, host.numbering, host.driver) == (True, "windows", "551.78")
    assert host.problems == ()


def test_a_linux_driver_inside_wsl(tmp_path: Path):
    nvml = NvmlAnswer(driver="551.78", gpus=(A100,))

    host = observe(tmp_path, {**WSL, f"{LIB}/libcuda.so.535.183.06": ""}, nvml=nvml)

    assert told(host) == [("wsl-linux-driver", "warning")]


@pytest.mark.parametrize("value", ["", "-1", "2", "2,0", " "])
def test_variables_that_hide_every_gpu(tmp_path: Path, value: str):
    nvml = NvmlAnswer(driver="535.183.06", gpus=(A100, A100))

    host = observe(tmp_path, DRIVER_535, {"CUDA_VISIBLE_DEVICES": value}, nvml)

    assert told(host) == [("cuda-visible-devices", "broken")]


@pytest.mark.parametrize("value", ["0", "1,0", "0,7", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"])
def test_variables_that_leave_a_gpu(tmp_path: Path, value: str):
    nvml = NvmlAnswer(driver="535.183.06", gpus=(A100, A100))

    host = observe(tmp_path, DRIVER_535, {"CUDA_VISIBLE_DEVICES": value}, nvml)

    assert host.problems == ()


def test_mig_mode_without_instances(tmp_path: Path):
    bare = HostGpu(name="NVIDIA A100-SXM4-40GB", mig=True)
    used = HostGpu(name="NVIDIA A100-SXM4-40GB", mig=True, mig_profiles=("1g.5gb",))

    one = observe(tmp_path, DRIVER_535, nvml=NvmlAnswer(driver="535.183.06", gpus=(bare,)))
    some = observe(tmp_path, DRIVER_535, nvml=NvmlAnswer(driver="535.183.06", gpus=(bare, used)))
    none = observe(tmp_path, DRIVER_535, nvml=NvmlAnswer(driver="535.183.06", gpus=(used,)))

    assert told(one) == [("mig-without-instances", "broken")]
    assert told(some) == [("mig-without-instances", "warning")]
    assert told(none) == []


@pytest.mark.parametrize(
    ("mode", "codes"),
    [
        ("prohibited", [("compute-prohibited", "broken")]),
        ("exclusive-process", [("compute-exclusive", "warning")]),
        ("default", []),
        (None, []),
    ],
)
def test_compute_modes(tmp_path: Path, mode: str | None, codes: list[tuple[str, str]]):
    gpu = HostGpu(name="NVIDIA A100-SXM4-40GB", compute_mode=mode)

    host = observe(tmp_path, DRIVER_535, nvml=NvmlAnswer(driver="535.183.06", gpus=(gpu,)))

    assert told(host) == codes


def test_what_breaks_the_machine_comes_first(tmp_path: Path):
    files = {**DRIVER_535, "/opt/cudnn/libcudnn.so.9": ""}
    environment = {"LD_LIBRARY_PATH": "/opt/cudnn", "CUDA_VISIBLE_DEVICES": "-1"}

    host = observe(tmp_path, files, environment, WELL)

    assert told(host) == [
        ("cuda-visible-devices", "broken"),
        ("library-path-shadows", "warning"),
    ]


def test_every_problem_has_a_hint_and_fits_a_sentence(tmp_path: Path):
    files = {**DRIVER_535, "/opt/c/libcudnn.so.9": "", "/opt/stubs/libcuda.so.1": ""}
    environment = {"LD_LIBRARY_PATH": "/opt/c:/opt/stubs", "CUDA_VISIBLE_DEVICES": "9"}
    gpu = HostGpu(name="x", mig=True, compute_mode="prohibited")

    host = observe(
        tmp_path, files, environment, NvmlAnswer(driver="535.183.06", gpus=(gpu,), lost=1)
    )

    assert len(host.problems) == 6
    for problem in host.problems:
        assert problem.hint
        assert not problem.message.endswith(".")
