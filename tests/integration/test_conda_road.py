"""From a stack to a running Python, through the conda road: a real interpreter, real wheels."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pypi_simple
import pytest
import requests
from msgspec.structs import replace

from artifact_server import ArtifactServer, by_path, serving
from conda_house import WANTED, CondaHouse
from envlock.formats.conda_lock import format_lock, read_lock
from envlock.formats.receipt import read_receipt, stable_digest
from envlock.model.outcome import NotRun
from envlock.model.receipt import Receipt, Verdict, receipt_path

pytestmark = pytest.mark.index

CPU_WHEELS = Path(os.environ.get("PIP_FIND_LINKS") or "no-such-folder")
"""Where a machine without the index of CPU builds may have one of them, as pip is told."""
LOOK_AROUND = """
import json, ssl, sqlite3, sys, sysconfig
{imports}
context = ssl.create_default_context()
maps = [line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if "/" in line]
print(json.dumps({{
    "prefix": sys.prefix,
    "executable": sys.executable,
    "path": [path for path in sys.path if path],
    "certificates": ssl.get_default_verify_paths().cafile,
    "authorities": len(context.get_ca_certs()),
    "sqlite": sqlite3.connect(":memory:").execute("select sqlite_version()").fetchone()[0],
    "scripts": sysconfig.get_path("scripts"),
    "purelib": sysconfig.get_path("purelib"),
    "answer": {answer},
    "libraries": sorted({{path for path in maps if ".so" in path}}),
}}))
"""
OF_THE_MACHINE = ("libc.so.", "libm.so.", "libpthread.so.", "libdl.so.", "librt.so.", "ld-linux")
"""The loader and the glibc family: what every Linux program takes from where it runs."""


@pytest.fixture(scope="session", autouse=True)
def _index() -> None:
    try:
        requests.head(pypi_simple.PYPI_SIMPLE_ENDPOINT, timeout=10)
    except requests.RequestException as error:
        pytest.skip(f"the package index cannot be reached: {type(error).__name__}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> CondaHouse:
    folder = tmp_path_factory.mktemp("road")
    return CondaHouse(folder=folder / "work", home=folder / "home")


@pytest.fixture(scope="module")
def lock(house: CondaHouse, debian_channel: Path) -> str:
    return house.solve("demo", debian_channel.as_uri(), WANTED)


@pytest.fixture(scope="module")
def built(house: CondaHouse, lock: str) -> dict[str, Any]:
    return house.build(lock)


def run(built: Mapping[str, Any], *command: str) -> str:
    """Run a program of an environment with nothing around it, far from everything."""
    program, *rest = command
    done = subprocess.run(
        [f"{built['path']}/bin/{program}", *rest],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def look_around(built: Mapping[str, Any], imports: str, answer: str) -> dict[str, Any]:
    script = LOOK_AROUND.format(imports=imports, answer=answer)
    return dict(json.loads(run(built, "python", "-c", script)))


def foreign(built: Mapping[str, Any], libraries: list[str]) -> list[str]:
    """Return the shared libraries that are neither the environment's nor the machine's own."""
    return [
        path
        for path in libraries
        if not path.startswith(f"{built['path']}/")
        and not path.rpartition("/")[2].startswith(OF_THE_MACHINE)
    ]


def test_its_python_runs_with_nothing_of_the_machine_around_it(built: dict[str, Any]):
    prefix = built["path"]

    found = look_around(built, "import numpy", "int(numpy.arange(10).sum())")

    assert found["prefix"] == prefix
    assert found["executable"] == f"{prefix}/bin/python"
    assert all(path.startswith(prefix) for path in found["path"])
    assert found["certificates"] == f"{prefix}/ssl/cacert.pem"
    assert found["authorities"] > 100
    assert found["sqlite"].startswith("3.")
    assert found["scripts"] == f"{prefix}/bin"
    assert found["purelib"] == f"{prefix}/lib/python3.11/site-packages"
    assert found["answer"] == 45
    assert foreign(built, found["libraries"]) == []
    assert built["is_hermetic"] is True


def test_envlock_run_runs_its_python_and_not_the_machines(
    house: CondaHouse, lock: str, built: dict[str, Any]
):
    script = "import ssl, sqlite3, numpy, sys; print(sys.prefix, numpy.arange(10).sum())"

    done = house.run("run", "-q", lock, "--", "python", "-c", script)

    assert (done.returncode, done.stdout) == (0, f"{built['path']} 45\n"), done.stderr
    assert house.run("run", "-q", lock, "--", "python", "-c", "raise SystemExit(7)").returncode == 7


def test_its_programs_run(built: dict[str, Any]):
    assert run(built, "greet") == "hello\n"
    assert run(built, "oldstyle") == "old\n"
    assert run(built, "short") == f"{built['path']}\n"
    assert "Help on package json" in run(built, "pydoc3.11", "json")


def test_python_sees_packages_of_both_kinds_as_installed(built: dict[str, Any]):
    script = "import importlib.metadata as m; print(m.version('greeting'), m.version('numpy'))"

    listed = json.loads(run(built, "pip", "list", "--format=json"))

    assert {item["name"] for item in listed} == {"greeting", "numpy", "pip"}
    assert run(built, "python", "-c", script).split()[0] == "1.0"
    assert "No broken requirements found." in run(built, "pip", "check")
    (launcher,) = json.loads(
        run(
            built,
            "python",
            "-c",
            "import importlib.metadata as m, json;"
            "print(json.dumps([p.value for p in m.entry_points(name='greet')]))",
        )
    )
    assert launcher == "greeting:main"


def test_bytecode_is_there_and_is_used(built: dict[str, Any]):
    script = (
        "import greeting.words, importlib.util as u, json, numpy, sys\n"
        "for m in (greeting, greeting.words, json, numpy):\n"
        "    data = open(u.cache_from_source(m.__file__), 'rb').read()\n"
        "    assert data[4] == 1, 'unchecked hash'\n"
        "    assert m.__spec__.loader.get_code(m.__name__).co_filename == m.__file__\n"
        "print('used')"
    )

    assert run(built, "python", "-c", script) == "used\n"


def test_bytecode_of_a_link_knows_the_prefix_as_its_target_does(built: dict[str, Any]):
    home = run(built, "python", "-c", "import linked_again; print(linked_again.HOME)")
    there = run(built, "python", "-c", "import sysconfig as s; print(s.get_config_var('LIBDIR'))")

    assert home == f"{built['path']}\n"
    assert there == f"{built['path']}/lib/x86_64-linux-gnu\n"


def test_the_tools_of_conda_read_what_is_installed(built: dict[str, Any]):
    from rattler import PrefixRecord  # noqa: PLC0415 - heavy

    records = {
        record.name.normalized: record
        for path in Path(built["path"], "conda-meta").glob("*.json")
        for record in [PrefixRecord.from_path(path)]
    }

    assert sorted(records) == [
        *("activated", "bare", "binary", "folders", "greeting", "libstdcxx", "linked"),
        *("oldstyle", "python", "shebang"),
    ]
    assert Path(built["path"], "conda-meta", "history").read_bytes() == b""
    for record in records.values():
        for entry in record.paths_data.paths:
            assert os.path.lexists(f"{built['path']}/{entry.relative_path}")


def test_its_prefix_stands_where_placeholders_were(built: dict[str, Any]):
    prefix = built["path"]
    hook = Path(prefix, "etc/conda/activate.d/activated.sh").read_text("utf-8")
    two = Path(prefix, "lib/libtwo.so").read_bytes()

    assert hook == f'export ACTIVATED_HOME="{prefix}/share/activated"\n'
    assert f"\0{prefix}/lib:{prefix}/share\0".encode() in two
    assert not any(
        b"placehold_" in path.read_bytes()
        for path in Path(prefix).rglob("*")
        if path.is_file() and path.parent.name != "conda-meta"
    )


def test_links_are_links(built: dict[str, Any]):
    prefix = Path(built["path"])

    assert (prefix / "lib/liblinked.so").readlink() == Path("liblinked.so.2")
    assert (prefix / "share/linked").readlink() == Path("linked-2.1")
    assert (prefix / "share/linked/about.txt").read_bytes() == b"about\n"
    assert not (prefix / "share/linked-nowhere").exists()


def test_empty_folders_and_a_package_of_nothing_are_there(built: dict[str, Any]):
    prefix = Path(built["path"])

    assert [*(prefix / "var/empty").iterdir(), *(prefix / "var/lib/folders").iterdir()] == []
    assert (prefix / "top-link").read_bytes() == b"top\n"
    assert (prefix / "top.txt").stat().st_nlink > 1
    assert (prefix / "conda-meta/bare-1.0-0.json").is_file()


def test_a_second_build_beside_it_is_the_same(house: CondaHouse, lock: str, built: dict[str, Any]):
    told = json.loads(house.succeed("build", "--json", "--rebuild-check", lock))

    assert told["differences"] == []
    assert told["tree_sha256"] == built["tree_sha256"]


# --- warm -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hosted(debian_channel: Path) -> Iterator[ArtifactServer]:
    """The same channel on 127.0.0.1."""
    files = {
        f"/{path.relative_to(debian_channel).as_posix()}": path.read_bytes()
        for path in debian_channel.rglob("*")
        if path.is_file()
    }
    with serving(files) as server:
        yield server


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> CondaHouse:
    folder = tmp_path_factory.mktemp("far")
    return CondaHouse(folder=folder / "work", home=folder / "home")


@pytest.fixture(scope="module")
def larger(far: CondaHouse, hosted: ArtifactServer) -> str:
    """A lock of the hosted channel with one package more."""
    return far.solve("larger", hosted.url, WANTED + 'packaging = "*"\n')


def without(lock: str, package: str, name: str) -> str:
    """Write a lock of another name that lacks one package."""
    whole = read_lock(Path(lock).read_bytes(), lock)
    rows = tuple(row for row in whole.packages if row.name != package)
    facts = {**whole.head.facts, "envlock/stack": name}
    path = Path(lock).with_name(f"{name}.conda-lock.yml")
    path.write_bytes(
        format_lock(replace(whole, packages=rows, head=replace(whole.head, facts=facts)))
    )
    return str(path)


def trees(house: CondaHouse) -> dict[str, int]:
    """Return what is unpacked and compiled, with the time of its last change."""
    return {path.name: path.lstat().st_ctime_ns for path in (house.home / "trees").iterdir()}


def test_from_a_server_too_and_a_sibling_fetches_and_unpacks_only_what_is_new(
    far: CondaHouse,
    hosted: ArtifactServer,
    larger: str,
    built: dict[str, Any],
    record_testsuite_property: Callable[[str, object], None],
):
    demo, smaller = without(larger, "packaging", "demo"), without(larger, "linked", "smaller")
    hosted.requests.clear()
    began = time.monotonic()
    cold = far.build(demo)
    cold_seconds = time.monotonic() - began
    asked, before = by_path(hosted.requests), trees(far)

    began = time.monotonic()
    warm = far.build(larger)
    warm_seconds = time.monotonic() - began
    after = trees(far)
    least = far.build(smaller, "--offline")

    assert cold["content_sha256"] == built["content_sha256"]
    assert set(asked.values()) == {1}
    assert len(asked) == 10
    assert warm["is_new"]
    assert least["is_new"]
    assert by_path(hosted.requests) == asked
    added = sorted(name.partition("-")[0] for name in after.keys() - before.keys())
    assert added == ["artifact", "bytecode"]
    assert {name: after[name] for name in before} == before
    assert trees(far) == after
    assert "packaging" in run(warm, "pip", "list")
    record_testsuite_property("cold_seconds", round(cold_seconds, 2))
    record_testsuite_property("sibling_seconds", round(warm_seconds, 2))
    assert warm_seconds < cold_seconds


def test_the_same_archives_from_elsewhere_are_the_same_environment(
    house: CondaHouse, hosted: ArtifactServer, larger: str, built: dict[str, Any]
):
    hosted.requests.clear()

    found = house.build(without(larger, "packaging", "demo"))

    assert found["path"] == built["path"]
    assert found["is_new"] is False
    assert hosted.requests == []


# --- torch ----------------------------------------------------------------------------------------

TORCH = f"""
[frameworks]
pytorch = {{ version = "*", from = "pypi" }}

[pypi-dependencies]
numpy = "*"

[[pypi-index]]
name = "near"
url = "{CPU_WHEELS.absolute().as_uri()}"
format = "flat"
packages = ["torch"]
"""
needs_torch = pytest.mark.skipif(
    not list(CPU_WHEELS.glob("torch-*")), reason="no CPU build of torch lies here"
)


@pytest.fixture(scope="module")
def torch_lock(house: CondaHouse, debian_channel: Path) -> str:
    return house.solve("torch", debian_channel.as_uri(), TORCH)


@needs_torch
def test_torch_computes_on_its_python_with_nothing_of_the_machine(
    house: CondaHouse, torch_lock: str
):
    torch = house.build(torch_lock)
    found = look_around(
        torch, "import numpy, torch", "torch.from_numpy(numpy.ones(9)).sum().item()"
    )

    assert found["answer"] == 9.0
    assert found["prefix"] == torch["path"]
    assert foreign(torch, found["libraries"]) == []
    assert any(path.endswith("libtorch_cpu.so") for path in found["libraries"])
    script = "import ssl, sqlite3, torch; print(torch.ones(3).sum().item())"
    done = house.run("run", "-q", torch_lock, "--", "python", "-c", script)
    assert (done.returncode, done.stdout) == (0, "3.0\n"), done.stderr


def receipt_of(lock: str) -> Receipt:
    path = Path(receipt_path(lock))
    return read_receipt(path.read_bytes(), path.name)


@needs_torch
def test_torch_trains_in_it_and_twice_the_same(house: CondaHouse, torch_lock: str):
    controls = ["--control", "shuffled-labels", "--control", "wrong-gradient"]

    first = house.run("verify", torch_lock, "--device", "cpu", *controls)
    before = receipt_of(torch_lock)
    second = house.run("verify", torch_lock, "--device", "cpu", *controls, "-q")
    after = receipt_of(torch_lock)

    assert (first.returncode, second.returncode) == (0, 0), first.stdout + first.stderr
    assert before.verdict is Verdict.PASSED
    assert before.subject.is_hermetic
    assert {each.name for each in before.curves} == {
        "pytorch.cpu.training.cnn-sgd",
        "pytorch.cpu.training.cnn-adam",
    }
    assert stable_digest(before) == stable_digest(after)
    assert [each.weights_sha256 for each in before.curves] == [
        each.weights_sha256 for each in after.curves
    ]
    assert {each.role for each in before.host_libraries} <= {"loader", "glibc", "nss"}
    assert house.run("receipt", "check", torch_lock, "--lock", torch_lock).returncode == 0
    assert house.run("challenge", receipt_path(torch_lock), torch_lock).returncode == 0


@needs_torch
def test_without_a_driver_the_gpu_is_not_proven(house: CondaHouse, torch_lock: str):
    done = house.run("verify", torch_lock, "--device", "gpu", "--level", "smoke")

    assert done.returncode == 4, done.stdout + done.stderr
    of_gpu = [check for check in receipt_of(torch_lock).checks if check.on_gpu]
    assert of_gpu
    assert {check.outcome for check in of_gpu} == {NotRun(reason="no NVIDIA driver")}


@needs_torch
def test_a_cpu_wheel_that_poses_as_a_gpu_build_is_found(house: CondaHouse, torch_lock: str):
    whole = read_lock(Path(torch_lock).read_bytes(), torch_lock)
    posing = Path(torch_lock).with_name("posing.conda-lock.yml")
    facts = {"envlock/stack": "torch", "envlock/linux-64/cuda": "12.1"}
    head = replace(whole.head, facts=facts)
    posing.write_bytes(format_lock(replace(whole, head=head)))

    done = house.run("verify", str(posing), "--device", "cpu", "--level", "smoke")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "is a CPU build, and the lock is for CUDA 12.1" in done.stdout
