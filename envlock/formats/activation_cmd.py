"""Activation for cmd: a batch file that is called. Simpler than the others, as cmd is.

cmd has no functions and no variables of its own: what was there before is kept in the environment,
in `_ENVLOCK_WAS_…`, and leaving is a second script. It puts back what activation itself changed,
whatever became of it meanwhile; what the packages' scripts set is left to their own counterparts.

A value is only ever handled as a `for` variable, which is put in after the line has been read: so
no character of it can be taken for code. Delayed expansion would be the one exception; it is off
unless somebody turned it on, and then nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.formats.activation_values import (
    Activation,
    ActivationError,
    changed_names,
    fill,
    prompt_name,
    texts,
)

_UNSAYABLE = {'"': "a double quote", "\n": "the end of a line", "\r": "a carriage return"}

_EACH = 'for /f "tokens=1* delims==" %%A in'
"""A loop over what `set NAME` prints, the variables whose names begin so: name `%%A`, value `%%B`.

`set` complains when there is none, and what it prints cannot be sent away in every cmd: each loop
stands behind an `if defined`.
"""

_LEAVING = r"""@if not defined _ENVLOCK_NAMES goto :eof
@if "!!"=="" (@DELAYED@)
@if defined _ENVLOCK_SCRIPT_0000 @EACH@ ('set _ENVLOCK_SCRIPT_') do @RUN_SCRIPT@
@for %%N in (%_ENVLOCK_NAMES%) do @if not defined _ENVLOCK_WAS_%%N set "%%N="
@for %%N in (%_ENVLOCK_NAMES%) do @if defined _ENVLOCK_WAS_%%N @RESTORE@
@EACH_AT@ ('set _ENVLOCK_') do @set "%%A="
@exit /b 0
"""

_ENTERING = r"""@if "!!"=="" (@DELAYED@)
@CHECKS@@call :envlock_leave
@set "_ENVLOCK_NAMES=PATH PROMPT@NAMES@"
@for %%N in (PATH PROMPT@NAMES@) do @if defined %%N @EACH@ ('set %%N') do @KEEP@
@SCRIPTS@@ASSIGNMENTS@@if not defined PATH set "PATH=@PATH@"
@if defined _ENVLOCK_WAS_PATH @EACH@ ('set _ENVLOCK_WAS_PATH') do @EXTEND_PATH@
@if defined ENVLOCK_DISABLE_PROMPT goto :envlock_prompted
@if not defined PROMPT set "PROMPT=@PROMPT@$P$G"
@if defined _ENVLOCK_WAS_PROMPT @EACH@ ('set _ENVLOCK_WAS_PROMPT') do @EXTEND_PROMPT@
:envlock_prompted
@SCRIPT_RUNS@@exit /b 0
:envlock_leave
"""

_DOINGS = {
    "DELAYED": "echo envlock: delayed expansion is on; nothing was changed>&2 & exit /b 1",
    "EACH": _EACH,
    "EACH_AT": f"@{_EACH}",
    "RUN_SCRIPT": (
        '@(ver>nul & call "%%B" || echo envlock: warning: %%B failed; going on without it>&2)'
    ),
    "RESTORE": f"{_EACH} ('set _ENVLOCK_WAS_%%N') do "
    '@if /i "%%A"=="_ENVLOCK_WAS_%%N" set "%%N=%%B"',
    "KEEP": '@if /i "%%A"=="%%N" set "_ENVLOCK_WAS_%%N=%%B"',
}

DEACTIVATION = fill(_LEAVING, _DOINGS).replace("\n", "\r\n")
"""A batch file to be called; does nothing where no environment is active."""


def format_cmd(activation: Activation) -> str:
    """Return the batch file; `check_activation` has passed.

    Raises `ActivationError` for a text that cmd cannot be told.
    """
    for what, text in texts(activation):
        for sign, said in _UNSAYABLE.items():
            if sign in text:
                raise ActivationError(f"{what} contains {said}, which cmd cannot be told")
    names = "".join(f" {name}" for name in changed_names(activation))
    shown = prompt_name(activation.name)
    path = ";".join(map(escape, activation.paths))
    holes = {
        **_DOINGS,
        "PROMPT": f"({shown}) ",
        "NAMES": names,
        "CHECKS": _checks(activation, shown),
        "SCRIPTS": _kept(activation.deactivation_scripts),
        "ASSIGNMENTS": _assignments(activation),
        "PATH": path,
        "EXTEND_PATH": f'@if /i "%%A"=="_ENVLOCK_WAS_PATH" set "PATH={path};%%B"',
        "EXTEND_PROMPT": f'@if /i "%%A"=="_ENVLOCK_WAS_PROMPT" set "PROMPT=({shown}) %%B"',
        "SCRIPT_RUNS": _runs(activation.scripts),
    }
    return fill(_ENTERING, holes).replace("\n", "\r\n") + DEACTIVATION


def escape(text: str) -> str:
    """Return the text as it stands between double quotes in a batch file."""
    return text.replace("%", "%%")


def _checks(activation: Activation, shown: str) -> str:
    scripts = (*activation.scripts, *activation.deactivation_scripts)
    files = [(f"{escape(script)}", f"its script {script}") for script in scripts]
    folder = [(f"{escape(activation.prefix)}\\", activation.prefix)]
    return "".join(
        f'@if not exist "{place}" ('
        f"echo envlock: {shown}: {_printed(what)} is not there; nothing was changed>&2"
        " & exit /b 1)\n"
        for place, what in (*files, *folder)
    )


def _printed(text: str) -> str:
    """Return a text as `echo` prints it within brackets."""
    return "".join(f"^{sign}" if sign in "^&|<>()" else sign for sign in escape(text))


def _kept(scripts: tuple[str, ...]) -> str:
    return "".join(
        f'@set "_ENVLOCK_SCRIPT_{number:04}={escape(script)}"\n'
        for number, script in enumerate(reversed(scripts))
    )


def _assignments(activation: Activation) -> str:
    taken = [f'@set "{name}="\n' for name in activation.unset]
    given = [f'@set "{name}={escape(value)}"\n' for name, value in activation.variables]
    return "".join([*taken, *given])


def _runs(scripts: Iterable[str]) -> str:
    return "".join(
        f'@(ver>nul & call "{escape(escape(script))}" || '
        f"echo envlock: warning: {_printed(script)} failed; going on without it>&2)\n"
        for script in scripts
    )
