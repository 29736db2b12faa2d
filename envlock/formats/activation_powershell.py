"""Activation for PowerShell (5.1 and newer), on any system.

PowerShell keeps the process environment apart from its own variables, so the state of a variable is
its value, or nothing. What was there before is in one hashtable, `$global:_ENVLOCK_STATE`.

Every text that is put in is ASCII, on one line: it comes through `Out-String`, which decodes what a
program prints as the console does, and cuts it into lines. So every other character, and every
quote that PowerShell takes for one (it knows four more), is put in by its number.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.formats.activation_values import (
    LOADER,
    Activation,
    ActivationError,
    fill,
    path_separator,
    prompt_name,
)

_CHECK = r"""function global:_envlock_check {
    foreach ($file in @(@SCRIPTS@)) {
        if (-not (Test-Path -LiteralPath $file -PathType Leaf)) {
            return ('its script ' + $file + ' is not there')
        }
    }
    if (-not (Test-Path -LiteralPath @PREFIX@ -PathType Container)) {
        return (@PREFIX@ + ' is not there')
    }
}
"""

_HELPERS = r"""function global:_envlock_see {
    $seen = _envlock_new
    foreach ($entry in [Environment]::GetEnvironmentVariables().GetEnumerator()) {
        $seen[$entry.Key] = $entry.Value
    }
    return $seen
}
function global:_envlock_new {
    return New-Object 'System.Collections.Generic.Dictionary[string,object]'
}
function global:_envlock_get($from, $name) {
    if ($from.ContainsKey($name)) { return $from[$name] }
    return $null
}
function global:_envlock_put($name, $value) {
    if ($null -eq $value) {
        if (Test-Path -LiteralPath "Env:$name") { Remove-Item -LiteralPath "Env:$name" }
    } else {
        Set-Item -LiteralPath "Env:$name" -Value $value
    }
}
function global:_envlock_union($one, $other) {
    $names = @($one, $other | ForEach-Object { $_.GetEnumerator() } | ForEach-Object { $_.Key })
    return @($names | Sort-Object -CaseSensitive -Unique)
}
function global:_envlock_strip($path) {
    return @("$path" -split @SEPARATOR@ | Where-Object { $_ -and @(@PATHS@) -cnotcontains $_ })
}
function global:_envlock_run($file) {
    $ErrorActionPreference = 'Continue'
    $works = $false
    try {
        . $file
        $works = $?
    } catch {
        [Console]::Error.WriteLine("$_")
    }
    if (-not $works) {
        $text = 'envlock: warning: ' + $file + ' failed; going on without it'
        [Console]::Error.WriteLine($text)
    }
}
"""

_ENTER = r"""function global:_envlock_enter {
    Set-StrictMode -Off
    $before = _envlock_see
@ASSIGNMENTS@
    _envlock_put 'PATH' (@(@PATHS@) + @(_envlock_strip $env:PATH) -join @SEPARATOR@)
    $global:_ENVLOCK_STATE = @{
        Was = _envlock_new; Now = _envlock_new; Names = @(); Prompt = ''
    }
    if (-not (Test-Path -LiteralPath 'Env:ENVLOCK_DISABLE_PROMPT')) {
        function global:_envlock_prompt { '' }
        Copy-Item -Path Function:prompt -Destination Function:_envlock_prompt
        function global:prompt {
            Write-Host -NoNewline @PROMPT@
            _envlock_prompt
        }
        $global:_ENVLOCK_STATE.Prompt = "$function:prompt"
    }
@SCRIPT_RUNS@
    $after = _envlock_see
    foreach ($name in (_envlock_union $before $after)) {
        $was = _envlock_get $before $name
        $now = _envlock_get $after $name
        if ($was -ceq $now) { continue }
        if (@(@LOADER@) -ccontains $name) {
            $text = 'envlock: warning: a script changed ' + $name + '; it was put back'
            [Console]::Error.WriteLine($text)
            _envlock_put $name $was
        } else {
            $global:_ENVLOCK_STATE.Names += $name
            $global:_ENVLOCK_STATE.Was[$name] = $was
            $global:_ENVLOCK_STATE.Now[$name] = $now
        }
    }
}
"""

_LEAVE = r"""function global:envlock_deactivate {
    Set-StrictMode -Off
    $state = $global:_ENVLOCK_STATE
    $aim = _envlock_see
    $theirs = @()
    foreach ($name in $state.Names) {
        if ((_envlock_get $aim $name) -cne (_envlock_get $state.Now $name)) {
            $theirs += $name
        } else {
            $aim[$name] = _envlock_get $state.Was $name
        }
    }
@SCRIPT_RUNS@
    $found = _envlock_see
    foreach ($name in (_envlock_union $aim $found)) {
        if ($theirs -ccontains $name) { continue }
        $value = _envlock_get $aim $name
        if ((_envlock_get $found $name) -cne $value) { _envlock_put $name $value }
    }
    if ($theirs -contains 'PATH') {
        _envlock_put 'PATH' (@(_envlock_strip $env:PATH) -join @SEPARATOR@)
    }
    if (Test-Path -Path Function:_envlock_prompt) {
        if ("$function:prompt" -ceq $state.Prompt) {
            Copy-Item -Path Function:_envlock_prompt -Destination Function:prompt
        }
        Remove-Item -Path Function:_envlock_prompt
    }
    Remove-Variable -Name _ENVLOCK_STATE -Scope Global
    foreach ($name in 'see', 'new', 'get', 'put', 'union', 'strip', 'run') {
        Remove-Item -Path "Function:_envlock_$name"
    }
    Remove-Item -Path Function:envlock_deactivate
}
"""

_WHOLE = r"""@CHECK@$_envlock_problem = _envlock_check
Remove-Item -Path Function:_envlock_check
if ($null -ne $_envlock_problem) {
    $_envlock_problem = 'envlock: ' + @NAME@ + ': ' + $_envlock_problem + '; nothing was changed'
    [Console]::Error.WriteLine($_envlock_problem)
    Remove-Variable -Name _envlock_problem
    $global:LASTEXITCODE = 1
} else {
Remove-Variable -Name _envlock_problem
@DEACTIVATION@@HELPERS@@ENTER@@LEAVE@_envlock_enter
Remove-Item -Path Function:_envlock_enter
}
"""

DEACTIVATION = r"""if (Test-Path -Path Function:envlock_deactivate) {
    envlock_deactivate
}
"""
"""Does nothing where no environment is active."""


def format_powershell(activation: Activation) -> str:
    """Return the code; `check_activation` has passed.

    Raises `ActivationError` for bytes that are no text: PowerShell has no way to say them.
    """
    holes = _holes(activation)
    entering = _runs(activation.scripts)
    leaving = _runs(reversed(activation.deactivation_scripts))
    parts = {
        "CHECK": fill(_CHECK, holes),
        "DEACTIVATION": DEACTIVATION,
        "HELPERS": fill(_HELPERS, holes),
        "ENTER": fill(_ENTER, holes | {"SCRIPT_RUNS": entering}),
        "LEAVE": fill(_LEAVE, holes | {"SCRIPT_RUNS": leaving}),
        "NAME": holes["NAME"],
    }
    return fill(_WHOLE, parts)


def quote(text: str) -> str:
    """Return the text as one expression of printable ASCII; raises `ActivationError`."""
    try:
        units = text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise ActivationError(
            f"{text!a} holds bytes that are no text, which PowerShell cannot be told"
        ) from None
    characters = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    plain = all(" " <= chr(unit) <= "~" and chr(unit) != "'" for unit in characters)
    return f"'{text}'" if plain else f"(-join [char[]]({','.join(map(str, characters))}))"


def _holes(activation: Activation) -> dict[str, str]:
    shown = prompt_name(activation.name)
    separator = path_separator(activation)
    return {
        "PREFIX": quote(activation.prefix),
        "NAME": quote(shown),
        "PROMPT": quote(f"({shown}) "),
        "PATHS": _listed(activation.paths),
        "SEPARATOR": quote(separator),
        "SCRIPTS": _listed((*activation.scripts, *activation.deactivation_scripts)),
        "LOADER": _listed(sorted(LOADER)),
        "ASSIGNMENTS": _assignments(activation),
    }


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(map(quote, texts))


def _assignments(activation: Activation) -> str:
    taken = [f"    _envlock_put '{name}' $null" for name in activation.unset]
    given = [f"    _envlock_put '{name}' {quote(value)}" for name, value in activation.variables]
    return "\n".join([*taken, *given])


def _runs(scripts: Iterable[str]) -> str:
    return "\n".join(f"    _envlock_run {quote(script)}" for script in scripts)
