"""Locks of PEP 751 are read whole, also where the standard would refuse them."""

from __future__ import annotations

import pytest

from envlock.formats.readers.pylock import read
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    NamedPlace,
    Oddity,
    OddityKind,
    Origin,
    OriginKind,
    Reading,
)

SHA = "cd" * 32

SMALL = f"""\
lock-version = "1.0"
environments = ["sys_platform == 'linux'"]
requires-python = ">=3.11"
extras = []
created-by = "some tool"

[[packages]]
name = "numpy"
version = "2.1.3"
marker = "python_full_version >= '3.11'"
index = "https://index.example/simple"
dependencies = [{{ name = "six", version = "1.16.0" }}, {{ name = "tiny" }}]
sdist = {{ name = "numpy-2.1.3.tar.gz", url = "https://files.example/numpy-2.1.3.tar.gz", \
upload-time = 2026-05-20T11:46:50Z, size = 7, hashes = {{ sha256 = "{SHA}", sha512 = "ef" }} }}
wheels = [
    {{ path = "vendor/numpy-2.1.3-py3-none-any.whl", hashes = {{ md5 = "1f" }} }},
]

[[packages]]
name = "six"
version = "1.16.0"

[packages.vcs]
type = "git"
url = "https://git.example/six"
requested-revision = "main"
commit-id = "{SHA[:40]}"

[[packages]]
name = "tiny"
directory = {{ path = ".", editable = true }}

[[packages]]
name = "weights"
archive = {{ url = "https://files.example/weights.zip", hashes = {{ sha256 = "{SHA}" }} }}

[tool.other]
anything = 1
"""


def pypi(name: str, **parts: object) -> FoundPackage:
    return FoundPackage(name=name, ecosystem=Ecosystem.PYPI, **parts)  # type: ignore[arg-type]


def test_a_lock_is_read_whole():
    index = "https://index.example/simple"

    assert read(SMALL.encode(), "pylock.toml") == Reading(
        file="pylock.toml",
        kind=FileKind.PYLOCK,
        format_version="1.0",
        python=">=3.11",
        settings={"created-by": "some tool", "environments": "sys_platform == 'linux'"},
        places=(NamedPlace(address=index, kind="index", line=11),),
        packages=(
            pypi(
                "numpy",
                version="2.1.3",
                marker="python_full_version >= '3.11'",
                index=index,
                dependencies=("six ==1.16.0", "tiny"),
                origins=(
                    Origin(
                        address="https://files.example/numpy-2.1.3.tar.gz",
                        kind=OriginKind.SDIST,
                        hashes={"sha256": SHA, "sha512": "ef"},
                        size_bytes=7,
                        line=13,
                    ),
                    Origin(
                        address="vendor/numpy-2.1.3-py3-none-any.whl",
                        kind=OriginKind.WHEEL,
                        hashes={"md5": "1f"},
                        line=15,
                    ),
                ),
                line=7,
            ),
            pypi(
                "six",
                version="1.16.0",
                origins=(
                    Origin(
                        address="https://git.example/six",
                        kind=OriginKind.GIT,
                        revision=SHA[:40],
                        line=24,
                    ),
                ),
                line=18,
            ),
            pypi(
                "tiny",
                origins=(Origin(address=".", kind=OriginKind.FOLDER, line=30),),
                is_editable=True,
                is_project=True,
                line=28,
            ),
            pypi(
                "weights",
                origins=(
                    Origin(
                        address="https://files.example/weights.zip",
                        kind=OriginKind.SDIST,
                        hashes={"sha256": SHA},
                        line=34,
                    ),
                ),
                line=32,
            ),
        ),
    )


def odd(kind: OddityKind, said: str, line: int = 0, subject: str = "") -> Oddity:
    return Oddity(kind=kind, said=said, line=line, subject=subject)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ('lock-version = "1.0"', 'lock-version = "2.0"'),
            odd(
                OddityKind.UNKNOWN_FORMAT,
                "the standard has version 1.0, the file says `2.0`; it is read as 1.0",
                1,
            ),
        ),
        (
            ('created-by = "some tool"\n', ""),
            odd(
                OddityKind.NOT_UNDERSTOOD,
                "the standard does not allow it: Missing required value in 'created-by'",
            ),
        ),
        (
            ('name = "weights"\n', ""),
            odd(OddityKind.NOT_UNDERSTOOD, "a package without a name is left out", 32),
        ),
        (
            ('[[packages]]\nname = "six"', '[[packages]]\nflavour = 1\nname = "six"'),
            odd(
                OddityKind.NOT_UNDERSTOOD, "a package has the key `flavour`, which is not known", 18
            ),
        ),
    ],
)
def test_what_is_odd_is_told_and_the_rest_is_read(change: tuple[str, str], expected: Oddity):
    assert change[0] in SMALL

    reading = read(SMALL.replace(*change, 1).encode(), "pylock.toml")

    assert expected in reading.oddities
    assert len(reading.packages) >= 3
