"""A package index in memory: what each wheel needs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from envlock.errors import PinError
from envlock.formats.stack_rules import normal_name
from envlock.model.platform import Platform
from envlock.model.pypi import DistributionFile, Page, PypiAsk, PypiQuestion
from envlock.model.stack import DEFAULT_INDEX, Where
from envlock.model.verdict import Kernels
from envlock.ports.pypi import Replay

HOST = "https://files.example.org"


@dataclass
class Wheelhouse:
    """Implements `ports.pypi.PackageSource`; remembers the names that it was asked for."""

    pages: dict[str, list[DistributionFile]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    code: dict[str, Kernels] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unrecorded: frozenset[str] = frozenset()

    def add(
        self,
        name: str,
        version: str,
        *requires: str,
        tag: str = "py3-none-any",
        file_name: str | None = None,
        extras: Sequence[str] = (),
        yanked: str | None = None,
        uploaded: str = "2024-01-01T00:00:00Z",
        requires_python: str = "",
        kernels: Kernels | None = None,
    ) -> DistributionFile:
        """List a wheel of a project."""
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {version}",
            *(f"Provides-Extra: {extra}" for extra in extras),
            *(f"Requires-Dist: {item}" for item in requires),
        ]
        text = ("\n".join(lines) + "\n").encode()
        shown = file_name or f"{name.replace('-', '_')}-{version}-{tag}.whl"
        file = DistributionFile(
            file_name=shown,
            url=f"{HOST}/{shown}",
            sha256=sha256(text + shown.encode()).hexdigest(),
            size_bytes=1000,
            uploaded=uploaded,
            requires_python=requires_python,
            yanked=yanked,
        )
        self.pages.setdefault(normal_name(name), []).append(file)
        self.texts[file.sha256] = text
        if kernels:
            self.code[file.sha256] = kernels
        return file

    def page(self, name: str) -> Page | None:
        self.asked.append(name)
        if name in self.unrecorded:
            raise PinError(f"`{name}` was never asked for when the recording was made")
        files = self.pages.get(name)
        return (
            Page(index=DEFAULT_INDEX, name=name, files=tuple(files)) if files is not None else None
        )

    def url_page(self, name: str, url: str) -> Page:
        (file,) = (file for file in self.pages[name] if file.url == url)
        return Page(index="url", name=name, files=(file,))

    def metadata(self, file: DistributionFile) -> bytes:
        return self.texts[file.sha256]

    def kernels(self, name: str, version: str, file: DistributionFile) -> Kernels | None:
        return self.code.get(file.sha256)


def ask(requirement: str, key: str = "pypi-dependencies", line: int = 1) -> PypiAsk:
    """One line of a stack."""
    name = requirement.split("[", maxsplit=1)[0]
    for sign in "<>=!~ ;":
        name = name.split(sign)[0]
    where = Where(file="a.toml", key=f"{key}.{name}", line=line)
    return PypiAsk(name=normal_name(name), requirement=requirement, wish=requirement, where=where)


def question(*requirements: str, **changes: object) -> PypiQuestion:
    """A question for Linux and Python 3.11."""
    given: dict[str, object] = {
        "platform": Platform.LINUX_64,
        "python": "3.11.9",
        "glibc": "2.28",
        "macos": None,
        "asks": tuple(ask(item, line=at) for at, item in enumerate(requirements, 1)),
        "constraints": (),
        "fixed": (),
        "as_of": "2026-01-01T00:00:00Z",
        **changes,
    }
    return PypiQuestion(**given)  # type: ignore[arg-type]


@dataclass
class WheelhouseIndexes:
    """Implements `ports.pypi.PackageIndexes` and `ports.pypi.Recorder` over one wheelhouse."""

    house: Wheelhouse
    identity: str = "uv 0"

    def live(
        self, indexes: object, as_of: str, sdists: object, pythons: object
    ) -> WheelhouseIndexes:
        return self

    def __getattr__(self, name: str) -> object:
        return getattr(self.house, name)

    def recording(self, identity: str, as_of: str) -> bytes:
        return f"{identity}\n{as_of}\n{sorted(set(self.house.asked))}".encode()

    def replay(self, recording: bytes) -> Replay:
        identity, as_of, _ = recording.decode().split("\n")
        return Replay(source=self.house, identity=identity, as_of=as_of)
