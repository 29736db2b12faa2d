"""`envlock index record` and what stands around it, as a person uses it, over loopback."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest
import zstandard

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


def test_show_tells_how_large_the_wheels_are(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, CHANNELS)
    hosted = HostedIndex()
    listed = hosted.add("tool", "1.0")
    with serve(hosted) as address:
        main(["index", "record", "-q", "demo.toml", "--mirror", f"default={address}/simple"])
    main(["solve", "-q", "demo.toml"])
    capsys.readouterr()

    assert main(["show", "--json", "demo.toml"]) == 0

    (platform,) = json.loads(capsys.readouterr().out)["platforms"].values()
    assert platform["unknown_sizes"] == 0
    assert platform["download_bytes"] == 1000 + len(listed.body)


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


PRIVATE = """
[[pypi-index]]
name = "team"
url = "{url}"
packages = ["tool"]
"""
SECRET = "Zx9-Quiet-Otter-77"  # noqa: S105 - a test's own


@pytest.mark.parametrize(
    ("url", "environment", "netrc"),
    [
        ("http://{host}/${{TOKEN}}/simple", {"TOKEN": SECRET}, ""),
        ("http://${{ME}}:${{TOKEN}}@{host}/simple", {"ME": "bob", "TOKEN": SECRET}, ""),
        ("http://{host}/simple?key=${{TOKEN}}", {"TOKEN": SECRET}, ""),
        (
            "http://{host}/simple",
            {"UV_INDEX_TEAM_USERNAME": "bob", "UV_INDEX_TEAM_PASSWORD": SECRET},
            "",
        ),
        ("http://{host}/simple", {}, f"machine 127.0.0.1 login bob password {SECRET}\n"),
    ],
    ids=["path", "login", "query", "environment", "netrc"],
)
def test_a_private_index_leaves_no_secret_in_lock_recording_or_output(
    url: str,
    environment: dict[str, str],
    netrc: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    hosted = HostedIndex()
    hosted.add("tool", "1.0")
    if "/$" in url and "@" not in url:
        hosted.prefix = f"/{SECRET}"
    elif "?" in url:
        hosted.query = {"key": SECRET}
    else:
        hosted.login = ("bob", SECRET)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "netrc").write_text(netrc, "utf-8")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(hosted) as address:
        host = address.removeprefix("http://")
        make_stack(Path(), STACK + PRIVATE.format(url=url.format(host=host)), CHANNELS)
        assert main(["index", "record", "demo.toml"]) == 0, capfd.readouterr().err
        assert main(["solve", "--json", "demo.toml"]) == 0
        assert main(["show", "--json", "demo.toml"]) == 0
        hosted.faults = {"*": 401}
        main(["index", "record", "demo.toml", "--json"])
        main(["index", "record", "demo.toml"])

    said = capfd.readouterr()
    left = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    recordings = [
        zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
        for path in tmp_path.rglob("*.json.zst")
        if path.parent.name == "pypi"
    ]
    assert recordings
    everything = b"".join([*left, *recordings, said.out.encode(), said.err.encode()])
    everything = everything.replace((tmp_path / "netrc").read_bytes() or b"\0", b"")
    for secret in (SECRET, quote(SECRET, safe=""), b64encode(f"bob:{SECRET}".encode()).decode()):
        assert secret.encode() not in everything
