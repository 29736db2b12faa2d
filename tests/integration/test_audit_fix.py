"""`envlock audit --fix`, as a person uses it, with a pin beside the file."""

from __future__ import annotations

import subprocess
from hashlib import md5, sha256
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.backends.files import DiskWorkspace
from envlock.backends.pins import DiskPins
from envlock.cli.main import main
from envlock.errors import LockError
from envlock.formats.channel import channel_url
from envlock.formats.readers.registry import read
from envlock.workflows.fix import FixTools, plan_fix, write_fix
from fakes import FakeWorkspace
from tiny import make_pin, record

CHANNEL = channel_url("conda-forge")
NAME = "numpy-2.1.0-0.conda"
MD5 = md5(NAME.encode(), usedforsecurity=False).hexdigest()
SHA = sha256(NAME.encode()).hexdigest()
LOCK = f"""\
version: 1
metadata:
  content_hash:
    linux-64: {"a" * 64}
  channels:
  - url: conda-forge
    used_env_vars: []
  platforms:
  - linux-64
  sources:
  - environment.yml
package:
- name: numpy   # our own comment
  version: 2.1.0
  manager: conda
  platform: linux-64
  dependencies: {{}}
  url: {CHANNEL}/linux-64/{NAME}
  hash:
    md5: {MD5}
  category: main
  optional: false
"""
LINE = f"    md5: {MD5}\n"
QUOTED = f"'{SHA}'" if SHA[0].isdigit() else SHA
FIXED = LOCK.replace(LINE, f"{LINE}    sha256: {QUOTED}\n")


@pytest.fixture(autouse=True)
def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    _, digest = make_pin(tmp_path, {"conda-forge": {"linux-64": [record("numpy", "2.1.0")]}})
    Path("conda-lock.yml").write_bytes(LOCK.replace("\n", "\r\n").encode())
    return digest


def test_the_difference_is_shown_and_nobody_is_there_to_say_yes(
    pin: str, capsys: pytest.CaptureFixture[str]
):
    before = Path("conda-lock.yml").read_bytes()

    status = main(["audit", "--fix", "conda-lock.yml"])

    said = capsys.readouterr()
    added = FIXED.splitlines()[20]
    assert (status, said.out) == (1, "")
    assert said.err == (
        "conda-lock.yml: turned 22 line ends from CRLF to LF\n"
        f"conda-lock.yml:20: added the SHA-256 of {NAME}, from the pin {pin[:12]}\n"
        "--- conda-lock.yml\n"
        "+++ conda-lock.yml (repaired)\n"
        "@@ -19,4 +19,5 @@\n"
        "   hash:\n"
        f"     md5: {MD5}\n"
        f"+{added}\n"
        "   category: main\n"
        "   optional: false\n"
        "nothing was written: nobody is there to ask\n"
        "\n"
        "hint: add `--yes`\n"
    )
    assert Path("conda-lock.yml").read_bytes() == before


def test_yes_writes_it_and_audits_what_came_of_it(capsys: pytest.CaptureFixture[str]):
    main(["audit", "conda-lock.yml"])
    before = capsys.readouterr().out

    main(["audit", "--fix", "--yes", "conda-lock.yml"])

    said = capsys.readouterr()
    assert Path("conda-lock.yml").read_text() == FIXED
    assert said.err.endswith("repaired 1 file\n")
    assert "EL102" in before
    assert "EL102" not in said.out
    main(["audit", "--fix", "--yes", "conda-lock.yml"])
    assert capsys.readouterr().err.startswith("nothing to repair in 1 file\n")


def test_a_link_and_what_it_leads_to_are_repaired_once(capsys: pytest.CaptureFixture[str]):
    Path("gpu.conda-lock.yml").symlink_to("conda-lock.yml")

    main(["audit", "--fix", "--yes", "gpu.conda-lock.yml", "conda-lock.yml"])

    assert capsys.readouterr().err.endswith("repaired 1 file\n")
    assert Path("gpu.conda-lock.yml").is_symlink()
    assert Path("conda-lock.yml").read_text() == FIXED


class Terminal(StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "end"),
    [("y\n", "repaired 1 file\n"), ("\n", "nothing was written\n"), ("", "nothing was written\n")],
)
def test_somebody_is_asked_on_a_terminal(
    answer: str, end: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stdin", Terminal(answer))

    status = main(["audit", "--fix", "--fail-on", "error", "conda-lock.yml"])

    said = capsys.readouterr().err
    assert said.endswith(f"write 1 file? [y/N]: {end}")
    is_fixed = answer == "y\n"
    assert (status, Path("conda-lock.yml").read_text() == FIXED) == (int(not is_fixed), is_fixed)


def test_the_history_is_never_written_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    for command in (["init", "-q"], ["add", "conda-lock.yml"]):
        subprocess.run(["git", *command], check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *author, "commit", "-qm", "a"], check=True)

    assert main(["audit", "--fix", "--yes", "HEAD:conda-lock.yml"]) == 2

    assert capsys.readouterr().err == (
        "error: --fix: HEAD:conda-lock.yml lies in the history, and that cannot be written to\n"
    )


def test_a_dry_run_only_shows(capsys: pytest.CaptureFixture[str]):
    before = Path("conda-lock.yml").read_bytes()

    assert main(["audit", "--fix", "--dry-run", "."]) == 1

    assert "turned 22 line ends" in capsys.readouterr().err
    assert Path("conda-lock.yml").read_bytes() == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--yes", "."], "error: --yes: it belongs to --fix, which is not given\n"),
        (["--dry-run", "."], "error: --dry-run: it belongs to --fix, which is not given\n"),
        (
            ["--fix", "--yes", "--dry-run", "."],
            "error: --yes: nothing is written with --dry-run; expected one of them\n",
        ),
    ],
)
def test_options_that_contradict_are_refused(
    line: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["audit", *line]) == 2
    assert capsys.readouterr().err == message


def test_the_sides_of_a_merge_are_never_chosen(capsys: pytest.CaptureFixture[str]):
    text = f"<<<<<<< HEAD\n{LOCK}=======\n>>>>>>> theirs\n"
    Path("conda-lock.yml").write_text(text)

    main(["audit", "--fix", "--yes", "conda-lock.yml"])

    assert capsys.readouterr().err.startswith(
        "not repaired: conda-lock.yml: a merge conflict is left in the file, and which side is "
        "right is your choice\nNothing was written.\nnothing to repair in 0 files\n"
    )
    assert Path("conda-lock.yml").read_text() == text


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path):
    tools = FixTools(
        workspace=DiskWorkspace(), pins_beside=lambda _: DiskPins(tmp_path / "pins", tmp_path / "c")
    )
    fix = plan_fix("conda-lock.yml", tools)
    Path("conda-lock.yml").write_text("somebody else's\n")

    with pytest.raises(LockError) as caught:
        write_fix(fix, tools)

    assert str(caught.value) == (
        "conda-lock.yml: the file changed after the difference was shown\nIt was left as it is."
    )
    assert Path("conda-lock.yml").read_text() == "somebody else's\n"


class KnowsNumpy:
    """A pin as a workflow sees it."""

    def __init__(self, folder: Path) -> None:
        pins, _ = make_pin(folder, {"conda-forge": {"linux-64": [record("numpy", "2.1.0")]}})
        self.digests = pins.kept()
        self.parts = pins.repodata(self.digests[0])

    def kept(self) -> tuple[str, ...]:
        return self.digests

    def repodata(self, _: str) -> object:
        return self.parts


EDITS = st.lists(
    st.tuples(st.integers(0, len(LOCK)), st.sampled_from(["\r\n", " ", "#", "'", "- ", "a", ":"])),
    max_size=4,
)


@pytest.fixture(scope="module")
def numpy_pins(tmp_path_factory: pytest.TempPathFactory) -> KnowsNumpy:
    return KnowsNumpy(tmp_path_factory.mktemp("pins"))


@settings(deadline=None)
@given(edits=EDITS, turned=st.booleans())
def test_a_repair_is_done_once_and_names_the_same_packages(
    edits: list[tuple[int, str]], turned: bool, numpy_pins: KnowsNumpy
):
    text = LOCK
    for place, new in edits:
        text = text[:place] + new + text[place:]
    content = (text.replace("\n", "\r\n") if turned else text).encode()
    workspace = FakeWorkspace({"conda-lock.yml": content})
    tools = FixTools(workspace=workspace, pins_beside=lambda _: numpy_pins)  # type: ignore[arg-type,return-value]
    try:
        fix = plan_fix("conda-lock.yml", tools)
    except LockError:
        assert workspace.files == {"conda-lock.yml": content}
        return

    write_fix(fix, tools)

    assert plan_fix("conda-lock.yml", tools).repairs == ()
    before = read(content.replace(b"\r\n", b"\n"), "conda-lock.yml").packages
    after = read(fix.after, "conda-lock.yml").packages
    names = [
        [(item.name, item.version, item.platforms) for item in rows] for rows in (before, after)
    ]
    assert names[0] == names[1]
