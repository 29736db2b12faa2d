"""EL202: Python packages without an exact Python."""

from __future__ import annotations

from envlock.audit.rules.unpinned_interpreter import RULE
from envlock.model.reading import Ecosystem, FileKind
from readings import conda, image, reading, told, wheel, wish


def test_a_conda_lock_with_pypi_packages_and_no_python_is_told():
    found = reading(conda("numpy"), wheel("torch", line=8), kind=FileKind.CONDA_LOCK)

    assert told(RULE, found) == [
        "warning at 8: 1 package of PyPI and no Python: what is installed, `torch` first, goes "
        "into whatever Python is there.",
    ]


def test_a_lock_that_has_python_is_fine():
    found = reading(conda("python", "3.11.9"), wheel("torch"))

    assert told(RULE, found) == []


def test_a_lock_of_a_c_toolchain_needs_no_python():
    found = reading(conda("gcc"), conda("cmake"))

    assert told(RULE, found) == []


def test_an_environment_that_leaves_python_open_is_told():
    found = reading(
        wish("python>=3.9", Ecosystem.CONDA, line=4),
        wish("numpy", Ecosystem.CONDA),
        kind=FileKind.ENVIRONMENT,
    )

    assert told(RULE, found) == [
        "warning at 4 (python): Python is asked for as `python>=3.9`: the newest that fits is "
        "installed.",
    ]


def test_an_environment_that_names_a_minor_version_is_fine():
    found = reading(
        wish("python=3.11", Ecosystem.CONDA),
        wish("numpy", Ecosystem.CONDA),
        kind=FileKind.ENVIRONMENT,
    )

    assert told(RULE, found) == []


def test_an_environment_with_no_python_is_a_note():
    found = reading(wish("numpy", Ecosystem.CONDA), kind=FileKind.ENVIRONMENT)

    assert told(RULE, found) == [
        "note: no Python is asked for: where a package needs one, it is the newest that fits.",
    ]


def test_an_open_range_is_a_note():
    found = reading(wheel("torch"), kind=FileKind.UV, python=">=3.9")

    assert told(RULE, found) == [
        "note: any Python that is `>=3.9` is accepted: other versions install other files.",
    ]


def test_a_file_that_installs_nothing_is_not_asked():
    found = reading(kind=FileKind.UV, python=">=3.9")

    assert told(RULE, found) == []


def test_no_range_at_all_is_a_note():
    found = reading(wish("torch"), kind=FileKind.REQUIREMENTS)

    assert told(RULE, found) == [
        "note: the file does not say which Python its packages are for, and a requirements file "
        "cannot hold one.",
    ]


def test_one_minor_version_is_fine_in_the_spelling_of_uv():
    found = reading(wheel("torch"), kind=FileKind.UV, python="==3.11.*")

    assert told(RULE, found) == []


def test_one_minor_version_is_fine_in_the_spelling_of_poetry():
    found = reading(wheel("torch"), kind=FileKind.POETRY, python=">=3.11,<3.12")

    assert told(RULE, found) == []


def test_one_minor_version_is_fine_in_the_spelling_of_pylock():
    found = reading(wheel("torch"), kind=FileKind.PYLOCK, python="~=3.11.4")

    assert told(RULE, found) == []


def test_conda_in_a_dockerfile_without_a_version_of_python_is_told():
    found = reading(
        wish("python", Ecosystem.CONDA, line=3), wish("torch"), kind=FileKind.DOCKERFILE
    )

    assert told(RULE, found) == [
        "warning at 3 (python): Python is asked for without a version: the newest that fits is "
        "installed.",
    ]


def test_the_python_of_a_dockerfile_is_that_of_its_image():
    found = reading(image("python", "3.11"), wish("torch"), kind=FileKind.DOCKERFILE)

    assert told(RULE, found) == []
