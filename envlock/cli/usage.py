"""The command line as people mistype it: argparse's complaints in the form of all other errors.

argparse prints its usage and leaves with a `SystemExit`; here a mistake is an `EnvlockError` with a
hint, so that it reads like every other one and `--json` has it, too. Only `--help` still leaves.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NoReturn

from envlock.errors import EnvlockError

_LOCK_IT = "`envlock solve STACK` writes the lock of a stack"
_INSTALL_IT = (
    "the lock is conda-lock's format, which other tools install: "
    "`conda-lock install -n NAME LOCK` or `micromamba create -n NAME -f LOCK`"
)
_MOVE_IT = (
    "`envlock solve STACK --update NAME` moves packages within the stack's pin",
    "`envlock index update STACK` asks the channels for newer ones",
)
ELSEWHERE = MappingProxyType(
    {
        "lock": (_LOCK_IT,),
        "relock": (_LOCK_IT,),
        "install": (_INSTALL_IT,),
        "update": _MOVE_IT,
        "upgrade": _MOVE_IT,
        "tree": ("`envlock show --tree LOCK` prints what needs what",),
        "info": ("`envlock show LOCK` tells what a lock holds",),
        "freeze": ("a lock is frozen: `envlock show --all LOCK` lists every package of it",),
        "export": (
            "the lock is the file to hand on; `envlock show --json LOCK` prints all of it as JSON",
        ),
    }
)
"""What people type who come from other tools, and what to run here."""


def unknown_command(name: str, commands: Iterable[str]) -> EnvlockError:
    """Return the error for a command that there is not."""
    return EnvlockError(f"there is no command `{name}`", hints=_instead(name, commands))


def _instead(name: str, commands: Iterable[str]) -> Sequence[str]:
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    if name.startswith("-"):
        return ["options stand behind the command: `envlock COMMAND [options]`"]
    near = get_close_matches(name, [*commands, *ELSEWHERE], n=1)
    if near and near[0] in ELSEWHERE:
        return ELSEWHERE[near[0]]
    return [f"did you mean `envlock {near[0]}`?" if near else "`envlock --help` lists the commands"]


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are `EnvlockError`s; its subparsers are of the same class.

    Options are not abbreviated: a script that does would break when an option is added.
    """

    takes_command = False
    """Whether what stands behind `--` is another program's command line: then it is `command`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})
        self._given: Sequence[str] = ()

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Refuse what is left over here, where the command is known, and not at the top."""
        self._given, command = self._split(tuple(args or ()))
        found, rest = super().parse_known_args(self._given, namespace)
        if self.takes_command:
            found.command = command
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest

    def _split(self, args: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if not self.takes_command or "--" not in args:
            return args, ()
        at = args.index("--")
        return args[:at], args[at + 1 :]

    def error(self, message: str) -> NoReturn:
        """Raise argparse's complaint with what can be done about it."""
        hint = next(self._hints(message), f"`{self.prog} --help` lists the options")
        raise EnvlockError(f"{self.prog}: {_plain(message)}", hints=[hint])

    def _hints(self, message: str) -> Iterator[str]:
        """Yield hints, the best first."""
        kind, _, rest = message.partition(": ")
        if kind == "unrecognized arguments" and self.takes_command and rest[:1] != "-":
            yield f"put `--` before the command: `{self.prog} LOCK -- COMMAND`"
        if kind == "unrecognized arguments":
            yield from self._near_options(rest.split())
        if kind == "the following arguments are required":
            yield from self._swallowed(rest)
            yield from self._near_options(self._given)
        choice = _CHOICE.search(message)
        if choice:
            choices = [item.strip("'\" ") for item in choice["choices"].split(",")]
            near = get_close_matches(choice["found"], choices, n=1)
            start = f"{self.prog} " if _ACTION.match(message) else ""
            yield from (f"did you mean `{start}{item}`?" for item in near)

    def _near_options(self, given: Iterable[str]) -> Iterator[str]:
        known = [item[2:] for item in self._option_string_actions if item.startswith("--")]
        for text in given:
            option = text.partition("=")[0]
            if option.startswith("-") and option not in self._option_string_actions:
                name = option.lstrip("-")
                longer = [item for item in known if name and item.startswith(name)]
                for item in [*longer, *get_close_matches(name, known, n=1)][:1]:
                    yield f"did you mean `--{item}`?"

    def _swallowed(self, missing: str) -> Iterator[str]:
        """Yield the hint for an option that took what was meant for an argument."""
        for action in self._actions:
            given = [item for item in action.option_strings if item in self._given]
            if given and action.nargs in ("+", "*"):
                what = "the stack" if missing == "STACK" else missing
                names = f"{str(action.metavar or 'value').lower()}s"
                yield f"put {what} before `{given[0]}`, which takes all {names} after it"


_CHOICE = re.compile(
    r"invalid choice: ['\"]?(?P<found>[^'\"]*?)['\"]? \(choose from (?P<choices>.*)\)$"
)
_ACTION = re.compile(r"argument ACTION: ")


def _plain(message: str) -> str:
    """Return argparse's words without what only a developer needs."""
    choice = _CHOICE.search(message)
    if choice is None:
        return message
    known = ", ".join(item.strip("'\" ") for item in choice["choices"].split(","))
    what = message.partition(": ")[0].removeprefix("argument ")
    return f"{what}: expected one of {known}, found `{choice['found']}`"
