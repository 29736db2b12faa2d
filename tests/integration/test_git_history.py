"""Locks of earlier revisions, read by the real git from real repositories."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from envlock.backends.git import GitHistory
from envlock.cli.main import main
from envlock.errors import EnvlockError, WorldError
from envlock.formats.conda_lock import format_lock
from envlock.ports.history import HistoryError
from locks import locked, make_lock

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

LOCK = "stacks/a.conda-lock.yml"
LIMIT = 1_000_000
OLD = format_lock(make_lock(locked("numpy", "1.26.4"), locked("gone")))
NEW = format_lock(make_lock(locked("numpy", "2.0.1"), locked("python", "3.12")))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, check=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two revisions of one lock, the newer also on disk; the current folder is its root."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "repository"
    (folder / "stacks").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "A")
    git(folder, "config", "user.email", "a@example.com")
    for content, message in ((OLD, "old"), (NEW, "fix: new")):
        (folder / LOCK).write_bytes(content)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--no-gpg-sign", "-m", message)
    monkeypatch.chdir(folder)
    return folder


# --- the backend ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("revision", ["HEAD~1", "main~1", "HEAD^", "HEAD^{/old}"])
def test_a_revision_is_named_as_git_names_it(revision: str):
    assert GitHistory().read_bytes(revision, LOCK, limit_bytes=LIMIT) == OLD


@pytest.mark.usefixtures("repository")
def test_a_commits_id_and_its_beginning_are_revisions():
    identity = git(Path(), "rev-parse", "HEAD~1")

    for revision in (identity, identity[:10]):
        assert GitHistory().read_bytes(revision, LOCK, limit_bytes=LIMIT) == OLD


def test_an_empty_revision_is_what_is_staged(repository: Path):
    (repository / LOCK).write_bytes(b"staged")
    git(repository, "add", ".")
    (repository / LOCK).write_bytes(b"on disk")

    assert GitHistory().read_bytes("", LOCK, limit_bytes=LIMIT) == b"staged"


def test_a_path_with_a_dot_in_front_counts_from_the_current_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(repository / "stacks")

    history = GitHistory()

    assert history.read_bytes("HEAD~1", "./a.conda-lock.yml", limit_bytes=LIMIT) == OLD
    assert history.read_bytes("HEAD~1", LOCK, limit_bytes=LIMIT) == OLD
    assert Path(history.working_path(LOCK)).samefile(repository / LOCK)
    assert Path(history.working_path("./a.conda-lock.yml")).samefile(repository / LOCK)


def test_the_repository_of_the_file_is_asked_and_not_that_of_the_current_folder(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    history = GitHistory()

    assert history.read_earlier("HEAD~1", str(repository / LOCK), limit_bytes=LIMIT) == OLD
    assert history.read_earlier("HEAD~1", f"repository/{LOCK}", limit_bytes=LIMIT) == OLD


def test_names_with_spaces_and_other_scripts_are_read(repository: Path):
    path = "stacks/größe und umfang.yml"
    (repository / path).write_bytes(b"content")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--no-gpg-sign", "-m", "named")

    assert GitHistory().read_bytes("HEAD", path, limit_bytes=LIMIT) == b"content"


@pytest.mark.parametrize(
    ("revision", "path", "message"),
    [
        ("nope", LOCK, "git knows no revision `nope`"),
        ("HEAD~99", LOCK, "git knows no revision `HEAD~99`"),
        ("--output=x", LOCK, "git knows no revision `--output=x`"),
        ("-h", LOCK, "git knows no revision `-h`"),
        ("$(touch x)", LOCK, "git knows no revision `$(touch x)`"),
        ("HEAD", "nope.yml", "`nope.yml` is not in HEAD"),
        ("HEAD", "./nope.yml", "`nope.yml` is not in HEAD"),
        ("HEAD", "--batch", "`--batch` is not in HEAD"),
        ("", "nope.yml", "`nope.yml` is not in what is staged"),
        ("HEAD", "stacks", "HEAD:stacks: expected a file, found a folder"),
        ("HEAD\nmain", LOCK, f"'HEAD\\nmain:{LOCK}' is not a revision and a path"),
    ],
)
def test_what_git_does_not_know_is_named_and_runs_nothing(
    repository: Path, revision: str, path: str, message: str
):
    before = sorted(repository.iterdir())

    with pytest.raises(HistoryError) as refused:
        GitHistory().read_bytes(revision, path, limit_bytes=LIMIT)

    assert str(refused.value) == message
    assert refused.value.exit_code == 2
    assert sorted(repository.iterdir()) == before


@pytest.mark.usefixtures("repository")
def test_a_path_outside_the_repository_is_refused():
    with pytest.raises(HistoryError, match=r"^git refuses the path: .* is outside repository"):
        GitHistory().read_bytes("HEAD", "../x.yml", limit_bytes=LIMIT)


@pytest.mark.usefixtures("repository")
def test_a_file_beyond_the_limit_is_not_read():
    with pytest.raises(HistoryError) as refused:
        GitHistory().read_bytes("HEAD", LOCK, limit_bytes=10)

    assert str(refused.value) == f"HEAD:{LOCK}: expected at most 10 bytes, found {len(NEW):,}"


@pytest.mark.usefixtures("repository")
def test_outside_a_repository_there_is_no_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(HistoryError) as refused:
        GitHistory().read_bytes("HEAD", LOCK, limit_bytes=LIMIT)
    with pytest.raises(HistoryError) as elsewhere:
        GitHistory().working_path(LOCK)

    assert str(refused.value) == str(elsewhere.value)
    assert str(refused.value) == (
        "the current folder is not in a git repository, so it has no earlier revisions"
    )


@pytest.mark.usefixtures("repository")
def test_without_git_the_outside_world_is_at_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(WorldError) as refused:
        GitHistory().read_bytes("HEAD", LOCK, limit_bytes=LIMIT)

    assert str(refused.value) == "git is not there: no program of that name on the PATH"
    assert refused.value.exit_code == 4


def test_a_repository_that_git_refuses_is_told_in_its_words(repository: Path):
    (repository / ".git" / "config").write_text("[broken", "utf-8")

    with pytest.raises(WorldError, match=r"^git refused in the current folder: fatal: bad config"):
        GitHistory().read_bytes("HEAD", LOCK, limit_bytes=LIMIT)


def test_a_first_commit_that_is_not_there_yet_is_no_revision(tmp_path: Path, repository: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")

    with pytest.raises(EnvlockError) as refused:
        GitHistory(str(empty)).read_bytes("HEAD", LOCK, limit_bytes=LIMIT)

    assert str(refused.value) == f"git knows no revision `HEAD` in `{empty}`"


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("repository")
def test_diff_with_an_earlier_revision_prints_what_changed(capsys: pytest.CaptureFixture[str]):
    assert main(["diff", "HEAD~1", LOCK]) == 1

    assert (
        capsys.readouterr().out
        == f"""\
HEAD~1:{LOCK} -> {LOCK}
  linux-64:  1 added, 1 removed, 1 up  4 sizes unknown

  added    python  3.12
  removed  gone    1.0
  up       numpy   1.26.4 -> 2.0.1
"""
    )


@pytest.mark.usefixtures("repository")
def test_diff_of_one_file_compares_it_with_its_last_commit(capsys: pytest.CaptureFixture[str]):
    assert main(["diff", LOCK]) == 0

    assert capsys.readouterr().out == f"HEAD:{LOCK} -> {LOCK}: no difference\n"


def test_diff_finds_the_file_of_a_revision_from_any_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(repository / "stacks")

    assert main(["diff", f"HEAD~1:{LOCK}", "--json"]) == 1

    assert json.loads(capsys.readouterr().out)["packages_are_equal"] is False


@pytest.mark.usefixtures("repository")
def test_diff_of_an_unknown_revision_is_the_users_input(capsys: pytest.CaptureFixture[str]):
    assert main(["diff", f"nope:{LOCK}"]) == 2

    assert capsys.readouterr().err == (
        "error: git knows no revision `nope`\n\n"
        "hint: `git log --oneline` lists revisions; a shallow clone has only the last ones\n"
    )
