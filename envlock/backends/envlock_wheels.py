"""envlock's own wheels, for a machine that can fetch none: its own made anew, the rest given.

The wheel of envlock is made of what runs: the files of its package and what its distribution says
of itself. The same files give the same bytes. What it needs comes from a folder of wheels, or by
pip from the package index that pip is set up for.
"""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

import envlock
from envlock.errors import EnvlockError, WorldError
from envlock.model.platform import Platform

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_WHEEL = b"Wheel-Version: 1.0\nGenerator: envlock\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_SAID = ("METADATA", "entry_points.txt")
_LIMIT_SECONDS = 1800
_TAGS: Mapping[Platform, tuple[str, ...]] = {
    Platform.LINUX_64: ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    Platform.LINUX_AARCH64: (
        "manylinux_2_28_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux2014_aarch64",
    ),
    Platform.OSX_64: ("macosx_11_0_x86_64", "macosx_10_12_x86_64"),
    Platform.OSX_ARM64: ("macosx_11_0_arm64", "macosx_12_0_arm64"),
    Platform.WIN_64: ("win_amd64",),
}


def own_wheel() -> tuple[str, bytes]:
    """Return the file name and the bytes of envlock's wheel. Raises `WorldError`."""
    version = envlock.__version__
    info = f"envlock-{version}.dist-info"
    files = dict(_package_files()) | {f"{info}/WHEEL": _WHEEL}
    files |= {f"{info}/{name}": content for name, content in _own_words().items()}
    rows = [f"{path},sha256={_digest(files[path])},{len(files[path])}\n" for path in sorted(files)]
    record = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as wheel:
        for path in (*sorted(files), f"{info}/RECORD"):
            entry = zipfile.ZipInfo(path, _ZIP_TIME)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            wheel.writestr(entry, files.get(path, record))
    return f"envlock-{version}-py3-none-any.whl", buffer.getvalue()


def _package_files() -> Iterator[tuple[str, bytes]]:
    root = Path(envlock.__file__).parent
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"envlock/{path.relative_to(root).as_posix()}", path.read_bytes()


def _own_words() -> Mapping[str, bytes]:
    try:
        found = {name: distribution("envlock").read_text(name) for name in _SAID}
    except PackageNotFoundError:
        found = {}
    if not found.get("METADATA"):
        raise WorldError(
            "this envlock is not installed, so it cannot be packed\nNo bundle was written.",
            hints=["install it: `pip install .`"],
        )
    return {name: text.encode() for name, text in found.items() if text}


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()


def wheels_in(folder: Path) -> dict[str, Path]:
    """Return the wheels of a folder that envlock may need, by file name.

    Raises `EnvlockError` when it lacks one that envlock asks for.
    """
    if not folder.is_dir():
        raise EnvlockError(
            f"--envlock-wheels: expected a folder of wheels, found none at {folder}",
            hints=[f"`pip download --only-binary :all: -d {folder} envlock` fills one"],
        )
    found: dict[str, Path] = {}
    names: set[str] = set()
    for path in sorted(folder.glob("*.whl")):
        try:
            name = parse_wheel_filename(path.name)[0]
        except InvalidWheelFilename:
            continue
        if name != "envlock":  # its own is made of what runs
            found[path.name] = path
            names.add(name)
    lacking = sorted(needed() - names)
    if lacking:
        raise EnvlockError(
            f"{folder}: expected a wheel of everything that envlock needs, found none of "
            f"{', '.join(lacking)}\nNo bundle was written.",
            hints=[f"`pip download --only-binary :all: -d {folder} {' '.join(lacking)}`"],
        )
    return found


def needed() -> set[str]:
    """Return the names of what envlock itself asks for on this machine, its extras left out."""
    asked = map(Requirement, distribution("envlock").requires or ())
    return {
        canonicalize_name(each.name)
        for each in asked
        if each.marker is None or each.marker.evaluate({"extra": ""})
    }


def download_wheels(folder: Path, platforms: Iterable[Platform], here: Platform) -> None:
    """Let pip fetch what envlock needs into a folder, for this Python on each platform.

    Raises `WorldError` when it cannot.
    """
    asked = [each for each in distribution("envlock").requires or () if "extra ==" not in each]
    for platform in platforms:
        tags = [] if platform is here else _foreign(platform)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
        done = subprocess.run(  # noqa: S603 - pip of the Python that runs this
            [*command, "--dest", str(folder), *tags, *asked],
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_SECONDS,
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            raise WorldError(
                f"pip could not fetch what envlock needs on {platform}: {said}\n"
                "No bundle was written.",
                hints=[
                    "name a folder that has the wheels: `--envlock-wheels DIR`",
                    "or pack without envlock, and install it there yourself",
                ],
                detail=done.stderr,
            )


def _foreign(platform: Platform) -> list[str]:
    words = [f"--platform={tag}" for tag in _TAGS[platform]]
    return [*words, f"--python-version={sys.version_info.major}.{sys.version_info.minor}"]
