"""Two machines with a store each, one lock, and a depot between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from envlock.backends.depot_bytecode import StoreBytecode
from envlock.backends.depot_folder import FolderDepot
from envlock.backends.depot_intake import DepotIntake
from envlock.backends.depot_memory import DiskPullMemory
from envlock.backends.disk_store import DiskStore
from envlock.backends.files import DiskWorkspace
from envlock.backends.interpreters import HostInterpreters
from envlock.backends.signing import PrivateKey, PublicKey, load_private_key, load_public_key
from envlock.backends.signing import make_key as write_key
from envlock.backends.store_keeping import DiskKeeping
from envlock.backends.store_profiles import DiskProfiles
from envlock.backends.store_trees import sweep
from envlock.cli.progress import SilentMeter
from envlock.model.store import Environment
from envlock.ports.depot import Depot
from envlock.workflows.build import BuildRequest, BuildTools, build
from envlock.workflows.care import CareTools
from envlock.workflows.closures import ClosureTools
from envlock.workflows.pull import Pull, PullTools, Trust, pull
from envlock.workflows.push import Push, PushTools, push
from fakes import FakeReporter
from tiny_builds import PLACEHOLDER, make_conda, make_python, make_wheel, module_of, write_lock
from tiny_store import MADE_WITH, here


@dataclass
class Machine:
    """A store, and whoever works with it."""

    home: Path
    clock: str = "2026-11-24T10:00:00Z"
    reporter: FakeReporter = field(default_factory=FakeReporter)

    def __post_init__(self) -> None:
        self.store = DiskStore(self.home, lambda: self.clock)
        self.profiles = DiskProfiles(self.store.layout)
        self.keeping = DiskKeeping(self.store, self.profiles)

    def tools(self) -> BuildTools:
        from envlock.backends.artifact_fetcher import ArtifactFetcher  # noqa: PLC0415 - heavy

        return BuildTools(
            workspace=DiskWorkspace(),
            store=self.store,
            profiles=self.profiles,
            artifacts=ArtifactFetcher(self.store.artifacts, {}, self.home),
            interpreters=HostInterpreters({"PATH": os.environ.get("PATH", os.defpath)}),
            reporter=self.reporter,
            progress=SilentMeter(),
            made_with=MADE_WITH,
        )

    def build(self, lock: Path) -> Environment:
        with self.store.needs() as needs:
            return build(_request(lock), self.tools(), needs).environment

    def push(self, lock: Path | str, depot: Depot, key: PrivateKey | None = None) -> Push:
        build_tools = self.tools()
        care = CareTools(
            store=self.store,
            keeping=self.keeping,
            profiles=self.profiles,
            reporter=self.reporter,
            now=lambda: self.clock,
        )
        tools = PushTools(
            closures=ClosureTools(care=care, workspace=DiskWorkspace(), platform=here()),
            artifacts=build_tools.artifacts,
            progress=SilentMeter(),
            depot=depot,
            bytecode=StoreBytecode(self.store),
            reporter=self.reporter,
            measure=lambda path: Path(path).stat().st_size,
            now=lambda: self.clock,
            envlock_version="0.1.0",
        )
        with self.store.needs() as needs:
            return push(str(lock), key, tools, needs)

    def pull(self, lock: Path, depot: Depot, *keys: PublicKey, **trust: Any) -> Pull:
        tools = PullTools(
            build=self.tools(),
            depot=depot,
            bytecode=StoreBytecode(self.store),
            intake=DepotIntake(depot, self.store.artifacts, 2),
            memory=DiskPullMemory(self.store.layout.root),
        )
        with self.store.needs() as needs:
            return pull(_request(lock), Trust(keys=keys, **trust), tools, needs)

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(each.label for each in self.store.environments())

    @property
    def is_untouched(self) -> bool:
        """Whether nothing at all came into the store: no row, tree, archive, manifest, memory."""
        layout = self.store.layout
        with self.store.database() as database:
            rows = self.store.environments() or database.trees()
        kept = (layout.environments, layout.trees, layout.manifests, layout.artifacts)
        files = [path for folder in kept for path in folder.rglob("*") if not path.is_dir()]
        return not rows and not files and not (layout.root / "pulled").exists()

    @property
    def holds_no_environment(self) -> bool:
        """Whether archives at most came: no environment, no row of one, no generation of it."""
        layout = self.store.layout
        links = list(layout.profiles.iterdir())
        return not self.environments and not list(layout.environments.iterdir()) and not links


def _request(lock: Path) -> BuildRequest:
    return BuildRequest(lock=str(lock), platform=here())


@dataclass
class DepotHouse:
    """All of it, in one folder."""

    folder: Path

    def __post_init__(self) -> None:
        self.lock = self.write_lock("demo")
        self.builder = Machine(self.folder / "a")
        self.clean = Machine(self.folder / "somewhere-else")
        self.root = self.folder / "depot"
        self.depot = FolderDepot(self.root)
        self.key, self.public = self.make_key("ours")
        self.other_key, self.other_public = self.make_key("theirs")

    def write_lock(self, name: str, text: str = "one", packages: int = 2) -> Path:
        channel = self.folder / f"channel-{name}"
        config = f"prefix = {PLACEHOLDER}\nsays = {text}\n".encode()
        packed = [
            make_python(channel),
            make_conda(channel, "settings", {"etc/settings.ini": config, "share/text": b"t"}),
            *(
                make_wheel(channel, f"wheel{at}", module_of(f"wheel{at}", 40))
                for at in range(packages)
            ),
        ]
        return write_lock(self.folder / f"{name}.conda-lock.yml", *packed)

    def make_key(self, name: str) -> tuple[PrivateKey, PublicKey]:
        path = self.folder / name
        write_key(path)
        return load_private_key(str(path)), load_public_key(f"{path}.pub")

    @property
    def entry(self) -> Path:
        (path,) = (self.root / "entries").iterdir()
        return path

    @property
    def objects(self) -> list[Path]:
        return sorted((self.root / "objects" / "sha256").rglob("??/*"))

    def statement(self) -> dict[str, Any]:
        document = json.loads(self.entry.read_bytes())
        found: dict[str, Any] = json.loads(b64decode(document["payload"]))
        return found

    def start(
        self, home: str, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start the command line with a store of its own, another HOME and no network."""
        (self.folder / f"{home}-user").mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "envlock", *words],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder / f"{home}-user"),
                "ENVLOCK_HOME": str(self.folder / home),
                **(environment or {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, home: str, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        started = self.start(home, *words, environment=environment)
        out, err = started.communicate(timeout=240)
        return subprocess.CompletedProcess(words, started.returncode, out, err)


@contextmanager
def depot_house() -> Iterator[DepotHouse]:
    """Give a house at a short path; it is removed after."""
    folder = Path(os.path.realpath(mkdtemp(prefix="e")))
    try:
        yield DepotHouse(folder)
    finally:
        sweep(folder)
