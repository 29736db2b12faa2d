"""`audit --level build` and `prove`: from a stack to a receipt, and all of it done again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from conda_house import CondaHouse
from conda_packages import Member, pack, script, write_channel
from envlock.formats.receipt import format_receipt, read_receipt
from envlock.model.outcome import Failed, Passed
from envlock.model.receipt import Receipt, Verdict

WANTED = '\n[dependencies]\nalpha = "*"\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> CondaHouse:
    """A stack of two small packages, solved, built and verified: its Python is the machine's."""
    folder = tmp_path_factory.mktemp("deep")
    channel = folder / "channel"
    python = script('#!/bin/sh\nexec python3 "$@"\n', placeholder=None)
    packed = [
        pack(channel, "python", "3.11.0", members={"bin/python": python}),
        pack(channel, "alpha", members={"share/alpha.txt": Member(content=b"alpha\n")}),
    ]
    write_channel(channel, packed)
    house = CondaHouse(folder=folder / "work", home=folder / "home")
    house.solve("deep", channel.as_uri(), WANTED)
    house.run("verify", "-q", "--device", "cpu", "deep.toml")
    return house


@pytest.fixture
def receipt(house: CondaHouse) -> Iterator[Path]:
    """The receipt, which may be changed."""
    path = house.folder / "deep.receipt.json"
    content = path.read_bytes()
    yield path
    path.write_bytes(content)


def audit(house: CondaHouse, level: str, *more: str) -> dict[str, Any]:
    done = house.run("audit", "--level", level, "-q", "--json", *more, "deep.toml")
    assert done.returncode in (0, 1), done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    (judged,) = told["judged"]
    return {
        "level": judged.get("level", "lock"),
        "findings": [
            (item["severity"], item["code"], item["message"])
            for item in judged.get("findings", ())
            if item["code"].startswith("EL9")
        ],
        "unlooked": {
            item["what"]: item["reason"]
            for item in judged.get("unlooked", ())
            if item["what"].startswith("a second")
        },
    }


def change(path: Path, changed: Receipt) -> None:
    path.write_bytes(format_receipt(changed))


def read(path: Path) -> Receipt:
    return read_receipt(path.read_bytes(), path.name)


@pytest.mark.parametrize("level", ["resolve", "build", "prove"])
def test_what_is_done_again_comes_out_the_same(house: CondaHouse, level: str):
    found = audit(house, level)

    assert found["findings"] == []
    assert found["level"] == level


def test_a_level_that_was_not_asked_for_is_told(house: CondaHouse):
    assert audit(house, "build")["unlooked"] == {"a second verification": "`--level prove` does it"}


def test_another_content_than_the_receipts_is_named(house: CondaHouse, receipt: Path):
    was = read(receipt)
    subject = replace(was.subject, content_sha256="1" * 64)
    change(receipt, replace(was, subject=subject))
    content = was.subject.content_sha256[:12]

    assert audit(house, "prove")["findings"] == [
        (
            "error",
            "EL902",
            f"Built again on linux-64, the content is {content}…, and deep.receipt.json is of the "
            "content 111111111111….",
        ),
        (
            "error",
            "EL903",
            f"Verified again on linux-64, the environment has the content {content}…, and "
            "deep.receipt.json is of 111111111111….",
        ),
    ]


def test_another_outcome_than_the_receipts_is_named(house: CondaHouse, receipt: Path):
    was = read(receipt)
    (first, *rest) = was.checks
    assert isinstance(first.outcome, Passed)
    failed = replace(first, outcome=Failed(said="it did not hold", hint="mend it"))
    change(receipt, replace(was, checks=(failed, *rest), verdict=Verdict.FAILED))

    assert audit(house, "prove")["findings"] == [
        (
            "note",
            "EL903",
            f"Verified again on linux-64, the check {first.name} is `passed`, and the receipt "
            "says `failed`.",
        ),
    ]


def test_without_a_receipt_nothing_is_proven_again(house: CondaHouse, receipt: Path):
    receipt.unlink()

    found = audit(house, "prove")

    assert found["level"] == "build"
    assert found["unlooked"] == {
        "a second verification": "no receipt of this lock for linux-64 lies beside it to compare "
        "with"
    }


def test_a_receipt_of_a_gpu_cannot_be_repeated_without_one(house: CondaHouse, receipt: Path):
    change(receipt, replace(read(receipt), device="gpu"))

    found = audit(house, "prove")

    assert found["level"] == "build"
    assert found["unlooked"]["a second verification"].startswith(
        "deep.receipt.json was made on a GPU, and this machine has no NVIDIA "
    )


def test_a_file_that_comes_out_otherwise_is_named(house: CondaHouse):
    (path,) = house.home.glob("store/*-deep/share/alpha.txt")
    folder = path.parent
    content = path.read_bytes()
    folder.chmod(0o755)
    path.unlink()
    path.write_bytes(b"omega\n")
    try:
        found = audit(house, "build")
    finally:
        path.unlink()
        path.write_bytes(content)
        path.chmod(0o444)

    assert found["findings"] == [
        ("error", "EL902", "Built twice on linux-64, 1 file differs: `share/alpha.txt`.")
    ]
    assert found["level"] == "build"


def test_the_levels_behind_one_that_was_not_reached_are_not_reached(house: CondaHouse):
    pins = house.folder / "pins"
    aside = house.folder / "aside"
    pins.rename(aside)
    try:
        found = audit(house, "prove")
    finally:
        aside.rename(pins)

    before = "the level `resolve`, which comes before it, was not reached"
    assert found["level"] == "lock"
    assert found["unlooked"] == {
        "a second solve": "its stack has no index pin any more",
        "a second build": before,
        "a second verification": before,
    }
