"""Host files: what is written is read back, and what is read never surprises."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from envlock.errors import InputFileError
from envlock.formats.host import format_host, read_host
from envlock.model.host import Host, HostGpu, HostProblem, Numbering, ProblemLevel
from envlock.model.platform import Platform

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
)
numbers = st.integers(0, 999).map(str)
pairs = st.tuples(numbers, numbers).map(".".join)
gpus = st.builds(
    HostGpu,
    name=texts,
    compute=st.none() | pairs,
    memory_bytes=st.none() | st.integers(0, 2**62),
    mig=st.booleans(),
    mig_profiles=st.lists(texts, max_size=3).map(tuple),
    compute_mode=st.none() | st.sampled_from(["default", "exclusive-process", "prohibited"]),
    nvlinks=st.none() | st.integers(0, 36),
)
problems = st.builds(
    HostProblem,
    code=texts,
    level=st.sampled_from(ProblemLevel),
    message=texts,
    hint=texts,
)
hosts = st.builds(
    Host,
    name=texts,
    platform=st.sampled_from(Platform),
    driver=st.none() | pairs,
    numbering=st.sampled_from(Numbering),
    driver_cuda=st.none() | pairs,
    gpus=st.lists(gpus, max_size=3).map(tuple),
    glibc=st.none() | pairs,
    macos=st.none() | pairs,
    kernel=st.none() | texts,
    wsl=st.booleans(),
    container=st.none() | texts,
    library_path=st.lists(texts, max_size=2).map(tuple),
    problems=st.lists(problems, max_size=2).map(tuple),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from([*Host.__struct_fields__, "version", "host"]) | st.text(max_size=5)


@given(hosts)
def test_a_host_survives_its_file(host: Host):
    content = format_host(host)

    assert read_host(content, "x.json") == host
    assert format_host(read_host(content, "x.json")) == content


def refusal(content: bytes) -> str | None:
    try:
        read_host(content, "x.json")
    except InputFileError as error:
        return str(error)
    return None


@given(st.dictionaries(keys, values, max_size=6), st.booleans())
def test_a_document_is_a_host_or_refused(document: dict[str, object], versioned: bool):
    if versioned:
        document["version"] = 1

    told = refusal(json.dumps(document).encode())

    assert told is None or told.startswith("x.json")
    assert all(line.isprintable() for line in (told or "").splitlines())


@given(st.binary(max_size=200))
def test_bytes_are_a_host_or_refused(content: bytes):
    told = refusal(content)

    assert told is None or told.startswith("x.json")
