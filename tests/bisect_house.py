"""Two locks of tiny packages that differ in many, and a training whose loss hangs on them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from envlock.cli.store_wiring import this_platform
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock, LockedPackage, LockHead
from tiny_artifacts import conda_package, wheel

TRAIN = """\
\"\"\"Fit a line by gradient descent; each package there has a say in the step size.\"\"\"
import importlib, pkgutil, random, sys

step = 0.4
for found in sorted(pkgutil.iter_modules(), key=lambda each: each.name):
    if found.name.startswith("part_"):
        step = importlib.import_module(found.name).tune(step)
random.seed(1)
points = [(x, 3 * x + 1) for x in (random.uniform(-1, 1) for _ in range(64))]
slope = bias = 0.0
for _ in range(60):
    errors = [(slope * x + bias - y, x) for x, y in points]
    slope -= step * sum(2 * error * x for error, x in errors) / len(points)
    bias -= step * sum(2 * error for error, _ in errors) / len(points)
loss = sum((slope * x + bias - y) ** 2 for x, y in points) / len(points)
print(f"step {step:.3f}, loss {loss:.3g}")
sys.exit(0 if loss < 0.01 else 1)
"""


@dataclass(frozen=True)
class Part:
    """One package: its version, what it does to the step size, what it needs."""

    name: str
    version: str = "1.0"
    factor: float = 1.0
    needs: Mapping[str, str] = field(default_factory=dict)

    def wheel(self, folder: Path) -> LockedPackage:
        source = f"def tune(step):\n    return step * {self.factor}\n"
        made = wheel(self.name, self.version, files={f"part_{self.name}/__init__.py": source})
        return _row(self, made, folder, "pip")

    def conda(self, folder: Path) -> LockedPackage:
        files = {f"share/parts/{self.name}": f"{self.factor}\n"}
        return _row(self, conda_package(self.name, self.version, files=files), folder, "conda")


def _row(part: Part, made: tuple[str, bytes], folder: Path, manager: str) -> LockedPackage:
    file_name, content = made
    folder.mkdir(parents=True, exist_ok=True)
    digest = sha256(content).hexdigest()
    place = folder / digest[:8] / file_name
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    return LockedPackage(
        name=part.name,
        version=part.version,
        manager=manager,
        platform=this_platform().value,
        url=place.as_uri(),
        md5=None,
        sha256=digest,
        dependencies=dict(part.needs),
    )


def parts(count: int, version: str, changed: Sequence[Part] = ()) -> list[Part]:
    """Packages `p00` and on of one version, some of them with a say of their own."""
    own = {part.name: part for part in changed}
    names = [f"p{number:02}" for number in range(count)]
    return [own.get(name, Part(name, version)) for name in names]


def write_lock(path: Path, rows: Sequence[LockedPackage]) -> Path:
    """Write a lock; one of wheels has a row for the Python that runs the test."""
    platform = this_platform().value
    rows = list(rows)
    if any(row.manager == "pip" for row in rows):
        version = ".".join(map(str, sys.version_info[:3]))
        url = f"https://conda.example/{platform}/python-{version}-0.conda"
        python = LockedPackage(
            name="python",
            version=version,
            manager="conda",
            platform=platform,
            url=url,
            md5=None,
            sha256="0" * 64,
            dependencies={},
        )
        rows.append(python)
    head = LockHead(
        channels=("conda-forge",),
        platforms=(platform,),
        sources=("demo.toml",),
        content_hash={},
        facts={"envlock/stack": "demo"},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(format_lock(Lock(head=head, packages=tuple(rows))))
    return path


def wheel_lock(folder: Path, name: str, chosen: Sequence[Part]) -> Path:
    rows = [part.wheel(folder / "wheels") for part in chosen]
    return write_lock(folder / f"{name}.conda-lock.yml", rows)


def conda_lock(folder: Path, name: str, chosen: Sequence[Part]) -> Path:
    rows = [part.conda(folder / "channel") for part in chosen]
    return write_lock(folder / f"{name}.conda-lock.yml", rows)
