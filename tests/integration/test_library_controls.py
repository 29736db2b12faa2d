"""A wrong cuDNN on LD_LIBRARY_PATH, a second copy of it, a stub of the driver: each is found.

Real loading, real maps: a small library stands in under the names, since what is judged is where a
process took a name from.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

import envlock.probe
from envlock.backends.probe_runner import ChildRunner, Limits
from envlock.model.outcome import Failed, Level, Passed
from envlock.model.probe import ProbeRequest, ProbeRun
from envlock.verify.judge import judge
from recorded_probes import observed

if sys.platform != "linux":
    pytest.skip("LD_LIBRARY_PATH and /proc are Linux's", allow_module_level=True)

SCRIPT = """
import ctypes, importlib.util, json, os, sys
sys.stdin.read()
ctypes.CDLL("{name}")
spec = importlib.util.spec_from_file_location("libraries", {libraries!r})
libraries = importlib.util.module_from_spec(spec)
spec.loader.exec_module(libraries)
for line in (
    {{"kind": "framework", "framework": "pytorch", "version": "2.13.0+cpu", "import_seconds": 1.0}},
    {{"kind": "libraries", "libraries": libraries.list_libraries()}},
    {{"kind": "finished", "seconds": {{}}}},
):
    print(json.dumps(line), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder named as an environment's `lib`, with a small library of no soname to copy."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    library = tmp_path / "small.so"
    if compiler:
        source = tmp_path / "small.c"
        source.write_text("int small(void) { return 1; }\n")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    else:
        (extension,) = list(Path(sysconfig.get_path("platstdlib"), "lib-dynload").glob("_crypt*"))[
            :1
        ]
        shutil.copy(extension, library)
    return tmp_path


def load(folder: Path, name: str, *places: str) -> ProbeRun:
    """Load a library by its name, with copies of it in these folders, the first one first."""
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "small.so", folder / place / Path(name).name)
    libraries = str(Path(envlock.probe.__file__).with_name("libraries.py"))
    script = SCRIPT.format(name=name, libraries=libraries)
    (folder / "verify.py").write_text(textwrap.dedent(script))
    environment = {"LD_LIBRARY_PATH": ":".join(str(folder / place) for place in places)}
    request = ProbeRequest(framework="pytorch", level=Level.SMOKE, device="cpu")
    return ChildRunner(environment, Limits(seconds=60), folder).probe(
        sys.executable, request, Nobody()
    )


class Nobody:
    def heard(self, framework: str, line: object) -> None: ...


def outcome(run: ProbeRun, folder: Path, what: str) -> object:
    """What comes of it in an environment that is not hermetic, and has the folder `env`."""
    seen = observed(run)
    prefixes = (str(folder / "env"), sys.prefix, sys.base_prefix)
    place = type(seen.place)(
        name="torch",
        python=sys.executable,
        prefixes=prefixes,
        is_built=True,
        is_hermetic=False,
    )
    library_path = str(folder / "wrong")
    checks = judge(observed(run, place=place, library_path=library_path))
    return next(each.outcome for each in checks if each.name == f"pytorch.libraries.{what}")


def test_the_environments_own_copy_passes(folder: Path):
    run = load(folder, "libcudnn.so.9", "env/lib")

    assert isinstance(outcome(run, folder, "origin"), Passed), run
    assert isinstance(outcome(run, folder, "duplicates"), Passed)


def test_a_wrong_cudnn_on_the_library_path_fails(folder: Path):
    run = load(folder, "libcudnn.so.9", "wrong", "env/lib")

    assert outcome(run, folder, "origin") == Failed(
        said=f"loaded from outside the environment: {folder}/wrong/libcudnn.so.9",
        hint=f"take LD_LIBRARY_PATH away; it is {folder}/wrong",
    )


def test_a_second_copy_of_cudnn_fails(folder: Path):
    own = str(folder / "env" / "lib" / "libcudnn.so.9")
    load(folder, "libcudnn.so.9", "env/lib", "wrong")
    script = (folder / "verify.py").read_text()
    both = script.replace("ctypes.CDLL(", f"ctypes.CDLL({own!r})\nctypes.CDLL(").replace(
        'CDLL("libcudnn.so.9")', f'CDLL("{folder}/wrong/libcudnn.so.9")'
    )
    (folder / "verify.py").write_text(both)
    request = ProbeRequest(framework="pytorch", level=Level.SMOKE, device="cpu")

    run = ChildRunner({}, Limits(seconds=60), folder).probe(sys.executable, request, Nobody())

    assert outcome(run, folder, "duplicates") == Failed(
        said=f"loaded more than once: libcudnn: {own}, {folder}/wrong/libcudnn.so.9",
        hint="keep one source of it: conda's package, or the wheel's",
    )


def test_a_stub_of_the_drivers_library_fails_wherever_it_lies(folder: Path):
    for place in ("env/lib/stubs", "wrong/stubs"):
        run = load(folder, "libcuda.so.1", place)

        found = outcome(run, folder, "origin")

        assert isinstance(found, Failed)
        assert found.said == (
            f"{folder}/{place}/libcuda.so.1 is a stub: it answers every call of the driver with "
            "an error"
        )
        shutil.rmtree(folder / place)
