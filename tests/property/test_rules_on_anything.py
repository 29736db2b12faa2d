"""Whatever a reader found, every rule has something to say or nothing, and says it in one line."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import GPU_STACK, stack_of
from envlock.audit.asked import asked_of
from envlock.audit.engine import judge
from envlock.audit.rule import Case
from envlock.audit.rules import all_rules
from envlock.audit.suspects import suspects_of
from envlock.model.finding import AuditPolicy
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    Origin,
    OriginKind,
    Reading,
)
from envlock.model.sight import Advisory, Sight, Withdrawn
from readings import TODAY, seen

NAMES = [
    "python",
    "pytorch",
    "torch",
    "torchvision",
    "jaxlib",
    "jax-cuda12-plugin",
    "tensorflow-base",
    "tensorflow",
    "numpy",
    "cudatoolkit",
    "cuda-version",
    "cuda-cudart",
    "libcublas",
    "cudnn",
    "nccl",
    "nvidia-cublas-cu12",
    "nvidia-cudnn-cu11",
    "nvidia-nccl-cu12",
    "cupy-cuda12x",
    "cuda-toolkit",
]
VERSIONS = [
    "2.5.1",
    "2.5.1+cu121",
    "2.5.1+cpu",
    "12.1",
    "11.8.0",
    "9.1.0.70",
    "1%211.0",
    "1!2.0",
    "3.12.*",
    "0",
    "v1",
    "2024",
]
BUILDS = ["", "cuda126_py312_h2ff76c1_300", "cpu_generic_0", "py3.11_cuda12.1_cudnn9.1.0_0", "_"]
PLATFORMS = ["linux-64", "win-64", "osx-arm64", "linux-ppc64le", "noarch", "p1"]
FILES = [
    "https://conda.example/pytorch/linux-64/pytorch-2.5.1-py3.11_cuda12.1_cudnn9.1.0_0.conda",
    "https://wheels.example/a-1.0-cp312-cp312-manylinux_2_28_x86_64.manylinux2014_x86_64.whl",
    "https://wheels.example/a-1.0-cp312.whl",
    "a.whl",
    "http://[",
    "./folder",
    "",
]
text = st.text(max_size=12)


def among(values: list[str] | tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(values), text)


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, max_size=3).map(tuple)


origins = st.builds(
    Origin,
    address=among(FILES),
    kind=st.sampled_from(list(OriginKind)),
    hashes=st.dictionaries(st.sampled_from(["sha256", "md5"]), text, max_size=2),
    revision=text,
    yanked=st.none() | text,
)
packages = st.builds(
    FoundPackage,
    name=among(NAMES),
    ecosystem=st.sampled_from(list(Ecosystem)),
    version=st.none() | among(VERSIONS),
    wanted=text,
    build=among(BUILDS),
    subdir=among(PLATFORMS),
    platforms=some(among(PLATFORMS)),
    environments=some(among(["default", "gpu"])),
    places=some(st.tuples(among(["default", "gpu"]), among(PLATFORMS))),
    origins=st.lists(origins, max_size=3).map(tuple),
    dependencies=some(among(["python >=3.9", "__glibc >=2.28,<3", "numpy", ">=", " "])),
    constrains=some(text),
    marker=among(["sys_platform == 'linux'", "extra == 'x'", "python_version > 3"]),
    index=among(["https://wheels.example/simple"]),
    license=among(["MIT", "MIT OR", "GPL-3.0+ WITH GCC-exception-3.1", "((MIT))", "BSD"]),
    is_editable=st.booleans(),
    is_project=st.booleans(),
    line=st.integers(0, 9),
)
readings = st.builds(
    Reading,
    file=st.just("file"),
    kind=st.sampled_from(list(FileKind)),
    packages=st.lists(packages, max_size=8).map(tuple),
    platforms=st.lists(
        st.builds(
            FoundPlatform,
            name=among(PLATFORMS),
            subdir=among(PLATFORMS),
            virtual_packages=some(among(["__cuda=12.2"])),
        ),
        max_size=3,
    ).map(tuple),
    places=st.lists(
        st.builds(NamedPlace, address=text, kind=st.sampled_from(["channel", "index"])),
        max_size=2,
    ).map(tuple),
    python=text,
    facts=st.dictionaries(
        st.sampled_from(
            ["envlock/inputs", "envlock/linux-64/cuda", "envlock/linux-64/accelerator"]
        ),
        among(["12.1", "cuda", "[", '{"gpu.newer-components": 7}', "1"]),
    ),
)
policies = st.builds(
    AuditPolicy,
    driver=st.none() | among(["470", "535.183.06"]),
    glibc=st.none() | among(["2.17"]),
    compute=some(among(["7.5", "10.0", "99.9"])),
    allowed_licenses=some(among(["MIT"])),
    denied_licenses=some(among(["GPL-3.0-only"])),
)
SIGHTS = seen(
    *Sight,
    advisories=(Advisory(id="X", package="numpy", version="v1", summary="a\nb", fixed=("?",)),),
    withdrawn=(Withdrawn(package="numpy", file="a", problem="is gone", is_gone=True),),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(readings, policies, st.booleans())
def test_every_rule_takes_whatever_was_read(reading, policy, has_stack):
    stack = stack_of(GPU_STACK) if has_stack else None
    case = Case(reading=reading, sights=SIGHTS, policy=policy, stack=stack)

    judged = judge(case, all_rules(), TODAY)

    for finding in judged.findings:
        assert finding.message
        assert finding.remedy
        assert finding.message.isprintable(), (finding.code, finding.message)


@settings(max_examples=200)
@given(readings)
def test_whatever_was_read_can_be_asked_about(reading):
    assert len(set(asked_of(reading))) == len(asked_of(reading))
    assert len(set(suspects_of(reading))) == len(suspects_of(reading))
