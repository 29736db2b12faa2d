"""Will it run? The expected verdict and the row that decides, written out by hand.

A fact that changes must change a line here: nothing below is computed by the code under test.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.compat.fit import judge
from envlock.compat.kernels import kernels_of_wheel
from envlock.model.host import Host, HostGpu, Numbering
from envlock.model.platform import Platform
from envlock.model.verdict import Covered, Evidence, Fit, Kernels, Missing, Unknown, Workload
from envlock.model.version import CudaLine

LINUX = Platform.LINUX_64
RUNS, NO, OPEN = Fit.RUNS, Fit.REFUSED, Fit.UNKNOWN
MINOR = "drivers/minor_compat"
ARCH = "architectures/architecture"
TOOLKIT = "toolkit_drivers/toolkit_driver"


def machine(gpu: str | None = "A100", driver: str | None = "580.65.06", **more: object) -> Host:
    fields: dict[str, object] = {
        "name": "a machine",
        "platform": LINUX,
        "driver": driver,
        "gpus": (HostGpu(name=gpu),) if gpu else (),
        "glibc": "2.35",
        **more,
    }
    return Host(**fields)  # type: ignore[arg-type]


def code(
    line: str, sass: str, ptx: str = "", family: str = "", confidence: str = "verified"
) -> Kernels:
    evidence = Evidence(fact="it says so", row="test", source="test", confidence=confidence)
    return Kernels(
        artifact="a framework",
        line=CudaLine.parse(line),
        sass=tuple(sass.split()),
        ptx=tuple(ptx.split()),
        family=tuple(family.split()),
        evidence=evidence,
    )


def work(line: str | None, *kernels: Kernels, **more: object) -> Workload:
    fields: dict[str, object] = {
        "name": "a stack",
        "platform": LINUX,
        "line": CudaLine.parse(line) if line else None,
        "kernels": kernels,
        **more,
    }
    return Workload(**fields)  # type: ignore[arg-type]


def wheel(name: str, version: str, platform: Platform = LINUX) -> Workload:
    kernels = kernels_of_wheel(name, version, platform)
    return Workload(name=name, platform=platform, line=kernels.line, kernels=(kernels,))


def outcome(workload: Workload, host: Host) -> tuple[Fit, str]:
    """Return the verdict and the row that decides it, empty where nothing is shown."""
    verdict = judge(workload, host)
    deciding = verdict.deciding
    assert deciding is not None
    match deciding.coverage:
        case Covered(evidence=evidence) | Missing(evidence=evidence):
            return verdict.fit, evidence.row
        case Unknown(evidence=evidence):
            return verdict.fit, evidence.row if evidence else ""


# Driver branches by CUDA line, for an A100 and a build with machine code for it: `y` runs, `.` not.
GRID = """
driver        11.8 12.1 12.4 12.8 13.0 13.2
450.51.06     .    .    .    .    .    .
450.80.02     y    .    .    .    .    .
470.256.02    y    .    .    .    .    .
515.105.01    y    .    .    .    .    .
520.61.05     y    .    .    .    .    .
525.60.11     y    .    .    .    .    .
525.60.13     y    y    y    y    .    .
530.30.02     y    y    y    y    .    .
535.183.06    y    y    y    y    .    .
550.54.15     y    y    y    y    .    .
570.26        y    y    y    y    .    .
580.65.05     y    y    y    y    .    .
580.65.06     y    y    y    y    y    y
615.71.09     y    y    y    y    y    y
450           y    .    .    .    .    .
525           y    y    y    y    .    .
580           y    y    y    y    y    y
"""
_HEAD, *_ROWS = [line.split() for line in GRID.strip().splitlines()]
CELLS = [
    (driver, line, cell == "y")
    for driver, *cells in _ROWS
    for line, cell in zip(_HEAD[1:], cells, strict=True)
]


@pytest.mark.parametrize(("driver", "line", "runs"), CELLS)
def test_a_driver_runs_every_minor_of_the_majors_it_is_new_enough_for(
    driver: str, line: str, runs: bool
):
    major = line.partition(".")[0]

    found = outcome(work(line, code(line, "8.0")), machine("A100", driver))

    assert found == (RUNS if runs else NO, f"{MINOR}[{major}]")


WINDOWS = """
451.82 11.8 .
452.39 11.8 y
527.41 12.1 .
528.33 12.1 y
572.61 13.0 .
580.88 13.0 y
"""


@pytest.mark.parametrize(
    ("driver", "line", "cell"), [tuple(row.split()) for row in WINDOWS.strip().splitlines()]
)
def test_windows_and_wsl_count_drivers_in_their_own_numbers(driver: str, line: str, cell: str):
    workload = work(line, code(line, "7.5"))
    wsl = machine("T4", driver, numbering=Numbering.WINDOWS, wsl=True)
    windows = replace(wsl, platform=Platform.WIN_64, wsl=False, glibc=None)

    expected = (RUNS if cell == "y" else NO, f"{MINOR}[{line.partition('.')[0]}]")
    assert outcome(workload, wsl) == expected
    assert outcome(replace(workload, platform=Platform.WIN_64), windows) == expected


GPUS = [  # wheel, GPU, driver, verdict, deciding row
    ("torch 2.8.0", "V100", "535.183.06", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "Tesla V100-SXM2-16GB", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "V100", "515.105.01", NO, f"{MINOR}[12]"),
    ("torch 2.8.0", "V100", "590.48.01", NO, f"{ARCH}[7.0]"),
    ("torch 2.8.0", "P100", "535.183.06", NO, "torch_wheels/wheel[2.8.0 linux-64]"),
    ("torch 2.8.0", "GTX 1080 Ti", "535.183.06", NO, "torch_wheels/wheel[2.8.0 linux-64]"),
    ("torch 2.8.0", "M40", "535.183.06", NO, "torch_wheels/wheel[2.8.0 linux-64]"),
    ("torch 2.8.0", "K80", "525.60.13", NO, f"{ARCH}[3.7]"),
    ("torch 2.8.0", "T4", "535.183.06", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "A100", "535.183.06", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "A10G", "535.183.06", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "L4", "535.183.06", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "NVIDIA GeForce RTX 4070 Laptop GPU", "550.54.15", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "H100", "535.183.06", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "B200", "570.124.06", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "B200", "550.54.15", NO, f"{ARCH}[10.0]"),
    ("torch 2.8.0", "RTX 5090", "570.124.06", RUNS, f"{MINOR}[12]"),
    ("torch 2.8.0", "RTX 5090", "565.57.01", NO, f"{ARCH}[12.0]"),
    ("torch 2.4.1", "V100", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("torch 2.4.1", "P100", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("torch 2.4.1", "GTX 980 Ti", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("torch 2.4.1", "H100", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("torch 2.4.1", "B200", "570.124.06", NO, "torch_wheels/wheel[2.4.1 linux-64]"),
    ("torch 2.4.1", "RTX 5090", "580.65.06", NO, "torch_wheels/wheel[2.4.1 linux-64]"),
    ("torch 2.15.0", "T4", "580.65.06", RUNS, f"{MINOR}[13]"),
    ("torch 2.15.0", "T4", "575.57.08", NO, f"{MINOR}[13]"),
    ("torch 2.15.0", "V100", "580.65.06", NO, f"{ARCH}[7.0]"),
    ("torch 2.15.0", "RTX 5090", "580.65.06", RUNS, f"{MINOR}[13]"),
    ("torch 2.15.0", "H200", "580.65.06", RUNS, f"{MINOR}[13]"),
    ("torch 2.15.0", "GB300", "580.65.06", RUNS, f"{MINOR}[13]"),
    ("torch 2.15.0", "VR200", "615.71.09", RUNS, f"{MINOR}[13]"),
    ("torch 2.15.0", "VR200", "610.43.02", NO, f"{ARCH}[10.7]"),
    ("torch 2.14.1", "V100", "580.65.06", NO, f"{ARCH}[7.0]"),
    ("torch 1.13.1", "K80", "470.256.02", RUNS, f"{MINOR}[11]"),
    ("torch 1.13.1", "K80", "515.105.01", NO, f"{ARCH}[3.7]"),
    ("torch 1.13.1", "A100", "450.80.02", RUNS, f"{MINOR}[11]"),
    ("torch 1.13.1", "H100", "525.60.13", NO, "torch_wheels/wheel[1.13.1 linux-64]"),
    ("tensorflow 2.19.0", "V100", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.19.0", "T4", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.19.0", "A10", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.19.0", "L4", "525.60.13", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.19.0", "H100", "550.54.15", NO, f"{TOOLKIT}[12.5]"),
    ("tensorflow 2.19.0", "H100", "555.42.02", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.19.0", "B200", "570.124.06", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.19.0", "B200", "550.54.15", NO, f"{ARCH}[10.0]"),
    ("tensorflow 2.19.0", "RTX 5090", "570.124.06", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.19.0", "M60", "535.183.06", NO, "tensorflow_wheels/wheel[2.19.0 linux-64]"),
    ("tensorflow 2.16.1", "L4", "535.183.06", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.16.1", "H100", "535.183.06", NO, f"{TOOLKIT}[12.3]"),
    ("tensorflow 2.16.1", "H100", "545.23.08", RUNS, f"{MINOR}[12]"),
    ("tensorflow 2.14.0", "A100", "470.256.02", NO, f"{TOOLKIT}[11.8]"),
    ("tensorflow 2.14.0", "A100", "520.61.05", RUNS, f"{MINOR}[11]"),
]


@pytest.mark.parametrize(("artifact", "gpu", "driver", "fit", "row"), GPUS)
def test_a_wheel_on_a_gpu(artifact: str, gpu: str, driver: str, fit: Fit, row: str):
    name, version = artifact.split()

    found = outcome(wheel(name, version), machine(gpu, driver))

    assert found[0] == fit
    assert found[1].split(" linux")[0].rstrip("]") == row.split(" linux", maxsplit=1)[0].rstrip("]")


def test_machine_code_of_a_major_serves_its_newer_minors_alone():
    build = code("12.8", "8.0 9.0")

    for gpu, fit in (("A100", RUNS), ("A10", RUNS), ("L4", RUNS), ("T4", NO), ("B200", NO)):
        assert outcome(work("12.8", build), machine(gpu, "580.65.06"))[0] == fit, gpu
    assert outcome(work("12.8", code("12.8", "8.9")), machine("A10", "580.65.06"))[0] == NO


def test_code_with_a_suffix_is_sure_on_its_own_gpu_alone():
    exact = code("12.8", "9.0 10.0", family="10.0")

    assert outcome(work("12.8", exact), machine("B200", "580.65.06"))[0] == RUNS
    # `a` is for one GPU, `f` for its family; which it is was not kept.
    assert outcome(work("12.8", exact), machine("B300", "580.65.06")) == (OPEN, "test")
    assert outcome(work("12.8", exact), machine("RTX 5090", "580.65.06")) == (NO, "test")


def test_a_board_of_the_jetson_family_takes_code_of_its_own():
    orin = machine("Orin", "540.4.0", platform=Platform.LINUX_AARCH64)
    server = replace(work("12.6", code("12.6", "8.0 8.6")), platform=Platform.LINUX_AARCH64)
    own = replace(work("12.6", code("12.6", "8.7")), platform=Platform.LINUX_AARCH64)

    # The row of 8.7 is recalled, its driver counts by itself: nothing here may refuse or promise.
    assert judge(server, orin).fit != RUNS
    assert judge(own, orin).fit == OPEN


def test_mig_leaves_the_compute_capability_and_is_told():
    gpu = HostGpu(name="NVIDIA A100-SXM4-40GB", compute="8.0", mig=True, mig_profiles=("1g.5gb",))

    verdict = judge(work("12.1", code("12.1", "8.0")), machine(None, gpus=(gpu,)))

    assert verdict.fit == RUNS
    (told,) = (item for item in verdict.judgements if item.subject.startswith("GPU"))
    assert isinstance(told.coverage, Covered)
    assert "one MIG instance, of the same compute capability" in told.coverage.evidence.fact


def test_every_gpu_of_a_machine_must_find_its_code():
    mixed = machine(None, gpus=(HostGpu(name="A100"), HostGpu(name="B200")), driver="580.65.06")

    assert outcome(work("12.1", code("12.1", "8.0")), mixed) == (NO, "test")


FORWARD = [  # GPU, driver, line, asks for it, verdict, row
    ("H100", "535.183.06", "13.0", True, RUNS, "forward/base[535]"),
    ("H100", "535.183.06", "13.0", False, NO, f"{MINOR}[13]"),
    ("H200", "570.195.03", "13.0", True, RUNS, "forward/base[570]"),
    ("NVIDIA GeForce RTX 4090", "535.183.06", "13.0", True, NO, "forward/eligible[consumer]"),
    ("NVIDIA GeForce RTX 4090", "535.183.06", "13.0", False, NO, f"{MINOR}[13]"),
    ("RTX A6000", "535.183.06", "13.0", True, OPEN, "forward/eligible[workstation]"),
    ("H100", "545.23.08", "13.0", True, OPEN, "forward_compat/feature_branch[545]"),
    ("H100", "580.65.06", "13.0", True, RUNS, f"{MINOR}[13]"),
    ("T4", "470.256.02", "12.4", True, RUNS, "forward/base[470]"),
]


@pytest.mark.parametrize(("gpu", "driver", "line", "asks", "fit", "row"), FORWARD)
def test_forward_compatibility_is_for_some_gpus_and_only_when_asked_for(
    gpu: str, driver: str, line: str, asks: bool, fit: Fit, row: str
):
    workload = work(line, code(line, "7.5 8.0 8.6 8.9 9.0"), forward_compat=asks)

    assert outcome(workload, machine(gpu, driver)) == (fit, row)


def test_forward_compatibility_is_linux_only():
    workload = work("13.0", code("13.0", "8.0"), forward_compat=True)
    windows = machine("A100", "572.61", platform=Platform.WIN_64, numbering=Numbering.WINDOWS)

    found = outcome(replace(workload, platform=Platform.WIN_64), windows)

    assert found == (NO, f"{MINOR}[13]")


OTHERS = [
    ("no driver", work("12.1", code("12.1", "8.0")), machine(driver=None), NO, "observed"),
    ("no GPU", work("12.1", code("12.1", "8.0")), machine(None), NO, "observed"),
    ("a CPU stack anywhere", work(None), machine(None, None), RUNS, "observed"),
    ("another platform", work(None), machine(platform=Platform.OSX_ARM64), NO, "observed"),
    ("an older glibc", work(None, glibc="2.28"), machine(glibc="2.17"), NO, "observed"),
    ("a newer glibc", work(None, glibc="2.28"), machine(glibc="2.39"), RUNS, "observed"),
    ("an unseen glibc", work(None, glibc="2.28"), machine(glibc=None), OPEN, ""),
    ("nothing known of the code", work("12.1", Kernels(artifact="x")), machine(), OPEN, ""),
    ("an unknown GPU", work("12.1", code("12.1", "8.0")), machine("Voodoo 2"), OPEN, ""),
    (
        "a CUDA beyond the tables",
        work("14.0", code("14.0", "9.0")),
        machine("H100"),
        NO,
        "drivers/driver_cuda[580]",
    ),
    (
        "a CUDA and a driver beyond the tables",
        work("14.0", code("14.0", "9.0")),
        machine("H100", "700.10"),
        OPEN,
        "",
    ),
    (
        "a recalled row that says no",
        work("12.1", code("12.1", "8.0", confidence="recalled")),
        machine("H100"),
        OPEN,
        "test",
    ),
    (
        "a compiler of PTX over an older driver",
        work("12.4", code("12.4", "8.0"), compilers=("numba",)),
        machine("A100", "535.183.06"),
        OPEN,
        f"{TOOLKIT}[12.4]",
    ),
    (
        "a compiler of PTX over the toolkit's own driver",
        work("12.4", code("12.4", "8.0"), compilers=("numba",)),
        machine("A100", "550.54.14"),
        RUNS,
        f"{MINOR}[12]",
    ),
    ("a toolkit alone", work("12.9"), machine("B200", "580.65.06"), RUNS, f"{MINOR}[12]"),
    ("a toolkit alone that left the GPU", work("13.0"), machine("V100"), NO, f"{ARCH}[7.0]"),
    ("a toolkit older than the GPU", work("12.1"), machine("B200"), OPEN, f"{ARCH}[10.0]"),
]


@pytest.mark.parametrize(
    ("workload", "host", "fit", "row"),
    [case[1:] for case in OTHERS],
    ids=[case[0] for case in OTHERS],
)
def test_the_rest(workload: Workload, host: Host, fit: Fit, row: str):
    assert outcome(workload, host) == (fit, row)


def test_the_smallest_change_is_named_for_what_is_missing():
    build = work("13.0", code("13.0", "8.0"))

    def remedy(host: Host) -> str:
        deciding = judge(build, host).deciding
        assert deciding is not None
        assert isinstance(deciding.coverage, Missing)
        return deciding.coverage.remedy

    assert remedy(machine("A100", "515.105.01")) == "driver 580.65.06 or newer"
    assert remedy(machine("V100")) == "a build for CUDA 12.9 or older, or a newer GPU"
    assert remedy(machine("T4")) == "a build with code for 7.5, or a GPU of 8.0"
    assert remedy(machine(None)) == "a machine with a GPU"
