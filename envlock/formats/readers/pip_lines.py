"""What pip is asked for, as lines of a requirements file or as words of a command.

`packaging` reads each requirement. The parsers of whole files that the index has were not taken:
`requirements-parser` opens the files that it meets and has no hashes, `pip-requirements-parser` is
pip of 2022 in one module, with the network and the disk in it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.pip_requirement import read_requirement
from envlock.model.reading import FoundPackage, NamedPlace

_SHORT: Mapping[str, str] = {
    "-i": "--index-url",
    "--pypi-url": "--index-url",
    "-f": "--find-links",
    "-r": "--requirement",
    "--requirements": "--requirement",
    "-c": "--constraint",
    "--constraints": "--constraint",
    "-e": "--editable",
    "--index": "--extra-index-url",
    "--default-index": "--index-url",
}
_PLACES: Mapping[str, str] = {
    "--index-url": "index",
    "--extra-index-url": "extra-index",
    "--find-links": "find-links",
    "--requirement": "requirements",
    "--constraint": "constraints",
}
_VALUES = frozenset(["--no-binary", "--only-binary", "--trusted-host", "--use-feature"])
_FLAGS = frozenset(["--no-index", "--pre", "--prefer-binary", "--require-hashes"])
_OF_ONE = frozenset(["--config-settings", "--config-setting", "--global-option", "-C"])
"""Options of one requirement that change how it is built."""
_MOST_LINES = 20_000
"""No list asks for so many packages; `packaging` needs a second for them."""
_MOST_WORDS = 2_000
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_OPTION = re.compile(r"(?:^|(?<=\s))-")
_HASH = re.compile(r"--hash[= ]\s*['\"]?([^\s'\"\\]+)")
_HIDDEN_BREAKS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


@dataclass(slots=True)
class Wishes:
    """What lines or words ask for."""

    packages: list[FoundPackage] = field(default_factory=list)
    places: list[NamedPlace] = field(default_factory=list)
    """With `requirements` and `constraints` for the files that are included."""
    settings: dict[str, str] = field(default_factory=dict)


def read_lines(lines: Iterable[tuple[int, str]], notes: Notes) -> Wishes:
    """Return what numbered lines of a requirements file ask for."""
    reader = _Reader(notes)
    for number, logical in enumerate(_join(_real_lines(lines, notes))):
        if number >= _MOST_LINES:
            notes.odd(f"only {_MOST_LINES:,} lines are read, the rest is not", line=logical[0][0])
            break
        reader.read_line(logical)
    return reader.wishes


def read_words(words: Sequence[str], line: int, notes: Notes) -> Wishes:
    """Return what the words after `pip install` ask for, without options that ask for nothing."""
    reader = _Reader(notes)
    if len(words) > _MOST_WORDS:
        notes.odd(f"only {_MOST_WORDS:,} words of the command are read", line=line)
    reader.read_options(list(words[:_MOST_WORDS]), line, is_command=True)
    return reader.wishes


_Line = list[tuple[int, str]]
"""A logical line: the lines that make it up."""


def _real_lines(lines: Iterable[tuple[int, str]], notes: Notes) -> Iterator[tuple[int, str]]:
    """Yield the lines as pip splits them."""
    for number, text in lines:
        if _HIDDEN_BREAKS.search(text):
            notes.odd(
                "a line break that editors do not show is in the line; pip reads what follows as a "
                "line of its own",
                line=number,
            )
            yield from ((number, part) for part in text.splitlines())
        else:
            yield number, text


def _join(lines: Iterable[tuple[int, str]]) -> Iterator[_Line]:
    r"""Join lines that end in `\`, as pip does: a comment ends what it continues."""
    waiting: _Line = []
    for number, text in lines:
        is_comment = text.lstrip().startswith("#")
        if text.endswith("\\") and not is_comment:
            waiting.append((number, text[:-1]))
            continue
        yield [*waiting, (number, f" {text}" if is_comment else text)]
        waiting = []
    if waiting:
        yield waiting


class _Reader:
    """Gathers what is asked for."""

    def __init__(self, notes: Notes) -> None:
        self.wishes = Wishes()
        self._notes = notes

    def read_line(self, parts: _Line) -> None:
        """Read a logical line."""
        text = _COMMENT.sub("", "".join(part for _, part in parts)).strip()
        if not text:
            return
        line = next(number for number, part in parts if part.strip())
        self._note_variables(text)
        option = _OPTION.search(text)
        wanted = text[: option.start()].strip() if option else text
        try:
            words = _split(text[option.start() :]) if option else []
        except ValueError:
            self._notes.odd(f"{shown(text)}: a quote is not closed", line=line)
            words = []
        if not wanted:
            self.read_options(words, line)
            return
        lines = {found: number for number, part in parts for found in _HASH.findall(part)}
        hashes = {}
        for name, value in _pairs(words, self._takes_value):
            if name == "--hash":
                hashes[value] = lines.get(value, line)
            elif name in _OF_ONE:
                self._set(name, f"{wanted.partition('=')[0].strip()}: {value}")
            else:
                self._notes.odd(f"{shown(name)} is no option of a requirement", line=line)
        self._add(wanted, line, hashes)

    def read_options(self, words: list[str], line: int, *, is_command: bool = False) -> None:
        """Read options of a whole file, or all words of a command."""
        for name, value in _pairs(words, self._takes_value):
            if name in _PLACES:
                place = NamedPlace(address=value, kind=_PLACES[name], line=line)
                self.wishes.places.append(place)
            elif name == "--editable":
                self._add(value, line, {}, is_editable=True)
            elif name in _VALUES:
                self._set(name, value)
            elif name in _FLAGS:
                self._set(name, "true")
            elif not name:
                self._add(value, line, {})
            elif not is_command:
                self._notes.odd(f"{shown(name)} is no option that pip reads here", line=line)

    def _add(
        self, text: str, line: int, hashes: Mapping[str, int], *, is_editable: bool = False
    ) -> None:
        if text[:1] in ("'", '"') and text[1:].endswith(text[0]):
            text = text[1:-1]
        package = read_requirement(
            text, self._notes, line=line, hashes=hashes, is_editable=is_editable
        )
        if package is not None:
            self.wishes.packages.append(package)

    def _set(self, name: str, value: str) -> None:
        """Record a setting; several values of one stand side by side."""
        key = name.lstrip("-")
        before = self.wishes.settings.get(key, "").split(" ")
        if value not in before:
            self.wishes.settings[key] = " ".join([*filter(None, before), value])

    def _note_variables(self, text: str) -> None:
        for name in _VARIABLE.findall(text):
            self._set("variables", name)

    @staticmethod
    def _takes_value(name: str) -> bool:
        known = (*_PLACES, *_VALUES, *_OF_ONE, "--hash", "--editable", *_COMMAND_VALUES)
        return name in known


_COMMAND_VALUES = (
    *("--target", "-t", "--platform", "--python-version", "--implementation", "--abi", "--root"),
    *("--prefix", "--src", "--upgrade-strategy", "--progress-bar", "--root-user-action"),
    *("--report", "--log", "--proxy", "--retries", "--timeout", "--exists-action", "--cert"),
    *("--client-cert", "--cache-dir", "--python", "-p", "--group", "--extra", "--index-strategy"),
    *("--link-mode", "--resolution", "--prerelease", "--override", "--build-constraint", "-b"),
    *(
        "--torch-backend",
        "--exclude-newer",
        "--keyring-provider",
        "--config-file",
        "--no-build-package",
    ),
)
"""Options of `pip install` and `uv pip install` that take a value and ask for no package."""


def _split(text: str) -> list[str]:
    """Split words as a shell does; `shlex` is slow, and most lines have no quotes."""
    return shlex.split(text) if re.search(r"['\"\\]", text) else text.split()


def _pairs(words: Sequence[str], takes_value: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Yield the options with their values, and words that are none under an empty name."""
    waiting = iter(words)
    for word in waiting:
        if not word.startswith("-") or word in ("-", "--"):
            if word not in ("-", "--"):
                yield "", word
            continue
        name, equals, value = word.partition("=")
        if not word.startswith("--") and word[:2] in _SHORT and word[2:]:
            name, equals, value = word[:2], "=", word[2:].removeprefix("=")
        name = _SHORT.get(name, name)
        if not equals and takes_value(name):
            value = next(waiting, "")
        yield name, value
