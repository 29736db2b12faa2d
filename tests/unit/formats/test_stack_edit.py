"""A dependency goes where it belongs, and the rest of the file stays as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from envlock.errors import EnvlockError, InputFileError
from envlock.formats import stack_document
from envlock.formats.requirement import parse_requirement
from envlock.formats.stack_edit import (
    add_dependency,
    pin_dependency,
    remove_dependency,
)

STACKS = sorted((Path(__file__).parents[3] / "stacks").glob("*.toml"))
STACK = """\
[stack]
name = "a"
platforms = ["linux-64", "win-64"]
channels = ["pytorch", "conda-forge"]

[python]
version = "3.12.*"

[frameworks]
pytorch = { version = "2.5.*", from = "conda" }   # trains

[dependencies]
numpy = ">=2"                                     # arrays
scipy = { version = "1.*", build = "py*" }

# checks come last
[verify]
level = "smoke"
"""


def add(spec: str, text: str = STACK, *, pypi: bool = False, platform: str | None = None) -> str:
    requirement = parse_requirement(spec, pypi=pypi)
    return add_dependency(text, requirement, platform=platform, file="a.toml")


# --- adding -------------------------------------------------------------------------------------


def test_a_new_dependency_goes_below_the_last_one():
    assert add("pandas>=2") == STACK.replace(
        'build = "py*" }\n', 'build = "py*" }\npandas = ">=2"\n'
    )


def test_a_channel_or_build_makes_it_a_table():
    assert 'pandas = { version = "2.2.*", channel = "conda-forge" }\n' in add(
        "conda-forge::pandas=2.2"
    )
    assert 'numpy = { version = ">=2", channel = "pytorch" }          ' in add("pytorch::numpy")


def test_a_dependency_that_is_there_gets_the_new_version():
    assert add("numpy>=2.1") == STACK.replace('">=2"', '">=2.1"')
    assert add("scipy>=1.14") == STACK.replace('version = "1.*"', 'version = ">=1.14"')


def test_a_dependency_that_is_there_stays_as_it_is_when_nothing_new_is_said():
    assert add("numpy") == STACK
    assert add("numpy>=2") == STACK


def test_a_framework_goes_to_the_frameworks():
    assert add("pytorch=2.6") == STACK.replace("2.5.*", "2.6.*")
    assert add("jax") == STACK.replace("# trains\n", '# trains\njax = "*"\n')
    assert 'pytorch = { version = "2.6.*", from = "pypi" }' in add("torch=2.6", pypi=True)
    assert 'jax = { version = "*", from = "pypi" }\n' in add("jax", pypi=True)


def test_a_framework_takes_no_build_and_no_channel():
    with pytest.raises(EnvlockError) as caught:
        add("pytorch=2.5.1=*cuda*")

    assert str(caught.value) == (
        "`pytorch` is a framework: envlock chooses its build, channel and extras"
    )


def test_python_has_its_own_table():
    assert add("python=3.13") == STACK.replace("3.12.*", "3.13.*")
    with pytest.raises(EnvlockError, match=r"^Python is one for all platforms$"):
        add("python=3.13", platform="win-64")


def test_python_takes_no_channel_and_no_build():
    with pytest.raises(EnvlockError, match=r"^\[python\] holds a version only$"):
        add("conda-forge::python=3.13")


def test_a_package_may_be_called_version():
    assert 'version = { version = "1.*", channel = "conda-forge" }\n' in add(
        "conda-forge::version=1"
    )


def test_python_keeps_its_version_when_none_is_said():
    assert add("python") == STACK


def test_pypis_name_of_a_framework_is_corrected():
    with pytest.raises(EnvlockError) as caught:
        add("torch")

    assert str(caught.value) == "`torch` is PyPI's name; conda's channels call it `pytorch`"
    assert caught.value.hints == ("add `pytorch`, or `torch` from PyPI with `--pypi`",)


def test_a_table_that_is_missing_is_made_where_it_usually_stands():
    added = add("Rich", pypi=True)

    assert added == STACK.replace(
        'build = "py*" }\n',
        'build = "py*" }\n\n[pypi-dependencies]  # PEP 508 requirements, wheels only\nRich = "*"\n',
    )
    assert remove_dependency(added, "rich", pypi=True) == STACK


def test_a_platforms_dependency_goes_to_its_target():
    added = add("pywin32", platform="win-64")

    assert added == STACK.replace(
        'build = "py*" }\n',
        'build = "py*" }\n\n[target.win-64.dependencies]  # conda match specs\npywin32 = "*"\n',
    )


def test_a_target_in_one_line_stays_in_one_line():
    text = STACK.replace("[python]", '[target]\nwin-64 = { accelerator = "cpu" }\n[python]')

    assert 'win-64 = { accelerator = "cpu", dependencies.pywin32 = "*" }\n' in add(
        "pywin32", text, platform="win-64"
    )


def test_a_platform_must_be_one_of_the_stack():
    with pytest.raises(EnvlockError) as caught:
        add("pywin32", platform="win64")

    assert str(caught.value) == "a.toml: `win64` is not one of the stack's platforms"
    assert caught.value.hints == ("did you mean `win-64`?",)


def test_an_edit_that_would_break_the_stack_is_not_made():
    with pytest.raises(InputFileError) as caught:
        add("nvidia::numpy")

    assert str(caught.value) == (
        "a.toml:13: dependencies.numpy.channel: `nvidia` is not one of the stack's channels\n"
        "The edit was not made: the stack would be at fault."
    )


def test_a_stack_that_is_at_fault_is_not_edited():
    with pytest.raises(InputFileError) as caught:
        add("numpy", STACK.replace('name = "a"', "name = 1"))

    assert str(caught.value) == "a.toml:2: stack.name: expected a string, found the integer 1"


# --- removing and pinning -----------------------------------------------------------------------


def test_a_dependency_goes_with_its_line_only():
    assert remove_dependency(STACK, "numpy") == STACK.replace(
        'numpy = ">=2"                                     # arrays\n', ""
    )
    assert "[frameworks]\n\n[dependencies]" in remove_dependency(STACK, "pytorch")


def test_a_table_that_somebody_wrote_stays_when_it_is_empty():
    text = remove_dependency(remove_dependency(STACK, "numpy"), "scipy")

    assert "[dependencies]\n\n# checks come last\n" in text


@pytest.mark.parametrize(
    ("name", "message", "hints"),
    [
        ("nunpy", "a.toml: `nunpy` is not in the stack", ("did you mean `numpy`?",)),
        ("qqq", "a.toml: `qqq` is not in the stack", ()),
        (
            "pywin32",
            "a.toml: `pywin32` is not in the stack - [target.win-64] has it",
            ("give `--platform win-64`",),
        ),
        ("python", "a.toml: every stack needs Python", ("change its version instead",)),
    ],
)
def test_only_what_is_there_can_be_removed(name: str, message: str, hints: tuple[str, ...]):
    text = add("pywin32", platform="win-64")

    with pytest.raises(EnvlockError) as caught:
        remove_dependency(text, name, file="a.toml")

    assert (str(caught.value), caught.value.hints) == (message, hints)


def test_what_all_platforms_have_is_not_removed_from_one():
    with pytest.raises(EnvlockError) as caught:
        remove_dependency(STACK, "numpy", platform="win-64", file="a.toml")

    assert str(caught.value) == (
        "a.toml: `numpy` is not in [target.win-64] - all platforms have it"
    )
    assert caught.value.hints == ("leave the platform out",)


@pytest.mark.parametrize(
    ("spec", "old", "new"),
    [
        ("numpy==2.1.0", '">=2"', '"==2.1.0"'),
        ("numpy 2.1.0", '">=2"', '"==2.1.0"'),
        ("scipy==1.14", 'version = "1.*"', 'version = "==1.14"'),
        ("pytorch==2.5.1", '"2.5.*"', '"==2.5.1"'),
        ("python==3.12.1", '"3.12.*"', '"==3.12.1"'),
    ],
)
def test_a_pin_is_one_exact_version(spec: str, old: str, new: str):
    assert pin_dependency(STACK, parse_requirement(spec)) == STACK.replace(old, new)


def test_a_range_is_no_pin():
    with pytest.raises(EnvlockError) as caught:
        pin_dependency(STACK, parse_requirement("numpy=2.1"))

    assert str(caught.value) == "expected one version to pin `numpy` to, found `2.1.*`"
    assert caught.value.hints == ("write it as `numpy==2.1.0`; a range can be added instead",)


def test_only_what_is_there_can_be_pinned():
    with pytest.raises(EnvlockError, match=r"^a\.toml: `pandas` is not in the stack$"):
        pin_dependency(STACK, parse_requirement("pandas==2.2"), file="a.toml")


# --- the shape of the text ----------------------------------------------------------------------


def test_windows_line_breaks_stay():
    text = STACK.replace("\n", "\r\n")

    assert add("pandas", text) == add("pandas").replace("\n", "\r\n")
    assert add("rich", text, pypi=True) == add("rich", pypi=True).replace("\n", "\r\n")


def test_a_file_without_a_last_line_break_stays_without():
    text = STACK[: STACK.index("\n# checks")].rstrip("\n")

    added = add("pandas", text)

    assert added == f'{text}\npandas = "*"'
    assert remove_dependency(added, "pandas") == text


def test_a_comment_stays_with_the_table_below_it():
    text = STACK.replace("\n# checks", "# checks")

    assert 'pandas = "*"\n# checks come last\n[verify]' in add("pandas", text)


@pytest.mark.parametrize("after", ["", "\n", "\n# checks\n[verify]\n"])
def test_a_comment_below_the_header_of_an_empty_table_stays_with_it(after: str):
    text = f"{STACK.partition('numpy')[0]}# conda packages\n# such as numpy\n"

    assert add("pandas", text + after) == f'{text}pandas = "*"\n{after}'
    assert add("rich", text + after, pypi=True) == (
        f'{text}\n[pypi-dependencies]  # PEP 508 requirements, wheels only\nrich = "*"\n{after}'
    )


def test_a_comment_between_two_headers_stays_with_the_second():
    text = f"{STACK.partition('numpy')[0]}# checks\n[verify]\n"

    assert add("pandas", text) == text.replace("# checks", 'pandas = "*"\n# checks')


def test_an_indentation_is_continued():
    assert '\n  pandas = "*"\n' in add("pandas", STACK.replace("scipy", "  scipy"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("dependencies = {}", 'dependencies = {pandas = "*"}'),
        ("dependencies = { }", 'dependencies = { pandas = "*" }'),
        ('dependencies = { a = "1" }', 'dependencies = { a = "1", pandas = "*" }'),
        ('dependencies.a = "1"', 'dependencies.a = "1"\ndependencies.pandas = "*"'),
        (
            'dependencies.a.version = "1" # x',
            'dependencies.a.version = "1" # x\ndependencies.pandas = "*"',
        ),
    ],
)
def test_a_table_before_all_headers_keeps_its_form(before: str, after: str):
    top, bottom = STACK.split("[dependencies]", maxsplit=1)[0], "[audit]\n"

    assert add("pandas", f"{before}\n{top}{bottom}") == f"{after}\n{top}{bottom}"


def test_every_part_of_a_dependency_goes():
    top, bottom = STACK.split("[dependencies]", maxsplit=1)[0], "[audit]\n"
    text = f'dependencies = {{ a.version = "1", b = "2", a.build = "x" }}\n{top}{bottom}'

    assert remove_dependency(text, "a") == f'dependencies = {{ b = "2" }}\n{top}{bottom}'


def test_the_last_lines_of_a_file_without_a_last_line_break_go():
    text = STACK.rstrip("\n")
    last = '\n[dependencies.pandas]\nversion = "2.*"\nbuild = "py*"'

    assert remove_dependency(text + last, "pandas") == text


def test_a_targets_tables_stay_together():
    text = (
        f'{STACK}[target.win-64.dependencies]\npywin32 = "*"\n'
        '[target.linux-64.dependencies]\nzlib = "*"\n'
    )

    assert (
        'pywin32 = "*"\n\n[target.win-64.pypi-dependencies]  # PEP 508 requirements, wheels only\n'
        'rich = "*"\n[target.linux-64.dependencies]\n'
    ) in add("rich", text, pypi=True, platform="win-64")


def test_a_made_table_takes_only_a_blank_line_with_it():
    text = STACK + '[pypi-dependencies]  # PEP 508 requirements, wheels only\nrich = "*"\n'

    assert remove_dependency(text, "rich", pypi=True) == STACK


# --- what cannot be done ------------------------------------------------------------------------

IN_PIECES = f"""{STACK}
[[artifacts]]
name = "a"
url = "https://host/a"
sha256 = "{"0" * 64}"

[audit]   # between
[[artifacts]]
name = "b"
url = "https://host/b"
sha256 = "{"0" * 64}"
"""


def test_a_file_that_would_change_elsewhere_is_not_edited():
    """Tomlkit joins the pieces of an array of tables."""
    with pytest.raises(EnvlockError) as caught:
        add("pandas", IN_PIECES)

    assert str(caught.value) == (
        "a.toml: dependencies.pandas cannot be changed here without harm to another line\n"
        "Nothing was written."
    )
    assert caught.value.hints == (
        'write `dependencies.pandas = "*"` by hand',
        "or put the tables that belong together one after the other, and try again",
    )
    with pytest.raises(EnvlockError) as caught:
        remove_dependency(IN_PIECES, "numpy")
    assert caught.value.hints[0] == "take `dependencies.numpy` out by hand"


def test_a_comment_inside_a_value_is_not_lost():
    text = STACK + '[pypi-dependencies.rich]\nextras = [\n  "a", # why\n]\n'

    with pytest.raises(EnvlockError, match=r"^a\.toml: pypi-dependencies\.rich\.extras cannot be"):
        add("rich[b]", text, pypi=True)


@pytest.mark.parametrize("harm", ["value", "comment", "syntax"])
def test_an_editor_that_does_harm_is_stopped(harm: str, monkeypatch: pytest.MonkeyPatch):
    harmed = {
        "value": STACK.replace('name = "a"', 'name = "b"'),
        "comment": STACK.replace("# trains", ""),
        "syntax": STACK + "[",
    }[harm]
    monkeypatch.setattr(stack_document, "write_key", lambda *_: stack_document.Edit(harmed))
    monkeypatch.setattr(stack_document, "remove_key", lambda *_: stack_document.Edit(harmed))

    with pytest.raises(EnvlockError, match="without harm to another line"):
        add("pandas")
    with pytest.raises(EnvlockError, match="without harm to another line"):
        remove_dependency(STACK, "numpy")


# --- shapes that tomlkit's own editing does not keep --------------------------------------------


def test_line_breaks_of_both_kinds_stay_where_they_are():
    text = STACK.replace("# arrays\n", "# arrays\r\n")

    assert add("pandas", text) == text.replace('"py*" }\n', '"py*" }\npandas = "*"\n')
    assert remove_dependency(add("pandas", text), "pandas") == text


def test_comments_below_a_table_that_goes_stay():
    section = '[dependencies.pandas]  # goes\nversion = "2.*"  # goes\n# stays\n\n# this too\n'
    text = STACK.replace("# checks", f"{section}# checks")

    assert remove_dependency(text, "pandas") == STACK.replace(
        "# checks", "# stays\n\n# this too\n# checks"
    )


def test_comments_below_the_last_table_of_a_platform_stay():
    text = f'{STACK}[target.win-64.dependencies.pywin32]\nversion = "*"\n# stays\n'

    assert remove_dependency(text, "pywin32", platform="win-64") == f"{STACK}# stays\n"


def test_a_table_with_blanks_in_its_header_is_found():
    text = STACK.replace("[dependencies]", "[ dependencies ]  # conda")

    assert 'pandas = "*"' in add("pandas", text)
    assert "[ dependencies ]  # conda\n" in add("pandas", text)


def test_the_tables_of_one_platform_may_stand_apart():
    text = (
        f"{STACK}[target.win-64]\n"
        '[target.linux-64.dependencies]\nzlib = "*"\n'
        '[target.win-64.dependencies]\npywin32 = "*"\n'
    )

    added = add("wmi", text, platform="win-64")

    assert added == f'{text}wmi = "*"\n'
    assert remove_dependency(added, "wmi", platform="win-64") == text


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_every_stack_that_ships_can_be_edited(path: Path):
    text = path.read_bytes().decode()

    added = add("zict >=2", text)

    assert len(added.splitlines()) - len(text.splitlines()) in (1, 3)
    assert remove_dependency(added, "zict") == text


def test_a_table_goes_above_the_arrays_of_tables_that_follow():
    artifacts = "".join(
        f'[[artifacts]]\nname = "{name}"\nurl = "https://host/a"\nsha256 = "{"0" * 64}"\n\n'
        for name in "ab"
    )
    text = STACK.replace("# checks", f"{artifacts}# checks")

    added = add("rich", text, pypi=True)

    assert added == text.replace(
        "\n[[artifacts]]",
        '\n[pypi-dependencies]  # PEP 508 requirements, wheels only\nrich = "*"\n\n[[artifacts]]',
        1,
    )
    assert remove_dependency(added, "rich", pypi=True) == text


def test_tomlkit_is_imported_for_edits_only():
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, envlock.workflows.edit, envlock.workflows.init;"
            "print('tomlkit' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )

    assert found.stdout == "False\n"
