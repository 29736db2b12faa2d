"""Fixtures of the tests that ask channels; none is used unless it is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conda_packages import write_channel
from debian_python import make_debian_python
from small_packages import make_small_packages


@pytest.fixture
def no_credentials_and_no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep out of a test what the machine that it runs on has set."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "RATTLER_AUTH_FILE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where downloads lie; nothing of them may stay."""
    yield tmp_path / "cache"
    left = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert left == []


@pytest.fixture(scope="session")
def debian_channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel with a real Python; made once, of Debian's packages."""
    folder = tmp_path_factory.mktemp("debian")
    channel = folder / "channel"
    python = make_debian_python(channel, folder / "work")
    write_channel(channel, [*python, *make_small_packages(channel)])
    return channel
