"""`frontier` and `init --for-host`: every row is a stack that solves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from envlock.backends.pins import DiskPins
from envlock.cli import main as entry
from envlock.cli.main import main
from envlock.formats.stack_toml import read_stack
from envlock.workflows import frontier as story
from fakes_host import RECORDED
from tiny import Record, make_pin, record

ROOT = Path(__file__).parents[2]
H100 = ("--gpu", "H100", "--driver", "580.65.06")


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = dict.fromkeys(("doctor", "where", "whatif", "frontier"), "")
    monkeypatch.setattr(entry, "COMMANDS", {**entry.COMMANDS, **commands})
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shipped() -> None:
    """The shipped pin, beside stacks of one's own."""
    shutil.copytree(ROOT / "stacks" / "pins", "stacks/pins")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert "a bug in envlock" not in err
    return status, out, err


def rows_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str, str, str]]:
    _, out, _ = answer(capsys, "frontier", "--json", *arguments)
    return [
        (row["framework"], row["version"], row["cuda"], row["python"])
        for row in json.loads(out)["rows"]
    ]


# --- a pin of a few records -----------------------------------------------------------------------


def torch(version: str, line: str, python: str, *needs: str) -> Record:
    digits, short = line.replace(".", ""), python.replace(".", "")
    major = int(line.partition(".")[0])
    return record(
        "pytorch",
        version,
        f"cuda{digits}_py{short}_h0000000_300",
        depends=[f"python {python}.*", f"cuda-version >={line},<{major + 1}", *needs],
    )


def toolkit(line: str) -> Record:
    return record("cuda-version", line, constrains=[f"__cuda >={line.partition('.')[0]}"])


BASE = [record("python", "3.11.9"), record("python", "3.12.4")]


def pin_of(*records: Record) -> DiskPins:
    Path("stacks").mkdir(exist_ok=True)
    pins, _ = make_pin(Path("stacks"), {"conda-forge": {"linux-64": [*BASE, *records]}})
    return pins


def test_the_newest_of_each_python_and_cuda_major_is_listed(capsys: pytest.CaptureFixture[str]):
    pin_of(
        toolkit("12.6"),
        toolkit("13.0"),
        torch("2.5.0", "12.6", "3.11"),
        torch("2.5.0", "12.6", "3.12"),
        torch("2.6.0", "12.6", "3.12"),
        torch("2.6.0", "13.0", "3.12"),
    )

    assert rows_of(capsys, *H100) == [
        ("pytorch", "2.6.0", "13.0", "3.12"),
        ("pytorch", "2.6.0", "12.6", "3.12"),
        ("pytorch", "2.5.0", "12.6", "3.11"),
    ]


def test_what_does_not_solve_gives_way_to_the_next(capsys: pytest.CaptureFixture[str]):
    pin_of(
        toolkit("12.6"),
        torch("2.6.0", "12.6", "3.12", "nobody-has-this"),
        torch("2.5.0", "12.6", "3.12"),
    )

    _, out, _ = answer(capsys, "frontier", "--json", *H100)

    told = json.loads(out)
    assert [row["version"] for row in told["rows"]] == ["2.5.0"]
    assert [row["version"] for row in told["unsolved"]] == ["2.6.0"]
    assert told["solves"] == 2


def test_a_build_may_run_on_a_newer_minor_of_its_toolkit(capsys: pytest.CaptureFixture[str]):
    pin_of(toolkit("12.9"), torch("2.6.0", "12.6", "3.12"))

    assert rows_of(capsys, *H100) == [("pytorch", "2.6.0", "12.9", "3.12")]


def test_what_the_driver_cannot_run_is_told_with_the_fact(capsys: pytest.CaptureFixture[str]):
    pin_of(
        toolkit("12.6"),
        toolkit("13.0"),
        torch("2.6.0", "13.0", "3.12"),
        torch("2.5.0", "12.6", "3.12"),
    )

    status, out, err = answer(capsys, "frontier", "--gpu", "H100", "--driver", "550.54.15")

    assert status == 0
    assert "pytorch 2.5.0" in out
    assert "pytorch 2.6.0" not in out
    assert "\ndoes not run on it:\n  pytorch on CUDA 13\n    CUDA 13 runs on Linux driver" in out
    assert "1 solve from pin" in err


def test_a_machine_that_runs_nothing_is_a_no(capsys: pytest.CaptureFixture[str]):
    pin_of(toolkit("13.0"), torch("2.6.0", "13.0", "3.12"))

    status, out, _ = answer(capsys, "frontier", "--gpu", "V100")

    assert status == 1
    assert "\nnothing in the pin runs on it\n" in out


def test_the_number_of_solves_is_bounded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(story, "MOST_SOLVES", 3)
    pin_of(
        toolkit("12.6"),
        *(torch(f"2.{minor}.0", "12.6", "3.12", "nobody-has-this") for minor in range(9)),
    )

    _, out, err = answer(capsys, "frontier", *H100)

    assert "note: 3 solves from pin" in err
    assert err.count("older ones were not looked at") == 1
    assert "nothing in the pin runs on it" in out


def test_cpu_builds_and_pythons_that_the_pin_lacks_are_no_candidates(
    capsys: pytest.CaptureFixture[str],
):
    pin_of(
        toolkit("12.6"),
        record("pytorch", "2.9.0", "cpu_generic_py312_h0000000_0"),
        torch("2.8.0", "12.6", "3.14"),
        torch("2.5.0", "12.6", "3.12"),
    )

    _, out, _ = answer(capsys, "frontier", "--json", *H100)

    assert [row["version"] for row in json.loads(out)["rows"]] == ["2.5.0"]
    assert json.loads(out)["solves"] == 1


# --- the shipped pin ------------------------------------------------------------------------------


@pytest.mark.usefixtures("shipped")
def test_the_shipped_pin_has_a_frontier_that_fits_the_screen(capsys: pytest.CaptureFixture[str]):
    status, out, err = answer(capsys, "frontier", *H100)

    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "  pytorch 2.10.0  13." in out
    assert "  pytorch 2.10.0  12.9  3.13, 3.12, 3.11  " in out
    assert " from pin " in err
    assert "hint: `envlock init PATH --for-host`" in err


@pytest.mark.usefixtures("shipped")
def test_one_framework_can_be_asked_for(capsys: pytest.CaptureFixture[str]):
    rows = rows_of(capsys, *H100, "--framework", "jax")

    assert {row[0] for row in rows} == {"jax"}


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (H100, 2, "there is no index pin to look into"),
        ((*H100, "--pin-of", "no.toml"), 2, "no.toml: there is no such file"),
        (("--host", str(RECORDED / "cpu-only.json")), 2, "cpu-only has no GPU"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(
    arguments: tuple[str, ...], status: int, message: str, capsys: pytest.CaptureFixture[str]
):
    if "cpu-only" in str(arguments):
        shutil.copytree(ROOT / "stacks" / "pins", "stacks/pins")

    found, out, err = answer(capsys, "frontier", *arguments)

    assert (found, out) == (status, "")
    assert err.startswith(f"error: {message}")
    assert "hint: " in err or "no.toml" in err


@pytest.mark.usefixtures("shipped")
def test_an_unknown_framework_is_refused(capsys: pytest.CaptureFixture[str]):
    status, _, err = answer(capsys, "frontier", *H100, "--framework", "torch")

    assert status == 2
    assert err.startswith("error: --framework: expected one of jax, pytorch, tensorflow")


@pytest.mark.usefixtures("shipped")
def test_a_platform_that_the_pin_lacks_is_refused(capsys: pytest.CaptureFixture[str]):
    status, _, err = answer(capsys, "frontier", *H100, "--platform", "osx-64")

    assert status == 2
    assert "holds nothing for osx-64" in err


# --- init --for-host ------------------------------------------------------------------------------


@pytest.mark.usefixtures("shipped")
def test_a_stack_for_a_machine_takes_the_first_row(capsys: pytest.CaptureFixture[str]):
    status, out, _ = answer(
        capsys, "init", "stacks/a.toml", "--for-host", str(RECORDED / "h100-box.json")
    )

    stack = read_stack(Path("stacks/a.toml").read_bytes(), "stacks/a.toml")
    assert (status, out) == (0, "stacks/a.toml\n")
    assert stack.gpu is not None
    assert (str(stack.gpu.cuda), stack.gpu.compute) == ("12.9", ("9.0",))
    assert stack.fleet.driver == "550.54.15"
    assert stack.python.version == "3.13.*"
    assert [(item.name, item.version) for item in stack.frameworks] == [("pytorch", "2.10.*")]


@pytest.mark.usefixtures("shipped")
def test_the_stack_of_the_first_row_solves(capsys: pytest.CaptureFixture[str]):
    answer(capsys, "init", "stacks/a.toml", "--for-host", str(RECORDED / "b200-570.json"))
    pins = DiskPins(Path("stacks/pins"), Path("cache"))
    pins.assign("a", pins.kept()[0])

    status, _, err = answer(capsys, "solve", "stacks/a.toml")

    assert status == 0, err
    assert Path("stacks/a.conda-lock.yml").exists()


@pytest.mark.usefixtures("shipped")
def test_what_options_say_goes_before_what_the_machine_says(capsys: pytest.CaptureFixture[str]):
    host = str(RECORDED / "h100-box.json")

    answer(
        capsys,
        *("init", "stacks/a.toml", "--for-host", host, "--framework", "jax"),
        *("--python", "3.12", "--driver", "535"),
    )

    stack = read_stack(Path("stacks/a.toml").read_bytes(), "stacks/a.toml")
    assert [(item.name, item.version) for item in stack.frameworks] == [("jax", "0.7.*")]
    assert stack.python.version == "3.12.*"
    assert stack.fleet.driver == "535"


def test_without_a_pin_the_driver_and_the_gpus_are_taken(capsys: pytest.CaptureFixture[str]):
    status, _, err = answer(capsys, "init", "a.toml", "--for-host", str(RECORDED / "v100-470.json"))

    stack = read_stack(Path("a.toml").read_bytes(), "a.toml")
    assert status == 0
    assert err.startswith("note: no index pin lies beside a.toml: ")
    assert stack.gpu is not None
    assert (str(stack.gpu.cuda), stack.gpu.compute) == ("11.4", ("7.0",))
    assert stack.fleet.driver == "470.256.02"


def test_a_machine_without_a_gpu_gets_a_stack_for_cpus(capsys: pytest.CaptureFixture[str]):
    status, _, err = answer(capsys, "init", "a.toml", "--for-host", str(RECORDED / "cpu-only.json"))

    assert status == 0
    assert err.startswith("note: cpu-only has no GPU that can be used: a stack for CPUs\n")
    assert read_stack(Path("a.toml").read_bytes(), "a.toml").gpu is None


def test_windows_numbers_are_written_as_a_branch(capsys: pytest.CaptureFixture[str]):
    answer(capsys, "init", "a.toml", "--for-host", str(RECORDED / "wsl2-rtx3080.json"))

    assert read_stack(Path("a.toml").read_bytes(), "a.toml").fleet.driver == "551"


def test_a_host_that_cannot_be_read_writes_nothing(capsys: pytest.CaptureFixture[str]):
    Path("host.json").write_text("{}", "utf-8")

    status, _, err = answer(capsys, "init", "a.toml", "--for-host", "host.json")

    assert status == 2
    assert err.startswith("error: host.json: version: ")
    assert not Path("a.toml").exists()
