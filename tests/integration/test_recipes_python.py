"""Extensions of a real Python, built from source: in C, and in CUDA with NVIDIA's compiler.

What takes longer runs where `ENVLOCK_RECIPES` is set: the CUDA extension downloads 130 MB and takes
a minute, CPython from Debian's source package takes several.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pypi_simple
import pytest
import requests

from conda_house import CondaHouse
from conda_packages import write_channel
from debian_python import debian_source, make_debian_headers, make_debian_python
from envlock.backends.store_trees import sweep
from recipe_house import addresses, solve

pytestmark = [
    pytest.mark.index,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc on this machine"),
]
takes_minutes = pytest.mark.skipif(
    "ENVLOCK_RECIPES" not in os.environ, reason="takes minutes: ENVLOCK_RECIPES is not set"
)
STACK = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["{channel}"]
[python]
version = "3.11.*"
[fleet]
glibc = "2.36"
[dependencies]
python-headers = "*"
"""
RECIPE = """\
package:
  name: {name}
  version: "1.0"
source:
  path: src
build:
  script: build.sh
requirements:
  run:
    - python 3.11.*
"""
C_SCRIPT = """\
target="$PREFIX/lib/python3.11/site-packages"
mkdir -p "$target"
gcc $CFLAGS -g -shared -fPIC -I"$ENVLOCK_TOOLCHAIN/include/python3.11" -DFACTOR="$FACTOR" \\
    -o "$target/fast.so" fast.c
"$PYTHON" -c 'import sys; print(sys.version_info[:2], file=open(sys.argv[1], "w"))' \\
    "$target/made_by.txt"
"""
C_SOURCE = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static PyObject *scaled(PyObject *self, PyObject *number) {
    return PyLong_FromLong(FACTOR * PyLong_AsLong(number));
}
static PyMethodDef methods[] = {{"scaled", scaled, METH_O, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", 0, -1, methods};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
"""
NVCC = """
[gpu]
cuda = "13.2"
compute = ["7.5", "8.0", "9.0"]
[pypi-dependencies]
nvidia-cuda-nvcc = "13.2.*"
nvidia-cuda-cccl = "13.2.*"
nvidia-cuda-crt = "13.2.*"
nvidia-cuda-runtime = "13.2.*"
nvidia-cuda-cuobjdump = "13.2.*"
nvidia-nvvm = "13.2.*"
"""
# nvcc writes the folders that it links from into what it links, so g++ links; and the symbols tell
# the names of its intermediate files, which are its process's number unless it is to keep them.
CUDA_SCRIPT = """\
cuda="$ENVLOCK_TOOLCHAIN/lib/python3.11/site-packages/nvidia/cu13"
target="$PREFIX/lib/python3.11/site-packages"
mkdir -p "$target"
codes=""
for compute in $ENVLOCK_COMPUTE; do
    codes="$codes -gencode arch=compute_${compute/./},code=sm_${compute/./}"
done
"$cuda/bin/nvcc" $codes -O2 -Xcompiler -fPIC -I"$ENVLOCK_TOOLCHAIN/include/python3.11" \\
    -I"$cuda/include" --keep -c -o saxpy.o saxpy.cu
g++ -shared -o "$target/saxpy.so" saxpy.o -L"$cuda/lib" -lcudart_static -ldl -lrt -lpthread
"""
CUDA_SOURCE = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>

__global__ void saxpy(int count, float factor, const float *x, float *y) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index < count) y[index] += factor * x[index];
}

static PyObject *run(PyObject *, PyObject *) {
    float host[32], *x, *y;
    for (int index = 0; index < 32; ++index) host[index] = index;
    if (cudaMalloc(&x, sizeof host) || cudaMalloc(&y, sizeof host)) Py_RETURN_NONE;
    cudaMemcpy(x, host, sizeof host, cudaMemcpyHostToDevice);
    cudaMemcpy(y, host, sizeof host, cudaMemcpyHostToDevice);
    saxpy<<<1, 32>>>(32, 2.0f, x, y);
    if (cudaMemcpy(host, y, sizeof host, cudaMemcpyDeviceToHost)) Py_RETURN_NONE;
    return PyFloat_FromDouble(host[31]);
}

static PyMethodDef methods[] = {{"run", run, METH_NOARGS, ""}, {nullptr, nullptr, 0, nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "saxpy", nullptr, -1, methods};
PyMODINIT_FUNC PyInit_saxpy(void) { return PyModule_Create(&module); }
"""
PYTHON_RECIPE = """\
package:
  name: python
  version: "{version}"
source:
  path: src
build:
  script: build.sh
requirements:
  run:
    - __glibc >=2.36
"""
PYTHON_SCRIPT = """\
tar xf python*.orig.tar.*
cd Python-*
./configure --prefix="$PREFIX" --without-ensurepip --disable-test-modules \\
    --without-static-libpython > configure.log
make -j"$CPU_COUNT" > make.log 2>&1 || { tail -30 make.log; exit 1; }
make install > install.log 2>&1
ln -s python3.11 "$PREFIX/bin/python"
find "$PREFIX" -name __pycache__ -prune -exec rm -rf {} +
rm -rf "$PREFIX/lib/python3.11/test" "$PREFIX/share/man"
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel with Debian's Python and its headers."""
    folder = tmp_path_factory.mktemp("debian")
    channel = folder / "channel"
    packed = make_debian_python(channel, folder / "work")
    write_channel(channel, [*packed, make_debian_headers(channel, folder / "work")])
    return channel


@pytest.fixture
def house() -> Iterator[CondaHouse]:
    folder = Path(tempfile.mkdtemp(prefix="e"))
    yield CondaHouse(folder=folder / "w", home=folder / "h")
    sweep(folder)


def write(house: CondaHouse, channel: Path, rest: str, name: str, files: dict[str, str]) -> None:
    """Write a stack with one recipe, and pin it."""
    folder = house.folder / "recipes" / name
    (folder / "src").mkdir(parents=True)
    for path, text in files.items():
        (folder / path).write_text(text, "utf-8")
    head = STACK.format(channel=channel.as_uri())
    recipe = f'\n[[recipe]]\npath = "recipes/{name}"\nhost-compiler = true\n'
    (house.folder / "demo.toml").write_text(f"{head}{rest.replace('[[recipe]]', recipe)}", "utf-8")
    house.succeed("index", "pin", "-q", "demo.toml")


def lock_of(house: CondaHouse) -> bytes:
    return (house.folder / "demo.conda-lock.yml").read_bytes()


def run(path: str, *code: str) -> str:
    done = subprocess.run(
        [f"{path}/bin/python", "-c", "; ".join(code)],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_extension_in_c_is_built_twice_to_the_same_bytes_and_imported(
    house: CondaHouse, channel: Path
):
    rest = '[[recipe]]inputs = ["python", "python-headers"]\noptions = { FACTOR = "3" }\n'
    files = {
        "recipe.yaml": RECIPE.format(name="fast"),
        "build.sh": C_SCRIPT,
        "src/fast.c": C_SOURCE,
    }
    write(house, channel, rest, "fast", files)
    solve(house)
    before = lock_of(house)
    path = house.build("demo.toml")["path"]

    assert run(path, "import fast", "print(fast.scaled(14))") == "42"
    assert Path(path, "lib/python3.11/site-packages/made_by.txt").read_text("utf-8") == "(3, 11)\n"
    told = solve(replace(house, home=house.home.with_name("a-second-store")))
    assert "recipes/fast: built fast 1.0" in told
    assert lock_of(house) == before


@takes_minutes
def test_an_extension_in_cuda_has_code_for_each_gpu_of_the_stack(house: CondaHouse, channel: Path):
    try:
        requests.head(pypi_simple.PYPI_SIMPLE_ENDPOINT, timeout=10)
    except requests.RequestException as error:
        pytest.skip(f"the package index cannot be reached: {type(error).__name__}")
    files = {
        "recipe.yaml": RECIPE.format(name="saxpy"),
        "build.sh": CUDA_SCRIPT,
        "src/saxpy.cu": CUDA_SOURCE,
    }
    write(house, channel, f"{NVCC}[[recipe]]", "saxpy", files)
    house.succeed("index", "record", "-q", "demo.toml")
    solve(house)
    before, at = lock_of(house), addresses(house)
    path = house.build("demo.toml")["path"]

    assert run(path, "import saxpy", "print(saxpy.run())") in {"93.0", "None"}
    packages = f"{path}/lib/python3.11/site-packages"
    listed = subprocess.run(
        [f"{packages}/nvidia/cu13/bin/cuobjdump", "--list-elf", f"{packages}/saxpy.so"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.findall(r"sm_\d+", listed) == ["sm_75", "sm_80", "sm_90"]
    assert "recipes/saxpy: built" in solve(replace(house, home=house.home.with_name("second")))
    assert lock_of(house) == before

    stack = house.folder / "demo.toml"
    stack.write_text(stack.read_text("utf-8").replace('"9.0"]', '"9.0", "10.0"]'), "utf-8")
    assert "recipes/saxpy: built" in solve(house)
    assert addresses(house) != at


@takes_minutes
def test_cpython_from_debians_source_takes_the_place_of_the_channels(
    house: CondaHouse, channel: Path
):
    source = debian_source(house.folder / "debian", "python3.11")
    match = re.search(r"_(3\.11\.\d+)\.orig", source.name)
    assert match is not None
    files = {
        "recipe.yaml": PYTHON_RECIPE.format(version=match[1]),
        "build.sh": PYTHON_SCRIPT,
    }
    rest = '[pypi-dependencies]\nnumpy = "*"\n[[recipe]]inputs = []\nreplaces = true\n'
    write(house, channel, rest, "cpython", files)
    shutil.copy(source, house.folder / "recipes" / "cpython" / "src")
    house.succeed("index", "record", "-q", "demo.toml")
    told = solve(house)

    path = house.build("demo.toml")["path"]

    assert f"recipes/cpython: built python {match[1]}" in told
    assert run(path, "import sys, ssl, sqlite3", "print(sys.prefix)") == path
    assert run(path, "import numpy", "print(int(numpy.arange(10).sum()))") == "45"
    assert run(path, "import sysconfig", "print(sysconfig.get_config_var('prefix'))") == path
