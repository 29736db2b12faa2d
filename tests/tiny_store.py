"""Tiny real environments: wheels of a few files, a lock of `file:` URLs, this machine's Python."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from envlock.backends.artifact_fetcher import ArtifactFetcher
from envlock.backends.disk_store import DiskStore
from envlock.backends.files import DiskWorkspace
from envlock.backends.interpreters import HostInterpreters
from envlock.backends.store_keeping import DiskKeeping
from envlock.backends.store_profiles import DiskProfiles
from envlock.backends.store_trees import sweep
from envlock.cli.progress import SilentMeter
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import LockedPackage
from envlock.model.platform import Platform
from envlock.model.store import Environment
from envlock.workflows.build import Build, BuildRequest, BuildTools, build
from envlock.workflows.care import CareTools, RepairTools
from fakes import FakeReporter
from locks import make_lock

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MADE_WITH = "envlock-store 1, tests"
_ZIP_TIME = (2024, 1, 1, 0, 0, 0)


def make_wheel(name: str, version: str = "1.0", files: Mapping[str, bytes] | None = None) -> bytes:
    """Return a wheel with a module, a program, data, and a launcher; the same bytes each time."""
    info = f"{name}-{version}.dist-info"
    content = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n".encode(),
        f"{name}/data.bin": sha256(f"{name} {version}".encode()).digest() * 8,
        f"{name}/shared.txt": b"the same in every package\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-tool = {name}:main\n".encode(),
        **(files or {}),
    }
    rows = [f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in content.items()]
    content[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in content.items():
            entry = zipfile.ZipInfo(path, _ZIP_TIME)
            entry.external_attr = (0o755 if path.endswith(".sh") else 0o644) << 16
            wheel.writestr(entry, data)
    return buffer.getvalue()


def _digest(data: bytes) -> str:
    return urlsafe_b64encode(sha256(data).digest()).decode().rstrip("=")


def here() -> Platform:
    """The platform that the tests run on."""
    from envlock.cli.store_wiring import this_platform  # noqa: PLC0415 - reads the machine

    return this_platform()


@dataclass
class TinyStore:
    """A store in a folder, with wheels and locks beside it."""

    folder: Path
    clock: str = "2026-11-24T10:00:00Z"
    reporter: FakeReporter = field(default_factory=FakeReporter)

    def __post_init__(self) -> None:
        self.store = DiskStore(Path(os.path.realpath(self.folder)) / "home", lambda: self.clock)
        self.profiles = DiskProfiles(self.store.layout)
        self.wheels = self.folder / "wheels"
        self.wheels.mkdir(exist_ok=True)

    @property
    def fetcher(self) -> ArtifactFetcher:
        return ArtifactFetcher(self.store.artifacts, {}, self.folder)

    @property
    def interpreters(self) -> HostInterpreters:
        return HostInterpreters({"PATH": os.environ.get("PATH", os.defpath)})

    def tools(self) -> BuildTools:
        return BuildTools(
            workspace=DiskWorkspace(),
            store=self.store,
            profiles=self.profiles,
            artifacts=self.fetcher,
            interpreters=self.interpreters,
            reporter=self.reporter,
            progress=SilentMeter(),
            made_with=MADE_WITH,
        )

    def care(self) -> CareTools:
        return CareTools(
            store=self.store,
            keeping=DiskKeeping(self.store, self.profiles),
            profiles=self.profiles,
            reporter=self.reporter,
            now=lambda: self.clock,
        )

    def mending(self) -> RepairTools:
        return RepairTools(
            artifacts=self.fetcher,
            interpreters=self.interpreters,
            progress=SilentMeter(),
            made_with=MADE_WITH,
        )

    def wheel(self, name: str, version: str = "1.0") -> Path:
        path = self.wheels / f"{name}-{version}-py3-none-any.whl"
        if not path.exists():
            path.write_bytes(make_wheel(name, version))
        return path

    def lock(self, name: str, *packages: str) -> Path:
        """Write a lock of `name version` packages."""
        rows = [_python_row()]
        for text in packages:
            package, _, version = text.partition(" ")
            wheel = self.wheel(package, version or "1.0")
            rows.append(_wheel_row(package, version or "1.0", wheel))
        path = self.folder / f"{name}.conda-lock.yml"
        path.write_bytes(format_lock(make_lock(*rows)))
        return path

    def build(self, name: str, *packages: str, profile: str | None = None) -> Environment:
        return self.build_lock(self.lock(name, *packages), profile=profile).environment

    def build_lock(self, lock: Path, *, profile: str | None = None) -> Build:
        request = BuildRequest(
            lock=str(lock), platform=here(), python=sys.executable, profile=profile
        )
        with self.store.needs() as needs:
            return build(request, self.tools(), needs)


@contextmanager
def tiny_store() -> Iterator[TinyStore]:
    """Give a store at a short path: a script's first line has to name it; it is removed after."""
    folder = Path(tempfile.mkdtemp(prefix="el-"))
    try:
        yield TinyStore(folder)
    finally:
        sweep(folder)


def _python_row() -> LockedPackage:
    """Say which Python the wheels are for; the machine's own takes its place."""
    file_name = f"python-{PYTHON}.0-0.conda"
    return LockedPackage(
        name="python",
        version=f"{PYTHON}.0",
        manager="conda",
        platform=here().value,
        url=f"https://channel.example/{here().value}/{file_name}",
        md5=None,
        sha256=sha256(file_name.encode()).hexdigest(),
        dependencies={},
    )


def _wheel_row(name: str, version: str, wheel: Path) -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        manager="pip",
        platform=here().value,
        url=wheel.as_uri(),
        md5=None,
        sha256=sha256(wheel.read_bytes()).hexdigest(),
        dependencies={},
    )
