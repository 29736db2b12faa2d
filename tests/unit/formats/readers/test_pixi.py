"""pixi.lock of every version: who installs what, where it comes from, and what does not fit."""

from __future__ import annotations

import pytest

from envlock.errors import LockError
from envlock.formats.readers.pixi import read
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    Origin,
    OriginKind,
    Reading,
)

LIB = "https://conda.example/main/linux-64/lib-1%211.0-h1_0.conda"
TOOL = "https://files.example/tool-0.1%2Bcu124-py3-none-any.whl"
GIT = "git+https://git.example/mine?rev=main#0a1b2c3d"
SIX = f"""\
version: 6
environments:
  default:
    channels:
    - url: https://conda.example/main/
    indexes:
    - https://index.example/simple
    find-links:
    - path: ./links
    options:
      pypi-prerelease-mode: allow
    packages:
      linux-64:
      - conda: {LIB}
      - pypi: {TOOL}#sha256=0a1b
      - pypi: {GIT}
      - pypi: ./here
packages:
- conda: {LIB}
  sha256: 01ab
  md5: 0e12
  depends:
  - python >=3.11
  constrains:
  - other <2
  license: MIT
  size: 120
  timestamp: 1700000000000
- pypi: {TOOL}#sha256=0a1b
  name: tool
  version: 0.1+cu124
  requires_dist:
  - lib>=1 ; extra == 'x'
- pypi: {GIT}
  name: mine
  version: '2'
- pypi: ./here
  name: here
  version: '3'
  sha256: 77aa
  editable: true
"""


def told(text: str) -> list[tuple[str, int, str]]:
    reading = read(text.encode(), "pixi.lock")
    return [(item.kind.value, item.line, item.said) for item in reading.oddities]


def pypi(name: str, version: str, origin: Origin, line: int, **more: object) -> FoundPackage:
    where = {"platforms": ("linux-64",), "environments": ("default",), **more}
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.PYPI,
        version=version,
        origins=(origin,),
        line=line,
        **where,  # type: ignore[arg-type]
    )


def test_every_field_of_a_lock_is_read_as_it_is_written():
    assert read(SIX.encode(), "pixi.lock") == Reading(
        file="pixi.lock",
        kind=FileKind.PIXI,
        format_version="6",
        packages=(
            FoundPackage(
                name="lib",
                ecosystem=Ecosystem.CONDA,
                version="1!1.0",
                build="h1_0",
                subdir="linux-64",
                platforms=("linux-64",),
                environments=("default",),
                origins=(
                    Origin(
                        address=LIB,
                        kind=OriginKind.CONDA,
                        hashes={"sha256": "01ab", "md5": "0e12"},
                        size_bytes=120,
                        line=19,
                    ),
                ),
                dependencies=("python >=3.11",),
                constrains=("other <2",),
                license="MIT",
                line=19,
            ),
            pypi(
                "tool",
                "0.1+cu124",
                Origin(
                    address=f"{TOOL}#sha256=0a1b",
                    kind=OriginKind.WHEEL,
                    hashes={"sha256": "0a1b"},
                    line=29,
                ),
                29,
                dependencies=("lib>=1 ; extra == 'x'",),
            ),
            pypi(
                "mine",
                "2",
                Origin(address=GIT, kind=OriginKind.GIT, revision="0a1b2c3d", line=34),
                34,
            ),
            pypi(
                "here",
                "3",
                Origin(
                    address="./here",
                    kind=OriginKind.FOLDER,
                    hashes={"sha256": "77aa"},
                    line=37,
                ),
                37,
                is_editable=True,
            ),
        ),
        platforms=(FoundPlatform(name="linux-64", subdir="linux-64"),),
        places=(
            NamedPlace(address="https://conda.example/main/", kind="channel", line=5),
            NamedPlace(address="https://index.example/simple", kind="index", line=7),
            NamedPlace(address="./links", kind="find-links", line=9),
        ),
        settings={"pypi-prerelease-mode": "allow"},
    )


FOUR = """\
version: 4
environments:
  default:
    channels:
    - url: https://conda.example/main/
    packages:
      linux-64:
      - conda: https://conda.example/main/linux-64/lib-1.0-h1_0.tar.bz2
      - pypi: /home/anna/tool-0.1-py3-none-any.whl
      - pypi: /home/anna/mine
packages:
- kind: conda
  name: lib
  version: '1.0'
  build: h1_0
  arch: x86_64
  platform: linux
  subdir: linux-64
  url: https://conda.example/main/linux-64/lib-1.0-h1_0.tar.bz2
  md5: 0e12
- kind: pypi
  name: tool
  version: '0.1'
  path: /home/anna/tool-0.1-py3-none-any.whl
  sha256: 0a1b
- kind: pypi
  name: mine
  version: '0.2'
  path: /home/anna/mine
  editable: true
"""


@pytest.mark.parametrize("version", ["4", "5"])
def test_rows_by_kind_with_addresses_and_paths(version: str):
    reading = read(FOUR.replace("4", version, 1).encode(), "pixi.lock")

    assert reading.oddities == ()
    assert reading.format_version == version
    assert [
        (item.name, item.version, item.origins[0].kind, item.is_editable)
        for item in reading.packages
    ] == [
        ("lib", "1.0", OriginKind.CONDA, False),
        ("tool", "0.1", OriginKind.WHEEL, False),
        ("mine", "0.2", OriginKind.FOLDER, True),
    ]


SEVEN = """\
version: 7
platforms:
- name: gpu
  subdir: linux-64
  virtual-packages:
  - __cuda=12.9
- name: win-64
environments:
  default:
    channels:
    - url: https://conda.example/main/
    packages:
      gpu:
      - conda_source: "mine[0a1b] @ ./mine"
      - conda: .
        subdir: linux-64
      win-64:
      - conda: .
        subdir: win-64
packages:
- conda_source: "mine[0a1b] @ ./mine"
  version: 0.1.0
  subdir: noarch
  variants:
    target_platform: noarch
  build_packages:
  - conda: https://conda.example/main/noarch/maker-1.0-0.conda
  sources:
    dep:
      git: https://git.example/dep
      branch: main
    file:
      url: https://files.example/src.tar.gz
      sha256: 0a1b
    folder:
      path: ../up
- conda: .
  name: demo
  version: '1'
  subdir: linux-64
- conda: .
  name: demo
  version: '1'
  subdir: win-64
- conda: https://conda.example/main/noarch/maker-1.0-0.conda
  sha256: 0b2c
"""


def test_platforms_have_names_of_their_own_and_packages_are_built_from_source():
    reading = read(SEVEN.encode(), "pixi.lock")
    mine, demo, demo_win, maker = reading.packages

    assert reading.oddities == ()
    assert reading.platforms == (
        FoundPlatform(name="gpu", subdir="linux-64", virtual_packages=("__cuda=12.9",)),
        FoundPlatform(name="win-64", subdir="win-64"),
    )
    assert (mine.name, mine.version, mine.platforms) == ("mine", "0.1.0", ("gpu",))
    assert [(item.address, item.kind, item.revision) for item in mine.origins] == [
        ("./mine", OriginKind.FOLDER, ""),
        ("https://git.example/dep", OriginKind.GIT, "main"),
        ("https://files.example/src.tar.gz", OriginKind.SDIST, ""),
        ("../up", OriginKind.FOLDER, ""),
    ]
    assert (demo.platforms, demo_win.platforms) == (("gpu",), ("win-64",))
    assert (maker.name, maker.platforms, maker.environments) == (
        "maker",
        ("gpu",),
        ("mine (build)",),
    )


UNIFIED = """\
version: {version}
metadata:
  content_hash:
    linux-64: 0a12
  channels:
  - url: main
    used_env_vars: []
  platforms:
  - linux-64
  sources: []
package:
- name: lib
  version: 1.0
  manager: conda
  platform: linux-64
  dependencies: [__glibc >=2.17, tool >=1]
  url: https://conda.example/main/linux-64/lib-1.0-h1_0.conda
  hash: {{md5: 0e12}}
  optional: false
  category: main
  build: h1_0
  build_number: 0
  subdir: linux-64
  constrains: [other <2]
  license: MIT
  size: 120
  timestamp: 1700000000000
- platform: linux-64
  name: tool
  version: 1.0
  category: main
  manager: pip
  requires_dist: [lib]
  requires_python: '>=3.8'
  url: https://files.example/tool-1.0.tar.gz
  hash: {{sha256: 0a1b}}
"""


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_the_first_versions_are_the_unified_format(version: str):
    reading = read(UNIFIED.format(version=version).encode(), "pixi.lock")
    lib, tool = reading.packages

    assert (reading.kind, reading.format_version) == (FileKind.PIXI, version)
    assert [item.said for item in reading.oddities] == [
        "no row describes `tool` for linux-64, which `lib` needs"
    ]
    assert lib.dependencies == ("__glibc >=2.17", "tool >=1")
    assert (lib.constrains, lib.license, lib.origins[0].size_bytes) == (("other <2",), "MIT", 120)
    assert (tool.origins[0].kind, tool.dependencies) == (OriginKind.SDIST, ("lib",))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "version: 6",
            "version: 8",
            (
                "unknown-format",
                1,
                "version `8` of the format is not known; it is read as version 7",
            ),
        ),
        (
            "      - pypi: ./here\n",
            "",
            ("unused", 36, "no environment refers to ./here"),
        ),
        (
            "      - pypi: ./here\n",
            "      - pypi: ./here\n      - pypi: ./there\n",
            ("absent", 18, "no row describes ./there, to which `default` (linux-64) refers"),
        ),
        (
            "- pypi: ./here\n",
            "- npm: ./here\n",
            ("not-understood", 3, "`{'npm': './here'}` refers to no package"),
        ),
        (
            "  license: MIT\n",
            "  colour: red\n",
            ("not-understood", 19, "the row has the key `colour`, which is not known"),
        ),
        (
            f"packages:\n- conda: {LIB}\n",
            f"packages:\n- 7\n- conda: {LIB}\n",
            ("not-understood", 19, "`7` stands where a package should"),
        ),
        (
            f"packages:\n- conda: {LIB}\n",
            f"packages:\n- kind: npm\n  name: x\n- conda: {LIB}\n",
            (
                "not-understood",
                19,
                "a package of the kind `npm` cannot be read: no such kind is known",
            ),
        ),
        (
            f"packages:\n- conda: {LIB}\n",
            f"packages:\n- kind: pypi\n  name: x\n- conda: {LIB}\n",
            (
                "not-understood",
                19,
                "a package of the kind `pypi` cannot be read: it has no address",
            ),
        ),
        (
            f"- conda: {LIB}\n  sha256",
            f"- conda: {LIB}\n  name: other\n  sha256",
            ("not-understood", 19, "the row is `other`, but its address is of `lib` 1!1.0"),
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(old: str, new: str, said: tuple[str, int, str]):
    text = SIX.replace(old, new, 1)

    assert text != SIX
    assert said in told(text)


def test_options_that_differ_are_told_for_each_environment():
    more = SIX.split("packages:\n- conda", 1)
    second = "  more:\n    options:\n      pypi-prerelease-mode: disallow\n    packages: {}\n"

    reading = read((more[0] + second + "packages:\n- conda" + more[1]).encode(), "pixi.lock")

    assert reading.oddities == ()
    assert reading.settings == {
        "pypi-prerelease-mode of default": "allow",
        "pypi-prerelease-mode of more": "disallow",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 6\n", "p: expected the tables `metadata` and `package`, found `version`"),
        ("- a\n", "p: expected a pixi lock, found a list"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, message: str):
    with pytest.raises(LockError) as refused:
        read(text.encode(), "p")

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("environments: 3\n", "`environments` of the file: expected a table, found `3`"),
        ("environments: {}\npackages: x\n", "`packages`: expected a list, found `x`"),
        ("environments: {a: 3}\n", "the environment `a` holds `3`"),
        (
            "environments:\n  a:\n    packages: {linux-64: 3}\n",
            "the packages of `a` on `linux-64`: expected a list, found `3`",
        ),
        ("environments:\n  a:\n    channels: 3\n", "`channels`: expected a list, found `3`"),
        ("environments:\n  a:\n    channels: [[b]]\n", "`['b']` is no channel"),
        ("environments: {}\nplatforms: 3\n", "`platforms`: expected a list, found `3`"),
        ("environments: {}\nplatforms: [[a]]\n", "`['a']` is no platform"),
    ],
)
def test_values_of_another_shape_are_told(text: str, said: str):
    assert said in [item for _, _, item in told(text)]
