"""Which findings a project lets pass, as its files say it and a person runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit_house import audited
from envlock.cli.main import main
from envlock.errors import InputFileError
from envlock.model.finding import AuditPolicy, AuditReport, Notice, Severity
from hashless_locks import HEAD, ROW

IGNORE = """\
[[tool.envlock.audit.ignore]]
rule = "{rule}"
reason = "our mirror has none"
"""


def lock(*names: str) -> str:
    return HEAD + "".join(ROW.format(name=name) for name in names)


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, "utf-8")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of two parts, under version control."""
    (tmp_path / "project" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    write("conda-lock.yml", lock("zlib"))
    write("api/conda-lock.yml", lock("zlib", "xz"))


def report(*paths: str, policy: AuditPolicy | None = None) -> AuditReport:
    return audited(*paths, codes=("EL101",), policy=policy)


def passed(found: AuditReport) -> list[tuple[str, str, str]]:
    return [
        (item.finding.file, item.finding.subject, item.reason)
        for judged in found.judged
        for item in judged.ignored
    ]


def test_the_nearest_pyproject_with_a_table_for_us_holds():
    write("pyproject.toml", IGNORE.format(rule="EL101"))
    write("api/pyproject.toml", "[tool.envlock.audit]\nfail-on = 'error'\n")

    found = report(".")

    assert passed(found) == [("conda-lock.yml", "zlib", "our mirror has none")]
    assert {judged.file: judged.fail_on for judged in found.judged} == {
        "api/conda-lock.yml": Severity.ERROR,
        "conda-lock.yml": None,
    }


def test_a_pyproject_without_a_table_for_us_is_passed_over():
    write("pyproject.toml", IGNORE.format(rule="missing-hash"))
    write("api/pyproject.toml", "[project]\nname = 'api'\n")

    assert len(passed(report("api/conda-lock.yml"))) == 2


def test_nothing_above_the_project_is_looked_at():
    write("../pyproject.toml", IGNORE.format(rule="EL101"))

    assert passed(report(".")) == []


def test_without_version_control_the_folder_that_was_named_is_the_project():
    Path(".git").rmdir()
    write("pyproject.toml", IGNORE.format(rule="EL101"))

    assert passed(report("api")) == []
    assert passed(report("api/conda-lock.yml")) == []
    assert len(passed(report("."))) == 3


def test_the_stack_beside_a_lock_goes_before_a_pyproject():
    write("pyproject.toml", IGNORE.format(rule="EL101"))
    write("a.conda-lock.yml", lock("zlib"))
    write("a.toml", "[[audit.ignore]]\nrule = 'EL101'\nreason = 'of the stack'\n")

    assert passed(report("a.conda-lock.yml")) == [("a.conda-lock.yml", "zlib", "of the stack")]


def test_a_pattern_of_files_is_read_from_the_policys_own_folder(monkeypatch: pytest.MonkeyPatch):
    write("pyproject.toml", IGNORE.format(rule="EL101") + 'file = "api/*"\npackage = "xz"\n')
    monkeypatch.chdir("api")

    found = report("conda-lock.yml", "../conda-lock.yml")

    assert passed(found) == [("conda-lock.yml", "xz", "our mirror has none")]


def test_what_the_command_line_says_goes_first():
    write("pyproject.toml", "[tool.envlock.audit]\nfail-on = 'note'\ndriver = '535'\n")

    found = report("conda-lock.yml", policy=AuditPolicy(fail_on=Severity.ERROR))

    assert found.judged[0].fail_on is Severity.ERROR


def test_an_exception_that_ran_out_lets_nothing_pass_and_is_told():
    write("pyproject.toml", IGNORE.format(rule="EL101") + "expires = 2026-11-27\n")

    found = report("conda-lock.yml")

    assert passed(found) == []
    assert found.notices == (
        Notice(
            where="pyproject.toml:1: tool.envlock.audit.ignore[0]",
            said="the exception of EL101 held until 2026-11-27; what it let pass counts again",
            remedy="repair what it was for and remove it, or give it a new day with a reason",
        ),
    )


def test_an_exception_holds_on_its_last_day():
    write("pyproject.toml", IGNORE.format(rule="EL101") + "expires = 2026-11-28\n")

    found = report("conda-lock.yml")

    assert passed(found) == [("conda-lock.yml", "zlib", "our mirror has none (until 2026-11-28)")]
    assert found.notices == ()


def test_an_exception_that_fits_nothing_is_told_where_all_was_looked_at():
    write("pyproject.toml", IGNORE.format(rule="EL101") + 'package = "bzip2"\n')

    assert report("conda-lock.yml").notices == ()
    assert report("api").notices == ()
    assert report(".").notices == (
        Notice(
            where="pyproject.toml:1: tool.envlock.audit.ignore[0]",
            said="the exception of EL101 for bzip2 fits no finding",
            remedy="remove it, or correct its rule, package or file",
        ),
    )


def test_an_exception_for_an_address_is_told_without_its_login():
    package = 'package = "https://me:hunter2hunter2@conda.example"\n'
    write("pyproject.toml", IGNORE.format(rule="EL101") + package)

    assert [each.said for each in report(".").notices] == [
        "the exception of EL101 for https://***@conda.example fits no finding"
    ]


def test_of_a_policy_that_was_named_too(capsys: pytest.CaptureFixture[str]):
    write("ours.toml", "[[audit.ignore]]\nrule = 'EL101'\nreason = 'x'\npackage = 'bzip2'\n")

    _, of_a_file = shown(capsys, "--policy", "ours.toml", "conda-lock.yml")
    _, of_all = shown(capsys, "--policy", "ours.toml", ".")

    assert of_a_file["notices"] == []
    assert [each["said"] for each in of_all["notices"]] == [
        "the exception of EL101 for bzip2 fits no finding"
    ]


def test_an_exception_of_a_rule_that_was_not_applied_is_left_alone():
    write("pyproject.toml", IGNORE.format(rule="EL501"))

    found = audited(".", codes=("EL101", "EL501"))

    assert found.notices == ()


def test_a_rule_that_there_is_not_stops_the_audit():
    write("pyproject.toml", IGNORE.format(rule="EL10"))

    with pytest.raises(InputFileError) as caught:
        report(".")

    assert str(caught.value) == (
        "pyproject.toml:2: tool.envlock.audit.ignore[0].rule: there is no rule `EL10`"
    )
    assert caught.value.hints == ("did you mean `EL101`?",)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main(["audit", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def test_a_policy_that_is_named_holds_for_everything(capsys: pytest.CaptureFixture[str]):
    write("pyproject.toml", "[tool.envlock.audit]\nfail-on = 'note'\n")
    write("ours.toml", "[audit.severity]\nmissing-hash = 'off'\n")

    status, found = shown(capsys, "--policy", "ours.toml", ".")

    codes = [item["code"] for judged in found["judged"] for item in judged.get("findings", [])]
    assert "EL101" not in codes
    assert status == int(not found["clean"])


def test_a_policy_that_is_not_there_is_bad_input(capsys: pytest.CaptureFixture[str]):
    status, found = shown(capsys, "--policy", "absent.toml", ".")

    assert status == 2
    assert found["message"] == "absent.toml: there is no such file"


def test_the_threshold_of_the_policy_decides_unless_the_command_line_has_one(
    capsys: pytest.CaptureFixture[str],
):
    write("pyproject.toml", "[tool.envlock.audit]\nseverity.EL101 = 'note'\nfail-on = 'note'\n")
    only = "[tool.envlock.audit]\nfail-on = 'error'\nseverity.EL101 = 'warning'\n"

    assert shown(capsys, "conda-lock.yml")[0] == 1
    write("pyproject.toml", only)
    assert shown(capsys, "conda-lock.yml")[0] == 0
    assert shown(capsys, "--fail-on", "warning", "conda-lock.yml")[0] == 1
