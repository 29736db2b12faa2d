from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envlock.compat.drivers import DriverVersion, cuda_of_driver, minor_floor, native_floor
from envlock.model.platform import System
from envlock.model.version import CudaLine

branches = st.integers(380, 640)
texts = st.one_of(
    st.builds(str, branches),
    st.builds("{}.{}".format, branches, st.integers(0, 99)),
    st.builds("{}.{}.{:02}".format, branches, st.integers(0, 299), st.integers(0, 29)),
)
drivers = texts.map(DriverVersion.parse)
lines = st.builds(CudaLine, st.integers(10, 14), st.integers(0, 9))


@given(drivers, drivers)
def test_of_two_drivers_at_least_one_meets_the_other(one: DriverVersion, two: DriverVersion):
    assert one.meets(one)
    assert one.meets(two) or two.meets(one)
    if one.branch != two.branch:
        assert one.meets(two) is not two.meets(one)


@given(texts, texts)
def test_a_newer_driver_never_offers_an_older_cuda(one: str, two: str):
    older, newer = sorted((one, two), key=lambda text: DriverVersion.parse(text).branch)
    lines = (cuda_of_driver(older), cuda_of_driver(newer))

    match lines:
        case (CudaLine() as low, CudaLine() as high):
            assert low <= high


@given(lines, lines, st.sampled_from(System))
def test_a_newer_line_never_needs_an_older_driver(one: CudaLine, two: CudaLine, system: System):
    older, newer = sorted((one, two))

    for floor_of in (minor_floor, native_floor):
        low, high = floor_of(older, system), floor_of(newer, system)
        assert low is None or high is None or high.driver.meets(low.driver)
