"""What locks and stacks ask of a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from builders import stack_of
from envlock.compat.fit import judge
from envlock.compat.workloads import workload_of_lock, workloads_of_stack
from envlock.formats.conda_lock import read_lock
from envlock.formats.kernels import format_kernels
from envlock.model.host import Host, HostGpu
from envlock.model.lock import Lock, LockedPackage
from envlock.model.platform import Platform
from envlock.model.verdict import Evidence, Fit, Kernels
from envlock.model.version import CudaLine
from locks import locked, make_lock, pip_locked

ROOT = Path(__file__).parents[3]
LINUX = Platform.LINUX_64


def wheel(
    name: str, version: str, tag: str = "manylinux_2_28_x86_64", **more: str
) -> LockedPackage:
    url = f"https://wheels.example/{name}-{version}-cp312-cp312-{tag}.whl"
    return replace(pip_locked(name, version, **more), url=url)


# --- the head of a lock ---------------------------------------------------------------------------

HEAD = {
    "linux-64/cuda": "12.9",
    "linux-64/kernels/pytorch": (
        "sm_75 sm_90a compute_120; CUDA 12.8; verified; a row; a source; with a separator"
    ),
    "linux-64/gpus": (
        "7.5 9.0: machine code in pytorch 2.8.0 x (recalled); 10.0: unknown, nobody; 1 knows: it; "
        "12.0: PTX for 12.0 in pytorch 2.8.0 x, compiled by driver 570.26 or newer"
    ),
    "linux-64/virtual-packages": "__archspec=1=x86_64 __cuda=12.2 __glibc=2.28 __linux=5.10",
    "linux-64/forward-compat": "yes",
    "osx-arm64/virtual-packages": "__archspec=1=m1 __osx=13.0 __unix=0",
}


def test_a_head_says_what_a_lock_asks():
    workload = workload_of_lock(make_lock(locked("numba"), facts=HEAD), "linux-64", "demo")

    assert (workload.name, workload.platform, workload.line) == ("demo", LINUX, CudaLine(12, 9))
    assert workload.compute == ("7.5", "9.0", "10.0", "12.0")
    assert (workload.glibc, workload.macos, workload.forward_compat) == ("2.28", None, True)
    assert workload.compilers == ("numba",)
    (kernels,) = workload.kernels
    assert (kernels.artifact, kernels.line) == ("pytorch", CudaLine(12, 8))
    assert (kernels.sass, kernels.family, kernels.ptx) == (("7.5", "9.0"), ("9.0",), ("12.0",))
    assert kernels.evidence is not None
    assert kernels.evidence.row == "a row"
    assert kernels.evidence.source == "a source; with a separator"


def test_a_platform_of_the_head_has_its_own_facts():
    workload = workload_of_lock(make_lock(facts=HEAD), "osx-arm64", "demo")

    assert (workload.line, workload.kernels, workload.compute) == (None, (), ())
    assert (workload.glibc, workload.macos) == (None, "13.0")


def test_a_head_that_somebody_edited_leaves_it_open():
    facts = {**HEAD, "linux-64/kernels/pytorch": "all of them", "linux-64/cuda": "new"}

    workload = workload_of_lock(make_lock(facts=facts), "linux-64", "demo")

    assert workload.kernels == (Kernels(artifact="pytorch"),)
    assert workload.line is None


def test_kernels_go_into_a_head_and_come_back():
    evidence = Evidence(fact="x has sm_80", row="r", source="s", confidence="verified")
    kernels = Kernels(artifact="x", line=CudaLine(12, 1), sass=("8.0",), evidence=evidence)
    facts = {"linux-64/cuda": "12.1", "linux-64/kernels/x": format_kernels(kernels)}

    assert workload_of_lock(make_lock(facts=facts), "linux-64", "a").kernels == (kernels,)


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("*.conda-lock.yml")), ids=str)
def test_the_shipped_locks_name_their_gpus(path: Path):
    lock = read_lock(path.read_bytes(), path.name)
    cuda = [item for item in lock.head.platforms if f"envlock/{item}/gpus" in lock.head.facts]

    for platform in cuda:
        workload = workload_of_lock(lock, platform, path.stem)
        told = lock.head.facts[f"envlock/{platform}/gpus"]
        assert workload.compute
        assert all(compute in told for compute in workload.compute)


# --- the packages of a foreign lock ---------------------------------------------------------------


def test_a_conda_build_tells_line_and_code():
    lock = make_lock(
        locked("pytorch", "2.10.0", "cuda130_mkl_py313_h06a2bf6_301"),
        locked("cuda-cudart", "13.2.51", "h1234567_0"),
    )

    workload = workload_of_lock(lock, "linux-64", "demo")

    assert workload.line == CudaLine(13, 2)
    (kernels,) = workload.kernels
    assert kernels.line == CudaLine(13, 0)
    assert kernels.evidence is not None
    assert kernels.evidence.row == "conda_kernels/conda_forge[pytorch 13.0 linux-64]"


def test_wheels_tell_line_code_and_glibc():
    lock = make_lock(
        wheel("torch", "2.8.0"),
        wheel("nvidia-cuda-runtime-cu12", "12.8.90", "manylinux2014_x86_64"),
        wheel("numpy", "2.1.0", "manylinux2014_x86_64.manylinux_2_17_x86_64"),
    )

    workload = workload_of_lock(lock, "linux-64", "demo")

    assert (workload.line, workload.glibc) == (CudaLine(12, 8), "2.28")
    (kernels,) = workload.kernels
    assert kernels.artifact == "torch 2.8.0 wheel"
    assert kernels.evidence is not None
    assert kernels.evidence.row == "torch_wheels/wheel[2.8.0]"


@pytest.mark.parametrize(
    ("package", "line"),
    [
        (wheel("torch", "1.13.1"), CudaLine(11, 7)),
        (wheel("torch", "2.4.1+cu118"), CudaLine(11, 8)),
        (wheel("torch", "9.9.0+cu150"), CudaLine(15, 0)),
        (wheel("torch", "2.4.1+cpu"), None),
        (wheel("jax-cuda13-plugin", "0.8.0"), CudaLine(13, 0)),
        (wheel("tensorflow", "2.19.0"), None),
        (wheel("numpy", "2.0.0"), None),
        (locked("cudatoolkit", "11.3.1"), CudaLine(11, 3)),
        (locked("pytorch", "2.5.1", "py3.12_cuda12.1_cudnn9.1.0_0"), CudaLine(12, 1)),
        (locked("pytorch", "2.5.1", "py3.12_cpu_0"), None),
    ],
)
def test_the_line_comes_from_whatever_has_one(package: LockedPackage, line: CudaLine | None):
    assert workload_of_lock(make_lock(package), "linux-64", "a").line == line


@pytest.mark.parametrize(
    "package",
    [
        wheel("torch", "9.9.0"),
        wheel("jax-cuda12-plugin", "9.9.0"),
        locked("pytorch", "2.5.1", "somebody_0"),
        locked("pytorch", "2.5.1", "py311_gpu_0"),
    ],
)
def test_a_framework_that_nobody_knows_leaves_it_open(package: LockedPackage):
    workload = workload_of_lock(make_lock(package), "linux-64", "a")
    machine = Host(name="m", platform=LINUX, glibc="2.40")

    assert workload.line is None
    assert judge(workload, machine).fit is Fit.UNKNOWN


@pytest.mark.parametrize(
    "package",
    [
        wheel("torch", "2.4.1+cpu"),
        wheel("tensorflow-cpu", "2.19.0"),
        wheel("tensorflow", "2.19.0"),
        locked("pytorch", "2.5.1", "cpu_generic_py312_h0000000_0"),
        locked("numpy", "2.0.0"),
    ],
)
def test_a_lock_for_cpus_runs_without_a_gpu(package: LockedPackage):
    workload = workload_of_lock(make_lock(package), "linux-64", "a")
    machine = Host(name="m", platform=LINUX, glibc="2.40")

    assert (workload.line, workload.kernels) == (None, ())
    assert judge(workload, machine).fit is Fit.RUNS


def test_on_a_mac_nothing_is_for_cuda():
    package = locked("pytorch", "2.5.1", "py312h0000000_0", platform="osx-arm64")
    torch = wheel("torch", "9.9.0", "macosx_11_0_arm64", platform="osx-arm64")

    workload = workload_of_lock(make_lock(package, torch), "osx-arm64", "a")

    assert (workload.line, workload.kernels, workload.glibc) == (None, (), None)


def test_a_cpu_framework_in_a_lock_for_cuda_is_refused_by_the_gpu():
    """The default index has CPU builds of torch for Windows; CUDA came from elsewhere."""
    lock = make_lock(
        wheel("torch", "2.8.0", "win_amd64", platform="win-64"),
        locked("cuda-cudart", "12.8.90", platform="win-64"),
    )
    host = Host(
        name="m", platform=Platform.WIN_64, driver="576.57", gpus=(HostGpu(name="RTX 4090"),)
    )

    verdict = judge(workload_of_lock(lock, "win-64", "a"), host)

    assert verdict.fit is Fit.REFUSED
    assert verdict.deciding is not None
    assert verdict.deciding.coverage.evidence is not None
    assert verdict.deciding.coverage.evidence.row == "torch_wheels/wheel[2.8.0]"


def test_a_platform_that_nobody_knows_counts_as_linux():
    lock = make_lock(locked("pytorch", "1.13.0", "cuda11.4_py310_1", platform="linux-ppc64le"))

    workload = workload_of_lock(lock, "linux-ppc64le", "a")

    assert (workload.platform, workload.line) == (LINUX, CudaLine(11, 4))


TEXT = st.text(max_size=12)
VERSIONS = TEXT | st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}(\+cu[0-9]{2,3})?", fullmatch=True)
NAMES = TEXT | st.sampled_from(
    [
        "torch",
        "tensorflow",
        "jax-cuda12-plugin",
        "jax-cuda99-plugin",
        "pytorch",
        "jaxlib",
        "tensorflow-base",
        "cudatoolkit",
        "cuda-version",
        "libcufft",
        "nvidia-cublas-cu12",
        "nvidia-cuda-runtime",
        "cuda-toolkit",
    ]
)
BUILDS = TEXT | st.from_regex(r"(py3\.[0-9])?_?(cuda|cu|cpu)[0-9.]{0,6}_[a-z0-9]{0,4}_0")
PACKAGES = st.builds(
    LockedPackage,
    name=NAMES,
    version=VERSIONS,
    manager=st.sampled_from(["conda", "pip"]),
    platform=st.just("linux-64"),
    url=st.builds("https://c.example/conda-forge/linux-64/{}-{}.conda".format, TEXT, BUILDS) | TEXT,
    md5=st.none(),
    sha256=st.none(),
    dependencies=st.just({}),
)
FACTS = st.dictionaries(
    st.sampled_from(
        [f"linux-64/{key}" for key in ("cuda", "kernels/x", "gpus", "virtual-packages", "cudnn")]
    ),
    TEXT
    | st.sampled_from(["12.1", "7.5 8.0: x", "__glibc=2", "__glibc=.", "__osx=...", "unknown; "]),
)


@given(st.lists(PACKAGES, max_size=4), FACTS, st.sampled_from([*Platform]))
def test_no_lock_is_too_strange_to_be_judged(
    packages: list[LockedPackage], facts: dict[str, str], platform: Platform
):
    lock: Lock = make_lock(*packages, platforms=["linux-64"], facts=facts)
    host = Host(
        name="m",
        platform=platform,
        driver="580.65.06",
        gpus=(HostGpu(name="H100"),),
        glibc="2.35",
        macos="14.1",
    )

    verdict = judge(workload_of_lock(lock, "linux-64", "x"), host)

    assert verdict.judgements


# --- stacks ---------------------------------------------------------------------------------------

STACK = """\
[stack]
name = "demo"
platforms = ["linux-64", "osx-arm64"]
channels = ["conda-forge"]

[python]
version = "3.12.*"

[gpu]
cuda = "12.8"
compute = ["7.5", "9.0"]

[fleet]
driver = "570"
glibc = "2.28"
macos = "13.0"

[frameworks]
pytorch = { version = "VERSION", from = "pypi" }

[dependencies]
numba = "*"

[target.osx-arm64]
accelerator = "mps"
"""


def test_a_stack_asks_for_what_it_declares():
    linux, mac = workloads_of_stack(stack_of(STACK.replace("VERSION", "2.8.0")))

    assert (linux.platform, linux.line, linux.compute) == (LINUX, CudaLine(12, 8), ("7.5", "9.0"))
    assert (linux.glibc, linux.macos, linux.compilers) == ("2.28", None, ("numba",))
    (kernels,) = linux.kernels
    assert kernels.evidence is not None
    assert kernels.evidence.row == "torch_wheels/wheel[2.8.0]"
    assert (mac.platform, mac.line, mac.kernels) == (Platform.OSX_ARM64, None, ())
    assert (mac.glibc, mac.macos, mac.compute, mac.compilers) == (None, "13.0", (), ())


@pytest.mark.parametrize("version", ["2.8.*", ">=2.8", "*", "9.9.9"])
def test_a_version_that_is_not_pinned_to_a_known_one_has_unknown_code(version: str):
    linux, _ = workloads_of_stack(stack_of(STACK.replace("VERSION", version)))

    (kernels,) = linux.kernels
    assert kernels.evidence is None
