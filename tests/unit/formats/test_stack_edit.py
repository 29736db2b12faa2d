"""Requirements are read as people type them, and go where they belong."""

from __future__ import annotations

import pytest

from envlock.errors import EnvlockError, InputFileError
from envlock.formats.stack_edit import (
    Requirement,
    add_dependency,
    parse_requirement,
    pin_dependency,
    remove_dependency,
)

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


def refused(spec: str, **options: object) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(EnvlockError) as caught:
        parse_requirement(spec, **options)  # type: ignore[arg-type]
    return str(caught.value), caught.value.hints


# --- reading requirements -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("numpy", Requirement(name="numpy")),
        (" numpy ", Requirement(name="numpy")),
        ("numpy>=2", Requirement(name="numpy", version=">=2")),
        ("numpy >=2,<3", Requirement(name="numpy", version=">=2,<3")),
        ("numpy >= 2 , < 3", Requirement(name="numpy", version=">=2,<3")),
        ("numpy 2.1.0", Requirement(name="numpy", version="2.1.0")),
        ("numpy==2.1.0", Requirement(name="numpy", version="==2.1.0")),
        ("numpy!=2.1", Requirement(name="numpy", version="!=2.1")),
        ("pytorch=2.5", Requirement(name="pytorch", version="2.5.*")),
        ("pytorch=2.5.*", Requirement(name="pytorch", version="2.5.*")),
        ("pytorch=2.5*", Requirement(name="pytorch", version="2.5.*")),
        ("numpy 1.26|>=2", Requirement(name="numpy", version="1.26|>=2")),
        ("conda-forge::numpy", Requirement(name="numpy", channel="conda-forge")),
        (
            "https://host/ch::numpy=2",
            Requirement(name="numpy", version="2.*", channel="https://host/ch"),
        ),
        (
            "pytorch=2.5.1=*cuda*",
            Requirement(name="pytorch", version="2.5.1", build="*cuda*"),
        ),
        ("scipy >=1 py3*", Requirement(name="scipy", version=">=1", build="py3*")),
        ("ruamel.yaml_clib-2", Requirement(name="ruamel.yaml_clib-2")),
    ],
)
def test_a_conda_requirement_is_read(text: str, expected: Requirement):
    assert parse_requirement(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rich", Requirement(name="Rich", pypi=True)),
        ("rich~=13.0", Requirement(name="rich", version="~=13.0", pypi=True)),
        ("rich=13", Requirement(name="rich", version="13.*", pypi=True)),
        (
            "einops[torch, jax]>=0.7",
            Requirement(name="einops", version=">=0.7", extras=("torch", "jax"), pypi=True),
        ),
    ],
)
def test_a_pypi_requirement_is_read(text: str, expected: Requirement):
    assert parse_requirement(text, pypi=True) == expected


FORMS = ("write it as `numpy`, `numpy>=2`, `pytorch=2.5` or `conda-forge::numpy`",)


@pytest.mark.parametrize("text", ["", "  ", ">=2", "-x", "conda-forge::", "é"])
def test_a_requirement_starts_with_a_name(text: str):
    assert refused(text) == (f"expected a package's name first, found `{text}`", FORMS)


@pytest.mark.parametrize(
    "text", ["numpy>=", "numpy=>2", "numpy>=2 <3", "numpy 2 py_0 x", "numpy[version='2']", "a\n>"]
)
def test_what_follows_the_name_is_a_version(text: str):
    shown = text.replace("\n", "\\n")
    assert refused(text) == (
        f"expected a version such as `2.1.*` or `>=2,<3` after the name, found `{shown}`",
        FORMS,
    )


def test_conda_names_are_lower_case():
    assert refused("NumPy")[0] == (
        "expected a conda package name: lower-case letters, digits, `-`, `_` and `.`, found `NumPy`"
    )


def test_each_half_refuses_what_only_the_other_has():
    assert refused("jax[cuda12]") == (
        "`jax`: a conda package has no extras",
        ("take it from PyPI with `--pypi`",),
    )
    assert refused("conda-forge::rich", pypi=True)[0] == (
        "`rich`: a package from PyPI has no conda channel and no build"
    )
    assert refused("rich 1|2", pypi=True)[0] == (
        "expected PEP 440 specifiers such as `>=4.40,<5`, found `rich 1|2`"
    )
    assert refused("_x", pypi=True)[0] == "expected a PyPI package name, found `_x`"


def test_a_requirement_does_not_repeat_a_secret():
    assert "hunter2" not in refused("pkg @ https://me:hunter2@host/x.whl")[0]


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
