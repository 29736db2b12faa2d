"""Which GPU code a framework's wheel has, read off the wheel without downloading it whole.

torch has the architectures that it was compiled for as a string in its Python library, TensorFlow
in a module of build facts; one member of a zip archive can be read alone, over ranges of HTTP.
JAX's plugins say nothing of the kind in themselves: what is known of their builds stands in the
tables, and the evidence says so.
"""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from msgspec.structs import replace

from envlock.compat.kernels import kernels_of_wheel
from envlock.model.platform import Platform
from envlock.model.verdict import Evidence, Kernels
from envlock.model.version import CudaLine, parse_dotted

OpenWheel = Callable[[], AbstractContextManager[zipfile.ZipFile]]

_TENSORFLOW = frozenset({"tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel"})
_PLUGIN = re.compile(r"jax-cuda[0-9]+-(?:plugin|pjrt)")

_TORCH_LIBRARIES = ("torch/lib/libtorch_python.so", "torch/lib/torch_python.dll")
_TORCH_VERSION = "torch/version.py"
_BUILD_INFO = "tensorflow/python/platform/build_info.py"

_LISTED = rb"(?:sm|compute)_[0-9]{2,3}[a-z]?"
_ENTRIES = re.compile(
    rb"(?P<list>" + _LISTED + rb"(?:[ ;,]" + _LISTED + rb"){1,63})\0|\0(?P<one>" + _LISTED + rb")\0"
)
"""A string of a library, to its end: other strings name architectures too, inside sentences.

Its beginning is not always marked: in torch 2.8 the string before it has no end of its own.
"""
_ENTRY = re.compile(r"(?P<kind>sm_|compute_|)(?P<digits>[0-9]{1,2}\.?[0-9])(?P<suffix>[a-z]?)")

_LARGEST_LIBRARY = 200_000_000
"""Bytes; libtorch_python.so of torch 2.15 has 49 million on aarch64."""
_LARGEST_TEXT = 1_000_000
_CHUNK = 1 << 18
_OVERLAP = 1 << 10
"""Longer than any list of architectures: one may lie across two chunks."""
_CPU_BUILD = "a build without CUDA"


def read_kernels(name: str, version: str, open_wheel: OpenWheel) -> Kernels | None:
    """Return the GPU code of a wheel; None for a distribution that is no framework, unopened.

    A CPU build comes back without entries and with evidence; without evidence, the wheel does not
    say. `name` is normalised. The wheel is hostile until proven otherwise: raises `ValueError` for
    contents that no real one has, `zipfile.BadZipFile` for a broken archive, and whatever opening
    or reading raises by itself, such as `OSError`.
    """
    artifact = f"{name} {version} wheel"
    if _PLUGIN.fullmatch(name):
        return _of_tables(name, version)
    if name != "torch" and name not in _TENSORFLOW:
        return None
    try:
        with open_wheel() as wheel:
            return _torch(artifact, wheel) if name == "torch" else _tensorflow(artifact, wheel)
    except (zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
        # NotImplementedError: an unknown compression; RuntimeError: an encrypted member.
        raise zipfile.BadZipFile(f"{artifact} cannot be unpacked: {error}") from error


def _torch(artifact: str, wheel: zipfile.ZipFile) -> Kernels:
    about = _text(wheel, _TORCH_VERSION)
    cuda = _assigned(about, "cuda")
    if cuda is None:
        return Kernels(artifact=artifact)
    if not cuda:
        hip = _assigned(about, "hip")
        said = f"a build for ROCm {hip}, without CUDA" if hip else _CPU_BUILD
        return Kernels(artifact=artifact, evidence=_evidence(_TORCH_VERSION, said))
    line = CudaLine.parse(cuda)
    for member in _TORCH_LIBRARIES:
        entries = _entries_in(wheel, member)
        if entries:
            return _kernels(artifact, line, entries, member)
    return Kernels(artifact=artifact, line=line)


def _assigned(module: str, name: str) -> str | None:
    """Return a string that a module assigns at its top: empty for `None`, None where it does not.

    Reads `cuda = '12.1'` and `cuda: Optional[str] = '12.1'`. Raises `ValueError` for other values.
    """
    line = re.search(rf"^{name}(?: ?:[^=\n]*)? ?= ?(?P<value>[^\n]*)", module, re.MULTILINE)
    if line is None:
        return None
    value = line["value"].strip()
    quoted = re.fullmatch(r"""(['"])(?P<text>[^'"\\]*)\1""", value)
    if quoted is None and value != "None":
        raise ValueError(f"`{name} = {value[:40]}` is neither a version nor None")
    return quoted["text"] if quoted else ""


def _entries_in(wheel: zipfile.ZipFile, member: str) -> list[str]:
    """Return the architectures that a library names; reading stops where they are found."""
    if not _has(wheel, member, _LARGEST_LIBRARY):
        return []
    with wheel.open(member) as file:
        tail = b""
        while chunk := file.read(_CHUNK):
            window = tail + chunk
            found = _ENTRIES.search(window)
            if found:
                return re.split(r"[ ;,]", (found["list"] or found["one"]).decode("ascii"))
            tail = window[-_OVERLAP:]
    return []


def _tensorflow(artifact: str, wheel: zipfile.ZipFile) -> Kernels:
    facts = _text(wheel, _BUILD_INFO)
    is_cuda = re.search(r"'is_cuda_build', (True|False)", facts)
    if is_cuda is None:
        return Kernels(artifact=artifact)
    if is_cuda[1] == "False":
        return Kernels(artifact=artifact, evidence=_evidence(_BUILD_INFO, _CPU_BUILD))
    version = re.search(r"'cuda_version', '([^']*)'", facts)
    line = CudaLine.parse(version[1]) if version else None
    listed = re.search(r"'cuda_compute_capabilities', \[([^\]]*)\]", facts)
    entries = re.findall(r"'([^']*)'", listed[1]) if listed else []
    if not entries:
        return Kernels(artifact=artifact, line=line)
    return _kernels(artifact, line, entries, _BUILD_INFO)


def _of_tables(name: str, version: str) -> Kernels:
    # The plugins exist for Linux only, with one list of architectures for all machines.
    known = kernels_of_wheel(name, version, Platform.LINUX_64)
    if known.evidence is None:
        return known
    source = f"known of the build, not read from the wheel: {known.evidence.source}"
    return replace(known, evidence=replace(known.evidence, source=source))


def _kernels(artifact: str, line: CudaLine | None, entries: list[str], member: str) -> Kernels:
    read = [_parse_entry(entry) for entry in entries]
    sass = {compute for kind, compute, _ in read if kind != "compute_"}
    general = {compute for kind, compute, suffix in read if kind != "compute_" and not suffix}
    # PTX with a suffix serves no newer GPU. TensorFlow's `compute_90` is PTX for most kernels and
    # PTX beside machine code for the others: a driver has to compile in any case.
    ptx = {compute for kind, compute, suffix in read if kind == "compute_" and not suffix}
    return Kernels(
        artifact=artifact,
        line=line,
        sass=_ordered(sass),
        ptx=_ordered(ptx),
        family=_ordered(sass - general),
        evidence=_evidence(member, " ".join(entries)),
    )


def _parse_entry(entry: str) -> tuple[str, str, str]:
    """Read `sm_90a`, `compute_120`, or the bare `8.0` of older builds, which is machine code."""
    match = _ENTRY.fullmatch(entry)
    if match is None or ("." in match["digits"]) != (not match["kind"]):
        raise ValueError(f"`{entry[:40]}` is no GPU architecture")
    digits = match["digits"].replace(".", "")
    return match["kind"], f"{digits[:-1]}.{digits[-1]}", match["suffix"]


def _ordered(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(items, key=parse_dotted))


def _evidence(member: str, said: str) -> Evidence:
    return Evidence(
        fact=f"{member} says {said}",
        row=member,
        source=f"read from the wheel's {member}",
        confidence="verified",
    )


def _text(wheel: zipfile.ZipFile, member: str) -> str:
    """Return the text of a member, empty where the wheel has no such member."""
    if not _has(wheel, member, _LARGEST_TEXT):
        return ""
    return wheel.read(member).decode("utf-8", errors="replace")


def _has(wheel: zipfile.ZipFile, member: str, limit: int) -> bool:
    """Say whether a wheel has a member; raises `ValueError` for a larger one than any real one.

    What a member declares is also the most that reading it gives.
    """
    try:
        size = wheel.getinfo(member).file_size
    except KeyError:
        return False
    if size > limit:
        raise ValueError(f"{member} has {size:,} bytes, more than any real one")
    return True
