"""Dockerfiles: the images that they start from, what they install, and every command as it is.

What is installed by pip, conda and apt becomes packages; everything else stays a command, which
rules may look at. Variables are followed as far as the file itself gives them a value.
"""

from __future__ import annotations

import json
import re
import shlex
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from envlock.errors import LockError
from envlock.formats.readers.docker_text import (
    Heredoc,
    Instruction,
    read_directives,
    split_instructions,
)
from envlock.formats.readers.docker_variables import assignments, split_words, substitute
from envlock.formats.readers.installs import read_install
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.origins import parse_hash
from envlock.formats.readers.shell_words import is_shell, programs_of, split_commands
from envlock.formats.readers.text import decode
from envlock.model.reading import (
    Command,
    Ecosystem,
    FileKind,
    FoundPackage,
    NamedPlace,
    Origin,
    OriginKind,
    Reading,
)

_LIMIT_BYTES = 200_000
_LIMIT_LINES = 10_000
"""Nobody writes so many instructions."""
_INSTRUCTIONS = frozenset(
    (
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"),
        *("LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME"),
        "WORKDIR",
    )
)
_FLAGS = re.compile(r"(?:--[a-z][\w-]*(?:=\S*)?\s+)+")
_FROM_FLAG = re.compile(r"--from=(\S+)|--mount=\S*?\bfrom=([^\s,]+)")
_PLATFORM = re.compile(r"--platform=(\S+)")
_EMPTY = "scratch"
_VARIABLES_OF_PLACES: Mapping[str, str] = {
    "PIP_INDEX_URL": "index",
    "PIP_EXTRA_INDEX_URL": "extra-index",
    "PIP_FIND_LINKS": "find-links",
    "UV_INDEX_URL": "index",
    "UV_DEFAULT_INDEX": "index",
    "UV_EXTRA_INDEX_URL": "extra-index",
    "UV_INDEX": "extra-index",
    "UV_FIND_LINKS": "find-links",
}
_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*)?(?P<program>\S+)")


def read(content: bytes, file: str) -> Reading:
    """Read a Dockerfile; see the package's contract. Packages of several stages name theirs."""
    notes = Notes()
    text = decode(content, file, notes, limit_bytes=_LIMIT_BYTES, limit_lines=_LIMIT_LINES)
    instructions = list(split_instructions(text, notes))
    if not any(item.name in _INSTRUCTIONS for item in instructions):
        raise LockError(
            f"{file}: expected a Dockerfile, found no instruction of one",
            hints=["is this really the file you meant?"],
        )
    recipe = _Recipe(notes, sum(item.name == "FROM" for item in instructions))
    for item in instructions:
        recipe.add(item)
    if not recipe.has_stage:
        notes.odd("there is no `FROM`: nothing says what it starts from")
    return Reading(
        file=file,
        kind=FileKind.DOCKERFILE,
        packages=tuple(recipe.packages),
        places=tuple(recipe.places.values()),
        settings={**read_directives(text), **recipe.settings},
        commands=tuple(recipe.commands),
        oddities=notes.oddities,
    )


class _Recipe:
    """What the instructions give, one after the other."""

    def __init__(self, notes: Notes, stages: int) -> None:
        self.packages: list[FoundPackage] = []
        self.places: dict[tuple[str, str], NamedPlace] = {}
        self.settings: dict[str, str] = {}
        self.commands: list[Command] = []
        self.has_stage = False
        self._notes = notes
        self._has_several = stages > 1
        self._global: dict[str, str] = {}
        self._values: dict[str, str] = {}
        """What `ARG` and `ENV` of the stage set."""
        self._stages: dict[str, dict[str, str]] = {}
        """The variables of each stage that has a name."""
        self._number = -1
        self._stage = ""

    def add(self, item: Instruction) -> None:
        """Follow an instruction."""
        if item.name == "ONBUILD":
            word, _, rest = item.text.partition(" ")
            item = Instruction(word.upper(), rest.lstrip(), item.line, item.heredocs)
        if item.name not in _INSTRUCTIONS:
            self._notes.odd(f"{shown(item.name)} is no instruction", line=item.line)
            return
        if item.name in ("RUN", "ENV", "ARG"):
            {"RUN": self._run, "ENV": self._env, "ARG": self._arg}[item.name](item)
            return
        self._tell(item.name, item.text, item.line)
        if item.name == "FROM":
            self._from(item)
        elif item.name in ("COPY", "ADD"):
            self._copied_from(item)
            self._tell_heredocs(item.heredocs)

    def _tell(self, name: str, text: str, line: int) -> None:
        self.commands.append(Command(instruction=name, text=text.strip(), line=line))

    def _tell_heredocs(self, heredocs: Iterable[Heredoc]) -> None:
        for heredoc in heredocs:
            self._tell("HEREDOC", heredoc.text, heredoc.line)

    def _arg(self, item: Instruction) -> None:
        for name, value in assignments(item.text):
            self._tell("ARG", name if value is None else f"{name}={value}", item.line)
            values = self._values if self.has_stage else self._global
            if value is not None:
                values[name] = substitute(value, values)
            elif self.has_stage and name in self._global:
                values.setdefault(name, self._global[name])

    def _env(self, item: Instruction) -> None:
        before = dict(self._values) if "$" in item.text else self._values
        found = [(name, value or "") for name, value in assignments(item.text)]
        for name, value in found:
            self._tell("ENV", f"{name}={value}", item.line)
            self._values[name] = substitute(value, before)
            if kind := _VARIABLES_OF_PLACES.get(name):
                for address in self._values[name].split():
                    self._add_place(NamedPlace(address=address, kind=kind, line=item.line))

    def _from(self, item: Instruction) -> None:
        platform = _PLATFORM.search(item.text)
        words = [word for word in split_words(item.text) if not word.startswith("--")]
        self._number += 1
        is_named = len(words) > 2 and words[1].upper() == "AS"  # noqa: PLR2004 - IMAGE AS NAME
        self.has_stage = True
        self._stage = words[2] if is_named else str(self._number)
        image = substitute(words[0].strip("\"'"), self._global) if words else ""
        self._values = dict(self._stages.get(image.lower(), {}))
        if not image:
            self._notes.odd("`FROM` names no image", line=item.line)
        elif image.lower() not in self._stages and image != _EMPTY:
            where = substitute(platform[1], self._global) if platform else ""
            self._add_image(image, words[0], item.line, where)
        if is_named:
            self._stages[self._stage.lower()] = self._values

    def _copied_from(self, item: Instruction) -> None:
        for found in _FROM_FLAG.finditer(item.text):
            written = found[1] or found[2]
            image = substitute(written, {**self._global, **self._values})
            if image.lower() not in self._stages and not image.isdecimal():
                self._add_image(image, written, item.line)

    def _add_image(self, image: str, written: str, line: int, platform: str = "") -> None:
        place, _, digest = image.partition("@")
        name, _, tag = place.rpartition(":")
        if not name or "/" in tag:
            name, tag = place, ""
        hashes = parse_hash(digest) if digest else {}
        if digest and not hashes:
            self._notes.odd(f"{shown(digest)} is no digest", line=line, subject=name)
        origin = Origin(address=image, kind=OriginKind.IMAGE, hashes=hashes, line=line)
        self._add_package(
            FoundPackage(
                name=name,
                ecosystem=Ecosystem.IMAGE,
                version=tag or None,
                wanted=written,
                platforms=(platform,) if platform else (),
                origins=(origin,),
                line=line,
            )
        )

    def _add_package(self, package: FoundPackage) -> None:
        if self._has_several and self._stage:
            package = replace(package, environments=(self._stage,))
        self.packages.append(package)

    def _add_place(self, place: NamedPlace) -> None:
        self.places.setdefault((place.kind, place.address), place)

    def _run(self, item: Instruction) -> None:
        flags = _FLAGS.match(item.text)
        start = flags.end() if flags else 0
        if flags:
            self._tell("RUN", flags.group(), item.line)
            self._copied_from(item)
        body = item.text[start:]
        exec_form = _exec_form(body)
        if exec_form is not None:
            self._run_words(exec_form, item.line)
            return
        bare = body.split("<<", 1)[0].strip() if item.heredocs else body
        is_script = not bare
        if not is_script:
            is_script = self._run_shell(body, lambda offset: item.line_at(start + offset))
        for heredoc in item.heredocs:
            self._run_heredoc(heredoc, is_script=is_script)

    def _run_words(self, words: list[str], line: int) -> None:
        self._tell("RUN", shlex.join(words), line)
        for program in programs_of(words):
            self._install(program, line)

    def _run_heredoc(self, heredoc: Heredoc, *, is_script: bool) -> None:
        shebang = _SHEBANG.match(heredoc.text)
        if not is_script or (shebang and not is_shell([shebang["program"]])):
            self._tell_heredocs([heredoc])
            return
        breaks = [found.start() for found in re.finditer("\n", heredoc.text)]
        self._run_shell(
            heredoc.text, lambda offset: heredoc.line + bisect_right(breaks, offset - 1)
        )

    def _run_shell(self, text: str, line_at: Callable[[int], int]) -> bool:
        """Follow the commands of a shell; say whether one of them is a shell itself."""
        has_shell = False
        for command in split_commands(text):
            line = line_at(command.offset)
            said = text[command.offset : command.end].replace("\\\n", "")
            self._tell("RUN", said, line)
            finder = _Finder(text, command.offset, command.end, line_at)
            for words in command.programs:
                has_shell = has_shell or is_shell(words)
                for program in programs_of(words):
                    self._install(program, line, finder)
        return has_shell

    def _install(self, words: list[str], line: int, finder: _Finder | None = None) -> None:
        values = {**self._global, **self._values}
        found = read_install([substitute(word, values) for word in words], line, self._notes)
        for package in found.packages:
            at = finder.line_of(package) if finder else line
            origins = tuple(replace(origin, line=at) for origin in package.origins)
            self._add_package(replace(package, line=at, origins=origins))
        for place in found.places:
            self._add_place(place)
        for key, value in found.settings.items():
            before = self.settings.get(key, "").split(" ")
            if value not in before:
                self.settings[key] = " ".join([*filter(None, before), value])


class _Finder:
    """The lines of the packages that a command of several lines installs."""

    def __init__(self, text: str, start: int, end: int, line_at: Callable[[int], int]) -> None:
        self._text = text
        self._start = start
        self._at = start
        self._end = end
        self._line_at = line_at
        self._is_long = line_at(start) != line_at(end)

    def line_of(self, package: FoundPackage) -> int:
        """Return the line of what was asked for, in the order of the command."""
        if self._is_long:
            for needle in (package.wanted, package.name):
                at = self._text.find(needle, self._at, self._end)
                if at >= 0:
                    self._at = at + len(needle)
                    return self._line_at(at)
            self._is_long = False
        return self._line_at(self._start)


def _exec_form(text: str) -> list[str] | None:
    """Return the words of `["a", "b"]`; None for a command line."""
    if not text.lstrip().startswith("["):
        return None
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_words = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return words if is_words else None
