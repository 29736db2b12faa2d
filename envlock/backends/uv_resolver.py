"""uv as the resolver of the PyPI half: one run of `uv pip compile` for each question.

uv is asked for one platform and one Python at a time, over the loopback index alone: no
configuration, no cache, no network of its own, wheels only. Its answer names files by digest, and
the source that was served says what they are. Its messages are for people and never parsed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from envlock.backends.pypi_loopback import Loopback
from envlock.errors import WorldError
from envlock.formats.core_metadata import marker_environment, needed_by
from envlock.formats.wheel_tags import best_wheel
from envlock.model.platform import Platform
from envlock.model.pypi import Distribution, PypiAnswer, PypiConflict, PypiQuestion
from envlock.model.version import parse_dotted
from envlock.ports.pypi import PackageSource

_TIMEOUT_SECONDS = 600
_NO_ANSWER = 1
"""uv's exit status when requirements cannot be met; its own failures exit with 2."""
_GLIBCS = ("2.17", "2.28", *(f"2.{minor}" for minor in range(31, 41)))
"""The glibc versions that uv has a platform for."""
_KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE")


class UvResolver:
    """Runs uv. Implements `ports.pypi.PypiResolver`; several threads may ask at once."""

    def __init__(self) -> None:
        self._finding = threading.Lock()

    @property
    def identity(self) -> str:
        """The version of uv that is installed beside envlock."""
        return f"uv {installed_version('uv')}"

    def resolve(
        self, source: PackageSource, question: PypiQuestion, urls: Mapping[str, str]
    ) -> PypiAnswer | PypiConflict:
        """Serve the source to uv and read its answer back; see the port."""
        loopback = Loopback(source, question.fixed, urls)
        with tempfile.TemporaryDirectory(prefix="envlock-uv-") as folder, loopback.serving():
            finished = _run(self._program(), Path(folder), question, loopback.index_url)
            if loopback.fault:
                raise loopback.fault
            if finished.returncode == _NO_ANSWER:
                return PypiConflict(
                    platform=question.platform,
                    resolver_message=_words(finished.stderr, loopback.index_url),
                )
            if finished.returncode != 0:
                raise WorldError(
                    f"uv failed with exit status {finished.returncode}\nNo lock was written.",
                    detail=_words(finished.stderr, loopback.index_url),
                )
            rows = _read_answer(Path(folder) / _OUTPUT)
        return _answer(rows, loopback, source, question)

    def _program(self) -> str:
        import uv  # noqa: PLC0415 - found only where the PyPI half is solved

        with self._finding:  # `sysconfig` answers with None while another thread fills it
            return uv.find_uv_bin()


_OUTPUT = "pylock.toml"


def _run(
    program: str, folder: Path, question: PypiQuestion, index_url: str
) -> subprocess.CompletedProcess[str]:
    _write(folder / "asks.in", [ask.requirement for ask in question.asks])
    _write(folder / "constraints.in", [ask.requirement for ask in question.constraints])
    if question.keep:
        (folder / _OUTPUT).write_text(_kept(question.keep), encoding="utf-8")
    try:
        return subprocess.run(  # noqa: S603 - our own arguments
            [program, *_arguments(question, index_url)],
            cwd=folder,
            env=_environment(question),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WorldError(
            f"uv found no answer within {_TIMEOUT_SECONDS} seconds\nNo lock was written.",
            hints=["narrow the versions in [pypi-dependencies]: fewer candidates, less to try"],
        ) from error
    except OSError as error:
        raise WorldError(f"uv cannot be run: {error.strerror}\nNo lock was written.") from error


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _kept(pairs: Sequence[tuple[str, str]]) -> str:
    """Return earlier versions in the form that uv reads its own output back: as preferences."""
    rows = (f'[[packages]]\nname = "{name}"\nversion = "{version}"\n' for name, version in pairs)
    return 'lock-version = "1.0"\ncreated-by = "envlock"\n' + "".join(rows)


def _arguments(question: PypiQuestion, index_url: str) -> list[str]:
    return [
        *("pip", "compile", "asks.in", "--constraints", "constraints.in"),
        *("--output-file", _OUTPUT, "--format", "pylock.toml", "--quiet", "--no-header"),
        *("--no-config", "--no-cache", "--no-build", "--no-sources", "--color", "never"),
        *("--default-index", index_url, "--exclude-newer", question.as_of),
        *("--python", sys.executable, "--no-python-downloads"),
        *("--python-version", question.python),
        *("--python-platform", _uv_platform(question)),
    ]


def _environment(question: PypiQuestion) -> dict[str, str]:
    """Return what uv may see of the machine: nothing that could change its answer."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    macos = {"MACOSX_DEPLOYMENT_TARGET": question.macos} if question.macos else {}
    return {**kept, **macos, "NO_PROXY": "127.0.0.1", "UV_HTTP_TIMEOUT": str(_TIMEOUT_SECONDS)}


def _uv_platform(question: PypiQuestion) -> str:
    match question.platform:
        case Platform.LINUX_64:
            return f"x86_64-manylinux_{_glibc(question.glibc)}"
        case Platform.LINUX_AARCH64:
            return f"aarch64-manylinux_{_glibc(question.glibc)}"
        case Platform.OSX_64:
            return "x86_64-apple-darwin"
        case Platform.OSX_ARM64:
            return "aarch64-apple-darwin"
        case Platform.WIN_64:
            return "x86_64-pc-windows-msvc"


def _glibc(floor: str | None) -> str:
    """Return the newest glibc that uv knows and every machine of the fleet has."""
    wanted = parse_dotted(floor or _GLIBCS[0])
    fitting = [known for known in _GLIBCS if parse_dotted(known) <= wanted]
    return (fitting or [_GLIBCS[0]])[-1].replace(".", "_")


def _read_answer(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8")).get("packages", [])
    return rows


def _answer(
    rows: Iterable[Mapping[str, Any]],
    loopback: Loopback,
    source: PackageSource,
    question: PypiQuestion,
) -> PypiAnswer:
    """Give every chosen row its file, what it needs, and its GPU code."""
    fixed = {item.name for item in question.fixed}
    chosen = {
        row["name"]: (row["version"], *loopback.file_named(*_named_file(row, question)))
        for row in rows
        if row["name"] not in fixed
    }
    needs = needed_by(
        [ask.requirement for ask in question.asks],
        {name: source.metadata(file) for name, (_, file, _) in chosen.items()},
        marker_environment(question.platform, question.python),
    )
    return PypiAnswer(
        platform=question.platform,
        distributions=tuple(
            Distribution(
                name=name,
                version=version,
                index=index,
                file=file,
                depends=needs[name],
                kernels=source.kernels(name, version, file),
            )
            for name, (version, file, index) in sorted(chosen.items())
        ),
    )


def _named_file(row: Mapping[str, Any], question: PypiQuestion) -> tuple[str, str]:
    """Return digest and shown name of the file that an installer takes; uv names all that fit."""
    digests = {
        wheel["url"].rpartition("/")[2]: wheel["hashes"]["sha256"] for wheel in row["wheels"]
    }
    best = best_wheel(
        digests, question.platform, question.python, glibc=question.glibc, macos=question.macos
    )
    return digests[best], best


def _words(stderr: str, index_url: str) -> str:
    return stderr.replace(index_url, "the index").strip()
