"""GPU code, read off wheels made here in the shape of real ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

import pytest

from envlock.backends.pypi_kernels import read_kernels
from envlock.model.version import CudaLine

TORCH_PAD = b"\x00\x01\x7fELF sm_ x sm_9 " * 40_000
"""600 kB before the list: it lies behind the first chunks."""
TF = """
import collections
build_info = collections.OrderedDict([('cuda_compute_capabilities', {entries}),
    ('cuda_version', '12.5.1'), ('is_cuda_build', {cuda})])
def get_build_info():
  return build_info
"""


def wheel(members: Mapping[str, bytes | str]) -> Callable[[], zipfile.ZipFile]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return lambda: zipfile.ZipFile(io.BytesIO(buffer.getvalue()))


def torch(library: bytes, cuda: str = "'12.1'") -> Callable[[], zipfile.ZipFile]:
    return wheel(
        {
            "torch/version.py": f"__version__ = '2'\ncuda: Optional[str] = {cuda}\nhip = None\n",
            "torch/lib/libtorch_python.so": library,
        }
    )


def test_torch_names_its_architectures_in_its_library():
    found = read_kernels("torch", "2.4.1", torch(TORCH_PAD + b"\0sm_50 sm_80 sm_90a\0" + TORCH_PAD))

    assert found is not None
    assert found.line == CudaLine(12, 1)
    assert found.sass == ("5.0", "8.0", "9.0")
    assert found.family == ("9.0",)
    assert found.ptx == ()
    assert found.evidence is not None
    assert found.evidence.fact == "torch/lib/libtorch_python.so says sm_50 sm_80 sm_90a"


@pytest.mark.parametrize("before", range((1 << 18) - 30, (1 << 18) + 2))
def test_a_list_across_two_chunks_is_read_whole(before: int):
    library = b"x" * before + b"\0sm_75 sm_100 compute_120\0"

    found = read_kernels("torch", "2", torch(library))

    assert found is not None
    assert (found.sass, found.ptx) == (("7.5", "10.0"), ("12.0",))


def test_a_list_at_the_very_end_is_found():
    found = read_kernels("torch", "2", torch(b"\0sm_75;sm_80"))

    assert found is not None
    assert found.sass == ("7.5", "8.0")


def test_a_cpu_build_of_torch_says_so():
    found = read_kernels("torch", "2", torch(b"sm_75 sm_80", cuda="None"))

    assert found is not None
    assert found.line is None
    assert found.sass == ()
    assert found.evidence is not None
    assert found.evidence.fact == "torch/version.py says a CPU build"


def test_a_torch_that_does_not_say_is_unknown_and_not_empty():
    found = read_kernels("torch", "2", torch(TORCH_PAD))

    assert found is not None
    assert found.evidence is None
    assert found.line == CudaLine(12, 1)


def test_tensorflow_names_machine_code_and_ptx():
    entries = "['sm_60', 'sm_89', 'compute_90']"
    content = TF.format(entries=entries, cuda=True)

    found = read_kernels(
        "tensorflow", "2.19.0", wheel({"tensorflow/python/platform/build_info.py": content})
    )

    assert found is not None
    assert found.line == CudaLine(12, 5)
    assert found.sass == ("6.0", "8.9")
    assert found.ptx == ("9.0",)


def test_a_cpu_build_of_tensorflow_says_so():
    content = TF.format(entries="[]", cuda=False)

    found = read_kernels(
        "tensorflow-cpu", "2.19.0", wheel({"tensorflow/python/platform/build_info.py": content})
    )

    assert found is not None
    assert found.evidence is not None
    assert found.sass == ()


def test_other_distributions_are_not_opened():
    def fail() -> zipfile.ZipFile:
        raise AssertionError("opened")

    assert read_kernels("numpy", "2.0", fail) is None
    assert read_kernels("torchvision", "0.19", fail) is None


@pytest.mark.parametrize(
    "members",
    [
        {"torch/other.py": "x"},
        {"torch/version.py": "cuda = 12 + unknown_name\n"},
        {"torch/version.py": "cuda = '12.1'\n" + "#" * 2_000_000},
        {"torch/version.py": "cuda = 'not a version'\n"},
    ],
)
def test_a_wheel_that_is_not_what_it_should_be_is_a_value_error(members: dict[str, str]):
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        read_kernels("torch", "2", wheel(members))


@pytest.mark.parametrize(
    "content", ["x = 1", "OrderedDict(", "a.OrderedDict(1)", "a.OrderedDict(f())", "\0"]
)
def test_build_facts_of_another_kind_say_nothing(content: str):
    members = {"tensorflow/python/platform/build_info.py": content}

    found = read_kernels("tensorflow", "2", wheel(members))

    assert found is not None
    assert found.evidence is None


def test_an_architecture_of_another_maker_is_a_value_error():
    content = TF.format(entries="['gfx906']", cuda=True)

    with pytest.raises(ValueError, match="`gfx906` is no GPU architecture"):
        read_kernels(
            "tensorflow", "2", wheel({"tensorflow/python/platform/build_info.py": content})
        )
