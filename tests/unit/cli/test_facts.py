"""`envlock facts`: the tables, listed and searched."""

from __future__ import annotations

import argparse
import json

import pytest

from envlock.cli import facts
from envlock.compat.catalogue import search, tables
from envlock.errors import EnvlockError


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    facts.add_parser(parser.add_subparsers())
    return facts.run(parser.parse_args(["facts", *words]))


def test_without_words_it_lists_every_table(capsys: pytest.CaptureFixture[str]):
    assert call() == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["table", "rows", "about"]
    assert any(line.startswith("drivers/minor_compat ") for line in lines)
    assert lines[-1].endswith("recalled")
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("words", [["turing"], ["torch_wheels"], ["--table", "pitfalls"], ["570"]])
def test_rows_fit_80_columns_and_show_source_and_confidence(
    words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert call(*words) == 0

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.strip().startswith(("verified: ", "recalled: ")) for line in lines)


def test_all_words_must_be_in_the_row(capsys: pytest.CaptureFixture[str]):
    assert call("TURING", "7.5") == 0

    assert "architectures/architecture: 1 row" in capsys.readouterr().out


def test_a_number_is_not_found_inside_of_another():
    found = search(tables("torch_wheels"), ["2.8"])

    assert [row["version"] for item in found for row in item.rows] == ["2.8.0"]


def test_a_name_of_a_file_and_one_table_of_it():
    assert {item.name for item in tables("drivers")} == {
        "drivers/driver_cuda",
        "drivers/minor_compat",
    }
    assert [item.name for item in tables("glibc/wheel")] == ["glibc/wheel"]


def test_nothing_found_is_the_answer_no(capsys: pytest.CaptureFixture[str]):
    assert call("no-such-thing", "7.5") == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert "no row has all of: no-such-thing 7.5" in err


@pytest.mark.parametrize(
    ("name", "hint"), [("drivres", "`drivers`"), ("glibc/wheels", "`glibc/wheel`")]
)
def test_an_unknown_table_has_a_near_one(name: str, hint: str):
    with pytest.raises(EnvlockError) as failure:
        call("--table", name)

    assert f"`{name}`" in str(failure.value)
    assert hint in failure.value.hints[0]


def test_an_unknown_table_with_nothing_near_points_to_the_list():
    with pytest.raises(EnvlockError) as failure:
        call("--table", "zzzzzzzzzzzz")

    assert failure.value.hints == ("`envlock facts` lists them",)


def test_json_has_the_rows_with_source_and_confidence(capsys: pytest.CaptureFixture[str]):
    assert call("--json", "turing") == 0

    [table] = json.loads(capsys.readouterr().out)["tables"]
    assert table["name"] == "architectures/architecture"
    assert table["count"] == 1
    assert table["rows"][0]["compute"] == "7.5"
    assert table["rows"][0]["confidence"] == "verified"


def test_json_of_the_list_has_counts_alone(capsys: pytest.CaptureFixture[str]):
    assert call("--json") == 0

    listed = json.loads(capsys.readouterr().out)["tables"]
    assert all(item["count"] and "rows" not in item for item in listed)
