"""The real package index: the stacks that ship, every version of the frameworks, real wheels."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pypi_simple
import pytest
import requests
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envlock.backends.pypi_indexes import LiveIndexes
from envlock.backends.uv_resolver import UvResolver
from envlock.cli.main import main
from envlock.cli.wiring import utc_now
from envlock.compat.evidence import read_table
from envlock.compat.nvidia_wheels import WheelKind, wheel_component, wheel_line
from envlock.compat.wheels import WheelFacts, wheel_facts
from envlock.formats.conda_lock import read_lock
from envlock.model.platform import Platform
from envlock.model.pypi import PypiAnswer
from envlock.model.stack import DEFAULT_INDEX, Gpu, Where
from envlock.ports.pypi import IndexSource, Recorder
from envlock.solve.pypi_family import family_requirements
from wheelhouse import question

pytestmark = pytest.mark.index

ROOT = Path(__file__).parents[2]
STACKS = ("torch-cu121-pypi", "torch-cu130-pypi", "tf-cu125", "tf-cu123", "jax-cu12", "tf-cpu")
CPU_WHEELS = Path(os.environ.get("PIP_FIND_LINKS") or "no-such-folder")
"""Where a machine without the index of CPU builds may have one of them, as pip is told."""
NEEDS_SDIST = {"2.15.0"}
"""TensorFlow whose `and-cuda` asks for a tensorrt that was published as a source archive alone."""
FIRST_WITH_NVJITLINK = 12
OLDER_PYTHON = {"2.14.0": "3.10.14", "2.14.1": "3.10.14"}
"""TensorFlow whose tensorrt has no wheel for 3.11."""


@pytest.fixture(scope="session", autouse=True)
def _index() -> None:
    try:
        requests.head(pypi_simple.PYPI_SIMPLE_ENDPOINT, timeout=10)
    except requests.RequestException as error:
        pytest.skip(f"the package index cannot be reached: {type(error).__name__}")


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    cache = tmp_path_factory.mktemp("index")
    indexes = LiveIndexes(base=cache, cache=cache, environment={})
    source = IndexSource(name=DEFAULT_INDEX, url="", location="")
    return indexes.live((source,), utc_now(), ())


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks", ignore=shutil.ignore_patterns("pypi"))
    monkeypatch.chdir(tmp_path / "stacks")
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "stacks"


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_that_ships_is_recorded_and_solved_from_that_to_the_same_bytes(
    name: str, stacks: Path, monkeypatch: pytest.MonkeyPatch
):
    assert main(["index", "record", "-q", f"{name}.toml"]) == 0
    forbid_the_network(monkeypatch)
    assert main(["solve", "-q", f"{name}.toml"]) == 0
    lock = stacks / f"{name}.conda-lock.yml"
    first = lock.read_bytes()
    lock.unlink()

    assert main(["solve", "-q", f"{name}.toml"]) == 0

    assert lock.read_bytes() == first
    assert main(["solve", "--check", "-q", f"{name}.toml"]) == 0
    assert all(item.sha256 for item in read_lock(first, lock.name).packages)


def forbid_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(requests.Session, "send", refuse)


@pytest.mark.skipif(not list(CPU_WHEELS.glob("torch-*")), reason="no CPU build of torch lies here")
def test_the_cpu_stack_takes_torch_from_the_index_that_owns_it_and_nothing_else(stacks: Path):
    mirror = f"pytorch-cpu={CPU_WHEELS}"

    assert main(["index", "record", "-q", "torch-cpu.toml", "--mirror", mirror]) == 0
    assert main(["solve", "-q", "torch-cpu.toml"]) == 0

    lock = read_lock((stacks / "torch-cpu.conda-lock.yml").read_bytes(), "torch-cpu")
    wheels = {item.name: item for item in lock.packages if item.manager == "pip"}
    assert wheels["torch"].version.endswith("+cpu")
    assert not [name for name in wheels if name.startswith("nvidia-")]


def rows(table: str, oldest: str) -> list[str]:
    versions = [row["version"] for row in read_table(table, "wheel")]
    return [item for item in versions if Version(item) >= Version(oldest)]


def gpu_of(facts: WheelFacts) -> Gpu:
    assert facts.line is not None
    return Gpu(cuda=facts.line, where={"cuda": Where(file="a.toml", key="gpu.cuda")})


def resolve(recorder: Recorder, requirement: str, gpu: Gpu, python: str) -> PypiAnswer:
    asked = question(
        requirement, python=python, constraints=family_requirements(gpu), as_of=utc_now()
    )
    answer = UvResolver().resolve(recorder, asked, {})
    assert isinstance(answer, PypiAnswer), answer.resolver_message
    return answer


def agrees(answer: PypiAnswer, facts: WheelFacts, gpu: Gpu) -> None:
    """The libraries that came out are those of the fact row, and all toolkit parts of the line."""
    found: dict[WheelKind, str] = {}
    for item in answer.distributions:
        component = wheel_component(item.name)
        if component is None:
            continue
        found[component.kind] = item.version
        line = wheel_line(item.name, item.version)
        assert line in {None, gpu.cuda}, f"{item.name} {item.version} is of CUDA {line}"
    assert admits(facts.cudnn, found[WheelKind.CUDNN])
    assert admits(facts.nccl, found[WheelKind.NCCL])
    linkers = [item for item in answer.distributions if "nvjitlink" in item.name]
    assert [wheel_line(item.name, item.version) for item in linkers] == (
        [gpu.cuda] if gpu.cuda.major >= FIRST_WITH_NVJITLINK else []
    )


def admits(wanted: str, found: str) -> bool:
    specifiers = wanted if wanted[0] in "<>=!~" else f"=={wanted}"
    return SpecifierSet(specifiers).contains(found)


@pytest.mark.parametrize("version", rows("torch_wheels", "2.1"))
def test_every_torch_resolves_to_the_libraries_of_its_row(version: str, recorder: Recorder):
    facts = wheel_facts("torch", version, Platform.LINUX_64)
    assert facts is not None
    gpu = gpu_of(facts)

    answer = resolve(recorder, f"torch=={version}", gpu, "3.11.9")

    agrees(answer, facts, gpu)


@pytest.mark.parametrize("version", rows("tensorflow_wheels", "2.14"))
def test_every_tensorflow_resolves_to_the_libraries_of_its_row(version: str, recorder: Recorder):
    if version in NEEDS_SDIST:
        pytest.skip("its tensorrt is a source archive alone; see `sdists` under [pypi]")
    facts = wheel_facts("tensorflow", version, Platform.LINUX_64)
    assert facts is not None
    gpu = gpu_of(facts)
    python = OLDER_PYTHON.get(version, "3.11.9")

    answer = resolve(recorder, f"tensorflow[and-cuda]=={version}", gpu, python)

    agrees(answer, facts, gpu)


@pytest.mark.parametrize(
    ("name", "version"), [("torch", "2.4.1"), ("tensorflow", "2.19.0"), ("tensorflow", "2.21.0")]
)
def test_a_real_wheel_says_what_its_row_says(name: str, version: str, recorder: Recorder):
    facts = wheel_facts(name, version, Platform.LINUX_64)
    page = recorder.page(name)
    assert page is not None
    assert facts is not None
    (file,) = (
        file
        for file in page.files
        if file.file_name.startswith(f"{name}-{version}-cp311-cp311-manylinux")
        and file.file_name.endswith("x86_64.whl")
    )

    kernels = recorder.kernels(name, version, file)

    assert kernels is not None
    assert (kernels.sass, kernels.ptx, kernels.line) == (facts.sass, facts.ptx, facts.line)
