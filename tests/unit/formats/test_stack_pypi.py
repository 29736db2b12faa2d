"""What a stack says of package indexes, source archives and forward compatibility."""

from __future__ import annotations

import pytest

from envlock.errors import InputFileError
from envlock.formats.stack_toml import read_stack
from envlock.model.platform import Platform
from envlock.model.stack import IndexFormat, Stack

BASE = """\
[stack]
name = "a"
platforms = ["linux-64", "win-64"]

[python]
version = "3.12.*"

[gpu]
cuda = "12.1"
"""
INDEX = """
[[pypi-index]]
name = "team"
url = "{url}"
packages = ["model"]
"""


def stack_of(text: str) -> Stack:
    return read_stack((BASE + text).encode(), "a.toml")


def faults(text: str) -> str:
    with pytest.raises(InputFileError) as refused:
        stack_of(text)
    return str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://packages.example.org/simple",
        "https://packages.example.org/${TOKEN}/simple",
        "https://${ME}:${TOKEN}@packages.example.org/simple",
        "https://${TOKEN}@packages.example.org/simple",
        "https://packages.example.org/t/${TOKEN}/simple",
        "https://packages.example.org/simple?token=${TOKEN}",
        "http://127.0.0.1:8080/simple",
    ],
)
def test_an_index_address_may_hold_variables_for_secrets(url: str):
    assert stack_of(INDEX.format(url=url)).pypi_indexes[0].url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2@packages.example.org/simple",
        "https://me:${PASSWORD}@packages.example.org/simple",
        "https://hunter2@packages.example.org/simple",
        "https://packages.example.org/t/hunter2/simple",
        "https://packages.example.org/simple?token=hunter2",
        "https://packages.example.org/simple?token=${TOKEN}&key=hunter2",
    ],
)
def test_a_secret_in_an_index_address_is_refused_and_not_repeated(url: str):
    told = faults(INDEX.format(url=url))

    assert "expected an address without credentials" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("url", ["ftp://host/simple", "wheels", "https://host/${}", "https://a b"])
def test_what_is_no_address_of_an_index_is_refused(url: str):
    assert "expected an address with http or https, or a folder such as `./wheels`" in faults(
        INDEX.format(url=url)
    )


def test_a_folder_lists_its_files_flat():
    text = INDEX.format(url="./wheels")

    assert stack_of(text + 'format = "flat"\n').pypi_indexes[0].format is IndexFormat.FLAT
    assert faults(text) == (
        "a.toml:13: pypi-index[0].url: a folder lists its files flat, and this index is `simple`"
    )


def test_the_default_index_cannot_be_named_anew():
    text = INDEX.format(url="https://x.example").replace('"team"', '"default"')

    assert faults(text) == (
        "a.toml:12: pypi-index[0].name: `default` is the package index that owns what no other "
        "lists"
    )


def test_source_archives_are_allowed_by_name():
    assert stack_of('[pypi]\nsdists = ["a", "B_c"]\n').sdists == ("a", "B_c")
    assert "`A` is named twice" in faults('[pypi]\nsdists = ["a", "A"]\n')


def test_forward_compatibility_is_a_word_of_the_gpu_table():
    assert stack_of("forward-compat = true\n").gpu is not None
    gpu = stack_of("forward-compat = true\n").gpu
    assert gpu is not None
    assert gpu.forward_compat
    assert faults('forward-compat = "yes"\n') == (
        "a.toml:10: gpu.forward-compat: expected true or false, found the string `yes`"
    )


def test_a_platform_takes_from_pypi_what_it_or_the_stack_asks_for():
    only_linux = stack_of('[target.linux-64.pypi-dependencies]\nx = "*"\n')
    by_framework = stack_of('[frameworks]\npytorch = { version = "*", from = "pypi" }\n')

    assert only_linux.takes_pypi_on(Platform.LINUX_64)
    assert not only_linux.takes_pypi_on(Platform.WIN_64)
    assert by_framework.takes_pypi_on(Platform.WIN_64)
    assert not stack_of("").takes_pypi_on(Platform.LINUX_64)
