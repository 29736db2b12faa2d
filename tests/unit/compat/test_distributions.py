"""What conda provides of PyPI."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from envlock.compat.distributions import provided
from envlock.compat.evidence import read_table

PYTHON = ("libgcc", "python >=3.11,<3.12.0a0")


def names(package: str, *depends: str) -> tuple[str, ...]:
    return tuple(name for name, _ in provided(package, "1.2.3", depends))


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("numpy", "numpy"),
        ("ruamel.yaml", "ruamel-yaml"),
        ("typing_extensions", "typing-extensions"),
        ("importlib-metadata", "importlib-metadata"),
        ("jupyter_core", "jupyter-core"),
        ("protobuf", "protobuf"),
        ("setuptools", "setuptools"),
        ("cuda-bindings", "cuda-bindings"),
        ("jaxlib", "jaxlib"),
    ],
)
def test_a_package_with_a_module_provides_the_distribution_of_its_own_name(package: str, name: str):
    assert names(package, *PYTHON) == (name,)


@pytest.mark.parametrize(
    ("package", "found"),
    [
        ("pytorch", ("torch",)),
        ("tensorflow-base", ("tensorflow",)),
        ("matplotlib-base", ("matplotlib",)),
        ("dask-core", ("dask",)),
        ("msgpack-python", ("msgpack",)),
        ("python-tzdata", ("tzdata",)),
        ("python-graphviz", ("graphviz",)),
        ("pytables", ("tables",)),
        ("pyqt", ("pyqt5",)),
        ("pyarrow-core", ("pyarrow",)),
        ("py-xgboost", ("xgboost",)),
        ("py-opencv", ("opencv-python", "opencv-python-headless")),
        ("torchtriton", ("triton",)),
        ("opencv", ()),
        ("libtorch", ()),
        ("python_abi", ()),
        ("uvicorn-standard", ()),
    ],
)
def test_where_the_names_differ_the_table_says_which(package: str, found: tuple[str, ...]):
    assert names(package, *PYTHON) == found


@pytest.mark.parametrize(
    ("package", "depends"),
    [
        ("pytorch-gpu", ("pytorch 2.8.0 cuda*_mkl*300",)),
        ("pytorch-cpu", ("pytorch 2.12.0 cpu_generic*0",)),
        ("typing-extensions", ("typing_extensions 4.9.0 pyha770c72_0",)),
        ("tzdata", ()),
        ("graphviz", ("libgcc",)),
        ("cudnn", ("cuda-version >=12,<13",)),
        ("mkl", ("llvm-openmp",)),
        ("ninja", ("libstdcxx",)),
        ("python", ("libffi", "tk")),
        ("a", ("python-dateutil", "python_http_client", "python.app")),
    ],
)
def test_a_package_that_needs_no_python_provides_nothing(package: str, depends: tuple[str, ...]):
    assert names(package, *depends) == ()


@pytest.mark.parametrize(
    "needed", ["python", "python >=3.9", "python>=3.9", "python_abi 3.11.* *_cp311", "python-gil"]
)
def test_a_need_of_python_is_seen_however_it_is_written(needed: str):
    assert names("pure", "libgcc", needed) == ("pure",)


def test_old_pytorch_cpu_was_torch_itself():
    assert names("pytorch-cpu", "mkl >=2018", "python >=3.7,<3.8.0a0") == ("torch",)


@pytest.mark.parametrize(
    ("conda", "pypi"), [("2.0.RC1", "2.0rc1"), ("2024a", "2024a0"), ("v1.6.4", "1.6.4")]
)
def test_versions_are_written_as_pypi_writes_them(conda: str, pypi: str):
    assert provided("a", conda, PYTHON) == (("a", pypi),)


@pytest.mark.parametrize("version", ["1.0_beta.x", "1.1.1w", "", "2021_01", "main"])
def test_a_version_that_pypi_does_not_know_provides_nothing_to_compare(version: str):
    assert provided("a", version, PYTHON) == ()


def test_the_table_has_each_package_once_and_normal_names_only():
    rows = read_table("distributions", "provides")
    packages = [row["package"] for row in rows]
    found = [name for row in rows for name in row["distributions"].split()]

    assert packages == sorted(set(packages))
    assert found == [canonicalize_name(name) for name in found]


def test_the_table_says_nothing_that_the_rule_says_by_itself():
    rows = read_table("distributions", "provides")

    assert not [row for row in rows if row["distributions"] == canonicalize_name(row["package"])]


@given(st.text(max_size=12), st.text(max_size=12), st.lists(st.text(max_size=12), max_size=3))
def test_any_record_has_an_answer_with_comparable_versions(
    name: str, version: str, depends: list[str]
):
    for _, normal in provided(name, version, depends):
        assert str(Version(normal)) == normal
