"""What reading the GPU code of real wheels costs: bytes and seconds, with what the tables say.

usage: python benchmarks/wheel_kernels.py [NAME==VERSION[:PART,PART...] | FILE.whl]...

Each wheel is looked up on the package index and opened over ranges of HTTP. The parts, such as
`cp311-cp311,x86_64`, must be in the file's name; where several files have them the first is taken.
Bytes are those that came over the wire, the seconds include looking up the project's page. Needs
`pip install '.[dev]'` and the package index; the last column compares with the fact tables.
"""

from __future__ import annotations

import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import requests
from packaging.utils import parse_wheel_filename
from pypi_simple import PYPI_SIMPLE_ENDPOINT, DistributionPackage, PyPISimple
from remotezip import RemoteZip
from urllib3 import HTTPResponse

from envlock.backends.pypi_kernels import read_kernels
from envlock.compat.wheels import wheel_facts
from envlock.model.platform import Platform
from envlock.model.verdict import Kernels

LINUX = "cp311-cp311,manylinux,x86_64"
WHEELS = (
    f"torch==2.0.1:{LINUX}",
    f"torch==2.4.1:{LINUX}",
    "torch==2.4.1:cp311-cp311,win_amd64",
    f"torch==2.8.0:{LINUX}",
    f"torch==2.15.0:{LINUX}",
    "torch==2.15.0:cp312-cp312,manylinux,aarch64",
    "tensorflow==2.10.0:cp310-cp310,manylinux,x86_64",
    f"tensorflow==2.19.0:{LINUX}",
    f"tensorflow==2.21.0:{LINUX}",
    "tensorflow==2.21.0:cp311-cp311,manylinux,aarch64",
    "jax-cuda12-plugin==0.12.0.1:cp312-cp312,x86_64",
    "jax-cuda13-plugin==0.12.0.1:cp312-cp312,x86_64",
)
PLATFORMS = {
    "x86_64": Platform.LINUX_64,
    "aarch64": Platform.LINUX_AARCH64,
    "win_amd64": Platform.WIN_64,
}
OpenWheel = Callable[[], AbstractContextManager[zipfile.ZipFile]]


class CountingSession(requests.Session):
    """A session that remembers its answers: each knows how much of it was read off the wire."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[HTTPResponse] = []

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request and remember what came back."""
        answer = super().send(request, **kwargs)
        self.answers.append(answer.raw)
        return answer

    def bytes_read(self) -> int:
        """Return the bytes of all bodies, as far as they were read."""
        return sum(answer.tell() for answer in self.answers)


def find(client: PyPISimple, wanted: str) -> DistributionPackage:
    """Return the first wheel of the index that a command-line argument names."""
    requirement, _, parts = wanted.partition(":")
    name, _, version = requirement.partition("==")
    for file in client.get_project_page(name).packages:
        is_wheel = file.package_type == "wheel" and file.version == version
        if is_wheel and all(part in file.filename for part in parts.split(",")):
            return file
    raise SystemExit(f"the package index has no wheel for `{wanted}`")


def measure(wanted: str) -> None:
    """Read one wheel and print what came of it."""
    session = CountingSession()
    started = time.perf_counter()
    path = Path(wanted)
    if path.suffix == ".whl":
        if not path.exists():
            print(f"{path.name}: not here, left out")
            return
        found = read(path.name, lambda: zipfile.ZipFile(path))
        report(path.name, found, path.stat().st_size, None, time.perf_counter() - started)
        return
    with PyPISimple(PYPI_SIMPLE_ENDPOINT) as client:
        file = find(client, wanted)
    found = read(file.filename, lambda: RemoteZip(file.url, session=session))
    seconds = time.perf_counter() - started
    report(file.filename, found, file.size or 0, session.bytes_read(), seconds)


def read(file_name: str, open_wheel: OpenWheel) -> Kernels | None:
    """Read the GPU code of a wheel by the name of its file."""
    name, version, _, _ = parse_wheel_filename(file_name)
    return read_kernels(name, str(version), open_wheel)


def report(
    file_name: str, found: Kernels | None, size: int, fetched: int | None, seconds: float
) -> None:
    """Print one wheel's figures."""
    told = "local file" if fetched is None else f"{fetched / 1e6:.2f} MB read"
    print(file_name)
    print(f"  {size / 1e6:.1f} MB, {told}, {seconds:.1f} s; {compare(file_name, found)}")
    if found:
        code = f"sass {' '.join(found.sass) or '-'} ptx {' '.join(found.ptx) or '-'}"
        print(f"  CUDA {found.line or '-'} {code} family {' '.join(found.family) or '-'}")
        print(f"  {found.evidence.source if found.evidence else 'the wheel does not say'}")


def compare(file_name: str, found: Kernels | None) -> str:
    """Say whether the fact tables have the same line and the same architectures."""
    name, version, _, _ = parse_wheel_filename(file_name)
    platform = next((PLATFORMS[part] for part in PLATFORMS if part in file_name), None)
    known = wheel_facts(name, str(version), platform) if platform else None
    if known is None or found is None or found.evidence is None:
        return "nothing to compare"
    same = (known.line, known.sass, known.ptx) == (found.line, found.sass, found.ptx)
    return "as the tables say" if same else f"the tables say {known.line} {known.sass} {known.ptx}"


def main() -> None:
    """Measure the wheels of the command line, or the usual ones."""
    for wanted in sys.argv[1:] or WHEELS:
        measure(wanted)


if __name__ == "__main__":
    main()
