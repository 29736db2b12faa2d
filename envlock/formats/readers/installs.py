"""What a command installs: pip, uv, pipx, conda and apt as people call them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from envlock.formats.readers.match_spec import read_match_spec
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.pip_lines import read_words
from envlock.model.reading import (
    Ecosystem,
    FoundPackage,
    NamedPlace,
    Origin,
    OriginKind,
)

_PIP = re.compile(r"(?:.*/)?pip[\d.]*")
_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[\d.]*")
_CONDA = re.compile(r"(?:.*/)?(?:conda|mamba|micromamba)")
_CONDA_VALUES = frozenset(
    (
        *("-n", "--name", "-p", "--prefix", "--solver", "--repodata-fn", "--platform", "-r"),
        *("--root-prefix", "--clone", "--subdir", "--experimental", "--log-level", "--rc-file"),
    )
)
_APT_VALUES = frozenset(
    ["-t", "--target-release", "--default-release", "-o", "--option", "-c", "--config-file", "-a"]
)
_APT = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::\w+)?(?:=(?P<version>[^/\s]+)|/\S+)?[+-]?")


@dataclass(slots=True)
class Installed:
    """What one command installs, and where it looks."""

    packages: list[FoundPackage] = field(default_factory=list)
    places: list[NamedPlace] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)


def read_install(words: Sequence[str], line: int, notes: Notes) -> Installed:
    """Return what a program and its arguments install; nothing where they install nothing."""
    program, *rest = _as_program(_without_runner(list(words))) or [""]
    name = program.rpartition("/")[2]
    if _PIP.fullmatch(program):
        return _pip(rest, ("install",), line, notes)
    if name in ("uv", "pipx"):
        return _uv(rest, line, notes)
    if _CONDA.fullmatch(program):
        return _conda(rest, line, notes)
    if name in ("apt", "apt-get", "aptitude"):
        return _apt(rest, line, notes)
    return Installed()


def _as_program(words: list[str]) -> list[str]:
    """Return `python -m pip …` as `pip …`."""
    if words and _PYTHON.fullmatch(words[0]) and "-m" in words:
        return words[words.index("-m") + 1 :]
    return words


def _without_runner(words: list[str]) -> list[str]:
    """Return the program that `conda run`, `xargs`, `poetry run` and their like start."""
    while words and (start := _runner_length(words)):
        words = words[start:]
    return words


def _runner_length(words: list[str]) -> int:
    name = words[0].rpartition("/")[2]
    if name == "xargs":
        at = 1
    elif name in ("conda", "mamba", "micromamba", "poetry", "uv", "pdm", "pixi"):
        if words[1:2] != ["run"]:
            return 0
        at = 2
    else:
        return 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in ("-n", "--name", "-p", "--prefix", "-a", "-I", "--with") else 1
    return at


def _after(words: list[str], names: tuple[str, ...]) -> list[str] | None:
    """Return what follows a subcommand; options may stand before it."""
    for at, word in enumerate(words):
        if word in names:
            return words[at + 1 :]
        if not word.startswith("-"):
            return None
    return None


def _pip(words: list[str], names: tuple[str, ...], line: int, notes: Notes) -> Installed:
    rest = _after(words, names)
    if rest is None:
        return Installed()
    wishes = read_words(rest, line, notes)
    return Installed(wishes.packages, wishes.places, wishes.settings)


def _uv(words: list[str], line: int, notes: Notes) -> Installed:
    """Read `uv pip install`, `uv add`, `uv tool install` and `pipx install`."""
    for group in ("pip", "tool"):
        inner = _after(words, (group,))
        if inner is not None:
            return _pip(inner, ("install",), line, notes)
    return _pip(words, ("add", "install"), line, notes)


def _options(words: Sequence[str], takes_value: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Yield options with their values, and other words under an empty name."""
    waiting = iter(words)
    for word in waiting:
        if not word.startswith("-"):
            yield "", word
            continue
        name, equals, value = word.partition("=")
        if not equals and takes_value(name):
            value = next(waiting, "")
        yield name, value


_CONDA_PLACES: Mapping[str, str] = {
    "-c": "channel",
    "--channel": "channel",
    "--file": "requirements",
    "-f": "environment",
}


def _conda(words: list[str], line: int, notes: Notes) -> Installed:
    found = Installed()
    added = _after(words, ("config",))
    if added is not None:
        pairs = zip(added, added[1:], added[2:], strict=False)
        found.places += [
            NamedPlace(address=value, kind="channel", line=line)
            for option, key, value in pairs
            if option in ("--add", "--append", "--prepend") and key == "channels"
        ]
        return found
    is_env = _after(words, ("env",))
    rest = _after(is_env if is_env is not None else words, ("install", "create", "update"))
    if rest is None:
        return found
    for name, value in _options(rest, lambda name: name in (*_CONDA_VALUES, *_CONDA_PLACES)):
        if name in _CONDA_PLACES:
            is_file = name in ("--file", "-f")
            kind = _file_kind(value, is_env=is_env is not None) if is_file else _CONDA_PLACES[name]
            found.places.append(NamedPlace(address=value, kind=kind, line=line))
        elif not name and is_env is None and (package := read_match_spec(value, notes, line)):
            found.packages.append(package)
    return found


def _file_kind(name: str, *, is_env: bool) -> str:
    """Return what conda reads a file as: an environment, or a list of specs."""
    return "environment" if is_env or name.endswith((".yml", ".yaml")) else "requirements"


def _apt(words: list[str], line: int, notes: Notes) -> Installed:
    found = Installed()
    rest = [word for name, word in _options(words, _APT_VALUES.__contains__) if not name]
    if rest[:1] != ["install"]:
        return found
    for word in rest[1:]:
        match = _APT.fullmatch(word)
        if word.endswith(".deb") and "/" in word:
            origin = Origin(address=word, kind=OriginKind.OTHER, line=line)
            name = word.rpartition("/")[2].partition("_")[0].removesuffix(".deb")
            found.packages.append(_apt_package(name, word, line, origins=(origin,)))
        elif match:
            version = match["version"]
            is_exact = version is not None and "*" not in version and "$" not in version
            found.packages.append(
                _apt_package(match["name"], word, line, version=version if is_exact else None)
            )
        elif not word.startswith("$"):
            notes.odd(f"{shown(word)} is no name of a package of apt", line=line)
    return found


def _apt_package(
    name: str,
    wanted: str,
    line: int,
    *,
    version: str | None = None,
    origins: tuple[Origin, ...] = (),
) -> FoundPackage:
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.APT,
        version=version,
        wanted=wanted,
        origins=origins,
        line=line,
    )
