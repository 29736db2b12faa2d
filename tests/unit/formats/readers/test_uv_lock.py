"""What uv writes is read whole: every source, every file, who needs whom."""

from __future__ import annotations

import pytest

from envlock.formats.readers.uv_lock import read
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

SHA = "ab" * 32

SMALL = f"""\
version = 1
revision = 3
requires-python = ">=3.11"
resolution-markers = ["sys_platform == 'linux'", "sys_platform != 'linux'"]

[options]
exclude-newer = "2026-06-01T00:00:00Z"

[[package]]
name = "numpy"
version = "2.1.3"
source = {{ registry = "https://index.example/simple" }}
resolution-markers = ["sys_platform == 'linux'", "sys_platform == 'win32'"]
sdist = {{ url = "https://files.example/numpy-2.1.3.tar.gz", hash = "sha256:{SHA}", size = 10, \
upload-time = "2024-11-02T17:34:04Z" }}
wheels = [
    {{ url = "https://files.example/numpy-2.1.3-cp311-cp311-win_amd64.whl", hash = "md5:1f" }},
    {{ url = "https://files.example/numpy-2.1.3-cp312-cp312-win_amd64.whl" }},
]

[[package]]
name = "pysocks"
version = "1.7.1"
source = {{ registry = "https://index.example/simple" }}

[[package]]
name = "requests"
version = "2.32.0"
source = {{ registry = "https://index.example/simple" }}
dependencies = [
    {{ name = "numpy", version = "2.1.3", marker = "python_full_version < '3.13'" }},
]

[package.optional-dependencies]
socks = [
    {{ name = "pysocks", marker = "sys_platform == 'win32'" }},
]

[[package]]
name = "six"
version = "1.16.0"
source = {{ git = "https://git.example/six?rev=main#{SHA[:40]}" }}

[[package]]
name = "tiny"
version = "0.1.0"
source = {{ editable = "." }}
dependencies = [
    {{ name = "requests", extra = ["socks"] }},
]

[package.dev-dependencies]
dev = [
    {{ name = "six" }},
]

[package.metadata]
requires-dist = [{{ name = "requests", extras = ["socks"], specifier = ">=2" }}]
"""


def pypi(name: str, **parts: object) -> FoundPackage:
    return FoundPackage(name=name, ecosystem=Ecosystem.PYPI, **parts)  # type: ignore[arg-type]


def test_a_lock_is_read_whole():
    index = "https://index.example/simple"
    file = "https://files.example/numpy-2.1.3"

    assert read(SMALL.encode(), "uv.lock") == Reading(
        file="uv.lock",
        kind=FileKind.UV,
        format_version="1.3",
        python=">=3.11",
        settings={
            "resolution-markers": "sys_platform == 'linux'; sys_platform != 'linux'",
            "exclude-newer": "2026-06-01T00:00:00Z",
        },
        places=(NamedPlace(address=index, kind="index", line=12),),
        packages=(
            pypi(
                "numpy",
                version="2.1.3",
                environments=("main",),
                index=index,
                marker="(sys_platform == 'linux') or (sys_platform == 'win32')",
                origins=(
                    Origin(
                        address=f"{file}.tar.gz",
                        kind=OriginKind.SDIST,
                        hashes={"sha256": SHA},
                        size_bytes=10,
                        line=14,
                    ),
                    Origin(
                        address=f"{file}-cp311-cp311-win_amd64.whl",
                        kind=OriginKind.WHEEL,
                        hashes={"md5": "1f"},
                        line=16,
                    ),
                    Origin(
                        address=f"{file}-cp312-cp312-win_amd64.whl", kind=OriginKind.WHEEL, line=17
                    ),
                ),
                line=9,
            ),
            pypi("pysocks", version="1.7.1", environments=("main",), index=index, line=20),
            pypi(
                "requests",
                version="2.32.0",
                environments=("main",),
                index=index,
                dependencies=(
                    "numpy ==2.1.3 ; python_full_version < '3.13'",
                    "pysocks ; (sys_platform == 'win32') and extra == 'socks'",
                ),
                line=25,
            ),
            pypi(
                "six",
                version="1.16.0",
                environments=("dev",),
                origins=(
                    Origin(
                        address=f"https://git.example/six?rev=main#{SHA[:40]}",
                        kind=OriginKind.GIT,
                        revision=SHA[:40],
                        line=38,
                    ),
                ),
                line=38,
            ),
            pypi(
                "tiny",
                version="0.1.0",
                origins=(Origin(address=".", kind=OriginKind.FOLDER, line=43),),
                dependencies=("requests [socks]",),
                is_editable=True,
                is_project=True,
                line=43,
            ),
        ),
    )


def one(source: str, rest: str = "") -> Reading:
    text = f'version = 1\n[[package]]\nname = "a"\nversion = "1"\nsource = {source}\n{rest}'
    return read(text.encode(), "uv.lock")


@pytest.mark.parametrize(
    ("source", "rest", "origins"),
    [
        (
            '{ url = "https://files.example/a-1-py3-none-any.whl" }',
            f'wheels = [{{ url = "https://files.example/a-1-py3-none-any.whl", '
            f'hash = "sha256:{SHA}" }}]',
            [("https://files.example/a-1-py3-none-any.whl", OriginKind.WHEEL, {"sha256": SHA})],
        ),
        (
            '{ path = "vendor/a-1.tar.gz" }',
            f'sdist = {{ hash = "sha256:{SHA}" }}',
            [("vendor/a-1.tar.gz", OriginKind.SDIST, {"sha256": SHA})],
        ),
        (
            '{ url = "https://files.example/a.zip", subdirectory = "x" }',
            "",
            [("https://files.example/a.zip", OriginKind.SDIST, {})],
        ),
        ('{ directory = "../a" }', "", [("../a", OriginKind.FOLDER, {})]),
        ('{ virtual = "packages/a" }', "", [("packages/a", OriginKind.FOLDER, {})]),
        (
            '{ registry = "vendor" }',
            'wheels = [{ path = "a-1-py3-none-any.whl" }]',
            [("a-1-py3-none-any.whl", OriginKind.WHEEL, {})],
        ),
        (
            '"direct+https://files.example/a-1.tar.gz"',
            "",
            [("https://files.example/a-1.tar.gz", OriginKind.SDIST, {})],
        ),
    ],
)
def test_every_source_gives_its_address(source: str, rest: str, origins: list[object]):
    reading = one(source, rest)

    found = [(item.address, item.kind, item.hashes) for item in reading.packages[0].origins]
    assert found == origins
    assert reading.oddities == ()


def test_members_of_a_workspace_are_projects():
    reading = read(
        b'version = 1\n[manifest]\nmembers = ["a", "b"]\nconstraints = [{ name = "c" }]\n'
        b'[[package]]\nname = "a"\nsource = { virtual = "x/a" }\n'
        b'[[package]]\nname = "d"\nsource = { editable = "x/d" }\n',
        "uv.lock",
    )

    assert [(item.name, item.is_project, item.is_editable) for item in reading.packages] == [
        ("a", True, False),
        ("d", False, True),
    ]
    assert reading.settings == {"constraints": "[{'name': 'c'}]"}


def odd(kind: OddityKind, said: str, line: int = 0, subject: str = "") -> Oddity:
    return Oddity(kind=kind, said=said, line=line, subject=subject)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("version = 1\n", "version = 7\n"),
            odd(
                OddityKind.UNKNOWN_FORMAT,
                "uv writes version 1, the file says `7`; it is read as version 1",
                1,
            ),
        ),
        (
            ('name = "six" }', 'name = "seven" }'),
            odd(OddityKind.ABSENT, "`tiny` needs `seven`, which no row describes", 43, "seven"),
        ),
        (
            ('{ name = "requests", extra = ["socks"] }', '{ name = "requests" }'),
            odd(OddityKind.UNUSED, "nothing needs `pysocks` 1.7.1", 20, "pysocks"),
        ),
        (
            ('hash = "md5:1f"', 'hash = "?"'),
            odd(OddityKind.NOT_UNDERSTOOD, "`?` is no hash", 16, "numpy"),
        ),
        (
            ("size = 10", 'size = "ten"'),
            odd(
                OddityKind.NOT_UNDERSTOOD,
                "`size` of `sdist` of a package: expected a whole number, found `ten`",
                9,
                "numpy",
            ),
        ),
        (
            ('name = "pysocks"\nversion', 'flavour = 1\nname = "pysocks"\nversion'),
            odd(
                OddityKind.NOT_UNDERSTOOD,
                "a package has the key `flavour`, which is not known",
                20,
            ),
        ),
        (
            ("{ git =", "{ hg ="),
            odd(OddityKind.NOT_UNDERSTOOD, "the source `hg` is none that is known", 38, "six"),
        ),
        (
            ('name = "six"\n', ""),
            odd(OddityKind.NOT_UNDERSTOOD, "a package without a name is left out", 38),
        ),
    ],
)
def test_what_is_odd_is_told_with_its_line(change: tuple[str, str], expected: Oddity):
    assert change[0] in SMALL

    assert expected in read(SMALL.replace(*change, 1).encode(), "uv.lock").oddities


def test_uvs_first_locks_are_read():
    reading = read(
        b'version = 1\n\n[[distribution]]\nname = "a"\nversion = "1"\n'
        b'source = "registry+https://index.example/simple"\n\n'
        b'[[distribution.dependencies]]\nname = "b"\nversion = "2"\n'
        b'source = "registry+https://index.example/simple"\n\n'
        b'[[distribution]]\nname = "b"\nversion = "2"\n'
        b'source = "registry+https://index.example/simple"\n',
        "uv.lock",
    )

    assert [(item.name, item.index, item.dependencies, item.line) for item in reading.packages] == [
        ("a", "https://index.example/simple", ("b ==2",), 3),
        ("b", "https://index.example/simple", (), 13),
    ]
    assert reading.oddities == ()
