"""The flagship's real records, served on 127.0.0.1, pinned and solved: the committed packages."""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import zstandard

from envlock.cli.main import main
from envlock.formats.conda_lock import split_body

pytestmark = pytest.mark.usefixtures("no_credentials_and_no_proxy")

STACKS = Path(__file__).parents[2] / "stacks"
FLAGSHIP = "torch-cu121"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=["repodata.json.zst", "repodata.json"])
def channels(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The committed pin as channels over HTTP: a pin is a tree that any conda client can read."""
    (pin,) = (path for path in (STACKS / "pins").iterdir() if path.is_dir())
    tree = Path(shutil.copytree(pin, tmp_path / "channels"))
    if request.param == "repodata.json":
        for packed in tree.rglob("repodata.json.zst"):
            with packed.open("rb") as file, packed.with_suffix("").open("wb") as plain:
                zstandard.ZstdDecompressor().copy_stream(file, plain)
            packed.unlink()
    handler = functools.partial(Quiet, directory=str(tree))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_live_pin_of_the_flagship_solves_to_the_committed_packages(
    channels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "stacks"
    folder.mkdir()
    stack = Path(shutil.copy(STACKS / f"{FLAGSHIP}.toml", folder))

    assert main(["index", "pin", "-q", str(stack), "--from", channels]) == 0
    assert main(["solve", "-q", str(stack)]) == 0

    solved = (folder / f"{FLAGSHIP}.conda-lock.yml").read_bytes()
    committed = (STACKS / f"{FLAGSHIP}.conda-lock.yml").read_bytes()
    assert split_body(solved)[1] == split_body(committed)[1]
    assert b'envlock/pin-origin: "live, as of ' in solved
