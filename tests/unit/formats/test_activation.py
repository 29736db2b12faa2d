"""The texts that shells are given, as texts; tests/integration evaluates them."""

from __future__ import annotations

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.formats import (
    activation_cmd,
    activation_fish,
    activation_posix,
    activation_powershell,
)
from envlock.formats.activation import (
    Activation,
    ActivationError,
    Shell,
    format_activation,
    format_deactivation,
    format_environment,
)
from envlock.formats.activation_values import prompt_name

PREFIX = "/store/abc-demo"
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


def make_activation(**more: object) -> Activation:
    settings: dict[str, object] = {"prefix": PREFIX, "name": "demo", "paths": (f"{PREFIX}/bin",)}
    return Activation(**(settings | more))  # type: ignore[arg-type]


# --- what no shell is told ------------------------------------------------------------------------


@pytest.mark.parametrize("shell", Shell)
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"variables": (("A B", "x"),)}, "'A B' is not the name of an environment variable"),
        ({"variables": (("A;rm", "x"),)}, "'A;rm' is not the name of an environment variable"),
        ({"unset": ("A\n",)}, "'A\\n' is not the name of an environment variable"),
        ({"unset": ("1A",)}, "'1A' is not the name of an environment variable"),
        (
            {"variables": (("PATH", "x"),)},
            "the variable PATH cannot be set or unset: the shell or activation itself sets it",
        ),
        (
            {"unset": ("_ENVLOCK_NAMES",)},
            "the variable _ENVLOCK_NAMES cannot be set or unset: the shell or activation itself"
            " sets it",
        ),
        ({"variables": (("A", "1"), ("A", "2"))}, "the variable A is given twice"),
        ({"variables": (("A", "1"),), "unset": ("A",)}, "the variable A is given twice"),
        (
            {"variables": (("A", "x\0y"),)},
            "the variable A contains a NUL, which no environment can hold",
        ),
        ({"paths": ("/a:/b",)}, "PATH cannot hold the folder '/a:/b'"),
        ({"paths": ("",)}, "PATH cannot hold the folder ''"),
    ],
)
def test_what_no_shell_may_be_told_is_refused(shell: Shell, more: dict[str, object], said: str):
    with pytest.raises(ActivationError) as caught:
        format_activation(make_activation(**more), shell)

    assert str(caught.value) == said


@pytest.mark.parametrize(
    "name", ["LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "DYLD_LIBRARY_PATH", "DYLD_ANY"]
)
def test_what_the_loader_goes_by_is_never_set(name: str):
    with pytest.raises(ActivationError) as caught:
        format_environment(make_activation(variables=((name, "/lib"),)), {})

    assert str(caught.value) == (
        f"the variable {name} cannot be set: it puts libraries before the system's own"
    )
    assert caught.value.hints == (
        "a package that needs it must find its libraries by itself (RPATH)",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a"b', "the variable A contains a double quote, which cmd cannot be told"),
        ("a\nb", "the variable A contains the end of a line, which cmd cannot be told"),
        ("a\rb", "the variable A contains a carriage return, which cmd cannot be told"),
    ],
)
def test_cmd_refuses_what_a_batch_file_cannot_say(text: str, said: str):
    with pytest.raises(ActivationError) as caught:
        format_activation(make_activation(variables=(("A", text),)), Shell.CMD)

    assert str(caught.value) == said


def test_powershell_refuses_bytes_that_are_no_text():
    with pytest.raises(ActivationError) as caught:
        format_activation(make_activation(variables=(("A", "a\udcff"),)), Shell.POWERSHELL)

    assert str(caught.value) == (
        "'a\\udcff' holds bytes that are no text, which PowerShell cannot be told"
    )


# --- quoting --------------------------------------------------------------------------------------


@given(TEXTS)
def test_a_posix_word_means_the_text(text: str):
    word = activation_posix.quote(text)

    assert shlex.split(word.replace("$'\\n'", "'\n'")) == [text]


@given(TEXTS)
def test_a_fish_word_means_the_text(text: str):
    word = activation_fish.quote(text)

    assert re.fullmatch(r"'(?:[^'\\]|\\[\\'])*'", word, re.DOTALL)
    assert re.sub(r"\\(.)", r"\1", word[1:-1]) == text


@given(TEXTS)
def test_a_powershell_expression_is_printable_ascii_and_means_the_text(text: str):
    word = activation_powershell.quote(text)

    numbers = re.fullmatch(r"\(-join \[char\[\]\]\(([0-9,]+)\)\)", word)
    plain = re.fullmatch(r"'([ -&(-~]*)'", word)
    assert bool(numbers) != bool(plain)
    if plain:
        assert plain[1] == text
    elif numbers:
        units = b"".join(int(unit).to_bytes(2, "big") for unit in numbers[1].split(","))
        assert units.decode("utf-16-be") == text


@pytest.mark.parametrize("quote", ["'", "\u2018", "\u2019", "\u201a", "\u201b"])
def test_no_sign_that_powershell_takes_for_a_quote_stands_in_one(quote: str):
    assert activation_powershell.quote(f"a{quote}; Remove-Item /") == (
        f"(-join [char[]]({','.join(str(ord(sign)) for sign in f'a{quote}; Remove-Item /')}))"
    )


@given(TEXTS.filter(lambda text: not set(text) & set('"\r\n')))
def test_a_cmd_value_lets_nothing_be_expanded(text: str):
    escaped = activation_cmd.escape(text)

    assert escaped.replace("%%", "") == text.replace("%", "")
    assert escaped.count("%") == 2 * text.count("%")


@given(TEXTS)
def test_a_prompt_holds_nothing_that_a_shell_expands(name: str):
    assert not set(prompt_name(name)) & set("$`\\!%\"'&|<>^()\n\r;*?[]{}~# ")


@pytest.mark.parametrize("shell", Shell)
def test_a_name_with_a_hole_in_it_is_not_filled(shell: Shell):
    code = format_activation(make_activation(variables=(("A", "@PREFIX@ @NAME@"),)), shell)

    assert "@PREFIX@ @NAME@" in code


# --- whole texts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", [each for each in Shell if each is not Shell.CMD])
def test_no_comment_goes_out_to_an_interactive_shell(shell: Shell):
    code = format_activation(make_activation(), shell)

    assert not [line for line in code.splitlines() if line.lstrip().startswith("#")]


def test_powershell_gets_ascii_only():
    code = format_activation(
        make_activation(prefix="/störe\n\u2019", variables=(("A", "\u2019é\r\n"),)),
        Shell.POWERSHELL,
    )

    assert code.isascii()
    assert "\r" not in code


@pytest.mark.parametrize("drop", [0, 1])
def test_powershell_gets_a_text_that_its_grammar_reads(drop: int):
    grammar = pytest.importorskip("tree_sitter_powershell", reason="no grammar of PowerShell here")
    tree_sitter = pytest.importorskip("tree_sitter", reason="no grammar of PowerShell here")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    code = format_activation(
        make_activation(
            variables=(("A", "\u2019é\r\n"), ("B", "it's")),
            unset=("C",),
            scripts=("/a 'b'.ps1", "/c.ps1"),
            deactivation_scripts=("/d.ps1",),
        ),
        Shell.POWERSHELL,
    )

    found = parser.parse(code[: len(code) - 2 * drop].encode()).root_node.has_error

    assert found is bool(drop)


def test_cmd_gets_a_batch_file_whose_lines_end_as_dos_has_them():
    code = format_activation(make_activation(), Shell.CMD)

    assert code.count("\n") == code.count("\r\n") > 10
    assert format_deactivation(Shell.CMD) == code.partition("\r\n:envlock_leave\r\n")[2]


@pytest.mark.parametrize("shell", Shell)
def test_leaving_does_nothing_unless_something_is_active(shell: Shell):
    first = format_deactivation(shell).splitlines()[0]

    assert (
        first
        == {
            Shell.BASH: r"if \builtin typeset -f envlock_deactivate >/dev/null 2>&1; then",
            Shell.ZSH: r"if \builtin typeset -f envlock_deactivate >/dev/null 2>&1; then",
            Shell.FISH: "if functions -q envlock_deactivate",
            Shell.POWERSHELL: "if (Test-Path -Path Function:envlock_deactivate) {",
            Shell.CMD: "@if not defined _ENVLOCK_NAMES goto :eof",
        }[shell]
    )


# --- a child process ------------------------------------------------------------------------------

ENVIRONMENTS = st.dictionaries(st.sampled_from(["A", "B", "C", "HOME"]), TEXTS)


@given(ENVIRONMENTS)
def test_a_child_gets_the_parents_variables_changed_as_activation_would(parent: dict[str, str]):
    activation = make_activation(variables=(("A", "ours"),), unset=("B",))

    found = format_environment(activation, parent)

    kept = {name: value for name, value in parent.items() if name not in ("A", "B")}
    assert found == kept | {"A": "ours", "PATH": f"{PREFIX}/bin"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/usr/bin:/bin", f"{PREFIX}/bin:/usr/bin:/bin"),
        (f"/usr/bin:{PREFIX}/bin:/bin:{PREFIX}/bin", f"{PREFIX}/bin:/usr/bin:/bin"),
        ("", f"{PREFIX}/bin"),
        (":/bin", f"{PREFIX}/bin::/bin"),
    ],
)
def test_our_folders_stand_first_in_path_and_nowhere_else(path: str, expected: str):
    assert format_environment(make_activation(), {"PATH": path})["PATH"] == expected


def test_windows_compares_names_without_their_case_and_keeps_the_spelling():
    activation = make_activation(
        prefix="C:\\store\\demo", paths=("C:\\store\\demo",), variables=(("temp", "x"),)
    )

    found = format_environment(activation, {"Path": "C:\\Windows", "TEMP": "y"})

    assert found == {"Path": "C:\\store\\demo;C:\\Windows", "TEMP": "x"}
