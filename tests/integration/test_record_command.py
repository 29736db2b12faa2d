"""`envlock index record` and what stands around it, as a person uses it, over loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envlock.cli.main import main
from fakes_pypi import HostedIndex, serve
from tiny import make_pin, make_stack, record

STACK = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.11.*"

[pypi-dependencies]
tool = "*"
"""
CHANNELS = {"conda-forge": {"linux-64": [record("python", "3.11.9")]}}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)


def test_a_stack_is_recorded_over_the_index_that_is_named_and_solved_without_it(
    capsys: pytest.CaptureFixture[str],
):
    make_stack(Path(), STACK, CHANNELS)
    hosted = HostedIndex()
    hosted.add("tool", "1.0")
    with serve(hosted) as address:
        assert main(["index", "record", "demo.toml", "--mirror", f"default={address}/simple"]) == 0
    said = capsys.readouterr()
    digest = said.out.strip()
    assert said.err.startswith(f"demo: recording {digest[:12]} (new), as of ")
    assert "  1 distribution on linux-64\n`envlock solve demo.toml` locks it" in said.err

    assert main(["solve", "--json", "demo.toml"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["facts"]["envlock/pypi-recording"] == f"sha256:{digest}"
    assert told["platforms"]["linux-64"]["distributions"] == 1


def test_the_same_answers_make_the_same_recording(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, CHANNELS)
    hosted = HostedIndex()
    hosted.add("tool", "1.0")
    with serve(hosted) as address:
        line = ["index", "record", "demo.toml", "--mirror", f"default={address}/simple", "--json"]
        line += ["--as-of", "2026-01-31"]
        assert main(line) == 0
        first = json.loads(capsys.readouterr().out)["recordings"][0]
        assert main(line) == 0
        (second,) = json.loads(capsys.readouterr().out)["recordings"]

    assert second["recording"] == first["recording"] == second["before"]
    assert second["as_of"] == "2026-01-31T23:59:59Z"


@pytest.mark.parametrize(
    ("mirror", "told"),
    [
        ("nonsense", "--mirror: expected NAME=ADDRESS, found `nonsense`"),
        ("=https://a.example", "--mirror: expected NAME=ADDRESS, found `=https://a.example`"),
        ("default=no-such-folder", "--mirror: there is no folder `no-such-folder`"),
    ],
)
def test_a_mirror_that_cannot_be_is_refused(
    mirror: str, told: str, capsys: pytest.CaptureFixture[str]
):
    make_stack(Path(), STACK, CHANNELS)

    assert main(["index", "record", "demo.toml", "--mirror", mirror]) == 2

    assert capsys.readouterr().err.startswith(f"error: {told}")


def test_making_a_pin_reminds_of_the_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, CHANNELS)
    pins, digest = make_pin(tmp_path / "elsewhere", CHANNELS)
    folder = Path(
        pins.locations(digest)["https://conda.anaconda.org/conda-forge"].removeprefix("file://")
    )

    assert main(["index", "pin", "demo.toml", "--from", str(folder.parent)]) == 0

    assert (
        "hint: these take packages from PyPI too; `envlock index record demo.toml` asks the "
        "package index\n"
    ) in capsys.readouterr().err
