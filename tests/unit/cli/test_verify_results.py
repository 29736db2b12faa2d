"""What a verification leaves: less never takes the place of more."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from msgspec.structs import replace

from envlock.cli.verify_results import write_results
from envlock.formats.receipt import format_receipt, read_receipt
from envlock.model.outcome import Level, NotRun, Obligation
from envlock.model.receipt import Receipt, Subject, Verdict
from envlock.model.verifying import Place
from envlock.workflows.verify import Target
from receipts import passed_receipt, subject

TARGET = Target(
    subject=Subject(name="torch"),
    place=Place(name="torch", python="", prefixes=(), is_built=True, is_hermetic=True),
)
TRAINED = passed_receipt()
ON_CPU = passed_receipt(
    device="cpu", checks=tuple(replace(each, on_gpu=False) for each in TRAINED.checks)
)
SMOKE = passed_receipt(
    level=Level.SMOKE,
    checks=tuple(each for each in TRAINED.checks if each.obligation is not Obligation.TRAINING),
    curves=(),
)


def leave(folder: Path, old: Receipt, new: Receipt, **options: object) -> Receipt:
    """What lies beside the lock after a new verification, where an old one had left its receipt."""
    file = folder / "a.receipt.json"
    file.write_bytes(format_receipt(old))
    given = {"receipt": None, "no_receipt": False, "html": None, "junit": None, "tensorboard": None}
    arguments = Namespace(**{**given, "lock": str(folder / "a.toml"), "quiet": False, **options})
    write_results(new, TARGET, None, arguments)
    return read_receipt(file.read_bytes(), "a")


@pytest.mark.parametrize("less", [ON_CPU, SMOKE], ids=["on the CPU", "smoke"])
def test_a_receipt_of_training_on_a_gpu_stays_when_less_was_seen(
    tmp_path: Path, less: Receipt, capsys: pytest.CaptureFixture[str]
):
    assert leave(tmp_path, TRAINED, less) == TRAINED
    assert "stays: it shows this lock training on a GPU" in capsys.readouterr().err
    assert leave(tmp_path, less, TRAINED) == TRAINED


def test_a_smoke_test_on_a_gpu_is_no_training_that_has_to_stay(tmp_path: Path):
    assert leave(tmp_path, SMOKE, ON_CPU) == ON_CPU


def test_of_another_lock_or_where_it_was_named_the_new_one_is_written(tmp_path: Path):
    other = replace(ON_CPU, subject=subject(lock_sha256="0" * 64))
    file = str(tmp_path / "a.receipt.json")

    assert leave(tmp_path, TRAINED, other) == other
    assert leave(tmp_path, TRAINED, ON_CPU, receipt=file) == ON_CPU


def test_one_that_is_no_pass_does_not_stay(tmp_path: Path):
    open_checks = tuple(
        replace(each, outcome=NotRun(reason="no")) if each.on_gpu else each
        for each in TRAINED.checks
    )
    incomplete = passed_receipt(checks=open_checks, verdict=Verdict.INCOMPLETE)

    assert leave(tmp_path, incomplete, ON_CPU) == ON_CPU
