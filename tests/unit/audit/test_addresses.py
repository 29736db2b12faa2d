"""What an address says of itself."""

from __future__ import annotations

import pytest

from envlock.audit.addresses import (
    Address,
    channel_of,
    file_name,
    has_whole_commit,
    is_absolute,
    is_loopback,
    is_path,
    is_private,
    mutable_part,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://Conda.Example:8443/a/b?x=1#y", ("https", "conda.example", "/a/b", False)),
        ("git+https://me@git.example/o/p@v1", ("https", "git.example", "/o/p@v1", True)),
        ("git@git.example:o/p.git", ("ssh", "git.example", "o/p.git", True)),
        ("http://[::1]:80/x", ("http", "::1", "/x", False)),
        ("file:///opt/x", ("file", "", "/opt/x", False)),
        ("C:\\work\\x", ("", "", "C:\\work\\x", False)),
        ("conda-forge", ("", "", "conda-forge", False)),
        ("", ("", "", "", False)),
    ],
)
def test_an_address_is_taken_apart(text: str, parts: tuple[str, str, str, bool]):
    assert parse_address(text) == Address(*parts)


def test_a_file_is_called_by_its_last_segment_with_its_marks():
    assert file_name("https://x.example/a/torch-2.8.0%2Bcu128-py3.whl#sha256=0") == (
        "torch-2.8.0+cu128-py3.whl"
    )
    assert file_name("https://x.example/linux-64/x264-1%21161.3030-h7f98852_1.conda") == (
        "x264-1!161.3030-h7f98852_1.conda"
    )
    assert file_name("https://x.example") == "https://x.example"


def test_a_channel_is_what_is_left_of_a_file():
    assert channel_of("https://x.example/c/linux-64/a-1-0.conda#0a") == "https://x.example/c"


@pytest.mark.parametrize(
    ("text", "path", "absolute"),
    [
        ("/opt/x", True, True),
        ("~/x", True, True),
        ("file:///x", True, True),
        ("D:/x", True, True),
        ("\\\\server\\share", True, True),
        ("./x", True, False),
        ("../x", True, False),
        ("https://x.example/x", False, False),
    ],
)
def test_places_on_a_disk_are_told_from_addresses(text: str, *, path: bool, absolute: bool):
    address = parse_address(text)

    assert is_path(address) is path
    assert not path or is_absolute(address) is absolute


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "::1", "0.0.0.0"])  # noqa: S104  names it only
def test_the_machine_itself_is_known(host: str):
    assert is_loopback(host)
    assert not is_private(host)


@pytest.mark.parametrize("host", ["10.1.2.3", "192.168.0.9", "172.20.1.1", "fd00::1", "pypi.corp"])
def test_addresses_of_one_network_are_known(host: str):
    assert is_private(host)
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["conda.example", "172.32.0.1", "8.8.8.8", "localhost.example"])
def test_other_hosts_are_neither(host: str):
    assert not is_private(host)
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [("8" * 40, True), ("F" * 40, True), ("0" * 64, True), ("8" * 39, False), ("8" * 41, False)],
)
def test_only_a_whole_commit_is_one(text: str, *, is_whole: bool):
    assert has_whole_commit("main", f"x@{text}#y") is is_whole


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("https://git.example/o/p/archive/master.tar.gz", "/archive/master.tar.gz"),
        ("https://git.example/o/p/zipball/main", "/zipball/main"),
        ("https://raw.githubusercontent.com/o/p/main/x.sh", "/main/"),
        ("https://hub.example/o/p/resolve/main/x.bin", "/resolve/main/"),
        ("https://files.example/x-latest.tar.gz", "-latest."),
        ("https://raw.githubusercontent.com/o/p/v1.0/x.sh", ""),
        ("https://git.example/main/p/main/x.sh", ""),
        ("https://git.example/o/p/archive/v1.0.zip", ""),
        ("https://files.example/greatest/x.zip", ""),
        ("file:///opt/latest/x", ""),
    ],
)
def test_what_can_mean_another_file_tomorrow_is_named(text: str, part: str):
    assert mutable_part(parse_address(text)) == part
