"""`receipt` and `challenge` as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.formats.receipt import format_receipt
from envlock.model.receipt import Receipt
from receipts import LOCK_BYTES, failed_receipt, passed_receipt, subject, training_check
from tiny_store import tiny_store

LOCK = "torch.conda-lock.yml"
RECEIPT = "torch.receipt.json"


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_HOME", str(tmp_path / "home"))
    Path(LOCK).write_bytes(LOCK_BYTES)
    write(RECEIPT, passed_receipt())


def write(path: str, receipt: Receipt) -> None:
    Path(path).write_bytes(format_receipt(receipt))


def envlock(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "envlock", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def test_a_receipt_is_signed_checked_and_shown():
    made = envlock("receipt", "keygen", "key")
    assert (made.returncode, made.stdout) == (0, "key.pub\n")
    assert "whoever has it can sign as you" in made.stderr
    assert envlock("receipt", "sign", "torch.toml", "--key", "key").returncode == 0

    checked = envlock("receipt", "check", RECEIPT, "--lock", LOCK, "--key", "key.pub")
    shown = envlock("receipt", "show", LOCK)

    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.startswith(f"{RECEIPT}: holds\n")
    assert "which you trust" in checked.stdout
    assert f"of {LOCK}, sha256 {sha256(LOCK_BYTES).hexdigest()[:16]}" in checked.stdout
    assert shown.returncode == 0
    assert (
        "torch-cu121: passed, level train on the GPU, 2026-11-24T10:00:00Z, 12.5 s" in shown.stdout
    )
    assert "4 checks: 3 passed, 0 failed, 1 not run" in shown.stdout
    assert checked.stderr == shown.stderr == ""


def test_an_unsigned_receipt_says_so():
    checked = envlock("receipt", "check", LOCK)

    assert checked.returncode == 0
    assert "\n  self-reported, unsigned\n" in checked.stdout
    assert "self-reported, unsigned" in envlock("receipt", "show", RECEIPT).stdout


@pytest.mark.parametrize("signed", [False, True])
def test_an_altered_byte_is_refused_with_its_reason(signed: bool):
    words = ["receipt", "check", RECEIPT]
    if signed:
        assert main(["receipt", "keygen", "key"]) == 0
        assert main(["receipt", "sign", RECEIPT, "--key", "key"]) == 0
        words += ["--key", "key.pub"]
    content = bytearray(Path(RECEIPT).read_bytes())
    content[content.index(b"5" if signed else b"0.98") + 2] ^= 1
    Path(RECEIPT).write_bytes(content)

    checked = envlock(*words)

    assert checked.returncode == 1
    assert checked.stdout.startswith(f"{RECEIPT}: does not hold\n  no: ")
    assert checked.stderr == ""


def test_another_lock_and_an_untrusted_key_are_refused(capsys: pytest.CaptureFixture[str]):
    Path("other.yml").write_bytes(b"another lock\n")
    for key in ("key", "other"):
        assert main(["receipt", "keygen", key]) == 0
    assert main(["receipt", "check", RECEIPT, "--key", "key.pub"]) == 1
    assert main(["receipt", "sign", RECEIPT, "--key", "key"]) == 0
    capsys.readouterr()

    assert main(["receipt", "check", RECEIPT, "--key", "other.pub", "--lock", "other.yml"]) == 1

    told = capsys.readouterr().out
    assert "and by none of the keys that you trust" in told
    assert "no: of another lock: it names sha256" in told


def test_the_lock_that_moved_on_is_refused():
    Path(LOCK).write_bytes(LOCK_BYTES + b"more\n")

    assert envlock("receipt", "check", LOCK).returncode == 1


def test_a_receipt_is_of_the_environment_that_it_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with tiny_store() as tiny:
        built = tiny.build("tiny", "alpha 1.0")
        monkeypatch.setenv("ENVLOCK_HOME", str(tiny.store.layout.root))
        ours = subject(
            derivation_key=built.key,
            tree_sha256=built.tree_sha256,
            content_sha256=built.content_sha256,
        )
        write("tiny.receipt.json", passed_receipt(subject=ours))

        assert main(["receipt", "check", "tiny.receipt.json", "--env", "tiny"]) == 0
        assert f"its tree is that of {built.label} as it was sealed" in capsys.readouterr().out
        assert main(["receipt", "check", RECEIPT, "--env", "tiny"]) == 1
        assert "of another environment: its content is" in capsys.readouterr().out


def test_output_for_programs(capsys: pytest.CaptureFixture[str]):
    assert main(["receipt", "check", LOCK, "--json", "--passed"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert main(["receipt", "show", LOCK, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)

    assert checked["holds"] is True
    assert (checked["keyids"], checked["refusals"]) == ([], [])
    assert checked["verdict"] == "passed"
    assert shown["receipt"]["verdict"] == "passed"
    assert len(shown["stable_sha256"]) == 64


def test_a_signed_receipt_can_be_written_elsewhere():
    before = Path(RECEIPT).read_bytes()
    assert main(["receipt", "keygen", "key"]) == 0

    assert main(["receipt", "sign", RECEIPT, "--key", "key", "-o", "signed.json"]) == 0

    assert Path(RECEIPT).read_bytes() == before
    assert main(["receipt", "check", "signed.json", "--key", "key.pub", "--lock", LOCK]) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["receipt", "show", "none.json"],
        ["receipt", "check", "none.json"],
        ["receipt", "show", LOCK.replace("torch", "none")],
        ["receipt", "sign", RECEIPT, "--key", "none"],
        ["receipt", "sign", RECEIPT, "--key", RECEIPT],
        ["receipt", "check", RECEIPT, "--key", LOCK],
        ["receipt", "check", RECEIPT, "--lock", "none.yml"],
        ["receipt", "check", RECEIPT, "--env", "none"],
        ["receipt", "keygen", RECEIPT],
        ["receipt"],
        ["challenge", RECEIPT, "none.json"],
        ["challenge", RECEIPT, LOCK.replace("conda-lock.yml", "txt")],
    ],
)
def test_what_people_get_wrong_is_said_without_a_traceback(
    words: list[str], capsys: pytest.CaptureFixture[str]
):
    Path("torch.txt").write_bytes(b"\xff")

    assert main(words) == 2

    told = capsys.readouterr()
    assert told.err.startswith("error: ")
    assert told.out == ""


# --- challenge ------------------------------------------------------------------------------------


def test_two_receipts_of_one_machine_agree():
    before = passed_receipt().checks
    again = (*before[:2], training_check(per_second=80625.0), *before[3:])
    write("again.json", passed_receipt(checks=again, verified_at="2026-11-25T10:00:00Z"))

    found = envlock("challenge", RECEIPT, "again.json")

    assert found.returncode == 0, found.stderr
    assert "the same came of it\n" in found.stdout
    assert "outcomes: 4 alike, 0 different" in found.stdout
    assert "B/A 2.00" in found.stdout


def test_another_outcome_is_the_answer_no():
    write("failed.json", failed_receipt())

    found = envlock("challenge", RECEIPT, "failed.json")
    told = envlock("challenge", RECEIPT, "failed.json", "--json")

    assert found.returncode == told.returncode == 1
    assert "not the same came of it\n" in found.stdout
    assert json.loads(told.stdout)["is_same"] is False
    assert {
        "name": "pytorch.training.cnn-sgd",
        "first": "passed",
        "second": "",
    } in json.loads(told.stdout)["outcomes"]


def test_receipts_of_different_locks_are_an_error():
    write("other.json", passed_receipt(subject=subject(lock_sha256="0" * 64)))

    found = envlock("challenge", RECEIPT, "other.json")

    assert found.returncode == 2
    assert "expected two receipts of one lock, found" in found.stderr
