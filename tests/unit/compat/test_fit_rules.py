"""The rules of fit at their edges: what may refuse, what stays open, and which change would do."""

from __future__ import annotations

from dataclasses import replace as having

import pytest
from msgspec.structs import replace

from envlock.compat import driver_fit, gpu_fit
from envlock.compat.architectures import Architecture, architecture
from envlock.compat.drivers import DriverVersion, FloorRow, branch_of, first_offer, offer_of
from envlock.compat.evidence import Confidence
from envlock.compat.fit import judge
from envlock.compat.forward import may_use_forward_compat
from envlock.compat.kernels import cover_gpu, kernels_of_wheel, machine_code_for, needs_ptx, ptx_for
from envlock.compat.ptx import compiles_ptx
from envlock.compat.remedies import known_build
from envlock.model.host import Host, HostGpu, Numbering
from envlock.model.platform import Platform
from envlock.model.verdict import (
    Coverage,
    Covered,
    Evidence,
    Fit,
    Judgement,
    Kernels,
    Missing,
    Unknown,
    Workload,
)
from envlock.model.version import CudaLine

LINUX, ARM, WINDOWS = Platform.LINUX_64, Platform.LINUX_AARCH64, Platform.WIN_64
BY_WINDOWS = {"numbering": Numbering.WINDOWS}


def machine(gpu: str | None, driver: str | None, **more: object) -> Host:
    gpus = (HostGpu(name=gpu),) if gpu else ()
    fields = {"name": "m", "platform": LINUX, "driver": driver, "gpus": gpus, "glibc": "2.35"}
    return Host(**{**fields, **more})  # type: ignore[arg-type]


def code(line: str | None, sass: str = "", ptx: str = "", family: str = "") -> Kernels:
    return Kernels(
        artifact="a framework",
        line=CudaLine.parse(line) if line else None,
        sass=tuple(sass.split()),
        ptx=tuple(ptx.split()),
        family=tuple(family.split()),
        evidence=Evidence(fact="f", row="test", source="s", confidence="verified"),
    )


def work(line: str, *kernels: Kernels, **more: object) -> Workload:
    fields = {"name": "w", "platform": LINUX, "line": CudaLine.parse(line), "kernels": kernels}
    return Workload(**{**fields, **more})  # type: ignore[arg-type]


def wheel(name: str, version: str, platform: Platform = LINUX, **more: object) -> Workload:
    kernels = kernels_of_wheel(name, version, platform)
    assert kernels.line is not None
    return work(str(kernels.line), kernels, platform=platform, **more)


def found(workload: Workload, host: Host, subject: str) -> Coverage:
    """The one judgement whose subject begins so."""
    judgements: list[Judgement] = [
        item for item in judge(workload, host).judgements if item.subject.startswith(subject)
    ]
    (one,) = judgements
    return one.coverage


def row_of(coverage: Coverage) -> str:
    return coverage.evidence.row if coverage.evidence else ""


# --- drivers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "branch", "line"),
    [
        ("450.80.02", 450, "11.0"),
        ("528.33", 525, "12.0"),
        ("551.78", 550, "12.4"),
        ("576.57", 575, "12.9"),
        ("582.16", 580, "13.0"),
        ("591.44", 590, "13.1"),
        ("616.56", 615, "13.4"),
    ],
)
def test_a_windows_number_belongs_to_the_branch_below_it(driver: str, branch: int, line: str):
    parsed = DriverVersion.parse(driver)
    offer = offer_of(parsed)

    assert offer is not None
    assert (offer.branch, offer.line, offer.row) == (
        branch,
        CudaLine.parse(line),
        f"drivers/driver_cuda[{branch}]",
    )
    assert branch_of(parsed) == branch


@pytest.mark.parametrize("driver", ["390.157", "418", "640.1", "700"])
def test_a_driver_beyond_the_tables_is_its_own_branch(driver: str):
    parsed = DriverVersion.parse(driver)

    assert offer_of(parsed) is None
    assert branch_of(parsed) == parsed.branch


def test_the_first_branch_that_offers_a_line():
    first, between, none = map(first_offer, (CudaLine(12, 4), CudaLine(10, 2), CudaLine(13, 9)))

    assert first is not None
    assert first.branch == 550
    assert between is not None
    assert between.branch == 450
    assert none is None


@pytest.mark.parametrize(
    ("driver", "line", "numbering", "kind", "row"),
    [
        ("550.54.14", "12.4", Numbering.LINUX, Covered, "toolkit_drivers/toolkit_driver[12.4]"),
        ("550", "12.4", Numbering.LINUX, Covered, "toolkit_drivers/toolkit_driver[12.4]"),
        ("545.23.08", "12.4", Numbering.LINUX, Missing, "toolkit_drivers/toolkit_driver[12.4]"),
        ("551.61", "12.4", Numbering.WINDOWS, Covered, "toolkit_drivers/toolkit_driver[12.4]"),
        ("551.23", "12.4", Numbering.WINDOWS, Missing, "toolkit_drivers/toolkit_driver[12.4]"),
        (None, "12.4", Numbering.LINUX, Covered, "toolkit_drivers/toolkit_driver[12.4]"),
        # NVIDIA names no Windows driver from 13.0 on: what the branch offers decides.
        ("581.15", "13.0", Numbering.WINDOWS, Covered, "drivers/driver_cuda[580]"),
        ("591.44", "13.0", Numbering.WINDOWS, Covered, "drivers/driver_cuda[590]"),
        ("591.44", "13.2", Numbering.WINDOWS, Missing, "drivers/driver_cuda[590]"),
        (None, "13.2", Numbering.WINDOWS, Covered, "drivers/driver_cuda[595]"),
        ("700.00", "13.2", Numbering.WINDOWS, Unknown, ""),
        # No row of 13.5: a driver that offers less does not compile its PTX.
        ("615.71.09", "13.5", Numbering.LINUX, Missing, "drivers/driver_cuda[615]"),
        (None, "13.5", Numbering.LINUX, Unknown, ""),
    ],
)
def test_ptx_takes_the_toolkits_own_driver(
    driver: str | None, line: str, numbering: Numbering, kind: type, row: str
):
    parsed = DriverVersion.parse(driver) if driver else None

    answer = compiles_ptx(parsed, CudaLine.parse(line), numbering)

    assert isinstance(answer, kind)
    assert row_of(answer) == row


@pytest.mark.parametrize(
    ("gpu", "driver", "line", "remedy"),
    [
        ("A100", None, "12.1", "driver 525.60.13 or newer"),
        ("A100", "515.105.01", "12.1", "driver 525.60.13 or newer"),
        ("B200", None, "12.8", "driver 570.26 or newer"),
        ("B200", "515.105.01", "12.8", "driver 570.26 or newer"),
        ("VR200", "570.26", "13.4", "driver 615 or newer"),
        ("V100", "535.183.06", "13.0", "a build for CUDA 12.9 or older"),
        ("K80", "470.256.02", "12.1", "a build for CUDA 11.8 or older"),
        (None, None, "14.0", "an NVIDIA driver"),
    ],
)
def test_the_driver_that_would_do_drives_the_gpu_too(
    gpu: str | None, driver: str | None, line: str, remedy: str
):
    coverage = found(work(line), machine(gpu, driver), "driver")

    assert isinstance(coverage, Missing)
    assert coverage.remedy == remedy


@pytest.mark.parametrize(
    ("line", "driver", "kind", "row"),
    [
        ("10.2", "450.80.02", Covered, "drivers/driver_cuda[450]"),
        ("10.2", "390.157", Unknown, ""),
        ("14.0", "615.71.09", Missing, "drivers/driver_cuda[615]"),
        ("14.0", "700", Unknown, ""),
        ("13.9", "580.65.06", Covered, "drivers/minor_compat[13]"),
    ],
)
def test_a_cuda_without_a_row_is_judged_by_what_the_driver_offers(
    line: str, driver: str, kind: type, row: str
):
    coverage = found(work(line), machine("T4", driver), "driver")

    assert isinstance(coverage, kind)
    assert row_of(coverage) == row


@pytest.mark.parametrize("driver", ["new", "-1", "v580", "."])
def test_a_driver_that_is_no_version_stays_open(driver: str):
    assert found(work("12.1"), machine("A100", driver), "driver") == Unknown(
        reason=f"`{driver}` is no driver version"
    )


def test_a_jetson_driver_counts_by_itself():
    workload = work("12.6", code("12.6", "8.0", "8.0"), platform=ARM)
    orin = machine("Orin (nvgpu)", "540.4.0", platform=ARM)

    assert isinstance(found(workload, orin, "driver"), Unknown)
    ptx = found(workload, orin, "GPU")
    assert isinstance(ptx, Unknown)
    assert "only PTX for 8.7" in ptx.reason


# --- what compiles PTX at run time ----------------------------------------------------------------

NUMBA = work("12.4", code("12.4", "8.0"), compilers=("numba",))


def test_a_compiler_of_ptx_on_windows_is_judged_by_the_branch():
    workload = replace(NUMBA, line=CudaLine(13, 2), platform=WINDOWS)
    host = machine("RTX 3090", "581.15", platform=WINDOWS, glibc=None, **BY_WINDOWS)

    below = found(workload, host, "driver")
    above = found(workload, replace(host, driver="596.21"), "driver")

    assert isinstance(below, Unknown)
    assert row_of(below) == "drivers/driver_cuda[580]"
    assert below.reason == (
        "numba may compile PTX at run time, for which a driver of branch 595 or newer is needed"
    )
    assert row_of(above) == "drivers/minor_compat[13]"


def test_a_verified_row_of_a_compiler_would_refuse(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver_fit, "_is_sure", lambda packages: packages == ("numba",))

    coverage = found(NUMBA, machine("A100", "535.183.06"), "driver")

    assert isinstance(coverage, Missing)
    assert coverage.remedy == "driver 550.54.14 or newer"


def test_no_row_of_a_compiler_is_verified_yet():
    assert not driver_fit._is_sure(("numba", "cupy", "pycuda", "taichi"))


def test_a_compat_package_compiles_the_ptx_of_its_own_cuda():
    asked = replace(NUMBA, forward_compat=True)

    assert row_of(found(asked, machine("A100", "535.183.06"), "driver")) == "forward/base[535]"
    assert isinstance(found(asked, machine("RTX 3090", "535.183.06"), "driver"), Unknown)


# --- GPUs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sass", "compute", "runs"),
    [
        ("8.0", "8.0", "8.0"),
        ("8.0 8.6", "8.9", "8.6"),
        ("8.6", "8.0", None),
        ("8.0", "9.0", None),
        ("8.0 8.6", "8.7", None),  # Orin's code is its own
        ("8.7", "8.9", None),
        ("8.7", "8.7", "8.7"),
        ("7.0", "7.2", None),
        ("7.0", "7.5", "7.0"),
        ("5.0", "5.3", None),
        ("6.0", "6.2", None),
        ("10.0", "10.3", "10.0"),
        ("10.0", "10.7", "10.0"),
        ("10.1", "10.3", None),  # CUDA 12's name of Thor
        ("10.1", "10.1", "10.1"),
        ("12.0", "12.1", "12.0"),
        ("12.0", "12.9", None),  # nobody knows what that is
        ("10.0", "11.0", None),
        ("", "8.0", None),
    ],
)
def test_machine_code_serves_newer_minors_of_its_kind(sass: str, compute: str, runs: str | None):
    assert machine_code_for(code("12.8", sass), compute) == runs


@pytest.mark.parametrize(
    ("ptx", "compute", "used"),
    [
        ("9.0", "9.0", "9.0"),
        ("9.0", "12.0", "9.0"),
        ("9.0 12.0", "12.1", "12.0"),
        ("9.0", "8.9", None),
        ("5.0", "8.7", "5.0"),
        ("", "9.0", None),
    ],
)
def test_ptx_serves_every_later_gpu(ptx: str, compute: str, used: str | None):
    kernels = code("12.5", "", ptx)

    assert ptx_for(kernels, compute) == used
    assert needs_ptx(kernels, compute) == (used is not None)


@pytest.mark.parametrize(
    ("kernels", "compute", "driver", "kind", "words"),
    [
        (code("12.5", "8.0", "9.0"), "9.0", None, Covered, "needs driver 555.42.02 or newer"),
        (code("12.5", "8.0", "9.0"), "9.0", "555.42.06", Covered, "PTX for 9.0"),
        (
            code("12.5", "8.0", "9.0"),
            "9.0",
            "550.54.15",
            Missing,
            "which driver 555.42.02 or newer",
        ),
        (code(None, "8.0", "9.0"), "9.0", "580", Unknown, "nobody knows of which toolkit"),
        (code("14.0", "8.0", "9.0"), "9.0", None, Unknown, "no row says which driver"),
        (code("12.8", "8.0"), "13.0", "580", Unknown, "13.0 is beyond the tables"),
        (code("12.8", "9.0 10.0", "", "10.0"), "10.3", "580", Unknown, "or its family only"),
        (code("12.8", "9.0 10.0", "", "10.0"), "12.0", "580", Missing, "sm_100a"),
        (code(None), "8.0", "580", Missing, "no GPU code at all"),
        (Kernels(artifact="x"), "8.0", "580", Unknown, "nothing is known of the GPU code in x"),
    ],
)
def test_the_code_of_an_artifact_on_a_gpu(
    kernels: Kernels, compute: str, driver: str | None, kind: type, words: str
):
    coverage = cover_gpu(kernels, compute, driver, Numbering.LINUX)

    assert isinstance(coverage, kind)
    told = coverage.reason if isinstance(coverage, Unknown) else coverage.evidence.fact
    assert words in told


def test_a_build_without_gpu_code_offers_no_gpu_for_it():
    coverage = cover_gpu(code(None), "8.0", "580", Numbering.LINUX)

    assert isinstance(coverage, Missing)
    assert coverage.remedy == "a build with code for 8.0"


@pytest.mark.parametrize(
    ("gpu", "driver", "kind", "remedy"),
    [
        ("RTX 5090", "566.36", Unknown, ""),  # no table has Windows' first number
        ("RTX 5090", "572.16", Covered, ""),
        ("GTX 1080", "591.44", Missing, "a driver of branch 580"),
        ("GTX 1080", "582.28", Covered, ""),
        ("GTX 1080", "576.57", Covered, ""),
    ],
)
def test_windows_drives_what_its_branch_drives(gpu: str, driver: str, kind: type, remedy: str):
    workload = work("12.8", code("12.8", "6.1 12.0"), platform=WINDOWS)
    host = machine(gpu, driver, platform=WINDOWS, glibc=None, **BY_WINDOWS)

    coverages = [
        item.coverage for item in judge(workload, host).judgements if item.subject.startswith("GPU")
    ]

    assert isinstance(coverages[0], kind)
    assert (coverages[0].remedy if isinstance(coverages[0], Missing) else "") == remedy


def test_a_recalled_driver_of_a_gpu_warns_and_its_code_is_judged_all_the_same():
    """Hopper's first driver is recalled, and a build without code for it is refused for sure."""
    hopper = machine("H100", "515.105.01")

    open_one = judge(work("11.8", code("11.8", "9.0")), hopper)
    refused = judge(work("11.8", code("11.8", "8.0")), hopper)

    assert open_one.fit is Fit.UNKNOWN
    assert open_one.deciding is not None
    assert row_of(open_one.deciding.coverage) == "architectures/architecture[9.0]"
    assert refused.fit is Fit.REFUSED
    assert refused.deciding is not None
    assert row_of(refused.deciding.coverage) == "test"


def test_the_sure_problem_of_a_gpu_comes_before_the_recalled_one(monkeypatch: pytest.MonkeyPatch):
    volta = architecture("7.0")
    assert volta is not None
    recalled = having(volta, min_driver="999.1")
    monkeypatch.setattr(gpu_fit, "architecture", lambda compute: recalled)

    coverage = found(work("12.8", code("12.8", "7.0")), machine("V100", "590.48.01"), "GPU")

    assert isinstance(coverage, Missing)
    assert coverage.remedy == "a driver of branch 580"


def test_a_recalled_architecture_never_refuses(monkeypatch: pytest.MonkeyPatch):
    volta = architecture("7.0")
    assert volta is not None
    recalled: Architecture = having(volta, confidence=Confidence.RECALLED)
    monkeypatch.setattr(gpu_fit, "architecture", lambda compute: recalled)

    coverages = gpu_fit.judge_gpus(
        work("13.0", code("13.0", "7.0")), CudaLine(13, 0), machine("V100", "590.48.01")
    )

    assert [type(item.coverage) for item in coverages] == [Unknown, Unknown, Covered]


def test_equal_gpus_are_judged_once_whatever_their_links():
    gpus = tuple(HostGpu(name="H100", compute="9.0", nvlinks=links) for links in (18, 17, None))

    found(work("12.1", code("12.1", "9.0")), machine(None, "550.54.15", gpus=gpus), "GPU")


@pytest.mark.parametrize("compute", ["", "nine", "9", "9.0.1", "-9.0", "\u0669.\u0660"])
def test_a_number_that_is_none_gives_way_to_the_name(compute: str):
    known = machine(None, "550.54.15", gpus=(HostGpu(name="H100", compute=compute),))
    unknown = machine(None, "550.54.15", gpus=(HostGpu(name="a GPU", compute=compute),))
    workload = work("12.1", code("12.1", "9.0"))

    assert isinstance(found(workload, known, "GPU H100 (9.0)"), Covered)
    assert isinstance(found(workload, unknown, "GPU a GPU"), Unknown)


def test_mig_is_told_of_what_is_missing_too():
    gpu = HostGpu(name="A100", compute="8.0", mig=True)

    coverage = found(work("12.1", code("12.1", "9.0")), machine(None, "550", gpus=(gpu,)), "GPU")

    assert isinstance(coverage, Missing)
    assert coverage.evidence.fact.endswith(
        "; a process sees one MIG instance, of the same compute capability"
    )


@pytest.mark.parametrize(
    ("line", "fit"), [("12.7", Fit.UNKNOWN), ("12.8", Fit.RUNS), ("13.0", Fit.RUNS)]
)
def test_a_toolkit_alone_compiles_for_a_gpu_from_its_first_line_on(line: str, fit: Fit):
    assert judge(work(line), machine("B200", "580.65.06")).fit is fit


@pytest.mark.parametrize(
    ("found_one", "fit"), [("2.27", Fit.REFUSED), ("2.28", Fit.RUNS), ("2.28.1", Fit.RUNS)]
)
def test_a_glibc_that_is_just_enough_will_do(found_one: str, fit: Fit):
    workload = Workload(name="w", platform=LINUX, glibc="2.28")

    assert judge(workload, machine(None, None, glibc=found_one)).fit is fit


@pytest.mark.parametrize("glibc", ["musl", "", "."])
def test_a_glibc_that_is_no_version_stays_open(glibc: str):
    workload = Workload(name="w", platform=LINUX, glibc="2.28")

    assert judge(workload, machine(None, None, glibc=glibc)).fit is Fit.UNKNOWN


# --- forward compatibility ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpu", "driver", "kind", "row"),
    [
        ("H100", "535.183.06", Covered, "forward/base[535]"),
        ("NVIDIA A100-SXM4-40GB", "450.80.02", Covered, "forward/base[450]"),
        ("H100", "610.43.02", Missing, "forward_compat/feature_branch[610]"),
        ("H100", "545.23.08", Unknown, "forward_compat/feature_branch[545]"),
        ("H100", "590.48.01", Unknown, ""),
        ("GeForce RTX 4090", "535.183.06", Missing, "forward/eligible[consumer]"),
        ("RTX A6000", "535.183.06", Unknown, "forward/eligible[workstation]"),
        ("a GPU", "535.183.06", Unknown, ""),
    ],
)
def test_who_may_use_a_compat_package(gpu: str, driver: str, kind: type, row: str):
    host = machine(gpu, driver)

    answer = may_use_forward_compat(driver, CudaLine(13, 4), host.gpus[0], host)

    assert isinstance(answer, kind)
    assert row_of(answer) == row


def test_wsl_is_in_no_table_of_forward_compatibility():
    host = machine("H100", "537.13", wsl=True, **BY_WINDOWS)
    workload = work("13.0", code("13.0", "9.0"), forward_compat=True)

    coverage = found(workload, host, "driver")

    assert isinstance(coverage, Unknown)
    assert "WSL" in coverage.reason


def test_the_worst_gpu_of_a_machine_decides():
    gpus = (HostGpu(name="H100"), HostGpu(name="RTX A6000"), HostGpu(name="RTX 4090"))
    workload = work("13.0", code("13.0", "8.6 9.0"), forward_compat=True)

    all_three = found(workload, machine(None, "535.183.06", gpus=gpus), "driver")
    two = found(workload, machine(None, "535.183.06", gpus=gpus[:2]), "driver")

    assert row_of(all_three) == "forward/eligible[consumer]"
    assert isinstance(all_three, Missing)
    assert all_three.remedy == "driver 580.65.06 or newer"
    assert isinstance(two, Unknown)


def test_a_compat_package_compiles_ptx_for_a_gpu():
    """TensorFlow 2.19 on an H100 over driver 535: PTX of 12.5, by the compat package of 12.5."""
    workload = wheel("tensorflow", "2.19.0", forward_compat=True)

    assert judge(workload, machine("H100", "535.183.06")).fit is Fit.RUNS
    assert judge(workload, machine("H100", "545.23.08")).fit is Fit.UNKNOWN
    assert judge(workload, machine("L4", "535.183.06")).fit is Fit.RUNS
    assert judge(replace(workload, forward_compat=False), machine("H100", "535.183.06")).fit is (
        Fit.REFUSED
    )


def test_a_compat_package_compiles_no_ptx_newer_than_itself():
    workload = work("12.4", code("12.5", "8.0", "9.0"), forward_compat=True)

    assert judge(workload, machine("H100", "535.183.06")).fit is Fit.REFUSED


# --- the smallest change --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "version", "gpu", "driver", "remedy"),
    [
        (
            "torch",
            "2.15.0",
            "V100",
            "580.65.06",
            "a build for CUDA 12.9 or older: torch 2.14 for CUDA 12.6 or older, or a newer GPU",
        ),
        (
            "torch",
            "2.8.0",
            "P100",
            "535.183.06",
            "a build with kernels for 6.0: torch 2.8 for CUDA 12.6",
        ),
        (
            "torch",
            "2.4.1",
            "B200",
            "570.124.06",
            "a build with kernels for 10.0: torch 2.8 for CUDA 12.8 or newer",
        ),
        (
            "torch",
            "2.8.0",
            "M60",
            "535.183.06",
            "a build with kernels for 5.2: torch 2.8 for CUDA 12.6",
        ),
        (
            "tensorflow",
            "2.19.0",
            "M60",
            "535.183.06",
            "a build with kernels for 5.2: tensorflow 2.16 for CUDA 12.3 or older",
        ),
        ("tensorflow", "2.19.0", "H100", "550.54.15", "driver 555.42.02 or newer"),
    ],
)
def test_the_tables_name_a_build_that_would_do(
    name: str, version: str, gpu: str, driver: str, remedy: str
):
    deciding = judge(wheel(name, version), machine(gpu, driver)).deciding

    assert deciding is not None
    assert isinstance(deciding.coverage, Missing)
    assert deciding.coverage.remedy == remedy


@pytest.mark.parametrize(
    ("artifact", "compute", "driver", "build"),
    [
        ("torch 2.15.0 wheel", "7.0", None, "torch 2.14 for CUDA 12.6 or older"),
        ("torch 2.15.0 wheel", "7.0", "515.43.04", "torch 2.0 for CUDA 11.7 or older"),
        ("torch 2.10.0 wheel", "7.0", None, "torch 2.10 for CUDA 12.8"),
        ("torch 2.15.0 wheel", "7.0", "390.157", "torch 1.12 for CUDA 10.2 or older"),
        ("torch 2.12.0+cu126 wheel", "9.0", None, "torch 2.12 for CUDA 13.0"),
        ("torch 2.12.0 wheel", "6.0", None, "torch 2.12 for CUDA 12.6"),
        ("torch 2.15.0 wheel", "3.5", None, ""),
        ("torch new wheel", "7.0", None, ""),
        ("pytorch 2.10.0 cuda130_py313_h06a2bf6_301", "7.0", None, "pytorch for CUDA 12.9"),
        ("libtorch 2.10.0 cuda130_h06a2bf6_301", "7.0", None, "pytorch for CUDA 12.9"),
        ("jaxlib 0.9.0 cuda130_py313_h06a2bf6_301", "6.1", None, "jaxlib for CUDA 12.9"),
        ("jax-cuda13-plugin 0.9.0 wheel", "7.0", None, ""),  # its rows are recalled
        ("numpy 2.0.0 wheel", "7.0", None, ""),
        ("", "7.0", None, ""),
    ],
)
def test_the_nearest_build_with_code_for_a_gpu(
    artifact: str, compute: str, driver: str | None, build: str
):
    kernels = Kernels(artifact=artifact)
    parsed = DriverVersion.parse(driver) if driver else None

    assert known_build(kernels, compute, LINUX, parsed, Numbering.LINUX) == build


@pytest.mark.parametrize("platform", [WINDOWS, Platform.OSX_ARM64])
def test_a_build_that_would_do_is_for_the_platform(platform: Platform):
    kernels = Kernels(artifact="torch 2.15.0 wheel")

    found_one = known_build(kernels, "7.0", platform, None, Numbering.WINDOWS)

    assert found_one == ("torch 2.14 for CUDA 12.6 or older" if platform is WINDOWS else "")


def test_a_floor_of_the_tables_that_is_recalled_would_only_warn(monkeypatch: pytest.MonkeyPatch):
    def recalled(line: CudaLine, system: object) -> FloorRow:
        driver = DriverVersion.parse("600.1")
        return FloorRow(driver=driver, source="from memory", confidence=Confidence.RECALLED)

    monkeypatch.setattr(driver_fit, "minor_floor", recalled)

    coverage = found(work("12.1"), machine("A100", "550.54.15"), "driver")

    assert isinstance(coverage, Unknown)
    assert coverage.reason.endswith("; the machine has 550.54.15, as far as is recalled")
