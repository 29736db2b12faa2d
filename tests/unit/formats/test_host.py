"""A host file is read strictly, and what is wrong with it is said at once."""

from __future__ import annotations

import json

import pytest

from envlock.errors import InputFileError
from envlock.formats.host import describe_host, format_host, read_host
from envlock.model.host import Host, HostGpu, HostProblem, Numbering, ProblemLevel
from envlock.model.platform import Platform

FULL = Host(
    name="box",
    platform=Platform.LINUX_64,
    driver="551.78",
    numbering=Numbering.WINDOWS,
    driver_cuda="12.4",
    gpus=(
        HostGpu(
            name="NVIDIA A100-SXM4-40GB",
            compute="8.0",
            memory_bytes=42_949_672_960,
            mig=True,
            mig_profiles=("1g.5gb", "3g.20gb"),
            compute_mode="exclusive-process",
            nvlinks=12,
        ),
        HostGpu(name="H100"),
    ),
    glibc="2.35",
    macos="14.5",
    kernel="5.15.0",
    wsl=True,
    container="docker",
    library_path=("/usr/local/cuda/lib64",),
    problems=(HostProblem(code="x", level=ProblemLevel.WARNING, message="m", hint="h"),),
)


def faults_of(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(InputFileError) as caught:
        read_host(content, "a/box.json")
    return str(caught.value).splitlines()


def test_every_field_survives():
    assert read_host(format_host(FULL), "a/other.json") == FULL


def test_the_text_is_canonical():
    assert format_host(Host(name="a", platform=Platform.LINUX_64)) == (
        b'{"name":"a","platform":"linux-64","version":1}\n'
    )


def test_every_field_of_the_model_is_known_to_the_reader():
    assert set(json.loads(format_host(FULL))) == {*Host.__struct_fields__, "version"}
    assert set(json.loads(format_host(FULL))["gpus"][0]) == set(HostGpu.__struct_fields__)


def test_what_doctor_prints_is_read():
    printed = json.dumps({"host": describe_host(FULL), "stacks": [], "has_usable_gpu": True})

    assert read_host(printed.encode(), "a.json") == FULL


def test_a_machine_that_was_recorded_is_called_after_its_file():
    host = Host(name="this machine", platform=Platform.LINUX_64)

    assert read_host(format_host(host), "hosts/h100.json").name == "h100"
    assert read_host(b'{"version":1,"platform":"win-64"}', "b.json").name == "b"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", "a/box.json:1: expected JSON: Expecting value"),
        (b'{\n"a": }', "a/box.json:2: expected JSON: Expecting value"),
        (b"\xff\xfe\x00", "a/box.json: expected JSON in UTF-8, found other bytes"),
        (b"[" * 200_000, "a/box.json: expected the object of a host, found deep nesting"),
        (b'{"a": NaN}', "a/box.json: expected JSON: NaN is no number of JSON"),
        (b'{"a": 1, "a": 2}', "a/box.json: expected JSON: the key 'a' stands twice in one object"),
        (b"[]", "a/box.json: expected the object of a host, found an array"),
        (b'"x"', "a/box.json: expected the object of a host, found `x`"),
        (b"null", "a/box.json: expected the object of a host, found null"),
        (
            b'{"version":2,"platform":"linux-64"}',
            "a/box.json: version: expected 1, found the number 2",
        ),
        (
            b'{"platform":"linux-64"}',
            "a/box.json: version: expected the format's version, found none",
        ),
        (b'{"version":true}', "a/box.json: version: expected 1, found true"),
        (b'{"host":3}', "a/box.json: version: expected the format's version, found none"),
    ],
)
def test_what_is_no_host_is_refused(text: bytes, fault: str):
    assert faults_of(text)[0] == fault


def test_numbers_of_many_digits_are_refused():
    assert "expected JSON" in faults_of('{"version":' + "9" * 10_000 + "}")[0]


def test_every_fault_is_told_at_once_with_its_place():
    document = {
        "version": 1,
        "platform": "linux",
        "driver": "new",
        "driver_cuda": "12",
        "numbering": "macos",
        "gpus": [{"compute": 9.0, "mig": 1, "mig_profiles": [""], "serial": "1"}, 7],
        "glibc": 2.35,
        "wsl": None,
        "kernel": "a\x1b[31m",
        "problems": [{"code": "x", "level": "bad"}],
        "plattform": "linux-64",
    }

    assert faults_of(json.dumps({"host": document})) == [
        (
            "a/box.json: host.platform: expected one of linux-64, linux-aarch64, osx-64, "
            "osx-arm64, win-64, found `linux`"
        ),
        'a/box.json: host.driver: expected a version such as "535.183.06", found `new`',
        'a/box.json: host.driver_cuda: expected two numbers such as "9.0", found `12`',
        "a/box.json: host.numbering: expected one of linux, windows, found `macos`",
        (
            'a/box.json: host.gpus[0].compute: expected two numbers such as "9.0", found the '
            "number 9.0"
        ),
        "a/box.json: host.gpus[0].mig: expected true or false, found the number 1",
        (
            "a/box.json: host.gpus[0].mig_profiles[0]: expected a string of 1 to 300 printable "
            "characters, found another string"
        ),
        "a/box.json: host.gpus[0].serial: unknown key",
        "a/box.json: host.gpus[0].name: expected this key, found none",
        "a/box.json: host.gpus[1]: expected an object, found the number 7",
        'a/box.json: host.glibc: expected a version such as "2.35", found the number 2.35',
        "a/box.json: host.wsl: expected true or false, found null",
        (
            "a/box.json: host.kernel: expected a string of 1 to 300 printable characters, found "
            "another string"
        ),
        ("a/box.json: host.problems[0].level: expected one of broken, warning, found `bad`"),
        "a/box.json: host.problems[0].message: expected this key, found none",
        "a/box.json: host.plattform: unknown key",
    ]


def test_an_unknown_key_is_refused_with_the_nearest():
    with pytest.raises(InputFileError) as caught:
        read_host(b'{"version":1,"platform":"linux-64","drivers":"535"}', "a.json")

    assert caught.value.hints == ("did you mean `driver`?",)


@pytest.mark.parametrize("value", [-1, 2**63, 1.5, True, "1"])
def test_memory_is_a_whole_number(value: object):
    document = {
        "version": 1,
        "platform": "linux-64",
        "gpus": [{"name": "x", "memory_bytes": value}],
    }

    assert "gpus[0].memory_bytes: expected a whole number" in faults_of(json.dumps(document))[0]


def test_an_array_that_never_ends_is_refused():
    document = {"version": 1, "platform": "linux-64", "gpus": [0] * 5_000}

    assert faults_of(json.dumps(document)) == [
        "a/box.json: gpus: expected an array of at most 1,024 entries, found an array of 5,000"
    ]
