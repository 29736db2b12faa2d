"""`doctor` as a person runs it: on this machine, on recorded ones, and on what is no machine."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from envlock.cli import main as entry
from envlock.cli.main import main
from fakes_host import RECORDED

ROOT = Path(__file__).parents[2]
COMMANDS = ("doctor", "where", "whatif", "frontier")
HOSTS = sorted(path.stem for path in RECORDED.glob("*.json"))
CPU_STACK = """\
[stack]
name = "plain"
platforms = ["linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64"]
channels = ["conda-forge"]

[python]
version = "3.12.*"
"""
GPU_STACK = (
    CPU_STACK.replace('"osx-64", "osx-arm64", ', "").replace("plain", "cuda13")
    + '\n[gpu]\ncuda = "13.0"\n'
)


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "COMMANDS", {**entry.COMMANDS, **dict.fromkeys(COMMANDS, "")})
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    Path("plain.toml").write_text(CPU_STACK, "utf-8")
    Path("cuda13.toml").write_text(GPU_STACK, "utf-8")


def host_file(name: str) -> str:
    return str(RECORDED / f"{name}.json")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["doctor", *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert "a bug in envlock" not in err
    return status, out, err


# --- what fits on a screen ------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTS)
def test_every_recorded_machine_fits_on_one_screen_with_the_shipped_stacks(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(ROOT)

    status, out, err = answer(capsys, "--host", host_file(name))

    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 40, out
    assert not [line for line in lines if line != line.rstrip()]


def test_this_machine_is_seen(capsys: pytest.CaptureFixture[str]):
    status, out, err = answer(capsys)

    assert status == 0
    assert out.startswith("this machine: ")
    assert err == "note: there is no stacks/*.toml here; name a stack or a lock to judge it\n"


def test_this_machine_can_be_recorded_and_read_again(capsys: pytest.CaptureFixture[str]):
    _, out, _ = answer(capsys, "--json")
    Path("mine.json").write_text(out, "utf-8")

    status, again, _ = answer(capsys, "--host", "mine.json", "--json")

    first, second = json.loads(out), json.loads(again)
    assert status == 0
    assert second["host"].pop("name") == "mine"
    assert first["host"].pop("name") == "this machine"
    assert first == second


# --- exit status ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("h100-box", 0),
        ("wsl2-rtx3080", 0),
        ("a100-mig", 0),
        ("cpu-only", 4),
        ("broken-driver", 4),
    ],
)
def test_need_gpu_wants_one_that_can_be_used(
    name: str, status: int, capsys: pytest.CaptureFixture[str]
):
    found, out, err = answer(capsys, "--host", host_file(name), "--need-gpu")

    assert found == status
    assert out
    assert ("error: no GPU can be used on this machine" in err) == (status == 4)


def test_a_stack_that_was_named_and_does_not_run_is_a_no(capsys: pytest.CaptureFixture[str]):
    assert answer(capsys, "--host", host_file("cpu-only"), "plain.toml")[0] == 0
    status, out, _ = answer(capsys, "--host", host_file("cpu-only"), "plain.toml", "cuda13.toml")

    assert status == 1
    assert "\nruns here:\n  plain\n" in out
    assert "\ndoes not run here:\n  cuda13\n" in out


def test_a_stack_that_was_only_found_is_no_no(capsys: pytest.CaptureFixture[str]):
    Path("stacks").mkdir()
    shutil.move("cuda13.toml", "stacks")

    status, out, _ = answer(capsys, "--host", host_file("cpu-only"))

    assert status == 0
    assert "\ndoes not run here:\n  cuda13\n" in out


def test_a_broken_machine_runs_no_gpu_stack_however_new_its_driver(
    capsys: pytest.CaptureFixture[str],
):
    host = json.loads(Path(host_file("h100-box")).read_text("utf-8"))
    host |= {
        "driver": "580.65.06",
        "driver_cuda": "13.0",
        "problems": [{"code": "nvml-hangs", "level": "broken", "message": "it hangs"}],
    }
    Path("host.json").write_text(json.dumps(host), "utf-8")

    assert answer(capsys, "--host", "host.json", "plain.toml")[0] == 0
    status, out, _ = answer(capsys, "--host", "host.json", "plain.toml", "cuda13.toml")

    assert status == 1
    assert "\nruns here:\n  plain\n" in out
    assert "broken: it hangs [nvml-hangs]" in out


def test_a_stack_with_a_lock_is_judged_by_the_lock(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(ROOT)

    _, out, _ = answer(capsys, "--json", "--host", host_file("h100-box"), "stacks/torch-cu129.toml")

    (stack,) = json.loads(out)["stacks"]
    assert stack["judged"] == "stacks/torch-cu129.conda-lock.yml"
    assert stack["path"] == "stacks/torch-cu129.toml"


# --- what is no machine and no stack --------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "host.json:1: expected JSON: "),
        (b"\xff\xfe", "host.json: expected JSON in UTF-8, found other bytes"),
        (b"{" * 100_000, "host.json:1: expected JSON: "),
        (b"[" * 100_000, "host.json: expected the object of a host, found deep nesting"),
        (b"x" * 2_000_000, "host.json: expected at most 1,000,000 bytes, found 2,000,000"),
        (b'{"version":1}', "host.json: platform: expected this key, found none"),
        (b"driver = 535\n", "host.json:1: expected JSON: "),
    ],
)
def test_a_file_that_is_no_host_is_refused(
    content: bytes, told: str, capsys: pytest.CaptureFixture[str]
):
    Path("host.json").write_bytes(content)

    status, out, err = answer(capsys, "--host", "host.json")

    assert (status, out) == (2, "")
    assert err.startswith(f"error: {told}")


def test_a_host_that_is_not_there_or_a_folder(capsys: pytest.CaptureFixture[str]):
    assert answer(capsys, "--host", "no.json") == (
        2,
        "",
        "error: no.json: there is no such file\n",
    )
    assert answer(capsys, "--host", ".") == (
        2,
        "",
        "error: .: expected a file, found a folder\n",
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_nobody_writes_to_does_not_hang(capsys: pytest.CaptureFixture[str]):
    os.mkfifo("pipe.json")

    status, _, err = answer(capsys, "--host", "pipe.json")

    assert status == 2
    assert "expected a file, found a device or a pipe" in err


def test_a_stack_that_was_named_and_cannot_be_read_is_refused(capsys: pytest.CaptureFixture[str]):
    Path("bad.toml").write_text("[stack\n", "utf-8")
    Path("bad.conda-lock.yml.yml").write_text("a: [", "utf-8")

    assert answer(capsys, "bad.toml")[0] == 2
    assert answer(capsys, "bad.conda-lock.yml.yml")[0] == 2
    assert answer(capsys, "no.toml")[0] == 2
    status, out, err = answer(capsys, "README.md")

    assert (status, out) == (2, "")
    assert err == (
        "error: README.md: expected a stack, which ends in `.toml`, or a lock, which ends in "
        "`.yml`\n"
    )


def test_a_stack_that_was_found_and_cannot_be_read_is_told_of(
    capsys: pytest.CaptureFixture[str],
):
    Path("stacks").mkdir()
    shutil.move("plain.toml", "stacks")
    Path("stacks/bad.toml").write_text("[stack\n", "utf-8")

    status, out, _ = answer(capsys, "--host", host_file("cpu-only"))

    assert status == 0
    assert "\nruns here:\n  plain\n" in out
    assert "\nnot known:\n  stacks/bad.toml\n    stacks/bad.toml:1: " in out


def test_an_error_is_json_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]):
    status, out, err = answer(capsys, "--json", "--host", "no.json")

    assert (status, err) == (2, "")
    assert json.loads(out)["message"] == "no.json: there is no such file"


# --- the verdicts ---------------------------------------------------------------------------------

RUNS, REFUSED, UNKNOWN = "runs", "does not run", "unknown"


@pytest.mark.parametrize(
    ("name", "stack", "fit", "fact"),
    [
        ("h100-box", "torch-cu129", RUNS, ""),
        ("h100-box", "torch-cu121", RUNS, ""),
        ("h100-box", "torch-cu130", REFUSED, "CUDA 13 runs on Linux driver 580.65.06 or newer"),
        ("laptop-rtx4070", "torch-cu129", RUNS, ""),
        ("laptop-rtx4070", "torch-cu130", REFUSED, "580.65.06 or newer"),
        ("wsl2-rtx3080", "torch-cu129", RUNS, ""),
        ("wsl2-rtx3080", "torch-cu130", REFUSED, "Windows driver 580 or newer"),
        ("a100-mig", "torch-cu121", RUNS, ""),
        ("v100-470", "torch-cu121", REFUSED, "glibc 2.28 or newer is needed"),
        ("b200-570", "torch-cu129", RUNS, ""),
        ("b200-570", "torch-cu121", UNKNOWN, "has nothing for 10.0"),
        ("b200-570", "torch-cu130", REFUSED, "580.65.06 or newer"),
        ("t4-cloud", "torch-hub", RUNS, ""),
        ("jetson-orin", "torch-cu130", REFUSED, "it is not locked for linux-aarch64"),
        ("jetson-orin", "torch-cu129", UNKNOWN, "has nothing for 8.7"),
        ("cpu-only", "torch-cu129", REFUSED, "cpu-only has no NVIDIA driver"),
        ("cpu-only", "workbench", RUNS, ""),
    ],
)
def test_a_shipped_lock_on_a_recorded_machine(
    name: str, stack: str, fit: str, fact: str, capsys: pytest.CaptureFixture[str]
):
    lock = ROOT / "stacks" / f"{stack}.conda-lock.yml"

    status, out, _ = answer(capsys, "--json", "--host", host_file(name), str(lock))

    (found,) = json.loads(out)["stacks"]
    deciding = found["verdict"]["deciding"]
    assert found["verdict"]["fit"] == fit
    assert fact in deciding.get("reason", deciding.get("evidence", {}).get("fact"))
    assert status == (1 if fit == REFUSED else 0)


@pytest.mark.parametrize("stack", ["torch-cu121", "torch-cu129", "torch-cu130"])
def test_only_verified_rows_refuse(
    stack: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(ROOT)
    for name in HOSTS:
        _, out, _ = answer(
            capsys, "--json", "--host", host_file(name), f"stacks/{stack}.conda-lock.yml"
        )
        (found,) = json.loads(out)["stacks"]
        for need in found["verdict"]["judgements"]:
            if need["coverage"] == "missing":
                assert need["evidence"]["confidence"] == "verified", need
