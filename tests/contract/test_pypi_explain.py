"""Why wheels cannot be had together, found by asking the real uv again."""

from __future__ import annotations

from envlock.backends.uv_resolver import UvResolver
from envlock.errors import NoSolutionError
from envlock.formats.distribution_name import version_in
from envlock.model.pypi import FixedPoint, PypiAnswer, PypiConflict, PypiQuestion
from envlock.solve.pypi_explain import conflicting_parts, explain_pypi
from wheelhouse import Wheelhouse, ask, question


def explained(house: Wheelhouse, asked: PypiQuestion) -> NoSolutionError:
    def resolve(changed: PypiQuestion) -> PypiAnswer | PypiConflict:
        return UvResolver().resolve(house, changed, {})

    def versions(name: str) -> list[str]:
        page = house.page(name)
        return [version_in(file.file_name) or "" for file in page.files] if page else []

    conflict = resolve(asked)
    assert isinstance(conflict, PypiConflict)
    return explain_pypi("no solution for a on linux-64", asked, conflict, resolve, versions)


def frameworks() -> Wheelhouse:
    house = Wheelhouse()
    house.add("torch", "2.4.1", "nvidia-nccl-cu12==2.20.5", "filelock")
    house.add(
        "tensorflow", "2.17.0", "nvidia-nccl-cu12==2.19.3; extra == 'and-cuda'", extras=["and-cuda"]
    )
    house.add("filelock", "3.0")
    for version in ("2.19.3", "2.20.5", "2.23.4"):
        house.add("nvidia-nccl-cu12", version)
    return house


def test_two_lines_that_meet_in_a_library_are_named_with_what_each_needs():
    asked = question("filelock", "tensorflow[and-cuda]==2.17.0", "torch==2.4.1")

    error = explained(frameworks(), asked)

    assert str(error) == (
        "no solution for a on linux-64\n"
        "  these cannot all hold:\n"
        "    `tensorflow[and-cuda]==2.17.0` (a.toml:2: pypi-dependencies.tensorflow)\n"
        "    `torch==2.4.1` (a.toml:3: pypi-dependencies.torch)\n"
        "  they meet at nvidia-nccl-cu12:\n"
        "    tensorflow 2.17.0 needs nvidia-nccl-cu12 ==2.19.3\n"
        "    torch 2.4.1 needs nvidia-nccl-cu12 ==2.20.5\n"
        "No lock was written."
    )
    assert error.hints == ("relax one of those lines",)
    assert "nvidia-nccl-cu12" in error.detail


def test_a_constraint_of_the_family_is_named_with_the_line_that_makes_it():
    house = Wheelhouse()
    house.add("torch", "2.14.0", "nvidia-cublas==13.1.0.3")
    house.add("nvidia-cublas", "13.1.0.3")
    asked = question("torch", constraints=(ask("nvidia-cublas<0", key="gpu", line=9),))

    error = explained(house, asked)

    assert str(error) == (
        "no solution for a on linux-64\n"
        "  these cannot all hold:\n"
        "    `torch` (a.toml:1: pypi-dependencies.torch)\n"
        "    `nvidia-cublas<0` (a.toml:9: gpu.nvidia-cublas)\n"
        "  they meet at nvidia-cublas:\n"
        "    torch 2.14.0 needs nvidia-cublas ==13.1.0.3\n"
        "    `nvidia-cublas<0` needs nvidia-cublas <0\n"
        "No lock was written."
    )


def test_a_fixed_point_is_named_with_the_conda_package_that_makes_it():
    house = Wheelhouse()
    house.add("tool", "2.0", "numpy>=2")
    house.add("numpy", "2.1")
    fixed = FixedPoint(name="numpy", version="1.26.4", package="numpy 1.26.4 py311_0")

    error = explained(house, question("tool", fixed=(fixed,)))

    assert str(error) == (
        "no solution for a on linux-64\n"
        "  these cannot all hold:\n"
        "    `tool` (a.toml:1: pypi-dependencies.tool)\n"
        "    `numpy 1.26.4` of the conda half (numpy 1.26.4 py311_0)\n"
        "  they meet at numpy:\n"
        "    tool 2.0 needs numpy >=2\n"
        "    the conda half (numpy 1.26.4 py311_0) needs numpy ==1.26.4\n"
        "No lock was written."
    )


def test_one_line_that_nothing_meets_stands_with_the_resolvers_words():
    house = Wheelhouse()
    house.add("tool", "1.0", tag="cp39-cp39-manylinux_2_28_x86_64")

    error = explained(house, question("tool"))

    lines = str(error).splitlines()
    assert lines[1] == (
        "  nothing on the index meets `tool` (a.toml:1: pypi-dependencies.tool) "
        "on linux-64 with Python 3.11.9"
    )
    assert lines[2] == "  the resolver says:"
    assert lines[-1] == "No lock was written."
    assert error.hints == ("ask for less, or for another version",)


def test_the_smallest_set_leaves_out_what_has_no_part_in_it():
    asked = question("filelock", "torch==2.4.1", "tensorflow[and-cuda]==2.17.0")

    core = conflicting_parts(asked, lambda changed: UvResolver().resolve(frameworks(), changed, {}))

    assert [part.name for part in core] == ["torch", "tensorflow"]


def test_a_recording_that_cannot_say_more_leaves_the_lines_and_the_resolvers_words():
    house = frameworks()
    asked = question("tensorflow[and-cuda]==2.17.0", "torch==2.4.1")
    conflict = UvResolver().resolve(house, asked, {})
    assert isinstance(conflict, PypiConflict)
    silent = Wheelhouse(unrecorded=frozenset({"torch", "tensorflow", "nvidia-nccl-cu12"}))

    error = explain_pypi(
        "no solution for a on linux-64",
        asked,
        conflict,
        lambda changed: UvResolver().resolve(silent, changed, {}),
        lambda _: [],
    )

    assert "these cannot all hold:" in str(error)
    assert "the resolver says:" in str(error)
