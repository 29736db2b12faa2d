"""conda and PyPI in one stack: the real rattler and the real uv over small channels and wheels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from envlock.backends.files import DiskWorkspace
from envlock.backends.recordings import DiskRecordings
from envlock.backends.uv_resolver import UvResolver
from envlock.cli.render import describe_solve
from envlock.cli.wiring import load_stack
from envlock.errors import EnvlockError, InputFileError, NoSolutionError, PinError
from envlock.formats.conda_lock import read_lock
from envlock.workflows.check import check_lock
from pypi_house import House
from tiny import record

HEAD = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.*"
"""
PYTHON_DEPENDS = ["python >=3.11,<3.14"]
RECORDS = [
    record("python", "3.13.1"),
    record("python", "3.12.9"),
    record("python", "3.11.9"),
    *(record("numpy", version, depends=PYTHON_DEPENDS) for version in ("1.26.4", "2.1.0", "2.3.0")),
    *(
        record("scipy", version, depends=["python", f"numpy {numpy}"])
        for version, numpy in (("1.0", ">=1.26"), ("2.0", ">=2"))
    ),
]


def house_of(folder: Path, text: str) -> House:
    return House(folder, HEAD + text, {"conda-forge": {"linux-64": RECORDS}})


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))


def test_both_halves_stand_in_one_lock_that_conda_lock_accepts(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = ">=1"\n')
    house.wheels.add("tool", "1.0", "helper<2")
    house.wheels.add("helper", "1.5")
    house.record()

    solved = house.solve()

    lock = read_lock(Path(solved.path).read_bytes(), solved.path)
    wheels = {item.name: item for item in lock.packages if item.manager == "pip"}
    assert {name: item.version for name, item in wheels.items()} == {"tool": "1.0", "helper": "1.5"}
    assert wheels["tool"].dependencies == {"helper": "<2"}
    assert wheels["tool"].url == "https://files.example.org/tool-1.0-py3-none-any.whl"
    assert wheels["tool"].sha256 == house.wheels.pages["tool"][0].sha256
    assert [item.name for item in lock.packages if item.manager == "conda"] == ["python"]


READ_BACK = """
import json, os, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from conda_lock.lockfile import parse_conda_lock_file
from rattler import LockFile
path = Path(sys.argv[1])
theirs = sorted(package.name for package in parse_conda_lock_file(path).package)
(environment,) = (found for _, found in LockFile.from_path(path).environments())
(platform,) = environment.platforms()
ours = sorted(package.name for package in environment.packages(platform))
print(json.dumps([theirs, ours]), flush=True)
os._exit(0)  # a library's threads may break a process that ends by itself
"""


def test_conda_lock_and_rattler_read_both_halves(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0", "helper", "third>=1,<2")
    house.wheels.add("helper", "1.5")
    house.wheels.add("third", "1.5")
    house.record()
    lock = house.solve().path

    read = subprocess.run(
        [sys.executable, "-c", READ_BACK, lock], check=True, capture_output=True, text=True
    )

    expected = ["helper", "python", "third", "tool"]
    assert json.loads(read.stdout) == [expected, expected]


def test_the_head_names_the_recording_and_the_resolver(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0")
    recorded = house.record()

    facts = house.solve().lock.head.facts

    assert facts["envlock/pypi-recording"] == f"sha256:{recorded.digest}"
    assert facts["envlock/made-by"].endswith(UvResolver().identity)


def test_solving_again_changes_nothing_and_the_lock_is_fresh(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0")
    house.record()
    first = house.solve()

    again = house.solve()

    stack = load_stack(house.path)
    recordings = DiskRecordings(tmp_path / "pins" / "pypi")
    checked = check_lock(stack, house.path, house.pins, DiskWorkspace(), recordings)
    assert first.changed
    assert not again.changed
    assert type(checked.freshness).__name__ == "Fresh"


def test_what_conda_provides_is_not_locked_twice(tmp_path: Path):
    house = house_of(tmp_path, '[dependencies]\nnumpy = "*"\n[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0", "numpy>=2")
    house.wheels.add("numpy", "9.9")

    assert house.locked() == {
        ("conda", "numpy"): "2.3.0",
        ("conda", "python"): "3.13.1",
        ("pip", "tool"): "1.0",
    }


def test_conda_is_asked_again_when_its_choice_leaves_the_wheels_no_room(tmp_path: Path):
    house = house_of(tmp_path, '[dependencies]\nscipy = "*"\n[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0", "numpy<2,>=1.23")
    house.wheels.add("numpy", "1.26.4")

    assert house.locked() == {
        ("conda", "numpy"): "1.26.4",
        ("conda", "python"): "3.13.1",
        ("conda", "scipy"): "1.0",
        ("pip", "tool"): "1.0",
    }
    assert house.reporter.notes[-1] == (
        "linux-64: the wheels do not go with what conda chose; trying again with "
        "numpy <2,>=1.23, which tool 1.0 from PyPI can use"
    )


def test_an_older_python_is_tried_when_the_newest_has_no_wheels(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0", tag="cp312-cp312-manylinux_2_28_x86_64")

    assert house.locked() == {("conda", "python"): "3.12.9", ("pip", "tool"): "1.0"}


def test_when_conda_cannot_give_way_both_lines_are_named(tmp_path: Path):
    house = house_of(tmp_path, '[dependencies]\nnumpy = ">=2"\n[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0", "numpy<2")
    house.wheels.add("numpy", "1.26.4")

    with pytest.raises(NoSolutionError) as refused:
        house.record()

    told = str(refused.value).splitlines()
    assert told[1] == "  these cannot all hold:"
    assert any("numpy >=2" in line and "dependencies.numpy" in line for line in told)
    assert any("which tool 1.0 from PyPI can use" in line for line in told)
    assert not Path("demo.conda-lock.yml").exists()
    assert not (tmp_path / "pins" / "pypi" / "pins.toml").exists()


def test_a_name_that_both_halves_are_asked_for_is_refused_with_both_lines(tmp_path: Path):
    house = house_of(tmp_path, '[dependencies]\nnumpy = "*"\n[pypi-dependencies]\nNumPy = "*"\n')
    house.wheels.add("numpy", "2.3.0")

    with pytest.raises(InputFileError) as refused:
        house.record()

    assert str(refused.value) == (
        f"{house.path}:11: pypi-dependencies.NumPy: `numpy` is asked of PyPI here and of "
        f"conda as `numpy` ({house.path}:9: dependencies.numpy): it would be installed twice\n"
        "No lock was written."
    )
    assert refused.value.hints == ("keep one of the two lines",)


def test_an_extra_of_what_conda_provides_is_refused(tmp_path: Path):
    text = '[dependencies]\nscipy = "*"\n[pypi-dependencies]\nnumpy = { extras = ["fast"] }\n'
    house = house_of(tmp_path, text)
    house.wheels.add("numpy", "2.3.0", "speed ; extra == 'fast'", extras=["fast"])

    with pytest.raises(InputFileError) as refused:
        house.record()

    assert "asks for an extra of what conda provides: numpy 2.3.0" in str(refused.value)


def test_a_project_that_nobody_has_is_named_with_its_line(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntol = "*"\n')

    with pytest.raises(NoSolutionError) as refused:
        house.record()

    assert str(refused.value) == (
        "no solution for demo on linux-64 from the package index, as of 2026-01-01T00:00:00Z\n"
        f"  there is no `tol` on the package index ({house.path}:9: pypi-dependencies.tol)\n"
        "No lock was written."
    )


def test_a_package_of_sources_alone_is_refused_with_the_key_that_allows_it(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\nold = "*"\n')
    house.wheels.pages["old"] = []

    with pytest.raises(NoSolutionError) as refused:
        house.record()

    assert str(refused.value) == (
        "no solution for demo on linux-64 from the package index, as of 2026-01-01T00:00:00Z\n"
        "  `old` has no wheel on the index `default`: only source archives, if any "
        f"({house.path}:9: pypi-dependencies.old)\n"
        "No lock was written."
    )
    assert refused.value.hints == (
        'if it may be built from source, say so: `sdists = ["old"]` under [pypi]',
    )


def test_a_yanked_pin_is_refused(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "==1.0"\n')
    house.wheels.add("tool", "1.0", yanked="eats files")
    house.record()

    with pytest.raises(NoSolutionError) as refused:
        house.solve()

    assert str(refused.value) == (
        "the answer for demo would not run as the stack says\n"
        "  linux-64: tool 1.0 was withdrawn from the index (yanked): eats files\n"
        f"    ({house.path}:9: pypi-dependencies.tool)\n"
        "No lock was written."
    )


def test_a_stack_without_a_recording_is_told_how_to_make_one(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\n')

    with pytest.raises(PinError) as refused:
        house.solve()

    assert str(refused.value) == (
        f"{house.path}: stack `demo` takes packages from PyPI and has no recording of the package "
        "index to solve from\nNo lock was written."
    )
    assert refused.value.hints == (
        f"ask the package index once: `envlock index record {house.path}`",
    )


def test_a_recording_of_another_resolver_is_refused(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\n')
    recordings = house.pypi.recordings
    recordings.assign(["demo"], recordings.keep(b"uv 0.1.0\n2026-01-01T00:00:00Z\n[]"))

    with pytest.raises(PinError, match=r"was made with uv 0\.1\.0, and this is uv"):
        house.solve()


def test_a_damaged_recording_is_refused_and_the_lock_stays(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0")
    recorded = house.record()
    house.solve()
    before = Path("demo.conda-lock.yml").read_bytes()
    place = tmp_path / "pins" / "pypi" / f"{recorded.digest[:32]}.json.zst"
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(bytes(content))

    with pytest.raises(PinError):
        house.solve()

    assert Path("demo.conda-lock.yml").read_bytes() == before


def test_update_moves_only_what_is_named(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\nother = "*"\n')
    for name in ("tool", "other"):
        house.wheels.add(name, "1.0")
    house.record()
    house.solve()
    for name in ("tool", "other"):
        house.wheels.add(name, "2.0")

    lock = house.solve(update=("tool",)).lock

    versions = {item.name: item.version for item in lock.packages if item.manager == "pip"}
    assert versions == {"other": "1.0", "tool": "2.0"}


def test_a_stack_of_conda_packages_alone_has_nothing_to_record(tmp_path: Path):
    house = house_of(tmp_path, '[dependencies]\nnumpy = "*"\n')

    with pytest.raises(EnvlockError, match="takes nothing from PyPI"):
        house.record()


def test_markers_and_targets_are_judged_for_the_platform(tmp_path: Path):
    text = """\
[pypi-dependencies]
tool = { markers = "sys_platform == 'win32'" }
other = "*"
[target.linux-64.pypi-dependencies]
third = "*"
"""
    house = house_of(tmp_path, text)
    for name in ("tool", "other", "third"):
        house.wheels.add(name, "1.0")

    assert sorted(name for manager, name in house.locked() if manager == "pip") == [
        "other",
        "third",
    ]


def test_json_counts_both_halves(tmp_path: Path):
    house = house_of(tmp_path, '[pypi-dependencies]\ntool = "*"\n')
    house.wheels.add("tool", "1.0")
    house.record()

    told = describe_solve(load_stack(house.path), house.solve(), written=True)

    assert json.loads(json.dumps(told["platforms"])) == {
        "linux-64": {"packages": 1, "distributions": 1, "download_bytes": 2000}
    }
