"""Requirements are read as people type them."""

from __future__ import annotations

import pytest

from envlock.errors import EnvlockError
from envlock.formats.requirement import Requirement, parse_requirement


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
