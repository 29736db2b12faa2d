"""EL402: distributions from both halves."""

from __future__ import annotations

from envlock.audit.rules.twice_installed import RULE
from envlock.model.reading import Ecosystem, FileKind
from readings import conda, reading, told, wheel, wish

PYTHON = ["python >=3.9"]


def test_a_distribution_from_both_halves_is_an_error_where_versions_differ():
    found = reading(conda("numpy", "1.26.4", needs=PYTHON), wheel("Numpy", "2.0.1", line=9))

    assert told(RULE, found) == [
        "error at 9 (numpy): numpy is installed from conda (1.26.4) and from PyPI (2.0.1) on "
        "linux-64."
    ]


def test_another_name_in_conda_is_known():
    found = reading(conda("pytorch", "2.5.1", needs=PYTHON), wheel("torch", "2.5.1", line=12))

    assert told(RULE, found) == [
        "warning at 12 (torch): torch is installed from conda (pytorch 2.5.1) and from PyPI "
        "(2.5.1) "
        "on linux-64."
    ]


def test_many_are_told_as_one():
    names = ["a", "b", "c", "d"]
    found = reading(
        *(conda(name, "1.0", needs=PYTHON) for name in names),
        *(wheel(name, "2.0", line=at) for at, name in enumerate(names, 7)),
    )

    assert told(RULE, found) == [
        "error at 7: 4 distributions are installed from conda and from PyPI: `a`, `b`, `c` and `d`."
    ]


def test_a_package_without_python_is_no_distribution():
    found = reading(conda("ninja", "1.12"), wheel("ninja", "1.11"), conda("numpy", needs=PYTHON))

    assert told(RULE, found) == []


def test_two_environments_are_two_places():
    found = reading(
        conda("numpy", needs=PYTHON, environments=["a"]),
        wheel("numpy", environments=["b"]),
        kind=FileKind.PIXI,
    )

    assert told(RULE, found) == []


def test_an_environment_file_may_ask_both_halves():
    found = reading(
        wish("numpy", Ecosystem.CONDA),
        wish("pytorch", Ecosystem.CONDA),
        wish("ninja", Ecosystem.CONDA),
        wish("torch>=2", line=7),
        wish("ninja"),
        wish("pandas"),
        kind=FileKind.ENVIRONMENT,
    )

    assert told(RULE, found) == [
        "warning at 7 (torch): torch is asked of conda (as `pytorch`) and of PyPI."
    ]
