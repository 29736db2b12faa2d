"""Profiles on the disk: links, replaced in one step.

profiles/torch-cu121-3-link -> ../store/<key>-torch-cu121
profiles/torch-cu121        -> torch-cu121-3-link
profiles/.torch-cu121-3-data -> ../data/<key>, where the stack has artifacts
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from envlock.backends.store_layout import HIDDEN, StoreLayout
from envlock.backends.store_locks import held
from envlock.backends.store_trees import disk_errors, flush_folder
from envlock.errors import StoreError
from envlock.model.store import Generation
from envlock.store.generations import check_profile, link_name, parse_link


class DiskProfiles:
    """The profiles of one store. Implements `ports.store.Profiles`."""

    def __init__(self, layout: StoreLayout) -> None:
        self._layout = layout

    def path(self, profile: str) -> Path:
        """Return the link that always points to the current generation."""
        return self._layout.profiles / profile

    def generations(self, profile: str | None = None) -> tuple[Generation, ...]:
        """Return the generations of one profile or of all, ordered by name and number."""
        found = [
            generation
            for link in self._layout.profiles.iterdir()
            if (generation := self._read(link)) is not None
            and profile in (None, generation.profile)
        ]
        return tuple(sorted(found, key=lambda each: (each.profile, each.number)))

    def _read(self, link: Path) -> Generation | None:
        named = parse_link(link.name)
        if named is None or not link.is_symlink():
            return None
        profile, number = named
        try:
            made_at = datetime.fromtimestamp(link.lstat().st_mtime, tz=UTC)
            label = link.readlink().name
        except FileNotFoundError:  # it was forgotten just now
            return None
        return Generation(
            profile=profile,
            number=number,
            label=label,
            made_at=made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            is_current=self._current(profile) == link.name,
            data=self._data(profile, number),
        )

    def _data(self, profile: str, number: int) -> str:
        try:
            return self._data_link(profile, number).readlink().name
        except OSError:
            return ""

    def _data_link(self, profile: str, number: int) -> Path:
        return self._layout.profiles / f"{HIDDEN}{profile}-{number}-data"

    def _current(self, profile: str) -> str:
        try:
            return self.path(profile).readlink().name
        except OSError:
            return ""

    def add(self, profile: str, label: str, data: str = "") -> Generation:
        """Make an environment the current generation; a new one unless it is that already."""
        check_profile(profile)
        with self._changing(profile):
            generations = self.generations(profile)
            current = next((each for each in generations if each.is_current), None)
            if current is not None and (current.label, current.data) == (label, data):
                return current
            number = max([self._highest(profile), *_numbers(generations)]) + 1
            self._keep_data(profile, number, data)
            link = self._layout.profiles / link_name(profile, number)
            place_link(link, os.path.relpath(self._layout.environments / label, link.parent))
            self._point(profile, number)
        return self._find(profile, number)

    def _keep_data(self, profile: str, number: int, data: str) -> None:
        """Note what a generation shows before it is there, so that it is never without."""
        link = self._data_link(profile, number)
        if data:
            place_link(link, os.path.relpath(self._layout.data / data, link.parent))
        else:  # of one that was killed before it had its number
            link.unlink(missing_ok=True)

    def switch(self, profile: str, number: int) -> Generation:
        """Make an old generation the current one, in one step. Raises `StoreError`."""
        check_profile(profile)
        with self._changing(profile):
            self._find(profile, number)
            self._point(profile, number)
        return self._find(profile, number)

    def remove(self, generation: Generation) -> None:
        """Forget a generation that is not current; what it points to stays until it is collected.

        Its number does not come back.
        """
        profile, number = generation.profile, generation.number
        name = link_name(profile, number)
        with self._changing(profile):
            if self._current(profile) != name:
                if number > self._highest(profile):
                    place_link(self._highest_link(profile), f"{number}")
                with disk_errors(f"{name} cannot be removed"):
                    (self._layout.profiles / name).unlink(missing_ok=True)
                    self._data_link(profile, number).unlink(missing_ok=True)

    def forget(self, profile: str) -> None:
        """Forget all generations of a profile, the current one too; their numbers stay used."""
        with self._changing(profile):
            generations = self.generations(profile)
            highest = max([self._highest(profile), *_numbers(generations)])
            place_link(self._highest_link(profile), f"{highest}")
            self.path(profile).unlink(missing_ok=True)
            for each in generations:
                (self._layout.profiles / link_name(profile, each.number)).unlink(missing_ok=True)
                self._data_link(profile, each.number).unlink(missing_ok=True)

    def _highest(self, profile: str) -> int:
        """Return the highest number that was forgotten."""
        try:
            return int(self._highest_link(profile).readlink().name)
        except (OSError, ValueError):
            return 0

    def _highest_link(self, profile: str) -> Path:
        return self._layout.profiles / f"{HIDDEN}{profile}-highest"

    def _changing(self, profile: str) -> AbstractContextManager[None]:
        return held(self._layout.locks / f"profile-{profile}.lock")

    def _find(self, profile: str, number: int) -> Generation:
        generations = self.generations(profile)
        for generation in generations:
            if generation.number == number:
                return generation
        listed = ", ".join(str(each.number) for each in generations) or "none"
        raise StoreError(
            f"profile `{profile}` has no generation {number}; it has: {listed}\n"
            "Nothing was changed.",
            hints=["`envlock generations` lists all profiles"],
        )

    def _point(self, profile: str, number: int) -> None:
        place_link(self.path(profile), link_name(profile, number))


def _numbers(generations: Iterable[Generation]) -> list[int]:
    return [each.number for each in generations]


def place_link(link: Path, target: str) -> None:
    """Put a link in place of whatever link was there, in one step. Raises `WorldError`."""
    with disk_errors(f"{link} cannot be made"):
        staged = link.with_name(f"{HIDDEN}{uuid.uuid4().hex}")
        staged.symlink_to(target)
        try:
            staged.replace(link)
        except OSError:
            staged.unlink(missing_ok=True)
            raise
        flush_folder(link.parent)
