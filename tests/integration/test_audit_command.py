"""`envlock audit` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envlock.cli.main import main
from hashless_locks import HEAD, ROW

LOCK = HEAD + ROW.format(name="zlib")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("conda-lock.yml").write_text(LOCK, "utf-8")


def test_a_finding_has_place_code_reason_and_remedy(capsys: pytest.CaptureFixture[str]):
    status = main(["audit", "conda-lock.yml"])

    shown = capsys.readouterr().out
    assert status == 1
    assert "error: EL101 missing-hash" in shown
    assert "`zlib-1.3.1-h1_0.conda` has no hash" in shown
    assert "fix: " in shown


def test_a_clean_lock_passes(capsys: pytest.CaptureFixture[str]):
    clean = LOCK.replace("hash: {}", f"hash:\n    sha256: {'0' * 64}")
    Path("conda-lock.yml").write_text(clean, "utf-8")

    status = main(["audit", "--json", "."])

    report = json.loads(capsys.readouterr().out)
    assert status == 0
    assert report["clean"] is True
    assert [item["file"] for item in report["judged"]] == ["conda-lock.yml"]


def test_what_cannot_be_read_is_told_beside_the_rest(capsys: pytest.CaptureFixture[str]):
    Path("b.conda-lock.yml").write_text("\0", "utf-8")

    status = main(["audit", "conda-lock.yml", "b.conda-lock.yml", "absent.conda-lock.yml"])

    shown = capsys.readouterr().out
    assert status == 2
    assert "EL101" in shown
    assert "b.conda-lock.yml:1: expected text, found a NUL byte" in shown
    assert "absent.conda-lock.yml: there is no such file" in shown


def test_a_folder_without_locks_is_said_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "empty").mkdir()

    status = main(["audit", "empty"])

    assert status == 2
    assert "empty: no file in this folder has the name of a lock" in capsys.readouterr().err
