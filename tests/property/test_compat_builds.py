from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envlock.compat.builds import CpuBuild, CudaBuild, UnknownBuild, read_build, runs_on
from envlock.model.platform import System
from envlock.model.version import CudaLine

lines = st.builds(CudaLine, st.integers(10, 14), st.integers(0, 9))
systems = st.sampled_from(System)
hashes = st.text("0123456789abcdef", min_size=7, max_size=7).map("h{}".format)


@given(lines, hashes, st.sampled_from(["", "_mkl", "_generic"]), st.booleans())
def test_a_conda_forge_tag_is_read_back(line: CudaLine, digest: str, variant: str, joined: bool):
    python = f"py313{digest}" if joined else f"py313_{digest}"
    build = f"cuda{line.major}{line.minor}{variant}_{python}_300"

    assert read_build("pytorch", build, "conda-forge", System.LINUX) == CudaBuild(line=line)


@given(lines, st.tuples(st.integers(7, 10), st.integers(0, 30), st.integers(0, 9)))
def test_a_pytorch_channel_build_is_read_back(line: CudaLine, cudnn: tuple[int, int, int]):
    text = ".".join(map(str, cudnn))
    build = f"py3.11_cuda{line}_cudnn{text}_0"

    assert read_build("pytorch", build, "pytorch", System.LINUX) == CudaBuild(line=line, cudnn=text)


@given(st.text(max_size=20), st.text(max_size=40), st.text(max_size=20), systems)
def test_any_build_has_an_answer(name: str, build: str, channel: str, system: System):
    answer = read_build(name, build, channel, system)

    assert isinstance(answer, CudaBuild | CpuBuild | UnknownBuild)


@given(lines, lines, lines)
def test_running_on_a_line_is_an_order_within_a_major(
    one: CudaLine, two: CudaLine, three: CudaLine
):
    assert runs_on(one, one)
    assert (runs_on(one, two) and runs_on(two, one)) is (one == two)
    if runs_on(one, two) and runs_on(two, three):
        assert runs_on(one, three)
    assert (runs_on(one, two) or runs_on(two, one)) is (one.major == two.major)
