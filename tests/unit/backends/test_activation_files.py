"""What a built environment asks for: order as conda has it, and what is refused."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.backends.activation_files import notes_on, read_activation
from envlock.errors import EnvlockError, StoreError
from envlock.formats.activation import ActivationError, Shell
from envlock.model.store import Derivation, Environment, Interpreter

KEY = "a" * 32


def make_environment(prefix: Path, interpreter: Interpreter | None = None) -> Environment:
    return Environment(
        key=KEY,
        name="demo",
        path=str(prefix),
        derivation=Derivation(
            name="demo",
            platform="linux-64",
            store_folder=str(prefix.parent),
            artifacts=(),
            interpreter=interpreter,
            made_with="test",
        ),
        tree_sha256="0" * 64,
        content_sha256="0" * 64,
        size_bytes=0,
        built_at="2026-01-01T00:00:00Z",
    )


def make_host(folder: Path, content: bytes = b"python") -> Interpreter:
    program = folder / "python3.11"
    program.write_bytes(content)
    return Interpreter(
        executable=str(program),
        sha256=sha256(content).hexdigest(),
        version="3.11.7",
        implementation="cpython",
        abi="cpython-311",
    )


def write(prefix: Path, files: dict[str, object], *, package: str = "hooks") -> None:
    """Write files that came with a package."""
    for name, content in files.items():
        path = prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    record = {"name": package, "version": "1.0", "files": list(files)}
    (prefix / "conda-meta").mkdir(exist_ok=True)
    (prefix / "conda-meta" / f"{package}-1.0-0.json").write_text(json.dumps(record), "utf-8")


def test_an_environment_with_its_own_python_is_told_as_conda_tells_it(tmp_path: Path):
    found = read_activation(make_environment(tmp_path), Shell.BASH)

    assert found.paths == (f"{tmp_path}/bin",)
    assert dict(found.variables) == {
        "CONDA_PREFIX": str(tmp_path),
        "CONDA_DEFAULT_ENV": "demo",
        "ENVLOCK_ENVIRONMENT": f"{KEY}-demo",
        "PYTHONNOUSERSITE": "1",
    }
    assert found.unset == ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")


def test_an_environment_on_the_machines_python_is_told_as_a_virtual_one(tmp_path: Path):
    environment = make_environment(tmp_path, make_host(tmp_path))

    found = read_activation(environment, Shell.BASH)

    assert dict(found.variables) == {
        "VIRTUAL_ENV": str(tmp_path),
        "VIRTUAL_ENV_PROMPT": "demo",
        "ENVLOCK_ENVIRONMENT": f"{KEY}-demo",
        "PYTHONNOUSERSITE": "1",
    }
    assert found.unset == ("PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX", "CONDA_DEFAULT_ENV")


def test_the_folder_of_a_stacks_artifacts_is_told_and_anothers_taken_away(tmp_path: Path):
    environment = make_environment(tmp_path)

    found = read_activation(environment, Shell.BASH, artifacts="/envlock/data/x")
    without = read_activation(environment, Shell.BASH, artifacts="")

    assert dict(found.variables)["ENVLOCK_ARTIFACTS"] == "/envlock/data/x"
    assert "ENVLOCK_ARTIFACTS" not in dict(without.variables)
    assert "ENVLOCK_ARTIFACTS" in without.unset


@pytest.mark.parametrize(
    ("shell", "ending"),
    [
        (Shell.BASH, "sh"),
        (Shell.ZSH, "sh"),
        (Shell.FISH, "fish"),
        (Shell.POWERSHELL, "ps1"),
        (Shell.CMD, "bat"),
    ],
)
def test_each_shell_gets_the_scripts_of_its_own_language_by_name(
    shell: Shell, ending: str, tmp_path: Path
):
    names = ["~b", "a", "C", "b"]
    endings = ["sh", "fish", "ps1", "bat", "csh", "txt"]
    for folder in ("activate.d", "deactivate.d"):
        write(tmp_path, {f"etc/conda/{folder}/{n}.{end}": "" for n in names for end in endings})

    found = read_activation(make_environment(tmp_path), shell)

    ordered = [f"{name}.{ending}" for name in ("C", "a", "b", "~b")]
    assert [Path(path).name for path in found.scripts] == ordered
    assert [Path(path).name for path in found.deactivation_scripts] == ordered
    assert Path(found.scripts[0]).parent == tmp_path / "etc/conda/activate.d"


def test_a_later_file_has_the_last_word_and_the_state_the_very_last(tmp_path: Path):
    write(
        tmp_path,
        {
            "etc/conda/env_vars.d/a.json": {"ONE": "a", "TWO": "a", "THREE": "a", "FOUR": "a"},
            "etc/conda/env_vars.d/b.json": {"TWO": "b", "THREE": "b", "lower": 3},
            "conda-meta/state": {"env_vars": {"THREE": "state", "FOUR": "***unset***"}},
        },
    )

    found = dict(read_activation(make_environment(tmp_path), Shell.BASH).variables)

    assert {name: found.get(name) for name in ("ONE", "TWO", "THREE", "FOUR", "lower")} == {
        "ONE": "a",
        "TWO": "b",
        "THREE": "state",
        "FOUR": None,
        "lower": "3",
    }


def test_a_package_that_wants_a_pythonpath_gets_it(tmp_path: Path):
    write(tmp_path, {"etc/conda/env_vars.d/a.json": {"PYTHONPATH": "/opt/robot"}})

    found = read_activation(make_environment(tmp_path), Shell.BASH)

    assert dict(found.variables)["PYTHONPATH"] == "/opt/robot"
    assert "PYTHONPATH" not in found.unset


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "LD_LIBRARY_PATH",
            ": the variable LD_LIBRARY_PATH cannot be set: it puts libraries before the system's"
            " own",
        ),
        (
            "LD_PRELOAD",
            ": the variable LD_PRELOAD cannot be set: it puts libraries before the system's own",
        ),
        (
            "PATH",
            ": the variable PATH cannot be set or unset: the shell or activation itself sets it",
        ),
        ("A B", ": 'A B' is not the name of an environment variable"),
        ("CONDA_PREFIX", ", which activation itself looks after"),
        ("PYTHONHOME", ", which activation itself looks after"),
    ],
)
def test_a_variable_that_no_package_may_set_is_refused_by_name(name: str, why: str, tmp_path: Path):
    write(tmp_path, {"etc/conda/env_vars.d/a.json": {name: "/x"}}, package="greedy")

    with pytest.raises(ActivationError) as caught:
        read_activation(make_environment(tmp_path), Shell.BASH)

    assert str(caught.value) == (
        f"the package greedy 1.0 sets {name} in etc/conda/env_vars.d/a.json{why}\n"
        "Nothing was activated."
    )
    assert caught.value.hints == ("take that package out of the stack, or another build of it",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1]", "expected an object of variables, found another kind of JSON"),
        ('{"A": null}', "A: expected a text, found null"),
        ('{"A": true}', "A: expected a text, found true"),
        ('{"A": ["x"]}', 'A: expected a text, found ["x"]'),
    ],
)
def test_a_file_of_variables_that_says_something_else_is_named(
    content: str, said: str, tmp_path: Path
):
    write(tmp_path, {"etc/conda/env_vars.d/a.json": content})

    with pytest.raises(StoreError) as caught:
        read_activation(make_environment(tmp_path), Shell.BASH)

    assert str(caught.value) == f"{tmp_path}/etc/conda/env_vars.d/a.json: {said}"


def test_a_file_of_variables_that_is_no_json_is_named(tmp_path: Path):
    write(tmp_path, {"etc/conda/env_vars.d/a.json": "{"})

    with pytest.raises(StoreError) as caught:
        read_activation(make_environment(tmp_path), Shell.BASH)

    assert str(caught.value).startswith(
        f"{tmp_path}/etc/conda/env_vars.d/a.json: expected JSON that says variables, and it cannot"
        " be read: "
    )


# --- the driver's libraries -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "library",
    ["lib/libcuda.so", "lib/libcuda.so.1", "lib64/libcuda.so.535.104", "lib/libnvidia-ml.so.1"],
)
def test_a_library_of_the_driver_where_the_loader_looks_is_refused(library: str, tmp_path: Path):
    write(tmp_path, {library: ""}, package="cuda-oddity")

    with pytest.raises(ActivationError) as caught:
        read_activation(make_environment(tmp_path), Shell.BASH)

    assert str(caught.value) == (
        f"{tmp_path}/{library} stands in the way of the driver's own, which alone fits the"
        " kernel's\n"
        "  it came with the package cuda-oddity 1.0\n"
        "Nothing was activated."
    )
    assert caught.value.hints == (
        "take that package out of the stack: the machine's driver brings this",
    )


@pytest.mark.parametrize(
    "library",
    [
        "lib/stubs/libcuda.so",
        "lib/stubs/libnvidia-ml.so",
        "targets/x86_64-linux/lib/stubs/libcuda.so",
        "lib/libcudart.so.12",
        "lib/libcudadevrt.a",
    ],
)
def test_stubs_for_the_linker_stay_where_the_toolkit_has_them(library: str, tmp_path: Path):
    write(tmp_path, {library: ""})

    assert read_activation(make_environment(tmp_path), Shell.BASH).paths


def test_a_variable_that_leads_a_program_to_a_stub_is_refused(tmp_path: Path):
    stub = tmp_path / "lib/stubs/libcuda.so"
    write(
        tmp_path,
        {
            "lib/stubs/libcuda.so": "",
            "etc/conda/env_vars.d/a.json": {"NUMBA_CUDA_DRIVER": str(stub)},
        },
    )

    with pytest.raises(ActivationError) as caught:
        read_activation(make_environment(tmp_path), Shell.BASH)

    assert str(caught.value) == (
        "the package hooks 1.0 sets NUMBA_CUDA_DRIVER in etc/conda/env_vars.d/a.json to where "
        f"{stub} is, and the driver's own must be found\nNothing was activated."
    )


def test_the_linker_may_be_led_to_the_stubs(tmp_path: Path):
    folder = str(tmp_path / "lib/stubs")
    write(
        tmp_path,
        {"lib/stubs/libcuda.so": "", "etc/conda/env_vars.d/a.json": {"LIBRARY_PATH": folder}},
    )

    found = dict(read_activation(make_environment(tmp_path), Shell.BASH).variables)

    assert found["LIBRARY_PATH"] == folder


def test_a_stub_on_the_users_own_library_path_is_told(tmp_path: Path):
    stubs = tmp_path / "cuda/lib64/stubs"
    stubs.mkdir(parents=True)
    (stubs / "libcuda.so").touch()
    parent = {"LD_LIBRARY_PATH": f"/opt/mine:{stubs}:{tmp_path}"}

    assert notes_on(make_environment(tmp_path), parent) == (
        f"LD_LIBRARY_PATH has {stubs}, and libcuda.so there is a stub: a program that loads it"
        " finds no GPU; take the folder out",
    )


# --- the machine's own Python ---------------------------------------------------------------------


def test_an_environment_with_its_own_python_has_nothing_to_tell(tmp_path: Path):
    assert notes_on(make_environment(tmp_path), {"LD_LIBRARY_PATH": "/opt/mine"}) == ()


def test_an_environment_that_is_not_hermetic_says_so(tmp_path: Path):
    host = make_host(tmp_path)

    assert notes_on(make_environment(tmp_path, host), {}) == (
        f"not hermetic: demo runs on this machine's Python 3.11.7, {host.executable}",
    )


def test_a_python_that_has_changed_since_is_told(tmp_path: Path):
    host = make_host(tmp_path)
    Path(host.executable).write_bytes(b"updated")

    notes = notes_on(make_environment(tmp_path, host), {})

    assert notes[1:] == (f"{host.executable} is another file than when demo was built on it",)


def test_a_python_that_is_gone_is_an_error(tmp_path: Path):
    host = make_host(tmp_path)
    Path(host.executable).unlink()

    with pytest.raises(EnvlockError) as caught:
        notes_on(make_environment(tmp_path, host), {})

    assert str(caught.value) == (
        f"demo was built on this machine's Python, and {host.executable} is gone: No such file or"
        " directory"
    )
    assert caught.value.hints == ("build it anew: `envlock build LOCK --python host`",)
