"""`audit --level resolve`: the shipped stacks come out the same, and a changed pin is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from audit_house import audited, lines
from envlock.backends.pins import DiskPins
from envlock.cli.main import main
from envlock.formats.conda_lock import format_lock, read_lock
from envlock.formats.index_pin import make_pin, parse_repodata
from envlock.model.finding import AuditReport, Unlooked
from envlock.model.stack import AuditLevel

STACKS = Path(__file__).parents[2] / "stacks"
LOCKED = sorted(path.name.removesuffix(".conda-lock.yml") for path in STACKS.glob("*.yml"))
NAME = "torch-cu130"
Record = dict[str, Any]


def resolved(*paths: object) -> AuditReport:
    return audited(*paths, codes=("EL5", "EL901"), level=AuditLevel.RESOLVE)


@pytest.mark.parametrize("name", LOCKED)
def test_a_shipped_stack_solves_to_the_same_bytes(name: str):
    report = resolved(STACKS / f"{name}.toml")

    assert lines(report) == []
    assert report.level is AuditLevel.RESOLVE
    assert report.judged[0].unlooked == ()


# --- one fact of the pin changed ------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack that ships, with its lock and its pin."""
    place = tmp_path / "stacks"
    place.mkdir()
    for ending in (".toml", ".conda-lock.yml"):
        shutil.copy(STACKS / f"{NAME}{ending}", place)
    shutil.copytree(STACKS / "pins", place / "pins")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("envlock.backends.pins._COMPRESSION_LEVEL", 1)  # soon written
    return place


def change_pin(folder: Path, package: str, change: Callable[[Record], None]) -> None:
    """Change the records of a package in the stack's pin; all digests are made to fit."""
    pins = DiskPins(folder / "pins", folder.parent / "cache")
    digest = pins.assigned(NAME)
    assert digest is not None
    pin = pins.read(digest)
    records: dict[tuple[str, str], Mapping[str, Record]] = {}
    for place, content in pins.repodata(digest).items():
        records[place] = parse_repodata(content)
        for record in records[place].values():
            if record["name"] == package:
                change(record)
    made, repodata = make_pin(pin.origin, pin.as_of, records, pin.asked)
    new = pins.keep(made, repodata)
    assert new != digest
    pins.assign(NAME, new)


def forget_the_pin(folder: Path) -> None:
    """Let the lock name the pin that is assigned now, as a careful forger would."""
    digest = DiskPins(folder / "pins", folder.parent / "cache").assigned(NAME)
    path = folder / f"{NAME}.conda-lock.yml"
    lock = read_lock(path.read_bytes(), str(path))
    facts = {**lock.head.facts, "envlock/pin": f"sha256:{digest}"}
    path.write_bytes(format_lock(replace(lock, head=replace(lock.head, facts=facts))))


def add_requirement(record: Record) -> None:
    record["depends"] = sorted([*record["depends"], "openssl >=1"])


def test_a_changed_requirement_of_one_record_is_named_with_its_package(folder: Path):
    change_pin(folder, "triton", add_requirement)
    forget_the_pin(folder)

    found = lines(resolved("stacks"))

    assert found == [
        "EL901 triton: Solved again from its pin, triton on linux-64 has the depends "
        "`openssl >=1` and not `none`.",
    ]


def test_a_changed_hash_of_one_record_is_named_with_its_package(folder: Path):
    change_pin(folder, "triton", lambda record: record.update(sha256="0" * 64))
    forget_the_pin(folder)

    (said,) = lines(resolved("stacks"))

    assert said.startswith(
        "EL901 triton: Solved again from its pin, triton on linux-64 has the sha256 "
        f"`{'0' * 64}` and not `"
    )


def test_a_package_that_is_no_longer_in_the_pin_changes_the_version(folder: Path):
    def hide(record: Record) -> None:
        if record["version"] == locked:
            record["depends"] = ["there-is-no-such-package"]

    lock = read_lock((folder / f"{NAME}.conda-lock.yml").read_bytes(), "lock")
    locked = next(row.version for row in lock.packages if row.name == "openssl")
    change_pin(folder, "openssl", hide)
    forget_the_pin(folder)

    found = lines(resolved("stacks"))

    assert any("the version `" in line and f"not `{locked}`" in line for line in found)
    assert all(line.startswith("EL901 ") for line in found)


def test_a_pin_without_an_answer_is_told_with_the_cause(folder: Path):
    change_pin(folder, "pytorch", lambda record: record.update(depends=["no-such-package"]))
    forget_the_pin(folder)

    (said,) = lines(resolved("stacks"))

    assert said.startswith(
        f"EL901 {NAME}: Solved again from its pin, {NAME} has no answer any more: the lock holds "
    )
    assert "no-such-package" in said


def test_a_pin_that_changed_without_the_lock_makes_it_stale_too(folder: Path):
    change_pin(folder, "triton", add_requirement)

    assert [line.partition(":")[0] for line in lines(resolved("stacks"))] == [
        "EL501 index pin",
        "EL901 triton",
    ]


def test_a_damaged_part_of_a_pin_is_told_and_the_level_is_not_reached(folder: Path):
    for part in (folder / "pins").glob("*/conda-forge/noarch/*.zst"):
        part.write_bytes(part.read_bytes()[:-100])

    report = resolved("stacks")

    (said,) = lines(report)
    assert said.startswith("EL503: The lock cannot be solved again: ")
    assert report.level is AuditLevel.LOCK
    (unlooked,) = report.judged[0].unlooked
    assert unlooked.what == "a second solve"
    assert unlooked.reason == said.removeprefix("EL503: The lock cannot be solved again: ")[:-1]


def test_an_edited_version_is_found_though_its_digests_fit(folder: Path):
    path = folder / f"{NAME}.conda-lock.yml"
    lock = read_lock(path.read_bytes(), str(path))
    packages = tuple(
        replace(row, version="9.9") if row.name == "triton" else row for row in lock.packages
    )
    path.write_bytes(format_lock(replace(lock, packages=packages)))

    found = lines(resolved("stacks"))

    was = next(row.version for row in lock.packages if row.name == "triton")
    assert found == [
        "EL901 triton: Solved again from its pin, triton on linux-64 has the version "
        f"`{was}` and not `9.9`.",
    ]


def test_an_added_package_is_found_though_its_digests_fit(folder: Path):
    path = folder / f"{NAME}.conda-lock.yml"
    lock = read_lock(path.read_bytes(), str(path))
    more = replace(lock.packages[0], name="backdoor", version="1.0")
    path.write_bytes(format_lock(replace(lock, packages=(*lock.packages, more))))

    assert lines(resolved("stacks")) == [
        "EL901 backdoor: Solved again from its pin, backdoor 1.0 is in the lock on "
        f"{more.platform} and not in the answer.",
    ]


def test_a_lock_of_another_envlock_with_the_same_packages_is_worth_a_note(folder: Path):
    path = folder / f"{NAME}.conda-lock.yml"
    lock = read_lock(path.read_bytes(), str(path))
    made_by = lock.head.facts["envlock/made-by"]
    facts = {**lock.head.facts, "envlock/made-by": "envlock 0.0.1"}
    path.write_bytes(format_lock(replace(lock, head=replace(lock.head, facts=facts))))

    (found,) = resolved("stacks").findings

    assert (found.code, found.severity, found.subject) == ("EL901", "note", "made-by")
    assert found.message == (
        f"Solved again from its pin, the lock's head says `made-by: {made_by}` and not "
        "`envlock 0.0.1`."
    )
    assert found.remedy == (
        "solve it anew with this envlock to have its name in the head: `envlock solve "
        f"stacks/{NAME}.toml`."
    )


@pytest.mark.parametrize("text", ["soon", "0001-01-01T00:00:00+23:00", ""])
def test_a_moment_that_is_none_is_told_and_stops_nothing(folder: Path, text: str):
    path = folder / f"{NAME}.conda-lock.yml"
    lock = read_lock(path.read_bytes(), str(path))
    facts = {**lock.head.facts, "envlock/as-of": text}
    path.write_bytes(format_lock(replace(lock, head=replace(lock.head, facts=facts))))

    (judged,) = resolved("stacks").judged

    assert judged.findings == ()
    assert [item.reason for item in judged.unlooked] == [
        "its head names no moment that it was frozen at"
    ]


def test_a_lock_of_single_updates_is_not_solved_again_from_nothing(folder: Path):
    path = folder / f"{NAME}.conda-lock.yml"
    lock = read_lock(path.read_bytes(), str(path))
    facts = {**lock.head.facts, "envlock/updated": "numpy"}
    path.write_bytes(format_lock(replace(lock, head=replace(lock.head, facts=facts))))

    (judged,) = resolved("stacks").judged

    assert judged.findings == ()
    assert judged.unlooked == (
        Unlooked(
            what="a second solve",
            reason="it was made by `solve --update numpy` from an earlier lock, and solving from "
            "nothing is another question",
        ),
    )


def test_a_lock_frozen_at_a_date_is_solved_again_as_of_that_date(
    folder: Path,
):
    assert main(["solve", "-q", "--as-of", "2026-07-31", f"stacks/{NAME}.toml"]) == 0

    report = resolved("stacks")

    assert lines(report) == []
    assert report.level is AuditLevel.RESOLVE


def test_a_lock_of_another_tool_stays_at_the_level_lock(tmp_path: Path):
    path = tmp_path / "conda-lock.yml"
    shutil.copy(STACKS / f"{NAME}.conda-lock.yml", path)
    path.write_text(path.read_text("utf-8").replace("envlock/", "other/"), "utf-8")

    report = resolved(path)

    assert report.level is AuditLevel.LOCK
    assert (
        Unlooked(
            what="a second solve",
            reason="only a lock of envlock names the index pin that it can be solved again from",
        )
        in report.judged[0].unlooked
    )


def test_the_command_says_which_level_was_reached(capsys: pytest.CaptureFixture[str]):
    stack = str(STACKS / f"{NAME}.toml")

    main(["audit", "--level", "resolve", "--json", stack])

    told = json.loads(capsys.readouterr().out)
    assert (told["asked"], told["level"]) == ("resolve", "resolve")
