"""Activation: code that a shell evaluates to use an environment, and to leave it again.

`eval "$(envlock activate …)"` in bash and zsh, `envlock activate … | source` in fish,
`envlock activate … | Out-String | Invoke-Expression` in PowerShell; for cmd a batch file that is
called. No dotfile is edited. What the code promises:

- The variables are set and exported, the folders stand before `PATH` and nowhere else in it, the
  prompt begins with `(name) ` unless `ENVLOCK_DISABLE_PROMPT` is set, to whatever value.
- One function stays, `envlock_deactivate`, with what it needs (`_envlock_…`, `_ENVLOCK_…`, none of
  it exported). Afterwards none of it is left. `format_deactivation` calls it where it is there.
- Deactivation puts back each variable, be it unset, empty, exported or not, of which the value is
  still the one that activation, its scripts included, gave it. What the user changed meanwhile
  stays as the user, or the package's deactivation script, left it; of a changed `PATH` our folders
  go and the rest stays; of a changed prompt, our `(name) `.
- What a deactivation script does to any other variable is undone as well.
- Environments do not stack: activating B leaves A first. The same one twice is the same as once.
- A package's script that fails is named on stderr, and the rest goes on. One that changes what the
  loader goes by (`LD_LIBRARY_PATH`) is told so, and the variable is put back. A file that is
  missing before anything began is one line on stderr, status 1, and nothing is changed: A stays
  active.

Choice and cost: what was there before is kept in the shell, not in the environment. So a shell that
is started inside sees the environment, cannot leave it, and does not inherit our bookkeeping.
Arrays and other variables with attributes that share a name with the environment's variables come
back as plain text.

What differs by shell:

- fish: the prompt is a function, which a user who replaces it replaces whole. Only the global scope
  is looked at; an exported universal variable that is to be taken away is made empty instead.
- PowerShell: its own variables are not looked at, only the process's. Before 7.5 it cannot tell an
  empty variable from one that is not set.
- cmd has neither functions nor variables of its own: the bookkeeping is exported, and
  `format_deactivation` is a second batch file. It puts back what activation itself changed, also
  where the user changed it meanwhile; what scripts set is left to the packages' own counterparts,
  and `LD_LIBRARY_PATH` means nothing there. A text with a double quote or an end of line is
  refused.

The texts are exact, ends of lines included. Write them as bytes, in UTF-8 with `surrogateescape`.
"""

from __future__ import annotations

from collections.abc import Mapping

from envlock.formats.activation_cmd import DEACTIVATION as CMD_DEACTIVATION
from envlock.formats.activation_cmd import format_cmd
from envlock.formats.activation_fish import DEACTIVATION as FISH_DEACTIVATION
from envlock.formats.activation_fish import format_fish
from envlock.formats.activation_posix import DEACTIVATION as POSIX_DEACTIVATION
from envlock.formats.activation_posix import format_posix
from envlock.formats.activation_powershell import DEACTIVATION as POWERSHELL_DEACTIVATION
from envlock.formats.activation_powershell import format_powershell
from envlock.formats.activation_values import (
    Activation,
    ActivationError,
    Shell,
    check_activation,
    path_separator,
)

__all__ = [
    "Activation",
    "ActivationError",
    "Shell",
    "format_activation",
    "format_deactivation",
    "format_environment",
]


def format_activation(activation: Activation, shell: Shell) -> str:
    """Return the code that activates the environment; raise `ActivationError` where none can."""
    check_activation(activation)
    match shell:
        case Shell.BASH:
            return format_posix(activation, is_zsh=False)
        case Shell.ZSH:
            return format_posix(activation, is_zsh=True)
        case Shell.FISH:
            return format_fish(activation)
        case Shell.POWERSHELL:
            return format_powershell(activation)
        case Shell.CMD:
            return format_cmd(activation)


def format_deactivation(shell: Shell) -> str:
    """Return the code that leaves whichever environment is active, and else does nothing."""
    match shell:
        case Shell.BASH | Shell.ZSH:
            return POSIX_DEACTIVATION
        case Shell.FISH:
            return FISH_DEACTIVATION
        case Shell.POWERSHELL:
            return POWERSHELL_DEACTIVATION
        case Shell.CMD:
            return CMD_DEACTIVATION


def format_environment(activation: Activation, parent: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment of a child process: the parent's, changed as activation would.

    No script is run. The order is the parent's, what is new comes last. Where the environment lies
    on Windows, names are compared as Windows does: `Path` is `PATH`, and keeps its spelling.
    """
    check_activation(activation)
    separator = path_separator(activation)
    fold = str.upper if separator == ";" else str
    spelled = {fold(name): name for name in parent}
    taken = {fold(name) for name in activation.unset}
    result = {name: value for name, value in parent.items() if fold(name) not in taken}
    path_name = spelled.get("PATH", "PATH")
    entries = parent[path_name].split(separator) if parent.get(path_name) else []
    rest = [entry for entry in entries if entry not in activation.paths]
    if path := separator.join([*activation.paths, *rest]):
        result[path_name] = path
    for name, value in activation.variables:
        result[spelled.get(fold(name), name)] = value
    return result
