"""What the driver says of a GPU at work is kept at its highest, and never stands in the way."""

from __future__ import annotations

import re
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pynvml
import pytest

from envlock.backends import pynvml_watch
from envlock.backends.device_watch import DeviceWatch
from envlock.backends.host_nvml import NVML_PLACES
from envlock.model.probe import DriverSample
from host_trees import FakeNvml

BUSY = {
    "name": "NVIDIA H100 80GB HBM3",
    "uuid": "GPU-1",
    "pci": SimpleNamespace(busId=b"00000000:3B:00.0"),
    "rates": SimpleNamespace(gpu=61, memory=20),
    "processes": [
        SimpleNamespace(pid=10, usedGpuMemory=900),
        SimpleNamespace(pid=11, usedGpuMemory=None),
    ],
}


def watch(folder: Path, script: str, *members: int) -> tuple[DriverSample, ...]:
    program = folder / "child.py"
    program.write_text("import json, sys, time\n" + textwrap.dedent(script))
    watched = DeviceWatch(lambda: members, program)
    time.sleep(0.6)
    return watched.end()


def test_every_name_that_is_asked_for_is_in_the_real_module():
    source = Path(pynvml_watch.__file__).read_text("utf-8")

    asked = set(re.findall(r"\bnvml\.(\w+)", source))

    assert len(asked) > 6
    assert [name for name in sorted(asked) if not hasattr(pynvml, name)] == []


def test_a_gpu_is_told_by_uuid_address_rate_and_processes():
    assert pynvml_watch.look(FakeNvml(gpus=[BUSY])) == [
        {
            "uuid": "GPU-1",
            "pci_id": "00000000:3B:00.0",
            "name": "NVIDIA H100 80GB HBM3",
            "utilisation_percent": 61,
            "processes": [[10, 900]],
        }
    ]


def test_what_a_gpu_does_not_tell_is_left_open():
    assert pynvml_watch.look(FakeNvml(gpus=[{"name": "Orin (nvgpu)"}])) == [
        {
            "uuid": "",
            "pci_id": "",
            "name": "Orin (nvgpu)",
            "utilisation_percent": -1,
            "processes": [],
        }
    ]


def test_the_instances_of_a_gpu_are_devices_too():
    parent = {**BUSY, "most_mig": 7, "mig_devices": {0: {"uuid": "MIG-a"}, 2: {"uuid": "MIG-c"}}}

    found = [device["uuid"] for device in pynvml_watch.look(FakeNvml(gpus=[parent]))]

    assert found == ["GPU-1", "MIG-a", "MIG-c"]


def test_a_machine_without_a_driver_has_no_devices():
    lost = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    assert pynvml_watch.look(FakeNvml(gpus=[lost])) == []
    assert pynvml_watch.look(FakeNvml()) == []


def test_the_highest_of_each_device_is_kept_and_only_the_probes_memory_counts(tmp_path: Path):
    script = """
        for rate, size in ((10, 5), (61, 900), (0, 7)):
            device = {"uuid": "GPU-1", "pci_id": "0:0", "name": "H100",
                      "utilisation_percent": rate, "processes": [[10, size], [99, 10**9]]}
            print(json.dumps([device]), flush=True)
        sys.stdin.read()
        """
    assert watch(tmp_path, script, 10) == (
        DriverSample(
            uuid="GPU-1",
            pci_id="0:0",
            name="H100",
            utilisation_percent=61,
            process_memory_bytes=900,
        ),
    )


def test_processes_of_another_namespace_are_not_taken_for_the_probes(tmp_path: Path):
    script = """
        device = {"uuid": "GPU-1", "name": "H100", "utilisation_percent": 5, "processes": [[7, 1]]}
        print(json.dumps([device]), flush=True)
        """
    (found,) = watch(tmp_path, script, 10)

    assert found.process_memory_bytes == -1


@pytest.mark.parametrize(
    "script",
    [
        "",
        "raise SystemExit(3)",
        "print('nonsense', flush=True)",
        """print('[{"uuid": 3}]', flush=True)""",
        "time.sleep(600)",
    ],
)
def test_a_child_that_says_nothing_of_use_is_no_harm(tmp_path: Path, script: str):
    start = time.monotonic()

    assert watch(tmp_path, script) == ()
    assert time.monotonic() - start < 10


def test_nvml_itself_is_asked_and_the_child_leaves_when_told():
    watched = DeviceWatch(lambda: ())
    time.sleep(0.3)

    assert isinstance(watched.end(), tuple)


def test_nvml_is_looked_for_where_the_machines_own_probe_finds_it(tmp_path: Path):
    script = """
        print(json.dumps([{"uuid": each} for each in sys.argv[1:]]), flush=True)
        """
    found = watch(tmp_path, script)

    assert {each.uuid for each in found} == set(NVML_PLACES)


def test_the_first_of_the_places_that_is_there_is_loaded_before_nvml_is_asked(
    monkeypatch: pytest.MonkeyPatch,
):
    asked: list[str] = []

    def load(place: str) -> None:
        asked.append(place)
        if place == "nowhere":
            raise OSError(place)

    def refuse() -> None:
        asked.append("nvml")
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    def leave(status: int) -> None:
        raise SystemExit(status)

    monkeypatch.setattr(pynvml_watch.ctypes, "CDLL", load)
    monkeypatch.setattr(pynvml_watch.pynvml, "nvmlInit", refuse)
    monkeypatch.setattr(pynvml_watch.pynvml, "nvmlDeviceGetCount", refuse)
    monkeypatch.setattr(pynvml_watch.os, "_exit", leave)
    monkeypatch.setattr(pynvml_watch.sys, "argv", ["watch", "nowhere", "here", "there"])

    with pytest.raises(SystemExit):
        pynvml_watch.main()

    assert asked == ["nowhere", "here", "nvml", "nvml"]
