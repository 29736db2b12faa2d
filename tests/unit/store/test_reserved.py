from __future__ import annotations

import pytest

from envlock.store.reserved import is_reserved, is_reserved_command

NOBODYS = [
    "conda-meta/x-1-0.json",
    "conda-meta/history",
    "Conda-Meta/x.json",
    "pyvenv.cfg",
    "bin/pyvenv.cfg",
    "bin/pybuilddir.txt",
    "__clobbers__/x",
    "bin",
    "lib",
    "lib/libc.so.6",
    "lib/ld-linux-x86-64.so.2",
]
PYTHONS = [
    "bin/python",
    "bin/python3",
    "bin/python3.13t",
    "BIN/PYTHON",
    "lib/python313.zip",
    "lib/libpython3.11.so.1.0",
    "lib/libpython3.11.dylib",
    "lib/python3.11/os.py",
    "lib/python3.13t/os.py",
    "lib/python3.11/encodings/utf_8.py",
    "lib/python3.11/__pycache__/os.cpython-311.pyc",
    "lib/python3.11/site-packages",
    "lib/python3.1",
]
EVERYBODYS = [
    "lib/python3.11/site-packages/numpy/__init__.py",
    "lib/python3.11/site-packages/evil.pth",
    "lib/python3.11/test/test_os.py",
    "lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a",
    "bin/python-config",
    "bin/python3.11-config",
    "bin/pythonw",
    "lib/libz.so.1",
    "lib/libnsl.so.3",
    "lib/libcrypt.so.2",
    "lib/libcudart.so.12",
    "share/terminfo/E/Eterm",
    "include/python3.11/Python.h",
    "etc/conda/activate.d/x.sh",
    "lib64",
]


@pytest.mark.parametrize("path", NOBODYS)
def test_not_even_python_may_bring(path: str):
    assert is_reserved(path, "python")
    assert is_reserved(path, "numpy")


@pytest.mark.parametrize("path", PYTHONS)
def test_only_python_may_bring(path: str):
    assert not is_reserved(path, "python")
    assert is_reserved(path, "numpy")


@pytest.mark.parametrize("path", EVERYBODYS)
def test_anybody_may_bring(path: str):
    assert not is_reserved(path, "numpy")


@pytest.mark.parametrize("command", ["python", "python3", "python3.11", "Python"])
def test_no_entry_point_is_called(command: str):
    assert is_reserved_command(command)


@pytest.mark.parametrize("command", ["python-argcomplete", "pip", "ipython3", "pythonize"])
def test_an_entry_point_may_be_called(command: str):
    assert not is_reserved_command(command)
