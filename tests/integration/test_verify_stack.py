"""`envlock verify STACK`: what the stack's `[verify]` and `[[artifacts]]` say holds."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.formats.receipt import read_receipt
from tiny_store import PYTHON, TinyStore, here, tiny_store


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyStore]:
    with tiny_store() as made:
        monkeypatch.chdir(made.folder)
        monkeypatch.setenv("ENVLOCK_HOME", str(made.folder / "home"))
        made.lock("a", "one 1.0")
        yield made


def write_stack(tables: str) -> None:
    Path("a.toml").write_text(
        f'[stack]\nname = "a"\nplatforms = ["{here()}"]\nchannels = ["conda-forge"]\n'
        f'[python]\nversion = "{PYTHON}.*"\n{tables}',
        "utf-8",
    )


def artifact(content: bytes, *, digest: str = "") -> str:
    archive = Path("cifar-10-python.tar.gz")
    archive.write_bytes(content)
    return (
        f'[[artifacts]]\nname = "cifar"\nurl = "{archive.absolute().as_uri()}"\n'
        f'sha256 = "{digest or sha256(content).hexdigest()}"\n'
    )


def verify(*words: str) -> int:
    asked = ["--python", "host", "--device", "cpu", "-q", "--receipt", "r.json"]
    return main(["verify", "a.toml", *asked, *words])


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("words", "level"), [((), "smoke"), (("--level", "train"), "train")])
def test_the_stack_says_the_level_where_the_command_line_does_not(
    words: tuple[str, ...], level: str
):
    write_stack('[verify]\nlevel = "smoke"\n')

    assert verify(*words) == 4  # it has no framework
    assert read_receipt(Path("r.json").read_bytes(), "r.json").level == level


@pytest.mark.usefixtures("tiny")
def test_data_that_the_stack_names_must_be_the_bytes_that_it_says(
    capsys: pytest.CaptureFixture[str],
):
    write_stack(artifact(b"other bytes", digest="0" * 64))

    assert verify() == 2
    assert "cifar-10-python.tar.gz" in capsys.readouterr().err
    assert not Path("r.json").exists()


@pytest.mark.usefixtures("tiny")
def test_data_that_the_stack_names_must_be_cifar(capsys: pytest.CaptureFixture[str]):
    write_stack(artifact(b"no archive"))

    assert verify() == 2
    assert capsys.readouterr().err.startswith(
        "error: cifar-10-python.tar.gz: cannot be trained on: "
    )


@pytest.mark.usefixtures("tiny")
def test_data_is_not_fetched_where_nothing_trains():
    write_stack(artifact(b"other bytes", digest="0" * 64))

    assert verify("--level", "smoke") == 4


@pytest.mark.usefixtures("tiny")
def test_a_stack_with_faults_is_not_verified(capsys: pytest.CaptureFixture[str]):
    write_stack("[verify]\ntimeout-seconds = 0\n")

    assert verify() == 2
    assert "verify.timeout-seconds" in capsys.readouterr().err
