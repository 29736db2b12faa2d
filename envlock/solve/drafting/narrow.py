"""What of a file a draft is about: one environment, and the platforms that a stack can name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from envlock.formats.plain import count
from envlock.model.draft import Decision, LeftOut
from envlock.model.platform import Platform
from envlock.model.reading import Ecosystem, FoundPackage, FoundPlatform, Reading

_USUAL = ("default", "main", "base")
_OF_DOCKER = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}
_KNOWN = tuple(item.value for item in Platform)


class Narrowed(Struct, frozen=True, kw_only=True):
    """A reading of one environment, on platforms that go by conda's names."""

    reading: Reading
    platforms: Decision
    left_out: tuple[LeftOut, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The platforms, in the order of the stack to be."""
        return tuple(item.subdir for item in self.reading.platforms)


def narrow(reading: Reading) -> Narrowed:
    """Return the part of a reading that one stack can say. Never raises."""
    subdirs = {item.name: item.subdir for item in reading.platforms}
    everything = [(package, "") for package in reading.packages]
    chosen, others = (
        _one_environment(reading.packages) if reading.kind.is_lock else (everything, ())
    )
    kept = [_on(package, subdirs, environment) for package, environment in chosen]
    found = dict.fromkeys(_found(reading, kept))
    platforms = tuple(sorted((name for name in found if name in _KNOWN), key=_KNOWN.index))
    reason, is_guess = f"from {reading.file}", False
    if not platforms:
        reason, is_guess = "the file names no platform that envlock solves for", True
        platforms = (Platform.LINUX_64.value,)
    return Narrowed(
        reading=msgspec.structs.replace(
            reading,
            packages=tuple(_within(kept, platforms)),
            platforms=tuple(FoundPlatform(name=name, subdir=name) for name in platforms),
        ),
        platforms=Decision(
            path=("stack", "platforms"), value=list(platforms), reason=reason, is_guess=is_guess
        ),
        left_out=(*others, *(_unknown(name) for name in found if name not in _KNOWN)),
    )


def _one_environment(
    packages: Sequence[FoundPackage],
) -> tuple[list[tuple[FoundPackage, str]], tuple[LeftOut, ...]]:
    """Return the packages of the usual environment, each with its name.

    Those of all, with no name, where there is none that is usual.
    """
    sizes = Counter(name for package in packages for name in package.environments)
    chosen = next((name for name in _USUAL if name in sizes), None)
    if chosen is None:
        return [(package, "") for package in packages], ()
    kept = [
        (item, chosen) for item in packages if not item.environments or chosen in item.environments
    ]
    lost = Counter(
        name for item in packages if chosen not in item.environments for name in item.environments
    )
    told = (
        LeftOut(
            what=f"environment {name}",
            reason=f"{count(number, 'package')} that `{chosen}` does not have: one stack is one "
            "environment",
        )
        for name, number in sorted(lost.items())
    )
    return kept, tuple(told)


def _found(reading: Reading, packages: Iterable[FoundPackage]) -> Iterable[str]:
    named = [item.subdir for item in reading.platforms]
    if not named:
        named = [name for item in packages for name in item.platforms]
    if not named:
        named = [
            item.subdir
            for item in packages
            if item.ecosystem is Ecosystem.CONDA and item.subdir not in ("", "noarch")
        ]
    return named


def _on(package: FoundPackage, subdirs: dict[str, str], environment: str) -> FoundPackage:
    """Return a package with the platforms that the environment has it on, by conda's names."""
    named = [place[1] for place in package.places if place[0] == environment] or package.platforms
    names = tuple(dict.fromkeys(_subdir(name, subdirs) for name in named))
    return msgspec.structs.replace(package, platforms=names, places=())


def _subdir(name: str, subdirs: dict[str, str]) -> str:
    return subdirs.get(name, _OF_DOCKER.get(name, name))


def _within(packages: Iterable[FoundPackage], platforms: Sequence[str]) -> Iterable[FoundPackage]:
    """Yield the packages of some platforms; what is on none of them goes with its platform."""
    for package in packages:
        names = tuple(name for name in package.platforms if name in platforms)
        if names or not package.platforms:
            yield msgspec.structs.replace(package, platforms=names)


def _unknown(name: str) -> LeftOut:
    return LeftOut(
        what=f"platform {name}", reason=f"envlock solves for {', '.join(_KNOWN)} and no others"
    )
