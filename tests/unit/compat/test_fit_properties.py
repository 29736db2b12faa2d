"""What must hold of every verdict, whatever the machine and whatever the build."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from envlock.compat.architectures import architecture, known_computes
from envlock.compat.drivers import DriverVersion
from envlock.compat.fit import judge
from envlock.compat.kernels import cover_gpu
from envlock.model.host import Host, HostGpu, Numbering
from envlock.model.platform import Platform
from envlock.model.verdict import Covered, Evidence, Fit, Kernels, Missing, Unknown, Workload
from envlock.model.version import CudaLine, parse_dotted

COMPUTES = st.sampled_from([*known_computes(), "10.1", "13.0"])
DRIVERS = st.builds("{}.{}.{:02}".format, st.integers(440, 640), st.integers(0, 199), st.just(6))
LINES = st.builds(CudaLine, st.integers(10, 14), st.integers(0, 9))
EVIDENCE = st.builds(
    Evidence,
    fact=st.just("f"),
    row=st.just("r"),
    source=st.just("s"),
    confidence=st.sampled_from(["verified", "recalled"]),
)


@st.composite
def codes(draw: st.DrawFn) -> Kernels:
    sass = draw(st.sets(COMPUTES, max_size=5))
    ptx = draw(st.sets(COMPUTES, max_size=2))
    family = draw(st.sets(st.sampled_from(sorted(sass)))) if sass else set()
    return Kernels(
        artifact=draw(
            st.sampled_from(["torch 2.15.0 wheel", "x", "", "pytorch 2.8.0 b", "torch x wheel"])
        ),
        line=draw(st.none() | LINES),
        sass=in_order(sass),
        ptx=in_order(ptx),
        family=in_order(family),
        evidence=draw(st.none() | EVIDENCE),
    )


def in_order(computes: set[str]) -> tuple[str, ...]:
    return tuple(sorted(computes, key=parse_dotted))


TEXT = st.text(max_size=12)
VERSIONS = TEXT | st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,6}){0,3}", fullmatch=True)
GPUS = st.builds(
    HostGpu,
    name=TEXT | st.sampled_from(["H100", "Orin", "Tesla V100-SXM2-16GB", "RTX 6000", "9.0"]),
    compute=st.none() | TEXT | COMPUTES,
    mig=st.booleans(),
    nvlinks=st.none() | st.integers(0, 18),
)
HOSTS = st.builds(
    Host,
    name=TEXT,
    platform=st.sampled_from(Platform),
    driver=st.none() | VERSIONS | DRIVERS,
    numbering=st.sampled_from(Numbering),
    driver_cuda=st.none() | VERSIONS,
    gpus=st.lists(GPUS, max_size=3).map(tuple),
    glibc=st.none() | VERSIONS,
    macos=st.none() | VERSIONS,
    wsl=st.booleans(),
)
WORKLOADS = st.builds(
    Workload,
    name=TEXT,
    platform=st.sampled_from(Platform),
    line=st.none() | LINES,
    kernels=st.lists(codes(), max_size=2).map(tuple),
    compilers=st.sampled_from([(), ("numba",), ("unheard-of",)]),
    glibc=st.none() | VERSIONS,
    macos=st.none() | VERSIONS,
    forward_compat=st.booleans(),
)


@given(WORKLOADS, HOSTS)
def test_no_machine_is_too_strange_to_be_judged(workload: Workload, host: Host):
    verdict = judge(workload, host)

    assert verdict.judgements[0].subject == "platform"
    assert verdict == judge(workload, host)


@given(WORKLOADS, HOSTS)
def test_only_verified_rows_refuse_and_a_refusal_says_what_would_do(workload: Workload, host: Host):
    for item in judge(workload, host).judgements:
        if isinstance(item.coverage, Missing):
            assert item.coverage.evidence.confidence == "verified"
            assert item.coverage.remedy
            assert item.coverage.evidence.row
        elif isinstance(item.coverage, Unknown):
            assert item.coverage.reason


@given(LINES, st.lists(codes(), max_size=2), st.sampled_from(known_computes()), DRIVERS, DRIVERS)
def test_a_newer_driver_that_drives_the_gpu_refuses_nothing(
    line: CudaLine, kernels: list[Kernels], compute: str, one: str, two: str
):
    older, newer = sorted((one, two), key=order)
    row = architecture(compute)
    assert row is not None
    last = row.last_driver_branch
    if last and DriverVersion.parse(newer).branch > int(last):
        return
    workload = Workload(name="w", platform=Platform.LINUX_64, line=line, kernels=tuple(kernels))
    gpu = HostGpu(name=f"compute {compute}", compute=compute)
    host = Host(name="m", platform=Platform.LINUX_64, driver=older, gpus=(gpu,))

    if judge(workload, host).fit is Fit.RUNS:
        assert judge(workload, replace(host, driver=newer)).fit is not Fit.REFUSED


@given(codes(), COMPUTES, COMPUTES, st.none() | DRIVERS, st.sampled_from(Numbering))
def test_more_code_never_takes_a_gpu_away(
    kernels: Kernels, added: str, compute: str, driver: str | None, numbering: Numbering
):
    more = replace(
        kernels,
        sass=in_order({*kernels.sass, added}),
        family=tuple(item for item in kernels.family if item != added),
    )

    if isinstance(cover_gpu(kernels, compute, driver, numbering), Covered):
        assert isinstance(cover_gpu(more, compute, driver, numbering), Covered)


@given(codes(), COMPUTES, COMPUTES, st.none() | DRIVERS)
def test_more_ptx_never_takes_a_gpu_away(
    kernels: Kernels, added: str, compute: str, driver: str | None
):
    more = replace(kernels, ptx=in_order({*kernels.ptx, added}))

    if isinstance(cover_gpu(kernels, compute, driver, Numbering.LINUX), Covered):
        assert isinstance(cover_gpu(more, compute, driver, Numbering.LINUX), Covered)


@given(WORKLOADS, HOSTS)
def test_asking_for_forward_compatibility_never_refuses_what_ran(workload: Workload, host: Host):
    without = judge(replace(workload, forward_compat=False), host)
    asked = judge(replace(workload, forward_compat=True), host)

    if without.fit is Fit.RUNS:
        assert asked.fit is Fit.RUNS


def order(driver: str) -> tuple[int, ...]:
    parsed = DriverVersion.parse(driver)
    return (parsed.branch, *parsed.release)
