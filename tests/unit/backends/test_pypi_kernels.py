"""GPU code, read off wheels made here in the shape of real ones."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.backends.pypi_kernels import read_kernels
from envlock.model.version import CudaLine

LIBRARY = "torch/lib/libtorch_python.so"
BUILD_INFO = "tensorflow/python/platform/build_info.py"
PAD = b"\x00\x01\x7fELF sm_ x sm_9 needs sm_80 or newer\0" * 16_000
"""600 kB that name architectures in sentences: the list lies behind the first chunks."""

OpenWheel = Callable[[], zipfile.ZipFile]


def wheel(members: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> OpenWheel:
    content = archive(members, method)
    return lambda: zipfile.ZipFile(io.BytesIO(content))


def archive(members: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


def torch(library: bytes, cuda: str = "'12.1'", member: str = LIBRARY) -> OpenWheel:
    about = f"__version__ = '2'\ndebug = False\ncuda: Optional[str] = {cuda}\nhip = None\n"
    return wheel({"torch/version.py": about, member: library})


def tensorflow(entries: str, *, cuda: bool = True, version: str = "12.5.1") -> OpenWheel:
    pairs = f"('cuda_version', '{version}'), ('is_cuda_build', {cuda}), ('is_rocm_build', False)"
    listed = f"('cpu_compiler', 'clang'), ('cuda_compute_capabilities', {entries}), {pairs}"
    return wheel(
        {BUILD_INFO: f"import collections\nbuild_info = collections.OrderedDict([{listed}])\n"}
    )


def test_torch_names_its_architectures_in_its_library():
    found = read_kernels("torch", "2.4.1", torch(PAD + b"\0sm_50 sm_80 sm_86\0" + PAD))

    assert found is not None
    assert (found.artifact, found.line) == ("torch 2.4.1 wheel", CudaLine(12, 1))
    assert (found.sass, found.ptx, found.family) == (("5.0", "8.0", "8.6"), (), ())
    assert found.evidence is not None
    assert found.evidence.fact == f"{LIBRARY} says sm_50 sm_80 sm_86"
    assert found.evidence.row == LIBRARY
    assert found.evidence.source == f"read from the wheel's {LIBRARY}"
    assert found.evidence.confidence == "verified"


def test_a_list_that_follows_an_open_string_is_found_as_in_torch_2_8():
    found = read_kernels("torch", "2.8.0", torch(PAD + b"std::string ipc_hsm_70 sm_75 sm_120\0"))

    assert found is not None
    assert found.sass == ("7.0", "7.5", "12.0")


@pytest.mark.parametrize(
    ("listed", "sass", "ptx", "family"),
    [
        ("sm_90a", ("9.0",), (), ("9.0",)),
        ("sm_80 sm_90a sm_100f", ("8.0", "9.0", "10.0"), (), ("9.0", "10.0")),
        ("sm_90 sm_90a", ("9.0",), (), ()),
        ("sm_75 compute_120", ("7.5",), ("12.0",), ()),
        ("sm_75 compute_90a", ("7.5",), (), ()),
        ("sm_120;sm_101;sm_75", ("7.5", "10.1", "12.0"), (), ()),
    ],
)
def test_suffixes_and_ptx_are_told_apart(
    listed: str, sass: tuple[str, ...], ptx: tuple[str, ...], family: tuple[str, ...]
):
    found = read_kernels("torch", "2", torch(b"\0" + listed.encode() + b"\0"))

    assert found is not None
    assert (found.sass, found.ptx, found.family) == (sass, ptx, family)


@pytest.mark.parametrize("before", [*range((1 << 18) - 30, (1 << 18) + 2), (1 << 19) - 9])
def test_a_list_across_two_chunks_is_read_whole(before: int):
    library = b"x" * before + b"\0sm_75 sm_100 compute_120\0"

    found = read_kernels("torch", "2", torch(library))

    assert found is not None
    assert (found.sass, found.ptx) == (("7.5", "10.0"), ("12.0",))


class Metered(io.BytesIO):
    """A file that counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def test_reading_stops_where_the_list_is_found():
    library = b"\0sm_75 sm_80\0" + PAD * 4
    members = {"torch/version.py": "cuda = '12.1'\n", LIBRARY: library}
    file = Metered(archive(members, zipfile.ZIP_STORED))

    found = read_kernels("torch", "2", lambda: zipfile.ZipFile(file))

    assert found is not None
    assert found.sass == ("7.5", "8.0")
    assert file.count < 300_000 < len(library)


def test_a_library_for_windows_is_read_too():
    found = read_kernels(
        "torch", "2", torch(b"\0sm_75 sm_80\0", member="torch/lib/torch_python.dll")
    )

    assert found is not None
    assert found.sass == ("7.5", "8.0")


def test_a_cpu_build_of_torch_says_so_and_its_library_stays_closed():
    found = read_kernels("torch", "2", torch(b"\0sm_75 sm_80\0", cuda="None"))

    assert found is not None
    assert (found.line, found.sass) == (None, ())
    assert found.evidence is not None
    assert found.evidence.fact == "torch/version.py says a build without CUDA"


def test_a_build_for_another_maker_is_no_cuda_build():
    about = "cuda: Optional[str] = None\nhip: Optional[str] = '6.4.43482'\n"

    found = read_kernels("torch", "2", wheel({"torch/version.py": about}))

    assert found is not None
    assert found.evidence is not None
    assert found.evidence.fact == ("torch/version.py says a build for ROCm 6.4.43482, without CUDA")


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({"torch/version.py": "cuda = '12.1'\n", LIBRARY: PAD}, CudaLine(12, 1)),
        ({"torch/version.py": "cuda = '12.1'\n", LIBRARY: b"\0sm_75 sm_80"}, CudaLine(12, 1)),
        ({"torch/version.py": "cuda = '12.1'\n"}, CudaLine(12, 1)),
        ({"torch/version.py": "nothing = 1\n", LIBRARY: b"\0sm_75 sm_80\0"}, None),
        ({LIBRARY: b"\0sm_75 sm_80\0"}, None),
        ({}, None),
    ],
)
def test_a_torch_that_does_not_say_is_unknown_and_not_empty(
    members: dict[str, bytes | str], line: CudaLine | None
):
    found = read_kernels("torch", "2", wheel(members))

    assert found is not None
    assert (found.evidence, found.line) == (None, line)


def test_tensorflow_names_machine_code_and_ptx():
    found = read_kernels("tensorflow", "2.19.0", tensorflow("['sm_60', 'sm_89', 'compute_90']"))

    assert found is not None
    assert found.line == CudaLine(12, 5)
    assert (found.sass, found.ptx) == (("6.0", "8.9"), ("9.0",))
    assert found.evidence is not None
    assert found.evidence.source == f"read from the wheel's {BUILD_INFO}"


def test_older_tensorflow_names_bare_numbers():
    found = read_kernels("tensorflow-gpu", "2.4.0", tensorflow("['3.5', '8.0']", version="11.0"))

    assert found is not None
    assert (found.sass, found.ptx) == (("3.5", "8.0"), ())


def test_a_cpu_build_of_tensorflow_says_so():
    found = read_kernels("tensorflow-cpu", "2.19.0", tensorflow("[]", cuda=False))

    assert found is not None
    assert (found.line, found.sass) == (None, ())
    assert found.evidence is not None


@pytest.mark.parametrize(
    "members",
    [
        {},
        {BUILD_INFO: ""},
        {BUILD_INFO: "build_info = {}"},
        {BUILD_INFO: "('is_cuda_build', True)"},
        {BUILD_INFO: "('is_cuda_build', True), ('cuda_compute_capabilities', [])"},
        {BUILD_INFO: b"\xff\0("},
    ],
)
def test_a_tensorflow_that_does_not_say_is_unknown(members: dict[str, bytes | str]):
    found = read_kernels("tensorflow", "2", wheel(members))

    assert found is not None
    assert found.evidence is None


def unopened() -> zipfile.ZipFile:
    raise AssertionError("opened")


@pytest.mark.parametrize("name", ["jax-cuda12-plugin", "jax-cuda12-pjrt"])
def test_what_is_known_of_a_jax_build_says_that_it_was_not_read(name: str):
    found = read_kernels(name, "0.12.0.1", unopened)

    assert found is not None
    assert found.line == CudaLine(12, 9)
    assert found.ptx == ("12.0",)
    assert found.evidence is not None
    assert found.evidence.source.startswith("known of the build, not read from the wheel: ")


def test_a_jax_build_that_no_table_holds_is_unknown():
    found = read_kernels("jax-cuda12-plugin", "99.0", unopened)

    assert found is not None
    assert found.evidence is None


@pytest.mark.parametrize(
    "name", ["numpy", "torchvision", "jax", "jaxlib", "triton", "nvidia-cublas-cu12", ""]
)
def test_other_distributions_are_not_opened(name: str):
    assert read_kernels(name, "2.0", unopened) is None


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (
            {"torch/version.py": "cuda = 12 + x\n"},
            "`cuda = 12 \\+ x` is neither a version nor None",
        ),
        ({"torch/version.py": "cuda = (((((\n"}, "is neither a version nor None"),
        ({"torch/version.py": "cuda = 'new'\n"}, "`new` does not start with a number"),
        ({"torch/version.py": "#" * 2_000_000}, "has 2,000,000 bytes, more than any real one"),
    ],
)
def test_a_torch_that_no_real_one_is_like_is_a_value_error(members: dict[str, str], problem: str):
    with pytest.raises(ValueError, match=problem):
        read_kernels("torch", "2", wheel(members))


def test_a_library_larger_than_any_real_one_is_not_read():
    library = b"\0" * 200_000_001

    with pytest.raises(ValueError, match=r"libtorch_python.so has 200,000,001 bytes"):
        read_kernels("torch", "2", torch(library))


@pytest.mark.parametrize("entry", ["gfx906", "sm_9", "sm_1000", "8", "sm_8.0", "", "compute_"])
def test_an_architecture_of_another_kind_is_a_value_error(entry: str):
    with pytest.raises(ValueError, match=f"`{entry}` is no GPU architecture"):
        read_kernels("tensorflow", "2", tensorflow(f"['{entry}']"))


def test_an_encrypted_or_damaged_wheel_is_a_bad_archive():
    sound = archive({"torch/version.py": "cuda = '12.1'\n" + "# x\n" * 500})
    encrypted = bytearray(sound)
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    encrypted[6] |= 1
    damaged = bytearray(sound)
    damaged[45:60] = b"\xff" * 15
    foreign = bytearray(sound)
    foreign[8], foreign[foreign.index(b"PK\x01\x02") + 10] = 99, 99

    for content in (encrypted, damaged, foreign, sound[:100]):
        with pytest.raises(zipfile.BadZipFile):
            read_kernels(
                "torch", "2", lambda data=bytes(content): zipfile.ZipFile(io.BytesIO(data))
            )


@given(st.data())
def test_a_damaged_wheel_is_read_or_refused_in_a_known_way(data: st.DataObject):
    name = data.draw(st.sampled_from(["torch", "tensorflow"]))
    members = {
        "torch/version.py": "cuda = '12.1'\n",
        LIBRARY: b"\0sm_75 sm_80\0",
        BUILD_INFO: "('is_cuda_build', True), ('cuda_compute_capabilities', ['sm_60'])",
    }
    content = bytearray(archive(members))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(ValueError, zipfile.BadZipFile, OSError):
        read_kernels(name, "2", lambda: zipfile.ZipFile(io.BytesIO(bytes(content))))
