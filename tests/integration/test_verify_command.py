"""`envlock verify` as people type it, on a Python that envlock did not build."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.formats.receipt import read_receipt
from envlock.model.outcome import NotRun

HERE = ["--python", sys.executable]
LONG = "a" * 5000 + "/b"
WITHOUT_FRAMEWORK = "the environment has no framework that there are checks for"


def test_a_python_without_a_framework_proves_nothing(capsys: pytest.CaptureFixture[str]):
    assert main(["verify", *HERE, "--device", "cpu"]) == 4

    out = capsys.readouterr().out
    assert f"  not run  framework: {WITHOUT_FRAMEWORK}\n" in out
    assert "not proven at level train on the CPU: 0 checks passed, 0 failed, 2 not run" in out


def test_a_receipt_is_written_only_where_it_is_asked_for(tmp_path: Path):
    before = set(Path().iterdir())
    file = tmp_path / "r.json"

    assert main(["verify", *HERE, "-q"]) == 4
    assert set(Path().iterdir()) == before
    assert main(["verify", *HERE, "-q", "--receipt", str(file)]) == 4
    receipt = read_receipt(file.read_bytes(), "r.json")
    assert receipt.subject.lock_sha256 == ""
    assert all(isinstance(check.outcome, NotRun) for check in receipt.checks)


def test_json_is_the_receipt_itself(capsys: pytest.CaptureFixture[str]):
    assert main(["verify", *HERE, "--json"]) == 4

    out = capsys.readouterr().out
    statement = json.loads(out)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert read_receipt(out.encode(), "stdout").verdict == "incomplete"


def test_every_report_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    wanted = {
        "--receipt": tmp_path / "r.json",
        "--html": tmp_path / "r.html",
        "--junit": tmp_path / "r.xml",
        "--tensorboard": tmp_path / "events" / "here",
    }
    options = [word for option, path in wanted.items() for word in (option, str(path))]

    assert main(["verify", *HERE, *options]) == 4

    assert all(path.exists() for path in wanted.values())
    assert len(list(wanted["--tensorboard"].iterdir())) == 1
    assert capsys.readouterr().err.count("\n") == 4


def test_a_prefix_is_named_by_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    prefix = tmp_path / "module"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(sys.executable)

    assert main(["verify", "--prefix", str(prefix), "-q"]) == 4

    out, err = capsys.readouterr()
    assert out.startswith("module: not proven")
    assert err == ""


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "verify what? expected LOCK, `--prefix DIR` or `--python EXE`, found none of them"),
        (["x.yml", "--prefix", "."], 2, "--prefix names an environment that envlock did not build"),
        (["--python", "host"], 2, "`--python host` says how to build a lock, and no LOCK"),
        (["--python", "/nowhere/python"], 4, "/nowhere/python does not run: No such file"),
        (["--prefix", "/nowhere"], 2, "--prefix: expected an environment, found no /nowhere/bin"),
        (
            [*HERE, "--level", "x"],
            2,
            "envlock verify: --level: expected one of smoke, train, full, ",
        ),
        ([*HERE, "--device", "x"], 2, "envlock verify: --device: expected one of auto, gpu, cpu, "),
        ([*HERE, "--control", "x"], 2, "envlock verify: --control: expected one of shuffled-labe"),
        ([*HERE, "--seed", "-1"], 2, "--seed: expected a number from 0 on, found -1"),
        ([*HERE, "--timeout", "nan"], 2, "--timeout: expected a number from 1 on, found nan"),
        ([*HERE, "--threads", "99999999999"], 2, "--threads: expected a number from 0 on"),
        ([*HERE, "--data", "/nowhere"], 2, "--data: expected a folder with CIFAR-10, found none"),
        ([*HERE, "--html", "/nowhere/r.html"], 2, "--html: there is no folder /nowhere"),
        ([*HERE, "--html", "."], 2, "--html: expected a file, found a folder: ."),
        ([*HERE, "--receipt", "."], 2, "--receipt: expected a file, found a folder: ."),
        ([*HERE, "--receipt", LONG], 2, f"--receipt: there is no folder {LONG[:-2]}"),
        ([*HERE, "--tensorboard", __file__], 2, "--tensorboard: expected a folder, found a file"),
        ([*HERE, "--html", "r", "--junit", "./r"], 2, "--junit: ./r is that of --html, too"),
        ([__file__, "--receipt", __file__], 2, f"--receipt: {__file__} is that of LOCK, too"),
        ([*HERE, "--no-receipt", "--receipt", "r"], 2, "--no-receipt writes no receipt, and --re"),
        (["x.toml", "--no-receipt", "--sign", "k"], 2, "--no-receipt writes no receipt, and --si"),
        ([*HERE, "--sign", "k"], 2, "--sign: there is no receipt to sign"),
        ([*HERE, "--prefix", "."], 2, "--prefix and --python each name an environment"),
        (["--prefix", LONG], 2, "--prefix: expected an environment, found no"),
        ([*HERE, "--data", LONG], 2, "--data: expected a folder with CIFAR-10, found none"),
        ([*HERE, "--data", "."], 2, "--data: expected a folder with CIFAR-10, found none"),
        (
            [*HERE, "--receipt", "r", "--sign", "/nowhere.pem"],
            2,
            "/nowhere.pem: there is no such file",
        ),
        (["nowhere/a.toml"], 2, "nowhere/a.conda-lock.yml: there is no such file"),
        (["nowhere.toml"], 2, "nowhere.conda-lock.yml: there is no such file"),
    ],
)
def test_what_cannot_be_verified_is_said_before_anything_is_run(
    words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["verify", *words]) == status

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {said}"), err
    assert "Traceback" not in err


def test_a_signed_receipt_is_checked_with_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("cryptography", reason="the extra `sign` is not installed")
    key, file = str(tmp_path / "key.pem"), str(tmp_path / "r.json")

    assert main(["receipt", "keygen", key]) == 0
    public = capsys.readouterr().out.strip()
    assert main(["verify", *HERE, "-q", "--sign", key, "--receipt", file]) == 4
    assert main(["receipt", "check", file, "--key", public]) == 0
    assert "signed by" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["verify", "build", "run"])
def test_a_stack_that_is_not_locked_yet_says_how_to_lock_it(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    stack = tmp_path / "a.toml"
    stack.touch()
    rest = ["--", "true"] if command == "run" else []

    assert main([command, str(stack), *rest]) == 2

    assert capsys.readouterr().err == (
        f"error: {tmp_path}/a.conda-lock.yml: there is no such lock; {stack} is not locked yet\n"
        "Nothing was built.\n"
        "\n"
        f"hint: lock it: `envlock solve {stack}`\n"
        "hint: with packages from PyPI, ask their index once before: "
        f"`envlock index record {stack}`\n"
    )
