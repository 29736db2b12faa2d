"""A shell's command line as commands and words, as far as it can be told without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
      (?P<blank>(?:[ \t\r]|\\\n)+)
    | (?P<pipe>\|(?!\|)&?)
    | (?P<end>\n|&&|\|\||;;?|&(?!>)|[()])
    | (?P<redirect>\d*(?:&>>?|>>|>&|<&|<<<|<<-?|>\||[<>]))
    | (?P<quoted>'[^']*'|"(?:[^"\\]|\\[\s\S])*")
    | (?P<open>\$\(|`)
    | (?P<plain>(?:\\[\s\S]|[^\s'"\\;&|()<>`$\#]|\$(?!\()|(?<=[^\s;&|()])\#)+)
    | (?P<comment>\#[^\n]*)
    | (?P<other>[\s\S])
    """,
    re.VERBOSE,
)
_KEYWORDS = frozenset(
    ["if", "then", "else", "elif", "fi", "do", "done", "while", "until", "!", "{", "}", "time"]
)
_PREFIXES = frozenset(["sudo", "env", "exec", "command", "nohup", "nice", "eval", "builtin"])
_SHELLS = re.compile(r"(?:.*/)?(?:ba|da|z|k|a)?sh")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_DEEPEST = 3
"""Shells in shells."""


@dataclass(slots=True)
class ShellCommand:
    """What runs up to the next `&&`, `;` or line end: one program, or several joined by `|`."""

    offset: int
    end: int
    programs: list[list[str]] = field(default_factory=lambda: [[]])
    """The words of each program, quotes taken off."""


def split_commands(text: str) -> Iterator[ShellCommand]:
    """Yield the commands of a shell's text with their places in it. Never raises."""
    splitter = _Splitter()
    at = 0
    while match := _TOKEN.match(text, at):
        kind, value, at = match.lastgroup or "", match.group(), match.end()
        if kind == "open":
            at = _close(text, match)
            value = text[match.start() : at]
        if kind in ("quoted", "plain", "open", "other"):
            splitter.add_to_word(_bare(kind, value), match.start(), at)
        else:
            splitter.end_word()
            if kind == "end":
                yield from splitter.end_command()
            elif kind in ("pipe", "redirect"):
                splitter.add_operator(at, is_pipe=kind == "pipe")
    splitter.end_word()
    yield from splitter.end_command()


class _Splitter:
    """The command that is being read."""

    def __init__(self) -> None:
        self._command = ShellCommand(0, 0)
        self._word: str | None = None
        self._is_target = False
        """Whether the next word is a file that is read or written."""

    def add_to_word(self, part: str, start: int, end: int) -> None:
        """Add a part of a word."""
        if self._word is None and self._is_empty:
            self._command.offset = start
        self._word = (self._word or "") + part
        self._command.end = end

    @property
    def _is_empty(self) -> bool:
        return not any(self._command.programs)

    def end_word(self) -> None:
        """Take the word that ended; the shell's own words and files are none of a program."""
        word, is_target = self._word, self._is_target
        if word is None:
            return
        self._word, self._is_target = None, False
        if not is_target and not (self._is_empty and word in _KEYWORDS):
            self._command.programs[-1].append(word)

    def add_operator(self, end: int, *, is_pipe: bool) -> None:
        """Begin the next program of a pipe, or a redirection."""
        self._command.end = end
        if is_pipe:
            self._command.programs.append([])
        else:
            self._is_target = True

    def end_command(self) -> Iterator[ShellCommand]:
        """Yield the command that ended, if there is one, and begin the next."""
        command, self._command = self._command, ShellCommand(0, 0)
        self._is_target = False
        command.programs = [words for words in command.programs if words]
        if command.programs:
            yield command


def _bare(kind: str, value: str) -> str:
    if kind == "plain":
        return re.sub(r"\\([\s\S])", lambda found: "" if found[1] == "\n" else found[1], value)
    if kind == "quoted" and value.startswith("'"):
        return value[1:-1]
    if kind == "quoted":
        return re.sub(r"\\([\"\\$`\n])", lambda found: found[1].strip("\n"), value[1:-1])
    return value


def _close(text: str, opened: re.Match[str]) -> int:
    """Return where `$(…)` or `` `…` `` ends; the end of the text where it is not closed."""
    if opened.group() == "`":
        end = text.find("`", opened.end())
        return end + 1 if end >= 0 else len(text)
    depth = 1
    for bracket in re.finditer(r"[()]", text[opened.end() :]):
        depth += 1 if bracket.group() == "(" else -1
        if not depth:
            return opened.end() + bracket.end()
    return len(text)


def programs_of(words: list[str], depth: int = 0) -> Iterator[list[str]]:
    """Yield the programs that words run: without what stands before, and inside `bash -c '…'`."""
    words = _without_prefixes(words)
    if not words:
        return
    yield words
    if depth < _DEEPEST and _SHELLS.fullmatch(words[0]):
        script = _script(words)
        for command in split_commands(script):
            for program in command.programs:
                yield from programs_of(program, depth + 1)


def _without_prefixes(words: list[str]) -> list[str]:
    at = 0
    is_prefixed = False
    while at < len(words):
        word = words[at]
        is_option = is_prefixed and word.startswith("-")
        if not (word in _KEYWORDS or word in _PREFIXES or _ASSIGNMENT.match(word) or is_option):
            break
        is_prefixed = is_prefixed or word in _PREFIXES
        at += 1
    return words[at:]


def _script(words: list[str]) -> str:
    """Return the text after `-c` of a shell, empty where there is none."""
    is_value = False  # of `-o pipefail`
    for at, word in enumerate(words[1:-1], start=1):
        if re.fullmatch(r"-[a-z]*c", word):
            return words[at + 1]
        if not is_value and not word.startswith(("-", "+")):
            return ""
        is_value = not is_value and re.fullmatch(r"[-+][a-z]*o", word) is not None
    return ""


def is_shell(words: list[str]) -> bool:
    """Say whether words run a shell that reads its commands from what is piped into it."""
    bare = _without_prefixes(words)
    return bool(bare) and _SHELLS.fullmatch(bare[0]) is not None and not _script(bare)
