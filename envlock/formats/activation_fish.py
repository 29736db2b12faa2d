"""Activation for fish (3.0 and newer): the algorithm of bash and zsh, on fish's lists.

How a variable stands is a list: empty when no global variable is set, `v` and its elements when the
shell alone has it, `x` and its elements when it is exported. Only the global scope is looked at and
changed; a universal variable of the same name is hidden meanwhile, and seen again afterwards. One
that is to be taken away is made empty: fish exports a universal variable unless a global one is
exported in its place, and Python takes an empty `PYTHONPATH` for none.

- The prompt is a function in fish: it is kept under another name and called by ours.
- `set` leaves the status as it was. So a script of nothing but `set` is sourced after a success.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.formats.activation_values import (
    LOADER,
    SHELL_KEEPS,
    Activation,
    changed_names,
    fill,
    prompt_name,
)

_FISH_KEEPS = frozenset(
    [
        "CMD_DURATION",
        "FISH_VERSION",
        "argv",
        "dirnext",
        "dirprev",
        "history",
        "hostname",
        "pipestatus",
        "status",
        "status_generation",
        "umask",
        "version",
    ]
)

_CHECK = r"""function _envlock_check
    functions -e _envlock_check
    set -l _envlock_problem
    for _envlock_file in @SCRIPTS@
        if not test -f $_envlock_file -a -r $_envlock_file
            set _envlock_problem 'its script' (string escape -- $_envlock_file) 'is not there'
        end
    end
    if not test -d @PREFIX@
        set _envlock_problem (string escape -- @PREFIX@) 'is not there'
    end
    if set -q _envlock_problem[1]
        printf 'envlock: %s: %s; nothing was changed\n' @NAME@ "$_envlock_problem" >&2
        return 1
    end
end
"""

_HELPERS = r"""function _envlock_state
    set -g _envlock_is
    if set -qgx $argv[1]
        set -g _envlock_is x $$argv[1]
    else if set -qg $argv[1]
        set -g _envlock_is v $$argv[1]
    end
end
function _envlock_put
    set -l _envlock_name $argv[1]
    set -e argv[1]
    switch "$argv[1]"
        case x
            set -e argv[1]
            set -gx $_envlock_name $argv
        case v
            set -e argv[1]
            set -gu $_envlock_name $argv
        case ''
            set -eg $_envlock_name
    end
end
function _envlock_take
    set -eg $argv[1]
    if set -qU $argv[1]
        set -gx $argv[1]
    end
end
function _envlock_names
    for _envlock_name in (set -ng) $argv
        switch $_envlock_name
            case @KEPT@ '_envlock_*' '_ENVLOCK_*' 'fish_*' '__*'
            case '*'
                echo $_envlock_name
        end
    end | sort -u
end
function _envlock_differ
    set -l _envlock_one $$argv[1]
    set -l _envlock_other $$argv[2]
    set _envlock_one (string escape -- $_envlock_one)
    set _envlock_other (string escape -- $_envlock_other)
    test "$_envlock_one" != "$_envlock_other"
end
function _envlock_see
    set -g _envlock_seen (_envlock_names)
    for _envlock_name in $_envlock_seen
        _envlock_state $_envlock_name
        set -g _ENVLOCK_{$_envlock_name}_SEEN $_envlock_is
    end
end
function _envlock_strip
    set -l _envlock_left
    for _envlock_entry in $PATH
        contains -- $_envlock_entry @PATHS@
        or set -a _envlock_left $_envlock_entry
    end
    set -gx PATH $argv $_envlock_left
end
function _envlock_run
    if test -f $argv[1]; and source $argv[1]
    else
        printf 'envlock: warning: %s failed; going on without it\n' $argv[1] >&2
    end
end
function _envlock_status
    return $argv[1]
end
"""

_ENTER = r"""function _envlock_enter
    functions -e _envlock_enter
    _envlock_see
@ASSIGNMENTS@
    _envlock_strip @PATHS@
    if not set -q ENVLOCK_DISABLE_PROMPT; and functions -q fish_prompt
        functions -c fish_prompt _envlock_prompt
        function fish_prompt
            set -l _envlock_status $status
            printf %s @PROMPT@
            _envlock_status $_envlock_status
            _envlock_prompt $argv
        end
    end
@SCRIPT_RUNS@
    set -g _ENVLOCK_NAMES
    for _envlock_name in (_envlock_names PATH@NAMES@ $_envlock_seen)
        _envlock_state $_envlock_name
        if _envlock_differ _envlock_is _ENVLOCK_{$_envlock_name}_SEEN
            set -l _envlock_was _ENVLOCK_{$_envlock_name}_SEEN
            if contains $_envlock_name @LOADER@
                printf 'envlock: warning: a script changed %s; it was put back\n' \
                    $_envlock_name >&2
                _envlock_put $_envlock_name $$_envlock_was
            else
                set -ga _ENVLOCK_NAMES $_envlock_name
                set -g _ENVLOCK_{$_envlock_name}_WAS $$_envlock_was
                set -g _ENVLOCK_{$_envlock_name}_NOW $_envlock_is
            end
        end
        set -eg _ENVLOCK_{$_envlock_name}_SEEN
    end
    set -eg _envlock_is
    set -eg _envlock_seen
end
"""

_LEAVE = r"""function envlock_deactivate
    _envlock_see
    set -l _envlock_theirs
    for _envlock_name in $_ENVLOCK_NAMES
        _envlock_state $_envlock_name
        if _envlock_differ _envlock_is _ENVLOCK_{$_envlock_name}_NOW
            set -a _envlock_theirs $_envlock_name
        else
            set -l _envlock_was _ENVLOCK_{$_envlock_name}_WAS
            set -g _ENVLOCK_{$_envlock_name}_SEEN $$_envlock_was
        end
    end
@SCRIPT_RUNS@
    for _envlock_name in (_envlock_names $_ENVLOCK_NAMES $_envlock_seen)
        if not contains $_envlock_name $_envlock_theirs
            _envlock_state $_envlock_name
            if _envlock_differ _envlock_is _ENVLOCK_{$_envlock_name}_SEEN
                set -l _envlock_was _ENVLOCK_{$_envlock_name}_SEEN
                _envlock_put $_envlock_name $$_envlock_was
            end
        end
    end
    if contains PATH $_envlock_theirs
        _envlock_strip
    end
    if functions -q _envlock_prompt
        if functions fish_prompt | string match -q '*_envlock_prompt*'
            functions -e fish_prompt
            functions -c _envlock_prompt fish_prompt
        end
        functions -e _envlock_prompt
    end
    for _envlock_name in (set -ng | string match '_ENVLOCK_*')
        set -eg $_envlock_name
    end
    set -eg _envlock_is
    set -eg _envlock_seen
    functions -e envlock_deactivate _envlock_state _envlock_put _envlock_take _envlock_names \
        _envlock_differ _envlock_see _envlock_strip _envlock_run _envlock_status
end
"""

_WHOLE = r"""@CHECK@if _envlock_check
@DEACTIVATION@@HELPERS@@ENTER@@LEAVE@_envlock_enter
else
false
end
"""

DEACTIVATION = r"""if functions -q envlock_deactivate
envlock_deactivate
end
"""
"""Does nothing where no environment is active."""


def format_fish(activation: Activation) -> str:
    """Return the code; `check_activation` has passed."""
    holes = _holes(activation)
    entering = _runs(activation.scripts)
    leaving = _runs(reversed(activation.deactivation_scripts))
    parts = {
        "CHECK": fill(_CHECK, holes),
        "DEACTIVATION": DEACTIVATION,
        "HELPERS": fill(_HELPERS, holes),
        "ENTER": fill(_ENTER, holes | {"SCRIPT_RUNS": entering}),
        "LEAVE": fill(_LEAVE, holes | {"SCRIPT_RUNS": leaving}),
    }
    return fill(_WHOLE, parts)


def quote(text: str) -> str:
    """Return the text as one word of fish that means nothing but itself."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _holes(activation: Activation) -> dict[str, str]:
    shown = prompt_name(activation.name)
    return {
        "PREFIX": quote(activation.prefix),
        "NAME": quote(shown),
        "PROMPT": quote(f"({shown}) "),
        "NAMES": "".join(f" {name}" for name in changed_names(activation)),
        "PATHS": " ".join(map(quote, activation.paths)),
        "SCRIPTS": " ".join(map(quote, (*activation.scripts, *activation.deactivation_scripts))),
        "KEPT": " ".join(sorted(SHELL_KEEPS | _FISH_KEEPS)),
        "LOADER": " ".join(sorted(LOADER)),
        "ASSIGNMENTS": _assignments(activation),
    }


def _assignments(activation: Activation) -> str:
    taken = [f"    _envlock_take {name}" for name in activation.unset]
    given = [f"    _envlock_put {name} x {quote(value)}" for name, value in activation.variables]
    return "\n".join([*taken, *given])


def _runs(scripts: Iterable[str]) -> str:
    return "\n".join(f"    _envlock_run {quote(script)}" for script in scripts)
