"""A wheel built from a source archive, for its METADATA alone.

This runs the archive's own code, so it happens only for projects that a stack allows by name. The
archive's digest is checked before; what the build needs is taken as of the recording's moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from envlock.backends.pypi_credentials import Access
from envlock.backends.pypi_faults import HttpFault, Received
from envlock.backends.pypi_metadata import read_wheel_metadata

_BUILD_SECONDS = 900.0
_KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "USERPROFILE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_SHOWN_CHARACTERS = 2000


def build_metadata(archive: Path, index: Access, as_of: str, hide: Callable[[str], str]) -> bytes:
    """Return the METADATA of the wheel that an archive builds into. Raises `HttpFault`."""
    import uv  # noqa: PLC0415 - few stacks take source archives

    with tempfile.TemporaryDirectory(prefix="envlock-build-") as folder:
        command = [
            *(uv.find_uv_bin(), "build", "--wheel", str(archive), "--out-dir", folder),
            *("--no-config", "--color", "never", "--no-python-downloads"),
            *("--python", sys.executable, "--exclude-newer", as_of),
        ]
        # In the environment and not among the arguments, which every user of the machine can read.
        given = {"UV_DEFAULT_INDEX": _with_login(index)} if index.address else {}
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        try:
            finished = subprocess.run(  # noqa: S603 - uv, with our own arguments
                command,
                cwd=folder,
                env={**kept, **given},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=_BUILD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            seconds = f"{_BUILD_SECONDS:,.0f}"
            raise HttpFault(
                Received(what=f"no wheel: its build took more than {seconds} seconds", hint=_HINT)
            ) from None
        wheels = list(Path(folder).glob("*.whl"))
        if finished.returncode != 0 or len(wheels) != 1:
            raise HttpFault(
                Received(
                    what=f"no wheel: its build ended with exit status {finished.returncode}",
                    hint=_HINT,
                    detail=hide(finished.stderr)[-_SHOWN_CHARACTERS:],
                )
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            return read_wheel_metadata(wheel, wheels[0].name)


def _with_login(index: Access) -> str:
    if index.login is None or index.is_local:
        return index.address
    parts = urlsplit(index.address)
    login = ":".join(quote(part, safe="") for part in index.login)
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


_HINT = "ask for a version that has a wheel, or build the wheel yourself and name it by its `url`"
