"""What `envlock audit` leaves, as a person and a pipeline run it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from envlock.cli.main import main
from hashless_locks import HEAD, ROW


def write_lock(*names: str, file: str = "conda-lock.yml") -> None:
    Path(file).write_text(HEAD + "".join(ROW.format(name=name) for name in names), "utf-8")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project in which one rule is looked at: the others' words are theirs to test."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    off = [rule for rule in all_codes() if rule != "EL101"]
    lines = "\n".join(f'{code} = "off"' for code in off)
    Path("pyproject.toml").write_text(f"[tool.envlock.audit.severity]\n{lines}\n", "utf-8")
    write_lock("zlib", "xz")


def all_codes() -> list[str]:
    from envlock.audit.rules import all_rules  # noqa: PLC0415 - nothing else here needs the rules

    return [rule.code for rule in all_rules()]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["audit", *arguments])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_text_tells_a_remedy_once_for_a_rule(capsys: pytest.CaptureFixture[str]):
    status, out, _ = run(capsys, "conda-lock.yml")

    assert status == 1
    start, _, rest = out.partition("    fix: ")
    assert start == (
        "conda-lock.yml: conda-lock 1, 2 packages\n"
        "  error: EL101 missing-hash\n"
        "    line 13: `zlib-1.3.1-h1_0.conda` has no hash: whatever is served under its address is "
        "installed\n      as `zlib`.\n"
        "    line 22: `xz-1.3.1-h1_0.conda` has no hash: whatever is served under its address is "
        "installed as\n      `xz`.\n"
    )
    assert rest.count("fix: ") == 0
    assert "Failed: 2 errors in 1 file. Level reached: lock.\n" in rest


def test_quiet_is_the_verdict_alone(capsys: pytest.CaptureFixture[str]):
    assert run(capsys, "--quiet", "conda-lock.yml") == (
        1,
        "Failed: 2 errors in 1 file. Level reached: lock.\n",
        "",
    )


WORDS = ["audit", "-q", "conda-lock.yml"]
RUN = "from envlock.cli.main import run; run()"


def on_a_terminal(**variables: str) -> str:
    """What the audit prints where stdout is a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **variables}
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.argv[1:] = {WORDS}; {RUN}"],
        stdout=theirs,
        env=environment,
    ) as child:
        shown = os.read(ours, 10_000).decode()  # it ends before the terminal does
        child.wait()
    os.close(theirs)
    os.close(ours)
    return shown


def test_colours_are_for_a_terminal_and_for_who_wants_them():
    environment = {name: "" for name in ("NO_COLOR",) if name in os.environ}

    assert on_a_terminal(**environment).startswith("\x1b[1;31mFailed:\x1b[0m 2 errors")
    assert on_a_terminal(NO_COLOR="1").startswith("Failed: 2 errors")
    assert on_a_terminal(TERM="dumb").startswith("Failed: 2 errors")


def test_all_forms_at_once(capsys: pytest.CaptureFixture[str]):
    status, out, err = run(
        capsys,
        *("--sarif", "a.sarif", "--markdown", "a.md", "--junit", "a.xml", "--html", "a.html"),
        *("--json", "conda-lock.yml"),
    )

    assert status == 1
    assert json.loads(out)["totals"]["error"] == 2
    assert err == "sarif: a.sarif\nmarkdown: a.md\njunit: a.xml\nhtml: a.html\n"
    assert len(json.loads(Path("a.sarif").read_text("utf-8"))["runs"][0]["results"]) == 2
    assert Path("a.md").read_text("utf-8").startswith("## ❌ envlock audit: failed\n")
    assert ET.parse("a.xml").getroot().get("failures") == "1"  # noqa: S314 - our own
    assert "<title>Failed: conda-lock.yml" in Path("a.html").read_text("utf-8")


def test_the_forms_are_the_same_bytes_twice(capsys: pytest.CaptureFixture[str]):
    def written() -> list[bytes]:
        forms = ("sarif", "markdown", "junit", "html")
        run(capsys, "-q", "conda-lock.yml", *(f"--{form}={form}" for form in forms))
        return [Path(form).read_bytes() for form in forms]

    assert written() == written()


def results(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Any]:
    run(capsys, "-q", "--sarif", "s.json", *arguments)
    return json.loads(Path("s.json").read_text("utf-8"))["runs"][0]["results"]


def uri(result: Any) -> str:
    return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_sarif_names_files_from_the_root_of_the_project_wherever_it_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    Path("api").mkdir()
    write_lock("zlib", file="api/conda-lock.yml")
    monkeypatch.chdir("api")

    named = [uri(each) for each in results(capsys, "conda-lock.yml", str(Path.cwd().parent))]

    assert sorted(set(named)) == ["api/conda-lock.yml", "conda-lock.yml"]


def test_sarif_holds_what_may_pass_only_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]):
    text = Path("pyproject.toml").read_text("utf-8")
    ignore = '\n[[tool.envlock.audit.ignore]]\nrule = "EL101"\nreason = "our mirror has none"\n'
    Path("pyproject.toml").write_text(text + ignore, "utf-8")

    assert results(capsys, "conda-lock.yml") == []
    assert [each["suppressions"][0]["justification"] for each in results(
        capsys, "--suppressed", "conda-lock.yml"
    )] == ["our mirror has none"] * 2  # fmt: skip


def test_a_baseline_lets_what_is_known_pass_and_tells_what_is_gone(
    capsys: pytest.CaptureFixture[str],
):
    status, out, err = run(capsys, "-q", "conda-lock.yml", "--baseline=b.json", "--write-baseline")
    assert (status, err) == (0, "")
    assert out == (
        "Passed: nothing found in 1 file. May pass: 2 in the baseline. Level reached: lock.\n"
    )
    first = Path("b.json").read_bytes()

    write_lock("bzip2", "zlib")  # zlib moves, bzip2 is new, xz is gone
    status, out, _ = run(capsys, "conda-lock.yml", "--baseline=b.json")

    assert status == 1
    assert "`bzip2-1.3.1-h1_0.conda` has no hash" in out
    assert "zlib-1.3.1" not in out
    assert (
        "baseline: b.json knows 1 finding that does not occur any more:\n"
        "  EL101 conda-lock.yml: `xz-1.3.1-h1_0.conda` has no hash"
    ) in out
    assert "Failed: 1 error in 1 file. May pass: 1 in the baseline." in out
    assert Path("b.json").read_bytes() == first


def test_of_many_that_are_gone_a_few_are_named(capsys: pytest.CaptureFixture[str]):
    names = [f"p{number}" for number in range(8)]
    known = [
        {"rule": "EL101", "file": "conda-lock.yml", "subject": name, "message": f"{name} is gone"}
        for name in names
    ]
    Path("b.json").write_text(json.dumps({"version": 1, "findings": known}), "utf-8")

    _, out, _ = run(capsys, "conda-lock.yml", "--baseline=b.json")

    assert "baseline: b.json knows 8 findings that do not occur any more:\n" in out
    assert "  EL101 conda-lock.yml: p4 is gone\n  and 3 more\n  fix: drop them with" in out


def test_a_baseline_is_named_from_its_own_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    run(capsys, "-q", ".", "--baseline=b.json", "--write-baseline")
    assert [row["file"] for row in json.loads(Path("b.json").read_text("utf-8"))["findings"]] == [
        "conda-lock.yml"
    ] * 2
    lock = Path("conda-lock.yml").resolve()
    (lock.parent / "deep").mkdir()
    monkeypatch.chdir("deep")

    for path in (str(lock), "../conda-lock.yml", ".."):
        assert run(capsys, "-q", path, "--baseline=../b.json")[0] == 0


def test_a_baseline_is_not_written_when_a_file_could_not_be_read(
    capsys: pytest.CaptureFixture[str],
):
    status, _, err = run(
        capsys, "conda-lock.yml", "absent.lock", "--baseline=b.json", "--write-baseline"
    )

    assert status == 2
    assert err == "baseline: b.json was not written: not every file was read\n"
    assert not Path("b.json").exists()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["conda-lock.yml", "--baseline=absent"], "--baseline absent: there is no such file"),
        (["conda-lock.yml", "--write-baseline"], "--write-baseline: no file was named to write to"),
        (["conda-lock.yml", "--suppressed"], "--suppressed says what SARIF holds, and none is"),
        (["conda-lock.yml", "--html=no/a"], "--html: there is no folder no\nNothing was audited."),
        (
            ["conda-lock.yml", "--html=x", "--sarif=x"],
            "--html: x is that of --sarif, too\nNothing was audited.",
        ),
        (
            ["conda-lock.yml", "--junit=conda-lock.yml"],
            "--junit: conda-lock.yml is that of PATH, too\nNothing was audited.",
        ),
        ([], "audit what? expected PATH, found none"),
        (["conda-lock.yml", "--html="], "--html: expected a file, found an empty text"),
        ([""], "PATH: expected a path, found an empty text"),
        (["--explain", "mising-hash"], "there is no rule `mising-hash`"),
        (
            ["--explain", "EL203", "EL201"],
            "--explain: expected no PATH beside it, found EL201\n\n"
            "hint: `envlock audit PATH` audits; one rule is explained at a time",
        ),
        (["--rules", "."], "--rules: expected no PATH beside it, found ."),
        (
            ["https://u:secret@locks.example/uv.lock"],
            "https://***@locks.example/uv.lock: expected a file, a folder or REVISION:PATH, found "
            "an address\n\n"
            "hint: fetch the file first; an audit looks at what lies here",
        ),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_read(
    capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
):
    status, out, err = run(capsys, *arguments)

    assert (status, out) == (2, "")
    assert err.startswith(f"error: {problem}")
    assert "hint: " in err or "absent" in problem or "empty" in problem


def test_a_baseline_that_is_none_is_bad_input(capsys: pytest.CaptureFixture[str]):
    Path("b.json").write_text("{", "utf-8")

    status, out, err = run(capsys, "conda-lock.yml", "--baseline=b.json")

    assert (status, out) == (2, "")
    assert err.startswith("error: b.json:1: expected JSON: ")


def test_every_rule_is_listed_and_explained(capsys: pytest.CaptureFixture[str]):
    status, out, _ = run(capsys, "--rules")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == all_codes()

    for code in all_codes():
        status, out, _ = run(capsys, "--explain", code.lower())
        assert status == 0
        assert out.startswith(f"{code} ")
        assert "\nfix: " in out


def test_rules_are_explained_as_json_too(capsys: pytest.CaptureFixture[str]):
    status, out, _ = run(capsys, "--json", "--explain", "missing-hash")

    assert status == 0
    assert [rule["code"] for rule in json.loads(out)["rules"]] == ["EL101"]


def test_an_exception_that_ran_out_is_told_in_text_and_json(capsys: pytest.CaptureFixture[str]):
    text = Path("pyproject.toml").read_text("utf-8")
    ignore = '\n[[tool.envlock.audit.ignore]]\nrule = "EL101"\nreason = "x"\nexpires = 2020-01-01\n'
    Path("pyproject.toml").write_text(text + ignore, "utf-8")

    _, out, _ = run(capsys, "conda-lock.yml")
    assert "the exception of EL101 held until\n  2020-01-01; what it let pass counts again" in out

    _, out, _ = run(capsys, "--json", "conda-lock.yml")
    assert [each["said"] for each in json.loads(out)["notices"]] == [
        "the exception of EL101 held until 2020-01-01; what it let pass counts again"
    ]


def test_no_result_takes_the_place_of_a_file_that_was_found_in_a_folder(
    capsys: pytest.CaptureFixture[str],
):
    before = Path("conda-lock.yml").read_bytes()

    for form in ("--sarif", "--html", "--junit", "--markdown"):
        status, out, err = run(capsys, ".", form, "conda-lock.yml")
        assert (status, out) == (2, "")
        assert err == (
            f"error: {form}: conda-lock.yml is one of the files that were audited\n"
            "Nothing was written.\n\nhint: name another file\n"
        )

    assert Path("conda-lock.yml").read_bytes() == before


def test_a_result_goes_through_a_pipe_and_no_file_takes_its_place(
    capsys: pytest.CaptureFixture[str],
):
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)

    run(capsys, "conda-lock.yml", "--junit", "pipe")

    assert os.read(reader, 100).startswith(b"<?xml ")
    os.close(reader)
    assert Path("pipe").is_fifo()


def test_a_baseline_that_is_not_there_yet_says_how_to_write_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["audit", "conda-lock.yml", "--baseline", "known.json"]) == 2

    assert capsys.readouterr().err == (
        "error: --baseline known.json: there is no such file\n"
        "\n"
        "hint: write it once: `--baseline known.json --write-baseline`, and commit it\n"
    )
