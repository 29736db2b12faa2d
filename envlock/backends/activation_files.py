"""What a built environment asks for when it is activated, read from its files.

As conda has it: `etc/conda/env_vars.d/*.json` by name, a later file over an earlier one;
`conda-meta/state` over both, where `***unset***` takes a variable away again; then the scripts of
`etc/conda/activate.d` by name, and those of `deactivate.d` in the reverse of that. Names of
variables are taken as they are written. Two things are refused that conda would do: whatever would
put a library before the driver's own or the system's, and a package that sets what we look after.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from hashlib import file_digest
from pathlib import Path

from envlock.errors import StoreError
from envlock.formats.activation import Activation, Shell
from envlock.formats.activation_values import ActivationError, check_activation
from envlock.model.store import Environment

_ENDINGS = {
    Shell.BASH: ".sh",
    Shell.ZSH: ".sh",
    Shell.FISH: ".fish",
    Shell.POWERSHELL: ".ps1",
    Shell.CMD: ".bat",
}
_VARIABLES = "etc/conda/env_vars.d"
_STATE = "conda-meta/state"
_UNSET = "***unset***"
_DRIVER_LIBRARIES = ("libcuda.so", "libnvidia-ml.so")
_LOADER_FOLDERS = ("lib", "lib64")
"""Where the run paths of conda packages point to (`$ORIGIN/../lib`).

Not `lib/stubs` and `targets/*/lib/stubs`, where `cuda-driver-dev` and `cuda-nvml-dev` rightly keep
stubs for the linker: no run path leads there.
"""
_LINKER_VARIABLES = ("LIBRARY_PATH", "LDFLAGS", "CMAKE_LIBRARY_PATH", "CMAKE_ARGS")
_PYTHON_ALONE = ("PYTHONHOME", "PYTHONPATH")
_CONDA_NAMES = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV")
_VENV_NAMES = ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")
LABEL = "ENVLOCK_ENVIRONMENT"
"""The variable that names the active environment."""
ARTIFACTS = "ENVLOCK_ARTIFACTS"
"""The variable that names the folder where a stack's artifacts are shown."""


def read_activation(
    environment: Environment, shell: Shell, *, artifacts: str | None = None
) -> Activation:
    """Return what a shell is to be told.

    `artifacts` is the folder that shows those of the stack; empty for a stack without any, which
    is not to find another's. Where nobody knows, None, the variable is left alone.

    Exactly one of `CONDA_PREFIX` and `VIRTUAL_ENV` is set, and the other kind is taken away, since
    tools that find both take one or the other by chance. `CONDA_DEFAULT_ENV` goes with
    `CONDA_PREFIX`: conda's `base`, left there, would name another environment than the prefix.

    Raises `ActivationError` for what no shell may be told, naming the package, and `StoreError` for
    an environment whose files cannot be read.
    """
    prefix = Path(environment.path)
    _refuse_driver(prefix)
    ours, unset = _own_variables(environment)
    if artifacts:
        ours[ARTIFACTS] = artifacts
    elif artifacts is not None:
        unset = (*unset, ARTIFACTS)
    packages = _package_variables(prefix)
    for name, (value, file) in packages.items():
        _check(prefix, file, name, value, frozenset(ours) | {"PYTHONHOME"})
    activation = Activation(
        prefix=environment.path,
        name=environment.name,
        paths=(f"{environment.path}/bin",),
        variables=(*ours.items(), *((name, value) for name, (value, _) in packages.items())),
        unset=tuple(name for name in unset if name not in packages),
        scripts=_scripts(prefix / "etc/conda/activate.d", shell),
        deactivation_scripts=_scripts(prefix / "etc/conda/deactivate.d", shell),
    )
    check_activation(activation)
    return activation


def _own_variables(environment: Environment) -> tuple[dict[str, str], tuple[str, ...]]:
    path, name = environment.path, environment.name
    if environment.derivation.is_hermetic:
        named, other = dict(zip(_CONDA_NAMES, (path, name), strict=True)), _VENV_NAMES
    else:
        named, other = dict(zip(_VENV_NAMES, (path, name), strict=True)), _CONDA_NAMES
    ours = {**named, LABEL: environment.label, "PYTHONNOUSERSITE": "1"}
    return ours, (*_PYTHON_ALONE, *other)


def _scripts(folder: Path, shell: Shell) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(str(path) for path in folder.iterdir() if path.suffix == _ENDINGS[shell]))


# --- variables ------------------------------------------------------------------------------------


def _package_variables(prefix: Path) -> dict[str, tuple[str, Path]]:
    """Return each variable with the file that has the last word on it."""
    found: dict[str, tuple[str, Path]] = {}
    folder = prefix / _VARIABLES
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        found |= {name: (value, file) for name, value in _read_variables(file, _json(file))}
    state = prefix / _STATE
    if state.is_file():
        content = _json(state)
        wanted = content.get("env_vars", {}) if isinstance(content, dict) else content
        found |= {name: (value, state) for name, value in _read_variables(state, wanted)}
    return {name: said for name, said in found.items() if said[0] != _UNSET}


def _json(file: Path) -> object:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{file}: expected JSON that says variables, and it cannot be read: {error}",
            hints=["`envlock store verify` says whether it is as it was built"],
        ) from None


def _read_variables(file: Path, content: object) -> Iterator[tuple[str, str]]:
    if not isinstance(content, Mapping):
        raise StoreError(f"{file}: expected an object of variables, found another kind of JSON")
    for name, value in content.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise StoreError(f"{file}: {name}: expected a text, found {json.dumps(value)}")
        yield str(name), str(value)


def _check(prefix: Path, file: Path, name: str, value: str, reserved: frozenset[str]) -> None:
    """Refuse a variable that a package may not set. Raises `ActivationError`."""
    asks = f"{_owner_of(prefix, file)} sets {name} in {file.relative_to(prefix)}"
    if name in reserved:
        raise _refused(f"{asks}, which activation itself looks after")
    probe = Activation(prefix=str(prefix), name="", paths=(), variables=((name, value),))
    try:
        check_activation(probe)
    except ActivationError as error:
        raise _refused(f"{asks}: {error}") from None
    if name not in _LINKER_VARIABLES:
        for place in value.split(os.pathsep):
            library = _driver_library(Path(place)) if place.startswith(str(prefix)) else None
            if library is not None:
                raise _refused(f"{asks} to where {library} is, and the driver's own must be found")


def _refused(message: str) -> ActivationError:
    return ActivationError(
        f"{message}\nNothing was activated.",
        hints=["take that package out of the stack, or another build of it"],
    )


def _owner_of(prefix: Path, file: Path) -> str:
    """Return the package that a file came with, as the environment's own records have it."""
    relative = file.relative_to(prefix).as_posix()
    for record in sorted((prefix / "conda-meta").glob("*.json")):
        try:
            content = json.loads(record.read_bytes())
            if relative in content["files"]:
                return f"the package {content['name']} {content['version']}"
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return "the environment"


# --- the driver's libraries -----------------------------------------------------------------------


def _refuse_driver(prefix: Path) -> None:
    """Refuse an environment whose programs would load another `libcuda` than the driver's.

    A stub answers every call with an error; a real one works with its own kernel module only.
    """
    for folder in _LOADER_FOLDERS:
        library = _driver_library(prefix / folder)
        if library is not None:
            raise ActivationError(
                f"{library} stands in the way of the driver's own, which alone fits the kernel's\n"
                f"  it came with {_owner_of(prefix, library)}\n"
                "Nothing was activated.",
                hints=["take that package out of the stack: the machine's driver brings this"],
            )


def _driver_library(place: Path) -> Path | None:
    """Return the driver's library that a path is, or that a folder holds."""
    if place.name.startswith(_DRIVER_LIBRARIES) and place.exists():
        return place
    try:
        found = sorted(place.iterdir())
    except OSError:
        return None
    return next((path for path in found if path.name.startswith(_DRIVER_LIBRARIES)), None)


def notes_on(environment: Environment, parent: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a person should know who enters an environment from here.

    Raises `StoreError` when the machine's Python that it was built on is gone.
    """
    return (*_interpreter_notes(environment), *_stub_notes(parent))


def _interpreter_notes(environment: Environment) -> Iterator[str]:
    host = environment.derivation.interpreter
    if host is None:
        return
    yield (
        f"not hermetic: {environment.name} runs on this machine's Python {host.version}, "
        f"{host.executable}"
    )
    for path, digest in ((host.executable, host.sha256), (host.library, host.library_sha256)):
        if not path:
            continue
        try:
            with Path(path).open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise StoreError(
                f"{environment.name} was built on this machine's Python, and {path} is gone: "
                f"{error.strerror}",
                hints=["build it anew: `envlock build LOCK --python host`"],
            ) from None
        if found != digest:
            yield f"{path} is another file than when {environment.name} was built on it"


def _stub_notes(parent: Mapping[str, str]) -> Iterator[str]:
    for entry in parent.get("LD_LIBRARY_PATH", "").split(os.pathsep):
        library = _driver_library(Path(entry)) if "/stubs" in entry else None
        if library is not None:
            yield (
                f"LD_LIBRARY_PATH has {entry}, and {library.name} there is a stub: a program that"
                " loads it finds no GPU; take the folder out"
            )
