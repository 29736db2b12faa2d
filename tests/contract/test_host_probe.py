"""What every host probe keeps: it sees, it does not raise, it names nobody."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path

import pytest

from envlock.backends.host import MachineProbe, SystemFacts
from envlock.backends.host_nvml import NvmlAnswer
from envlock.errors import WorldError
from envlock.formats.host import format_host, read_host
from envlock.model.host import HostGpu, Numbering
from envlock.model.platform import Platform
from envlock.ports.host_probe import HostProbe
from fakes_host import FakeHostProbe
from host_trees import DRIVER_535, LINUX, observe


@pytest.fixture(params=["this machine", "fake"])
def probe(request: pytest.FixtureRequest) -> HostProbe:
    return MachineProbe() if request.param == "this machine" else FakeHostProbe()


def test_a_machine_is_seen_and_can_be_kept(probe: HostProbe):
    host = probe.observe()

    kept = read_host(format_host(host), "a.json")

    assert kept.platform in Platform
    assert kept.gpus == host.gpus
    assert kept.problems == host.problems


def test_nothing_names_the_machine_or_its_user(probe: HostProbe):
    text = format_host(probe.observe()).decode()

    assert socket.gethostname() not in text
    user = getpass.getuser()
    assert f"/{user}" not in text


def test_the_same_machine_is_seen_the_same_twice(probe: HostProbe):
    assert probe.observe() == probe.observe()


# --- this machine's probe -------------------------------------------------------------------------


def test_without_nvml_the_kernel_tells_of_the_driver(tmp_path: Path):
    host = observe(tmp_path, DRIVER_535)

    assert host.driver == "535.183.06"
    assert host.driver_cuda is None


@pytest.mark.parametrize(
    "line",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.06  Wed Jun 26 06:46:07 UTC 2024",
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.183.06  Release Build  "
            "(archlinux-builder@)"
        ),
    ],
)
def test_the_driver_is_read_from_its_own_words(tmp_path: Path, line: str):
    host = observe(tmp_path, {"/proc/driver/nvidia/version": f"{line}\nGCC version: 12\n"})

    assert host.driver == "535.183.06"


def test_without_nvml_the_kernel_names_the_gpus(tmp_path: Path):
    gpus = "/proc/driver/nvidia/gpus"
    files = {
        **DRIVER_535,
        f"{gpus}/0000:01:00.0/information": "Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ: 1\n",
        f"{gpus}/0000:02:00.0/information": "Model: \t\t Unknown\n",
    }

    host = observe(tmp_path, files, nvml=NvmlAnswer(fault="Unknown"))

    assert host.gpus == (HostGpu(name="NVIDIA A100-SXM4-40GB"),)


def test_a_jetson_is_named_by_its_device_tree(tmp_path: Path):
    files = {
        "/proc/device-tree/compatible": "nvidia,p3737-0000\0nvidia,tegra234\0",
        "/proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
    }
    system = SystemFacts(system="linux", machine="aarch64", glibc="2.35")

    host = observe(tmp_path, files, system=system)

    assert host.platform is Platform.LINUX_AARCH64
    assert host.gpus == (HostGpu(name="NVIDIA Jetson AGX Orin Developer Kit"),)
    assert host.problems == ()


@pytest.mark.parametrize("text", ["", "abc\n", "\udcff", "535\n" * 100_000])
def test_a_version_that_is_none_is_unknown(tmp_path: Path, text: str):
    path = tmp_path / "sys/module/nvidia"
    path.mkdir(parents=True)
    (path / "version").write_bytes(text.encode("utf-8", "surrogateescape"))

    assert observe(tmp_path).driver is None


def test_files_that_are_folders_say_nothing(tmp_path: Path):
    files = {"/sys/module/nvidia/version/": "", "/proc/1/cgroup/": "", "/etc/ld.so.conf.d": "x"}

    assert observe(tmp_path, files).problems == ()


def test_a_mac_is_not_asked_about_nvidia():
    def never() -> NvmlAnswer:
        raise AssertionError

    system = SystemFacts(system="darwin", machine="arm64", macos="14.5", kernel="23.5.0")

    host = MachineProbe(environment={}, nvml=never, system=lambda: system).observe()

    assert (host.platform, host.macos, host.driver) == (Platform.OSX_ARM64, "14.5", None)


def test_windows_has_its_own_numbering(tmp_path: Path):
    system = SystemFacts(system="win32", machine="AMD64", kernel="10")
    nvml = NvmlAnswer(driver="551.78", cuda="12.4", gpus=(HostGpu(name="NVIDIA RTX A2000"),))

    host = observe(tmp_path, DRIVER_535, {"CUDA_VISIBLE_DEVICES": "-1"}, nvml, system)

    assert (host.platform, host.numbering) == (Platform.WIN_64, Numbering.WINDOWS)
    assert [item.code for item in host.problems] == ["cuda-visible-devices"]


def test_a_machine_that_no_lock_is_for_is_an_error(tmp_path: Path):
    system = SystemFacts(system="linux", machine="riscv64")

    with pytest.raises(WorldError, match="linux on riscv64"):
        observe(tmp_path, system=system)


def test_the_facts_of_the_system_are_kept(tmp_path: Path):
    host = observe(tmp_path)

    assert (host.glibc, host.kernel) == (LINUX.glibc, LINUX.kernel)
