"""`whatif` and `where` on the shipped locks: exit status, JSON, and lines that fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envlock.cli import main as entry
from envlock.cli.main import main
from fakes_host import RECORDED

ROOT = Path(__file__).parents[2]
CU129, CU130 = "stacks/torch-cu129.toml", "stacks/torch-cu130.conda-lock.yml"


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = dict.fromkeys(("doctor", "where", "whatif", "frontier"), "")
    monkeypatch.setattr(entry, "COMMANDS", {**entry.COMMANDS, **commands})
    monkeypatch.chdir(ROOT)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert "a bug in envlock" not in err
    long = [line for line in out.splitlines() if len(line) > 80 and not line.startswith("{")]
    assert long == []
    return status, out, err


# --- whatif ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "lock", "status", "word"),
    [
        (("--driver", "580.65.06", "--gpu", "H100"), CU130, 0, "runs"),
        (("--driver", "570.133.20", "--gpu", "H100"), CU130, 1, "does not run"),
        (("--gpu", "V100"), CU130, 1, "does not run"),
        (("--driver", "470.256.02", "--gpu", "V100"), CU129, 1, "does not run"),
        (("--driver", "551.78", "--gpu", "RTX 4090", "--wsl"), CU129, 0, "runs"),
        (("--gpu", "GB200"), CU130, 1, "does not run"),
        (("--host", str(RECORDED / "h100-box.json")), CU130, 1, "does not run"),
        (("--host", str(RECORDED / "h100-box.json"), "--driver", "590"), CU130, 0, "runs"),
    ],
)
def test_a_lock_on_hardware_that_is_not_there(
    options: tuple[str, ...],
    lock: str,
    status: int,
    word: str,
    capsys: pytest.CaptureFixture[str],
):
    found, out, _ = answer(capsys, "whatif", *options, lock)

    assert found == status, out
    assert f"\n{word}: torch-cu1" in out


def test_the_deciding_fact_has_a_row_a_source_and_a_confidence(
    capsys: pytest.CaptureFixture[str],
):
    status, out, _ = answer(
        capsys, "whatif", "--json", "--driver", "550.54.15", "--gpu", "H100", CU130
    )

    told = json.loads(out)
    (found,) = told["verdicts"]
    deciding = found["verdict"]["deciding"]
    assert status == 1
    assert told["host"]["driver"] == "550.54.15"
    assert found["verdict"]["fit"] == "does not run"
    assert deciding["subject"] == "driver"
    assert deciding["coverage"] == "missing"
    assert deciding["remedy"]
    assert deciding["evidence"]["confidence"] == "verified"
    assert "580" in deciding["evidence"]["fact"]
    assert deciding["evidence"]["row"]
    assert deciding["evidence"]["source"]


def test_every_need_is_told_on_demand(capsys: pytest.CaptureFixture[str]):
    _, short, _ = answer(capsys, "whatif", "--driver", "570", "--gpu", "H100", CU130)
    _, long, _ = answer(capsys, "whatif", "--driver", "570", "--gpu", "H100", CU130, "--all")

    assert len(long.splitlines()) > len(short.splitlines())


def test_without_a_lock_the_shipped_stacks_are_judged(capsys: pytest.CaptureFixture[str]):
    _, out, _ = answer(capsys, "whatif", "--json", "--gpu", "H100")

    paths = [item["path"] for item in json.loads(out)["verdicts"]]
    assert paths == sorted(path.as_posix() for path in Path("stacks").glob("*.toml"))


def test_strict_refuses_what_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    host = {
        "version": 1,
        "platform": "linux-64",
        "driver": "580.65.06",
        "glibc": "2.39",
        "gpus": [{"name": "a GPU of next year"}],
    }
    file = tmp_path / "host.json"
    file.write_text(json.dumps(host), "utf-8")

    assert answer(capsys, "whatif", "--host", str(file), CU129)[0] == 0
    assert answer(capsys, "whatif", "--host", str(file), CU129, "--strict")[0] == 1


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ((), "which machine? none is described", "name it: "),
        (("--gpu", "B20"), "--gpu: the model `B20` is not known", "did you mean "),
        (("--gpu", ""), "--gpu: the model `` is not known", "name its compute capability"),
        (("--driver", "x"), "--driver: expected a version", ""),
        (("--windows", "--wsl"), "envlock whatif: argument --wsl: not allowed", ""),
        (
            ("--windows", "--platform", "linux-64", "--driver", "580"),
            "--windows is win-64, and --platform says linux-64",
            "",
        ),
        (("--platform", "mars", "--driver", "580"), "--platform: expected one of", ""),
        (("--host", "tests"), "tests: expected a file, found a folder", ""),
    ],
)
def test_what_makes_no_machine_is_refused(
    options: tuple[str, ...], message: str, hint: str, capsys: pytest.CaptureFixture[str]
):
    status, out, err = answer(capsys, "whatif", *options, CU129)

    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert f"hint: {hint}" in err or not hint


# --- where ----------------------------------------------------------------------------------------


def test_a_stack_of_cuda_13_runs_on_no_volta(capsys: pytest.CaptureFixture[str]):
    status, out, _ = answer(capsys, "where", "--json", "--cloud", "aws", CU130)

    fits = {
        item["host"]["name"]: (item["verdict"]["fit"], item["driver_floor"])
        for item in json.loads(out)["places"]
    }
    assert status == 0
    assert fits["p3.2xlarge"] == ("does not run", None)
    assert fits["p5.48xlarge"] == ("runs", "580.65.06")
    assert fits["g5g.xlarge"] == ("does not run", None)


def test_what_is_recalled_is_marked(capsys: pytest.CaptureFixture[str]):
    _, out, _ = answer(capsys, "where", "--cloud", "aws", CU130)

    assert "p6-b200.48xlarge*" in out
    assert "p5.48xlarge\n" in out
    assert out.endswith("\n* which GPU it has is from memory, not from a document\n")


def test_recorded_machines_come_alone_unless_a_cloud_is_named(
    capsys: pytest.CaptureFixture[str],
):
    status, out, _ = answer(capsys, "where", "--json", CU130, "--hosts", str(RECORDED))

    names = {item["host"]["name"] for item in json.loads(out)["places"]}
    assert status == 1  # none of them has driver 580
    assert names == {path.stem for path in RECORDED.glob("*.json")}


def test_a_folder_without_machines_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    status, out, err = answer(capsys, "where", CU130, "--hosts", str(tmp_path))

    assert (status, out) == (2, "")
    assert "expected recorded machines, found a folder without a .json file" in err


def test_an_unknown_provider_is_refused(capsys: pytest.CaptureFixture[str]):
    status, _, err = answer(capsys, "where", CU130, "--cloud", "azur")

    assert status == 2
    assert "did you mean `azure`?" in err
