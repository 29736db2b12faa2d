"""One of many processes that build, link, switch and collect in one store, all at once.

Started with one JSON object on stdin, which says what to do; prints one that says what came of it.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from envlock.backends.artifact_fetcher import ArtifactFetcher
from envlock.backends.files import DiskWorkspace
from envlock.backends.interpreters import HostInterpreters
from envlock.backends.store_keeping import DiskKeeping
from envlock.cli.progress import Silence, SilentMeter
from envlock.cli.store_wiring import open_profiles, open_store, this_platform
from envlock.cli.wiring import utc_now
from envlock.errors import StoreError
from envlock.workflows.build import Build, BuildRequest, BuildTools, build, find_current
from envlock.workflows.care import CareTools, CollectRequest, collect
from tiny_builds import snapshot


class Builder:
    """Builds one lock after the other, and looks hard at each environment while it needs it."""

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        self._chance = random.Random(f"{wanted['seed']} {wanted['number']}")
        self._locks: list[str] = wanted["locks"]
        self._reference = {
            label: {path: tuple(entry) for path, entry in entries.items()}
            for label, entries in wanted["reference"].items()
        }
        self._is_alone = not self._reference
        """It makes what the others are held against."""
        self._rounds = 0
        self._profile = f"worker-{wanted['number']}"
        self._link = Path(wanted["links"]) / self._profile
        self._store = open_store()
        self._profiles = open_profiles(self._store)
        self.new: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.faults: list[str] = []

    def round(self) -> None:
        """Build, look, and now and then go back, or make or remove a link."""
        if self._profiles.generations(self._profile):
            self._look(find_current(self._store, self._profiles, self._profile)[1].label)
        with self._store.needs() as needs:
            built = build(self._request(), self._tools(), needs)
            self._rounds += 1
            label = built.environment.label
            (self.new if built.realisation.is_new else self.found)[label] += 1
            self._look(label)
            if self._chance.random() < 0.3:
                self._store.add_out_link(str(self._link), built.environment)
            time.sleep(self._chance.random() * 0.01)
            self._look(label)
        self._after(built)

    def _after(self, built: Build) -> None:
        if self._chance.random() < 0.3:
            self._switch(self._chance.choice(self._profiles.generations(self._profile)).number)
        if self._link.is_symlink():
            self._look(self._link.resolve().name)
            if self._chance.random() < 0.5:
                self._link.unlink()

    def _switch(self, number: int) -> None:
        """Switch to a generation, unless a collector has forgotten it since it was chosen."""
        try:
            self._profiles.switch(self._profile, number)
        except StoreError as error:
            if f"has no generation {number};" not in str(error):
                raise

    def _look(self, label: str) -> None:
        """Hold an environment, row and every file, against what it is elsewhere."""
        if self._is_alone:
            return
        environment = self._store.find(label)
        if environment is None:
            self.faults.append(f"{label} has no row")
            return
        expected = self._reference[label]
        try:
            found = snapshot(Path(environment.path))
        except OSError as error:
            self.faults.append(f"{label} vanished: {error}")
            return
        if found != expected:
            odd = sorted({*found.items()} ^ {*expected.items()})[:3]
            self.faults.append(f"{label} is not what it was: {odd}")

    def _request(self) -> BuildRequest:
        return BuildRequest(
            lock=self._locks[self._rounds % len(self._locks)]
            if self._is_alone
            else self._chance.choice(self._locks),
            platform=this_platform(),
            python="host",
            profile=self._profile,
        )

    def _tools(self) -> BuildTools:
        return BuildTools(
            workspace=DiskWorkspace(),
            store=self._store,
            profiles=self._profiles,
            artifacts=ArtifactFetcher(self._store.artifacts, {}, Path("/")),
            interpreters=HostInterpreters(os.environ),
            reporter=Silence(),
            progress=SilentMeter(),
            made_with="busy",
        )


def build_rounds(wanted: Mapping[str, Any]) -> dict[str, object]:
    """Work for so many rounds; whatever is raised is a failure."""
    builder = Builder(wanted)
    failures = _repeat(builder.round, range(wanted["rounds"]))
    return {
        "new": builder.new,
        "found": builder.found,
        "faults": builder.faults,
        "failures": failures,
    }


def collect_until(wanted: Mapping[str, Any]) -> dict[str, object]:
    """Collect again and again until a file says that it is enough."""
    store = open_store()
    profiles = open_profiles(store)
    tools = CareTools(
        store=store,
        keeping=DiskKeeping(store, profiles),
        profiles=profiles,
        reporter=Silence(),
        now=utc_now,
    )
    collected: Counter[str] = Counter()
    runs = 0

    def once() -> None:
        nonlocal runs
        keep = 1 if runs % 2 else None
        done = collect(CollectRequest(keep=keep, drops_downloads=runs % 5 == 4), tools)
        collected.update(done.holdings.environments)
        runs += 1
        time.sleep(0.01)

    failures = _repeat(once, iter(lambda: Path(wanted["enough"]).exists(), True))
    return {"collected": collected, "runs": runs, "failures": failures}


def _repeat(act: Callable[[], None], times: Any) -> list[str]:
    failures = []
    for _ in times:
        try:
            act()
        except Exception:  # noqa: BLE001 - each is told by the test
            failures.append(traceback.format_exc())
    return failures


if __name__ == "__main__":
    told = json.load(sys.stdin)
    done = build_rounds(told) if told["is_builder"] else collect_until(told)
    json.dump(done, sys.stdout)
