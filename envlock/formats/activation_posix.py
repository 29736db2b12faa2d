r"""Activation for bash (3.2 and newer) and zsh: one algorithm, two dialects.

How a variable stands is one text, its state: empty when it is not set, `v` and the value when the
shell alone has it, `x` and the value when it is exported. Activation notes each state before, acts,
and keeps of what differs the state `WAS` and the state `NOW`. Deactivation puts `WAS` back wherever
it still finds `NOW`; what the user changed meanwhile stays the user's.

- Every command is `\builtin`: neither an alias nor a function of the user's stands in the way.
- No comment goes out: an interactive zsh would take it for a command.
- Options are as the functions want them while they run and as the user had them afterwards, also
  around the packages' scripts. Those may do two things that cannot be withstood: `exit`, and in a
  bash that is not interactive an error that ends the shell (`${x?}`, assigning what is read-only).
- Text that is put in is quoted by `quote`; `eval` sees only names that are checked or come from the
  shell's own table.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from envlock.formats.activation_values import (
    LOADER,
    SHELL_KEEPS,
    Activation,
    changed_names,
    fill,
    prompt_name,
)


class _Dialect(Struct, frozen=True, kw_only=True):
    plain: str
    """Opens a function that is a condition: that alone takes `errexit` away from it."""
    calm: str
    """Options as the functions want them; opens a function."""
    calm_script: str
    """Options as a package's script may expect them."""
    excite: str
    """Options as the user had them; before a function's last command."""
    names: str
    """Sets `_envlock_names` (all that could be exported) and `_envlock_exported`, a line each."""
    withhold: str
    """Sets the variable `$1` to the state `$2`, not exported."""
    writable: str
    """Is true when assigning to `$1` would not end the function."""
    forget: str
    """Unsets every variable whose name begins with `@STEM@`."""
    rehash: str
    helpers: str
    helper_names: str
    conceal: str
    """Keeps our functions out of the environment, though `allexport` is on."""


_BASH_CALM = r"""\builtin local "_envlock_options=$SHELLOPTS"
  \builtin set +aefuCET +o pipefail
  \builtin local IFS=$' \t\n'"""
_ZSH_CALM = r"""\builtin emulate -L zsh
  \builtin local IFS=$' \t\n'"""

_BASH = _Dialect(
    plain=r"\builtin local IFS=$' \t\n'",
    calm=_BASH_CALM,
    calm_script=_BASH_CALM,
    excite=r'_envlock_options "$_envlock_options"',
    names=r"""_envlock_names=$(\builtin compgen -v)
  _envlock_exported=$(\builtin compgen -e)""",
    withhold=r'\builtin export -n "$1=${2#v}"',
    writable=r"\builtin true",
    forget=r'\builtin unset -v "${!@STEM@@}"',
    rehash=r"\builtin hash -r 2>/dev/null || \builtin true",
    helpers=r"""function _envlock_options {
  \builtin local _envlock_option='' _envlock_sign=''
  for _envlock_option in allexport braceexpand errtrace functrace keyword \
    noclobber noglob nounset pipefail verbose xtrace errexit; do
    _envlock_sign=+o
    case :$1: in
    *:"$_envlock_option":*) _envlock_sign=-o ;;
    esac
    \builtin set "$_envlock_sign" "$_envlock_option"
  done
}
""",
    helper_names=" _envlock_options",
    conceal=r"\builtin export -fn envlock_deactivate @FUNCTIONS@ 2>/dev/null",
)

_ZSH = _Dialect(
    plain=_ZSH_CALM,
    calm=_ZSH_CALM + "\n  \\builtin setopt sh_word_split",
    calm_script=_ZSH_CALM,
    excite=r"\builtin true",
    names=r"""_envlock_names=${(F)${(k)parameters[(R)(scalar|integer|float)*]}}
  _envlock_exported=${(F)${(k)parameters[(R)*export*]}}""",
    withhold=r'\builtin typeset -g +x "$1=${2#v}"',
    writable=r"[[ ${(tP)1} != *readonly* ]]",
    forget=r"\builtin unset -m '@STEM@*'",
    rehash=r"\builtin rehash",
    helpers="",
    helper_names="",
    conceal=r"\builtin true",
)

_CHECK = r"""function _envlock_check {
  @PLAIN@
  \builtin local _envlock_problem=''
  _envlock_missing
  if [[ -z $_envlock_problem ]] && ! ( \builtin unset -v PATH@NAMES@ ) 2>/dev/null; then
    _envlock_readonly
  fi
  if [[ -n $_envlock_problem ]]; then
    \builtin printf 'envlock: %s: %s; nothing was changed\n' @NAME@ "$_envlock_problem" >&2
    \builtin return 1
  fi
}
function _envlock_missing {
  \builtin local _envlock_file=''
  for _envlock_file in @SCRIPTS@; do
    if [[ ! -f $_envlock_file || ! -r $_envlock_file ]]; then
      _envlock_problem="its script $(\builtin printf %q "$_envlock_file") is not there"
    fi
  done
  if [[ ! -d @PREFIX@ ]]; then
    _envlock_problem=$(\builtin printf '%q is not there' @PREFIX@)
  fi
}
function _envlock_readonly {
  \builtin local _envlock_name=''
  for _envlock_name in PATH@NAMES@; do
    if ! ( \builtin unset -v "$_envlock_name" ) 2>/dev/null; then
      _envlock_problem="$_envlock_name is read-only in this shell"
    fi
  done
}
"""

_HELPERS = r"""function _envlock_look {
  @NAMES_OF_SHELL@
}
function _envlock_state {
  \builtin eval "_envlock_is=\${$1+v}\${$1-}"
  case $'\n'$_envlock_exported$'\n' in
  *$'\n'"$1"$'\n'*) _envlock_is=${_envlock_is:+x${_envlock_is#v}} ;;
  esac
}
function _envlock_put {
  if @WRITABLE@; then
    case $2 in
    '') \builtin unset -v "$1" ;;
    x*) \builtin export "$1=${2#x}" ;;
    *) @WITHHOLD@ ;;
    esac 2>/dev/null
  fi
}
function _envlock_watches {
  case $1 in
  @KEPT@) ;;
  '' | [0-9]* | *[!a-zA-Z0-9_]* | _envlock_* | _ENVLOCK_*) ;;
  *) \builtin return 0 ;;
  esac
  \builtin return 1
}
function _envlock_see {
  \builtin local _envlock_name='' _envlock_is=''
  _envlock_look
  for _envlock_name in $_envlock_names; do
    if _envlock_watches "$_envlock_name"; then
      _envlock_state "$_envlock_name"
      \builtin eval "_ENVLOCK_SEEN_$_envlock_name=\$_envlock_is"
    fi
  done
  _envlock_before=$_envlock_exported
}
function _envlock_strip {
  \builtin local _envlock_entry=''
  _envlock_left=:$1:
  for _envlock_entry in @PATHS@; do
    while [[ $_envlock_left == *:"$_envlock_entry":* ]]; do
      _envlock_left=${_envlock_left%%:"$_envlock_entry":*}:${_envlock_left#*:"$_envlock_entry":}
    done
  done
  _envlock_left=${_envlock_left#:}
  _envlock_left=${_envlock_left%:}
}
function _envlock_run {
  @CALM_SCRIPT@
  \builtin local "_envlock_file=$1"
  \builtin shift
  if [[ ! -f $_envlock_file ]] || ! \builtin . "$_envlock_file"; then
    \builtin printf 'envlock: warning: %s failed; going on without it\n' "$_envlock_file" >&2
  fi
  @EXCITE@
}
"""

_FUNCTIONS = (
    "_envlock_look _envlock_state _envlock_put _envlock_watches _envlock_see _envlock_strip"
    " _envlock_run"
)

_ENTER = r"""function _envlock_enter {
  @CALM@
  \builtin local _envlock_names='' _envlock_exported='' _envlock_before=''
  \builtin local _envlock_is='' _envlock_left=''
  @CONCEAL@
  _envlock_see
@ASSIGNMENTS@
  _envlock_strip "${PATH-}"
  _envlock_put PATH x@PATH_TEXT@"${_envlock_left:+:$_envlock_left}"
  if [[ -n ${PS1+x} && -z ${ENVLOCK_DISABLE_PROMPT+x} ]]; then
    _envlock_state PS1
    _envlock_put PS1 "${_envlock_is:0:1}"@PROMPT@"${_envlock_is:1}"
  fi
@SCRIPT_RUNS@
  _envlock_record
  @FORGET_SEEN@
  @REHASH@
  @EXCITE@
}
function _envlock_record {
  \builtin local _envlock_name='' _envlock_was=''
  _ENVLOCK_NAMES=''
  _envlock_look
  for _envlock_name in PATH PS1@NAMES@ $_envlock_before $_envlock_exported; do
    if [[ " $_ENVLOCK_NAMES " != *" $_envlock_name "* ]] && _envlock_watches "$_envlock_name"; then
      _envlock_state "$_envlock_name"
      \builtin eval "_envlock_was=\${_ENVLOCK_SEEN_$_envlock_name-}"
      if [[ "$_envlock_is" == "$_envlock_was" ]]; then
        \builtin continue
      fi
      case $_envlock_name in
      @LOADER@)
        \builtin printf 'envlock: warning: a script changed %s; it was put back\n' \
          "$_envlock_name" >&2
        _envlock_put "$_envlock_name" "$_envlock_was"
        ;;
      *)
        _ENVLOCK_NAMES="$_ENVLOCK_NAMES $_envlock_name"
        \builtin eval "_ENVLOCK_WAS_$_envlock_name=\$_envlock_was"
        \builtin eval "_ENVLOCK_NOW_$_envlock_name=\$_envlock_is"
        ;;
      esac
    fi
  done
}
"""

_LEAVE = r"""function envlock_deactivate {
  @CALM@
  \builtin local _envlock_names='' _envlock_exported='' _envlock_before='' _envlock_name=''
  \builtin local _envlock_is='' _envlock_left='' _envlock_now='' _envlock_theirs=' '
  _envlock_see
  for _envlock_name in $_ENVLOCK_NAMES; do
    \builtin eval "_envlock_is=\${_ENVLOCK_SEEN_$_envlock_name-}"
    \builtin eval "_envlock_now=\$_ENVLOCK_NOW_$_envlock_name"
    if [[ "$_envlock_is" == "$_envlock_now" ]]; then
      \builtin eval "_ENVLOCK_SEEN_$_envlock_name=\$_ENVLOCK_WAS_$_envlock_name"
    else
      _envlock_theirs="$_envlock_theirs$_envlock_name "
    fi
  done
@SCRIPT_RUNS@
  _envlock_look
  for _envlock_name in $_ENVLOCK_NAMES $_envlock_before $_envlock_exported; do
    if [[ $_envlock_theirs != *" $_envlock_name "* ]] && _envlock_watches "$_envlock_name"; then
      _envlock_state "$_envlock_name"
      \builtin eval "_envlock_now=\${_ENVLOCK_SEEN_$_envlock_name-}"
      [[ "$_envlock_is" == "$_envlock_now" ]] || _envlock_put "$_envlock_name" "$_envlock_now"
    fi
  done
  if [[ $_envlock_theirs == *' PATH '* && -n ${PATH+x} ]]; then
    _envlock_strip "$PATH"
    PATH=$_envlock_left
  fi
  if [[ $_envlock_theirs == *' PS1 '* && ${PS1-} == @PROMPT@* ]]; then
    PS1=${PS1#@PROMPT@}
  fi
  @FORGET@
  @REHASH@
  @EXCITE@
  \builtin unset -f envlock_deactivate @FUNCTIONS@
}
"""

_WHOLE = r"""@CHECK@if _envlock_check; then
\builtin unset -f _envlock_check _envlock_missing _envlock_readonly
@DEACTIVATION@@HELPERS@@ENTER@@LEAVE@_envlock_enter
\builtin unset -f _envlock_enter _envlock_record
else
\builtin unset -f _envlock_check _envlock_missing _envlock_readonly
\builtin false
fi
"""

DEACTIVATION = r"""if \builtin typeset -f envlock_deactivate >/dev/null 2>&1; then
envlock_deactivate
fi
"""
"""Does nothing where no environment is active."""


def format_posix(activation: Activation, *, is_zsh: bool) -> str:
    """Return the code for bash or zsh; `check_activation` has passed."""
    dialect = _ZSH if is_zsh else _BASH
    holes = _dialect_holes(dialect) | _activation_holes(activation)
    entering = _runs(activation.scripts)
    leaving = _runs(reversed(activation.deactivation_scripts))
    parts = {
        "CHECK": fill(_CHECK, holes),
        "DEACTIVATION": DEACTIVATION,
        "HELPERS": dialect.helpers + fill(_HELPERS, holes),
        "ENTER": fill(_ENTER, holes | {"SCRIPT_RUNS": entering}),
        "LEAVE": fill(_LEAVE, holes | {"SCRIPT_RUNS": leaving}),
    }
    return fill(_WHOLE, parts)


def quote(text: str) -> str:
    """Return the text as one word of bash and zsh that means nothing but itself."""
    # A newline stands outside the quotes: zsh may be told that quotes never span lines.
    return "'" + text.replace("'", "'\\''").replace("\n", "'$'\\n''") + "'"


def _dialect_holes(dialect: _Dialect) -> dict[str, str]:
    functions = _FUNCTIONS + dialect.helper_names
    return {
        "PLAIN": dialect.plain,
        "CALM": dialect.calm,
        "CALM_SCRIPT": dialect.calm_script,
        "EXCITE": dialect.excite,
        "NAMES_OF_SHELL": dialect.names,
        "WITHHOLD": dialect.withhold,
        "WRITABLE": dialect.writable,
        "REHASH": dialect.rehash,
        "FORGET": fill(dialect.forget, {"STEM": "_ENVLOCK_"}),
        "FORGET_SEEN": fill(dialect.forget, {"STEM": "_ENVLOCK_SEEN_"}),
        "FUNCTIONS": functions,
        "CONCEAL": fill(dialect.conceal, {"FUNCTIONS": functions}),
        "KEPT": " | ".join(sorted(SHELL_KEEPS)),
        "LOADER": " | ".join(sorted(LOADER)),
    }


def _activation_holes(activation: Activation) -> dict[str, str]:
    names = "".join(f" {name}" for name in changed_names(activation))
    shown = prompt_name(activation.name)
    return {
        "PREFIX": quote(activation.prefix),
        "NAME": quote(shown),
        "PROMPT": quote(f"({shown}) "),
        "NAMES": names,
        "PATHS": " ".join(map(quote, activation.paths)),
        "PATH_TEXT": quote(":".join(activation.paths)),
        "SCRIPTS": " ".join(map(quote, (*activation.scripts, *activation.deactivation_scripts))),
        "ASSIGNMENTS": _assignments(activation),
    }


def _assignments(activation: Activation) -> str:
    taken = [f"  _envlock_put {name} ''" for name in activation.unset]
    given = [f"  _envlock_put {name} x{quote(value)}" for name, value in activation.variables]
    return "\n".join([*taken, *given])


def _runs(scripts: Iterable[str]) -> str:
    return "\n".join(f"  _envlock_run {quote(script)}" for script in scripts)
