"""EL701 to EL705: what an audit says of the receipts beside a lock."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from audit_house import audited, lines
from envlock.cli.main import main
from envlock.formats.receipt import format_receipt, lock_digest
from envlock.model.finding import Unlooked
from envlock.model.platform import Platform
from envlock.model.receipt import Receipt, VerifiedHost
from envlock.workflows.receipts import load_receipt, sign
from fakes import FakeWorkspace
from receipts import failed_receipt, incomplete_receipt, passed_receipt, subject

STACKS = Path(__file__).parents[2] / "stacks"
LOCK = "torch-cu130.conda-lock.yml"
RECEIPT = "torch-cu130.receipt.json"
OTHER_SHA = sha256(b"another lock").hexdigest()


class NameKey:
    """Signs by hashing: whoever has the name can, which is enough here. Both ports at once."""

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self.keyid = sha256(self.name).hexdigest()

    def sign(self, message: bytes) -> bytes:
        return sha256(self.name + message).digest()

    def fits(self, signature: bytes, message: bytes) -> bool:
        return signature == self.sign(message)


OURS, THEIRS = NameKey("ours"), NameKey("theirs")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of ours; the current folder is its own."""
    shutil.copy(STACKS / LOCK, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def of_lock(make: object = passed_receipt, **changes: object) -> Receipt:
    digest = lock_digest(Path(LOCK).read_bytes())
    assert callable(make)
    receipt: Receipt = make(**{"subject": subject(lock_sha256=digest), **changes})
    return receipt


def leave(receipt: Receipt, *keys: NameKey, path: str = RECEIPT) -> bytes:
    content = format_receipt(receipt)
    for key in keys:
        content = sign(load_receipt("r", FakeWorkspace({"r": content})), key)
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(content)
    return content


def said(*, keys: Sequence[NameKey] = ()) -> list[str]:
    report = audited(LOCK, codes=("EL7",), keys=tuple(keys))
    return [
        f"{item.severity.value} {line}"
        for item, line in zip(report.findings, lines(report), strict=True)
    ]


@pytest.mark.usefixtures("folder")
def test_a_lock_of_ours_without_a_receipt_is_worth_a_note():
    report = audited(LOCK, codes=("EL7",))

    (found,) = report.findings
    assert (found.code, found.severity, found.message) == (
        "EL701",
        "note",
        "No receipt lies beside this lock: nothing tells that it was ever seen to run.",
    )
    assert found.remedy == (
        f"verify it where it has to run, and commit the receipt: `envlock verify {LOCK}`."
    )


def test_a_lock_of_another_tool_needs_no_receipt(folder: Path):
    text = (folder / LOCK).read_text("utf-8").replace("envlock/", "other/")
    (folder / LOCK).write_text(text, "utf-8")

    assert said() == []


@pytest.mark.usefixtures("folder")
def test_a_signed_receipt_of_the_lock_by_a_trusted_key_has_no_finding():
    leave(of_lock(), OURS)

    assert said(keys=[OURS]) == []
    assert said(keys=[THEIRS, OURS]) == []


@pytest.mark.usefixtures("folder")
def test_a_receipt_of_another_lock_is_stale():
    leave(passed_receipt(subject=subject(lock_sha256=OTHER_SHA)), OURS)

    assert said() == [
        f"warning EL702 {RECEIPT}: {RECEIPT}, of 2026-11-24, is of another lock, of sha256 "
        f"{OTHER_SHA[:12]}…: it says nothing of this one."
    ]


@pytest.mark.usefixtures("folder")
def test_a_stale_receipt_beside_a_good_one_is_worth_a_note():
    leave(of_lock(), OURS)
    old = "receipts/torch-cu130.2025.json"
    leave(passed_receipt(subject=subject(lock_sha256=OTHER_SHA)), OURS, path=old)

    assert said() == [
        f"note EL702 {old}: {old}, of 2026-11-24, is of another lock, of sha256 "
        f"{OTHER_SHA[:12]}…: it says nothing of this one."
    ]


def test_line_ends_that_git_changed_do_not_make_a_receipt_stale(folder: Path):
    leave(of_lock(), OURS)
    content = (folder / LOCK).read_bytes()
    (folder / LOCK).write_bytes(content.replace(b"\n", b"\r\n"))

    assert said() == []


@pytest.mark.usefixtures("folder")
def test_a_receipt_without_a_signature_is_worth_a_note_and_with_keys_a_warning():
    leave(of_lock())
    message = f"EL703 {RECEIPT}: {RECEIPT} is self-reported: it has no signature."

    assert said() == [f"note {message}"]
    assert said(keys=[OURS]) == [f"warning {message}"]


@pytest.mark.usefixtures("folder")
def test_a_receipt_of_a_key_that_nobody_trusts_is_told_where_keys_are_named():
    leave(of_lock(), THEIRS)

    assert said() == []
    assert said(keys=[OURS]) == [
        f"warning EL703 {RECEIPT}: {RECEIPT} is signed by {THEIRS.keyid[:16]}… and by no key that "
        "you trust."
    ]


@pytest.mark.usefixtures("folder")
def test_a_trusted_name_over_a_signature_that_does_not_fit_is_an_error():
    class Forger(NameKey):
        def __init__(self) -> None:
            super().__init__("forger")
            self.keyid = OURS.keyid

    leave(of_lock(), Forger())

    assert said(keys=[OURS]) == [
        f"error EL703 {RECEIPT}: {RECEIPT} carries a key that you trust over a signature that "
        "does not fit it: it was altered after it was signed, or forged."
    ]


@pytest.mark.usefixtures("folder")
def test_a_failed_verification_is_an_error_that_names_what_failed():
    leave(of_lock(failed_receipt), OURS)

    assert said() == [
        f"error EL704 {RECEIPT}: {RECEIPT} says that the verification failed (on linux-64, GPU, "
        "2026-11-24): `pytorch.numbers.matmul.float32`."
    ]


@pytest.mark.usefixtures("folder")
def test_an_incomplete_verification_is_worth_a_note():
    leave(of_lock(incomplete_receipt), OURS)

    assert said() == [
        f"note EL704 {RECEIPT}: {RECEIPT} is incomplete (on linux-64, CPU, 2026-11-24): nothing "
        "failed, and what the environment is for was not seen to work."
    ]


@pytest.mark.usefixtures("folder")
def test_a_receipt_of_a_platform_that_the_lock_does_not_have_is_told():
    leave(of_lock(host=VerifiedHost(platform=Platform.OSX_64)), OURS)

    (found,) = said()
    assert found.startswith(
        f"warning EL704 {RECEIPT}: {RECEIPT} is of osx-64, which this lock has no packages for: "
        "it has linux-64"
    )


@pytest.mark.usefixtures("folder")
def test_a_receipt_that_was_altered_or_cut_short_cannot_be_read():
    content = leave(of_lock())

    for broken in (content[:100], content.replace(b'"steps":40', b'"steps":41', 1), b"{}"):
        Path(RECEIPT).write_bytes(broken)
        (found,) = said()
        assert found.startswith(
            f"warning EL705 {RECEIPT}: {RECEIPT} cannot be read as a receipt: {RECEIPT}"
        )


@pytest.mark.usefixtures("folder")
def test_receipts_of_other_locks_in_the_folder_are_passed_over():
    leave(of_lock(), OURS, path="torch-cu130.2026-11-24.receipt.json")
    leave(passed_receipt(), path="torch-cu130-pypi.receipt.json")
    leave(passed_receipt(), path="torch-cu130.v2.receipt.json")
    shutil.copy(LOCK, "torch-cu130.v2.conda-lock.yml")

    assert said() == []


@pytest.mark.usefixtures("folder")
def test_only_locks_that_can_be_built_have_receipts():
    text = 'lock-version = "1.0"\ncreated-by = "by hand"\npackages = []\n'
    Path("pylock.toml").write_text(text, "utf-8")

    report = audited("pylock.toml", codes=("EL7",))

    assert report.findings == ()


def test_receipts_of_a_lock_in_the_history_are_not_looked_at(folder: Path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@e.x", "commit", "-q", "--no-gpg-sign", "-m", "x"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, env=environment)

    (judged,) = audited(f"HEAD:{LOCK}", codes=("EL7",)).judged

    assert judged.unlooked == (
        Unlooked(
            what="receipts",
            reason="receipts lie on disk, and this lock is read from the history",
        ),
    )


@pytest.mark.usefixtures("folder")
def test_a_real_key_is_named_on_the_command_line(capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("cryptography")
    leave(of_lock())
    assert main(["receipt", "keygen", "key"]) == 0
    assert main(["receipt", "keygen", "strange"]) == 0
    assert main(["receipt", "sign", RECEIPT, "--key", "key"]) == 0
    capsys.readouterr()

    main(["audit", LOCK, "--key", "key.pub"])
    assert "EL703" not in capsys.readouterr().out
    main(["audit", LOCK, "--key", "strange.pub"])
    assert "warning: EL703 unsigned-receipt" in capsys.readouterr().out
    assert main(["audit", LOCK, "--key", "nope.pub"]) == 2
