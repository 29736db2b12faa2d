"""A tiny channel, how the tests ask it, and what an error about it must say."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.backends.rattler_channels import RattlerIndex
from envlock.errors import WorldError
from envlock.formats.index_pin import make_pin, pin_digest
from envlock.model.pin import Origin
from envlock.model.platform import Platform
from envlock.ports.index import ChannelSource, Reach, Records
from integration.channel_server import (
    Folders,
    repodata,
)

URL = "https://conda.anaconda.org/tiny"
NOW = "2026-01-31T12:00:00Z"
LINUX = Reach(platform=Platform.LINUX_64, specs=("python 3.11.*", "numpy"))
SECONDS = 15.0
"""Every query against a faulty server must be over by then; rattler's own retries take up to 8."""


def record(name: str, version: str, *depends: str, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": list(depends),
        "md5": "0" * 32,
        "sha256": sha256(f"{name} {version}".encode()).hexdigest(),
        "size": 1000,
        "subdir": "linux-64",
        "timestamp": 1_700_000_000_000,
        **more,
    }


FOLDERS: Folders = {
    "linux-64": {
        "python-3.11.9-0.conda": record("python", "3.11.9", "libz >=1", "pip", "__glibc >=2.17"),
        "python-3.12.1-0.conda": record("python", "3.12.1", "only-for-312"),
        "only-for-312-1-0.conda": record("only-for-312", "1"),
        "libz-1.2-0.tar.bz2": record("libz", "1.2", constrains=["zlib 1.2.*"], license="Zlib"),
        "libz-1.3-0.conda": record("libz", "1.3"),
        "libz-1.3-0.tar.bz2": record("libz", "1.3", license="the older archive of one build"),
        "numpy-2.0-0.conda": record("numpy", "2.0", "python >=3.11,<3.12", "libz"),
        "unrelated-1-0.conda": record("unrelated", "1"),
    },
    "noarch": {
        "pip-24.0-0.conda": record("pip", "24.0", "python", subdir="noarch", noarch="python"),
    },
}


LOGIN = (
    "give the channel's credentials in ~/.netrc or in the file that RATTLER_AUTH_FILE names "
    "(`pixi auth login` writes one)"
)
USER, SECRET = "me", "hunter2"
PASSWORD = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()


def ask(
    location: str,
    scratch: Path,
    *,
    url: str = URL,
    reaches: Sequence[Reach] = (LINUX,),
    stall_seconds: float = 10.0,
    timeout_seconds: float = 30.0,
    retries: int = 0,
) -> Mapping[tuple[str, str], Records]:
    index = RattlerIndex(
        scratch, timeout_seconds=timeout_seconds, stall_seconds=stall_seconds, retries=retries
    )
    return index.query([ChannelSource(url=url, location=location)], reaches)


def refusal(location: str, scratch: Path, **limits: float) -> WorldError:
    """Ask, and return the error that must come within seconds."""
    began = time.monotonic()
    with pytest.raises(WorldError) as caught:
        ask(location, scratch, **limits)  # type: ignore[arg-type]
    assert time.monotonic() - began < SECONDS
    return caught.value


def write_folder(root: Path, folders: Folders) -> str:
    for subdir, records in folders.items():
        (root / subdir).mkdir(parents=True)
        (root / subdir / "repodata.json").write_bytes(repodata(subdir, records))
    return root.as_uri()


def digest(found: Mapping[tuple[str, str], Records]) -> str:
    return pin_digest(make_pin(Origin.LIVE, NOW, found)[0])


def names(found: Mapping[tuple[str, str], Records], subdir: str = "linux-64") -> list[str]:
    return sorted(found[URL, subdir])


def message(asked: str, received: str, subdirs: str = "linux-64") -> str:
    return (
        "no repodata from the channel `tiny`\n"
        f"  asked:    {asked} ({subdirs})\n"
        "  expected: repodata, sharded, zst or JSON\n"
        f"  received: {received}\n"
        "No pin was written."
    )
