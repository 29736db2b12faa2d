"""GPU code read off a real wheel of the package index: a few megabytes over the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple
from remotezip import RemoteZip
from urllib3 import HTTPResponse

from envlock.backends.pypi_kernels import read_kernels
from envlock.compat.wheels import wheel_facts
from envlock.model.platform import Platform

pytestmark = pytest.mark.index
LARGEST_READ = 4_000_000
"""Bytes: the wheel's list of members is 2.3 million, the module of build facts a page."""


@pytest.fixture
def index() -> Iterator[PyPISimple]:
    """The package index; a test that cannot reach it is skipped, and says so."""
    with PyPISimple(PYPI_SIMPLE_ENDPOINT) as client:
        try:
            client.s.head(client.get_project_url("tensorflow"), timeout=10).raise_for_status()
        except requests.RequestException as error:
            pytest.skip(f"the package index cannot be reached: {error}")
        yield client


class Counting(requests.Session):
    """Remembers its answers: each knows how much of it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[HTTPResponse] = []

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        answer = super().send(request, **kwargs)
        self.answers.append(answer.raw)
        return answer


def test_a_real_tensorflow_says_what_the_tables_say_for_a_few_megabytes(index: PyPISimple):
    wheels = index.get_project_page("tensorflow").packages
    parts = ("tensorflow-2.19.0-cp311-cp311-", "x86_64.whl")
    wheel = next(w for w in wheels if all(part in w.filename for part in parts))
    session = Counting()

    found = read_kernels("tensorflow", "2.19.0", lambda: RemoteZip(wheel.url, session=session))

    known = wheel_facts("tensorflow", "2.19.0", Platform.LINUX_64)
    assert found is not None
    assert known is not None
    assert found.evidence is not None
    assert (found.line, found.sass, found.ptx) == (known.line, known.sass, known.ptx)
    assert sum(answer.tell() for answer in session.answers) < LARGEST_READ
