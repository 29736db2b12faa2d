"""What an audit hears from indexes and from files of advisories, and where it heard nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from audit_house import audited, lines
from envlock.cli.main import main
from envlock.model.sight import Withdrawn
from envlock.ports.index_status import AskedPackage, StatusAnswer

TEXT = """\
lock-version = "1.0"
created-by = "by hand"
[[packages]]
name = "jinja2"
version = "2.11.1"
wheels = [{ name = "jinja2-2.11.1-py3-none-any.whl", \
url = "https://wheels.example/jinja2-2.11.1-py3-none-any.whl", hashes = { sha256 = "%s" } }]
""" % ("0" * 64)
ADVISORY = {
    "id": "PYSEC-2021-66",
    "summary": "a slow pattern",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.11.3"}]}],
        }
    ],
}


@dataclass
class FakeStatus:
    """Knows what is gone. Implements `ports.index_status.IndexStatus`."""

    answer: StatusAnswer
    asked: list[AskedPackage] = field(default_factory=list)

    def look(self, packages: Sequence[AskedPackage]) -> StatusAnswer:
        self.asked += packages
        return self.answer


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "pylock.toml"
    path.write_text(TEXT, "utf-8")
    return path


def test_without_being_asked_nothing_is_heard_and_that_is_told(lock: Path):
    (judged,) = audited(lock, codes=("EL601", "EL602")).judged

    assert {item.what: item.reason for item in judged.unlooked} == {
        "the package indexes": "nobody asked for it: `--online`",
        "known vulnerabilities": "nobody named a file of them: `--osv FILE`",
    }


def test_the_indexes_are_asked_for_each_package(lock: Path):
    gone = Withdrawn(package="jinja2", file="jinja2-2.11.1.whl", problem="is gone", is_gone=True)
    status = FakeStatus(StatusAnswer(withdrawn=(gone,), answered=1))

    report = audited(lock, codes=("EL601", "EL602"), index_status=status)

    assert lines(report) == ["EL601 jinja2: `jinja2-2.11.1.whl` is gone."]
    assert [(item.package, item.version) for item in status.asked] == [("jinja2", "2.11.1")]
    assert [item.what for item in report.judged[0].unlooked] == ["known vulnerabilities"]


def test_advisories_of_a_file_are_held_against_the_packages(lock: Path, tmp_path: Path):
    osv = tmp_path / "osv.json"
    osv.write_text(json.dumps(ADVISORY), "utf-8")

    report = audited(lock, codes=("EL601", "EL602"), advisories=[str(osv)])

    (found,) = report.findings
    assert found.subject == "jinja2"
    assert "PYSEC-2021-66" in found.message
    assert [item.what for item in report.judged[0].unlooked] == ["the package indexes"]


def test_a_file_of_advisories_that_is_none_is_the_users_fault(
    lock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    osv = tmp_path / "osv.json"
    osv.write_text("nothing", "utf-8")

    assert main(["audit", str(lock), "--osv", str(osv)]) == 2
    assert str(osv) in capsys.readouterr().err
    assert main(["audit", str(lock), "--osv", str(tmp_path / "nope")]) == 2
