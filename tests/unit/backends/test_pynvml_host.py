"""NVML's answers become plain data, and what it refuses becomes null."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pynvml
import pytest

from envlock.backends import host_nvml, pynvml_host
from envlock.backends.host_nvml import CRASHED, HANGS, NvmlAnswer, ask_nvml, read_answer
from envlock.model.host import HostGpu
from host_trees import FakeNvml, attributes, memory

H100 = {
    "name": "NVIDIA H100 80GB HBM3",
    "compute": (9, 0),
    "memory": memory(85_520_809_984),
    "mig": [0, 0],
    "mode": 0,
    "links": [1] * 18,
}


def answer_of(fake: FakeNvml) -> NvmlAnswer:
    """What the parent reads of a child that saw this NVML."""
    return read_answer(json.dumps(pynvml_host.observe(fake)).encode())


def test_every_name_that_is_asked_for_is_in_the_real_module():
    source = Path(pynvml_host.__file__).read_text("utf-8")

    asked = set(re.findall(r"\bnvml\.(\w+)", source))

    assert len(asked) > 12
    assert [name for name in sorted(asked) if not hasattr(pynvml, name)] == []


def test_a_gpu_is_described_by_what_nvml_says():
    assert answer_of(FakeNvml(driver="550.54.15", cuda=12040, gpus=[H100])) == NvmlAnswer(
        driver="550.54.15",
        cuda="12.4",
        gpus=(
            HostGpu(
                name="NVIDIA H100 80GB HBM3",
                compute="9.0",
                memory_bytes=85_520_809_984,
                compute_mode="default",
                nvlinks=18,
            ),
        ),
    )


def test_what_a_gpu_does_not_support_is_unknown():
    orin = {"name": "Orin (nvgpu)", "compute": (8, 7)}

    assert answer_of(FakeNvml(gpus=[orin])).gpus == (HostGpu(name="Orin (nvgpu)", compute="8.7"),)


@pytest.mark.parametrize(
    "code",
    [
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_GPU_IS_LOST,
        pynvml.NVML_ERROR_UNKNOWN,
        4321,
    ],
)
def test_no_error_of_a_query_is_an_error_of_ours(code: int):
    error = pynvml.NVMLError(code)
    silent = dict.fromkeys(("name", "compute", "memory", "mig", "mode"), error)

    answer = answer_of(FakeNvml(driver=error, cuda=error, gpus=[silent]))

    assert answer == NvmlAnswer(gpus=(HostGpu(name="unnamed GPU"),))


def test_a_name_that_is_no_text_is_unknown():
    broken = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    answer = answer_of(FakeNvml(gpus=[{**H100, "name": broken}]))

    assert answer.gpus[0].name == "unnamed GPU"


def test_links_that_are_down_do_not_count():
    answer = answer_of(FakeNvml(gpus=[{**H100, "links": [1, 0, 1, 0]}]))

    assert answer.gpus[0].nvlinks == 2


def test_a_gpu_that_cannot_be_opened_is_counted_as_lost():
    lost = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    answer = answer_of(FakeNvml(gpus=[H100, lost, H100]))

    assert len(answer.gpus) == 2
    assert answer.lost == 1


def test_mig_instances_are_named_by_their_profiles():
    gpu = {
        **H100,
        "mig": [1, 1],
        "most_mig": 7,
        "mig_devices": {
            0: {"name": "NVIDIA A100-SXM4-40GB MIG 3g.20gb"},
            2: {"name": "NVIDIA A100-SXM4-40GB", "attributes": attributes(1, 4864)},
            3: {},
        },
    }

    (found,) = answer_of(FakeNvml(gpus=[gpu])).gpus

    assert found.mig
    assert found.mig_profiles == ("3g.20gb", "1g.5gb", "unknown")


def test_mig_that_is_only_pending_does_not_count():
    (found,) = answer_of(FakeNvml(gpus=[{**H100, "mig": [0, 1]}])).gpus

    assert not found.mig


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "LibraryNotFound"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "LibRmVersionMismatch"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "DriverNotLoaded"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "NoPermission"),
        (pynvml.NVML_ERROR_UNKNOWN, "Unknown"),
        (4321, "Code4321"),
    ],
)
def test_nvml_that_does_not_start_is_a_fault_with_its_name(code: int, name: str):
    assert answer_of(FakeNvml(init=pynvml.NVMLError(code))) == NvmlAnswer(fault=name)


# --- the child ------------------------------------------------------------------------------------


def child(folder: Path, text: str) -> Path:
    program = folder / "child.py"
    program.write_text(text, "utf-8")
    return program


def test_a_child_that_hangs_is_left(tmp_path: Path):
    program = child(tmp_path, "import time\ntime.sleep(60)\n")

    assert ask_nvml(program, timeout_seconds=0.3) == NvmlAnswer(fault=HANGS)


@pytest.mark.parametrize(
    "text",
    [
        "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
        "raise SystemExit(3)\n",
        "print('no json')\n",
        "print('[1, 2]')\n",
        'print(\'{"gpus": [{"compute": "9"}]}\')\n',
        "",
    ],
)
def test_a_child_that_dies_or_babbles_has_crashed(tmp_path: Path, text: str):
    assert ask_nvml(child(tmp_path, text)) == NvmlAnswer(fault=CRASHED)


def test_an_interpreter_that_cannot_be_started_is_a_crash(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    assert ask_nvml() == NvmlAnswer(fault=CRASHED)


def test_the_real_child_answers_on_any_machine():
    answer = ask_nvml(timeout_seconds=host_nvml.TIMEOUT_SECONDS)

    assert answer.fault not in {CRASHED, HANGS}
    assert answer.fault or answer.driver
