"""What an audit makes of paths, and what it sees beside a lock of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from audit_house import audited, lines, tools
from envlock.cli.main import main
from envlock.errors import InputFileError, WorldError
from envlock.formats.readers.registry import read
from envlock.model.finding import AuditPolicy, Severity, Unlooked
from envlock.model.stack import AuditLevel
from envlock.ports.history import HistoryError
from envlock.workflows.audit_sights import Asked, look_around
from envlock.workflows.audit_targets import Target

STACKS = Path(__file__).parents[2] / "stacks"
LOCK, STACK = "jax-cu129.conda-lock.yml", "jax-cu129.toml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack that ships, with its lock and its pin; the current folder is above it."""
    place = tmp_path / "stacks"
    place.mkdir()
    for name in (LOCK, STACK):
        shutil.copy(STACKS / name, place)
    shutil.copytree(STACKS / "pins", place / "pins")
    monkeypatch.chdir(tmp_path)
    return place


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


# --- what paths mean ------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("path", [f"stacks/{LOCK}", f"stacks/{STACK}", "stacks", "."])
def test_a_lock_its_stack_and_their_folder_all_mean_the_lock(path: str):
    (judged,) = audited(path).judged

    assert judged.file.removeprefix("./") == f"stacks/{LOCK}"
    assert judged.kind == "conda-lock 1"


@pytest.mark.usefixtures("folder")
def test_what_is_named_twice_is_judged_once():
    assert len(audited(f"stacks/{LOCK}", f"stacks/{STACK}", "stacks").judged) == 1


def test_one_file_by_several_paths_is_judged_once(folder: Path):
    paths = ("stacks", f"./stacks/{LOCK}", f"stacks/../stacks/{LOCK}", folder / LOCK)

    assert [item.file for item in audited(*paths).judged] == [f"stacks/{LOCK}"]


def test_a_wish_list_beside_the_lock_that_was_made_of_it_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("requirements.in").write_text("numpy\n", "utf-8")
    Path("gpu.environment.yml").write_text("dependencies:\n- python\n- numpy\n", "utf-8")
    paths = ("requirements.in", "gpu.environment.yml")
    codes = ("EL201", "EL202")

    alone = audited(*paths, codes=codes)
    Path("requirements.txt").write_text("numpy==2.1.3 --hash=sha256:ab\n", "utf-8")
    Path("gpu.conda-lock.yml").write_text("metadata: {}\npackage: []\n", "utf-8")
    locked = audited(*paths, codes=codes)

    warnings = {item.severity for item in alone.findings if item.code == "EL201"}
    assert warnings == {Severity.WARNING}
    assert {item.severity for item in locked.findings} == {Severity.NOTE}
    assert lines(locked) == lines(alone)
    assert [item.remedy for item in locked.findings if item.code == "EL201"] == [
        f"keep this file as the wish list, install from `{lock}`, and lock anew when it changes."
        for lock in ("requirements.txt", "gpu.conda-lock.yml")
    ]


def test_a_folder_named_env_is_looked_into_unless_it_is_an_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for folder in ("env", "built/env"):
        Path(folder).mkdir(parents=True)
        Path(folder, "environment.yml").write_text("dependencies:\n- numpy\n", "utf-8")
    Path("built/env/pyvenv.cfg").write_text("version = 3.11.7\n", "utf-8")

    assert [item.file for item in audited(".").judged] == ["env/environment.yml"]


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("requirements.txt").write_text("numpy\n", "utf-8")
    name = "n" * 250
    for _ in range(20):  # longer than any path may be
        os.mkdir(name)  # noqa: PTH102 - pathlib makes no folder in the folder of the moment
        os.chdir(name)
    os.chdir(tmp_path)

    with pytest.raises(WorldError) as refused:
        audited(".")

    assert str(refused.value) == (f"./{name[:198]}…: cannot be read: File name too long")
    assert refused.value.hints == ("name the files, or folders that can be read",)


@pytest.mark.parametrize("path", [f"stacks/{STACK}", "stacks"])
def test_a_stack_without_a_lock_is_judged_itself(folder: Path, path: str):
    (folder / LOCK).unlink()

    report = audited(path)

    assert [(item.file, item.kind) for item in report.judged] == [(f"stacks/{STACK}", "stack")]
    assert lines(report) == [
        "EL504: This stack has no lock beside it: what it means on linux-64 is decided anew by "
        "whoever solves it."
    ]


def test_a_toml_file_that_is_no_stack_is_passed_over_in_a_folder(folder: Path):
    (folder / "other.toml").write_text("[tool]\n", "utf-8")
    (folder / "broken.toml").write_bytes(b"\xff[stack]\n")

    assert [item.file for item in audited("stacks").judged] == [f"stacks/{LOCK}"]


def test_a_folder_with_nothing_to_audit_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()

    with pytest.raises(InputFileError) as refused:
        audited("empty")

    assert str(refused.value) == (
        "empty: no file in this folder has the name of a lock, a wish list or a Dockerfile"
    )


def test_a_faulty_stack_is_told_with_its_faults(folder: Path):
    (folder / LOCK).unlink()
    edit(folder / STACK, '"3.13.*"', "3.12")

    (unreadable,) = audited(f"stacks/{STACK}").unreadable

    assert unreadable.file == f"stacks/{STACK}"
    assert "python.version: expected a string, found the float 3.12" in unreadable.problem


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True)


def commit(folder: Path, *paths: str) -> None:
    """Commit files, named from the folder above."""
    if paths:
        git(folder.parent, "add", *paths)
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    git(folder.parent, *who, "commit", "--quiet", "--no-gpg-sign", "-m", "x")


# --- the history ----------------------------------------------------------------------------------


@pytest.fixture
def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One revision with the lock; on disk there is none any more."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (folder.parent / "requirements.txt").symlink_to("stacks")
    git(folder.parent, "init", "--quiet", "--initial-branch=main")
    commit(folder, "requirements.txt", f"stacks/{LOCK}", f"stacks/{STACK}")
    (folder / LOCK).unlink()
    return folder


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "path", [f"HEAD:stacks/{LOCK}", f"HEAD:stacks/{STACK}", "HEAD:stacks", "HEAD:./stacks/"]
)
def test_a_lock_of_a_revision_is_judged_as_it_was(path: str):
    (judged,) = audited(path).judged

    assert judged.file.replace("./", "") == f"HEAD:stacks/{LOCK}"
    assert judged.packages > 50
    assert judged.findings == ()
    assert judged.unlooked == ()


def test_a_lock_of_a_revision_is_held_against_its_stack_of_then(repository: Path):
    edit(repository / STACK, '"3.13.*"', '"3.11.*"')
    assert lines(audited("HEAD:stacks")) == []

    commit(repository, f"stacks/{STACK}")
    assert lines(audited("HEAD:stacks")) == [
        'EL501 python.version: The lock is not what its stack says: python.version: "3.13.*" when '
        'it was locked, now "3.11.*".'
    ]


def test_the_pin_of_a_lock_of_a_revision_is_looked_for_where_it_would_lie_now(repository: Path):
    for path in (repository / "pins").glob("*/pin.json"):
        path.unlink()

    (said,) = lines(audited("HEAD:stacks"))

    assert said.startswith("EL503: The lock cannot be solved again: ")


def test_a_lock_of_a_revision_without_its_stack_is_not_held_against_one(repository: Path):
    subprocess.run(["git", "rm", "-q", "--cached", f"stacks/{STACK}"], check=True)
    commit(repository)

    (judged,) = audited(f"HEAD:stacks/{LOCK}").judged

    assert judged.unlooked == (
        Unlooked(
            what="the stack",
            reason=f"the stack cannot be read: `stacks/{STACK}` is not in HEAD",
        ),
    )


@pytest.mark.usefixtures("repository")
def test_a_lock_of_a_revision_is_not_solved_again():
    (judged,) = audited("HEAD:stacks", codes=("EL901",), level=AuditLevel.RESOLVE).judged

    assert [item.reason for item in judged.unlooked] == [
        "it is read from the history, and solving acts on files that lie on the disk"
    ]


@pytest.mark.usefixtures("repository")
def test_all_files_of_a_revision_are_found_from_its_root_without_links():
    found = [item.file for item in audited("HEAD:", codes=("EL504",)).judged]

    assert found == [f"HEAD:stacks/{LOCK}"]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("name", ["HEAD", "HEAD~3", "main^", "0123abc"])
def test_a_revision_without_its_colon_is_told_how_it_is_written(name: str):
    (unreadable,) = audited(name).unreadable

    assert unreadable.problem == f"{name}: there is no such file"
    assert unreadable.hints == (
        f"a revision of git is named with a colon: `{name}:` or `{name}:PATH`",
    )


def test_a_file_at_the_root_of_a_revision_is_told_by_its_name(repository: Path):
    top = repository.parent
    (top / "constraints.txt").write_text("numpy\n", "utf-8")
    commit(repository, "constraints.txt")

    (judged,) = audited("HEAD:constraints.txt").judged

    assert (judged.file, judged.kind) == ("HEAD:constraints.txt", "requirements")


def test_a_link_of_a_revision_means_what_it_leads_to(repository: Path):
    top = repository.parent
    (top / "wishes.txt").write_text("numpy\n", "utf-8")
    (top / "constraints.txt").symlink_to("wishes.txt")
    (top / "requirements-away.txt").symlink_to("../elsewhere.txt")
    (top / "requirements-gone.txt").symlink_to("gone.txt")
    commit(repository, "wishes.txt", "constraints.txt")
    commit(repository, "requirements-away.txt", "requirements-gone.txt")

    assert [item.packages for item in audited("HEAD:constraints.txt").judged] == [1]
    for path, leads in (
        ("HEAD:requirements-away.txt", "to what is outside the repository"),
        ("HEAD:requirements-gone.txt", "to what is not there"),
    ):
        with pytest.raises(HistoryError) as refused:
            audited(path)
        assert str(refused.value) == f"{path}: expected a file, found a link {leads}"


def test_a_folder_of_a_revision_is_counted_from_where_one_stands(
    repository: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(repository)

    assert [item.file for item in audited("HEAD:./").judged] == [f"HEAD:./{LOCK}"]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nope:stacks", "git knows no revision `nope`"),
        ("HEAD:nope", "`nope` is not in HEAD"),
    ],
)
def test_what_the_history_does_not_know_is_an_error(path: str, message: str):
    with pytest.raises(HistoryError) as refused:
        audited(path)

    assert str(refused.value) == message


# --- the locks that ship --------------------------------------------------------------------------


@pytest.mark.parametrize("lock", sorted(path.name for path in STACKS.glob("*.yml")))
def test_no_rule_warns_of_a_lock_that_ships(lock: str):
    report = audited(STACKS / lock, codes=("EL",))

    warnings = [item for item in report.findings if item.severity is not Severity.NOTE]
    assert warnings == []
    assert report.is_clean
    assert report.unreadable == ()


# --- the stack and its pin ------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_a_fresh_lock_with_its_pin_has_no_finding():
    report = audited("stacks")

    assert lines(report) == []
    assert report.judged[0].unlooked == ()


def test_a_changed_stack_makes_its_lock_stale(folder: Path):
    edit(folder / STACK, '"3.13.*"', '"3.11.*"')

    assert lines(audited("stacks")) == [
        'EL501 python.version: The lock is not what its stack says: python.version: "3.13.*" when '
        'it was locked, now "3.11.*".'
    ]


def test_an_edited_package_and_an_edited_head_are_each_told(folder: Path):
    edit(folder / LOCK, "\npackage:\n- name: ", "\npackage:\n- name: x")
    edit(folder / LOCK, "  sources:\n  - ", "  sources:\n  - x")

    assert lines(audited(f"stacks/{LOCK}")) == [
        "EL502: This is not the lock that envlock wrote: the head no longer matches its digest: "
        "it was edited.",
        "EL502: This is not the lock that envlock wrote: the package section no longer matches "
        "its digest: it was edited, cut short or merged.",
    ]


def test_a_lock_of_ours_that_another_tool_wrote_anew_is_told(folder: Path):
    edit(folder / LOCK, "  custom_metadata:\n", "  custom_metadata: # ours\n")

    assert lines(audited(f"stacks/{LOCK}")) == [
        "EL502: This is not the lock that envlock wrote: its digests are gone from where envlock "
        "writes them: another tool wrote it anew."
    ]


def test_line_ends_of_windows_alter_nothing(folder: Path):
    content = (folder / LOCK).read_bytes()
    (folder / LOCK).write_bytes(content.replace(b"\n", b"\r\n"))

    assert lines(audited(f"stacks/{LOCK}")) == []


def test_a_stack_that_no_pin_is_assigned_to_cannot_be_solved_again(folder: Path):
    shutil.rmtree(folder / "pins")

    assert lines(audited("stacks")) == [
        "EL503: The lock cannot be solved again: its stack has no index pin any more."
    ]


def test_a_pin_that_is_gone_or_was_altered_is_told(folder: Path):
    (pin,) = (folder / "pins").glob("*/pin.json")
    edit(pin, '"as_of": "2026', '"as_of": "2025')

    (said,) = lines(audited("stacks"))
    assert said.startswith("EL503: The lock cannot be solved again: ")
    assert "digest mismatch" in said

    pin.unlink()
    (said,) = lines(audited("stacks"))
    assert said.startswith("EL503: The lock cannot be solved again: ")


def test_without_its_stack_nothing_is_said_of_freshness(folder: Path):
    (folder / STACK).unlink()

    (judged,) = audited("stacks").judged

    assert judged.findings == ()
    assert judged.unlooked == (
        Unlooked(what="the stack", reason=f"the stack stacks/{STACK} is not there"),
    )


def test_a_level_that_a_lock_of_ours_does_not_reach_is_no_pass(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / STACK).unlink()

    assert main(["audit", f"stacks/{LOCK}", "-q"]) == 0
    assert main(["audit", f"stacks/{LOCK}", "-q", "--level", "resolve"]) == 4

    assert capsys.readouterr().out.splitlines()[1:] == [
        "Incomplete: 1 file did not reach the level that was asked for; 1 note in 1 file. Level "
        "reached: lock",
        "  (resolve was asked for).",
    ]


def test_a_lock_of_another_tool_has_no_stack(folder: Path):
    text = (folder / LOCK).read_text("utf-8")
    (folder / LOCK).write_text(text.replace("envlock/", "other/"), "utf-8")

    (judged,) = audited("stacks").judged

    assert judged.findings == ()
    assert judged.unlooked == (
        Unlooked(what="the stack", reason="only a lock of envlock says what it was solved from"),
    )


# --- the machines ---------------------------------------------------------------------------------


def test_a_stack_says_which_machines_must_run_it_and_a_policy_says_it_louder(folder: Path):
    path = str(folder / LOCK)
    content = Path(path).read_bytes()
    found = read(content, path)

    seen = look_around(
        Target(path=path), found, content, Asked(policy=AuditPolicy(glibc="2.17")), tools()
    )

    assert seen.policy.driver == "535"
    assert seen.policy.glibc == "2.17"
    assert seen.policy.compute == ("7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0")
    assert {sight.name for sight in seen.sights.blind}.isdisjoint({"FLEET", "GPUS", "GLIBC"})
