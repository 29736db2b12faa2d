"""A clean lock has no finding; whatever is done to it, the rule for it finds.

The locks are three of those that ship, as another tool would have written them: without envlock's
own facts, so that no digest gives a change away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from envlock.audit.engine import Ruling, judge
from envlock.audit.rule import Case
from envlock.audit.rules import all_rules
from envlock.formats.readers.registry import read
from envlock.model.finding import AuditPolicy, Finding, Severity
from envlock.model.sight import NOTHING_SEEN, Sight, Sights

STACKS = Path(__file__).parents[2] / "stacks"
SEEN = (Sight.FLEET, Sight.GPUS, Sight.GLIBC)
FLEET = AuditPolicy(driver="580.65.06", compute=("9.0",), glibc="2.28")
Mutate = Callable[[str], str]


@cache
def foreign(name: str) -> str:
    """A shipped lock without envlock's facts."""
    own = (STACKS / f"{name}.conda-lock.yml").read_text("utf-8")
    head, _, rest = own.partition("  custom_metadata:\n")
    _, start, body = rest.partition("package:\n")
    return head + start + body


def findings(text: str, file: str = "a.conda-lock.yml") -> list[Finding]:
    """All findings of a file that is seen alone, for a fleet of H100s."""
    blind = {sight: why for sight, why in NOTHING_SEEN.blind.items() if sight not in SEEN}
    case = Case(reading=read(text.encode(), file), sights=Sights(blind=blind), policy=FLEET)
    return list(judge(case, all_rules(), Ruling(today="2026-11-28")).findings)


def replaced(text: str, old: str, new: str) -> str:
    """The text with one thing replaced once, which must be there."""
    assert old in text, old
    return text.replace(old, new, 1)


def row_of(text: str, package: str) -> str:
    """The row of a package, on the first platform that has it."""
    found = re.search(rf"(?m)^- name: {re.escape(package)}\n(?:  .*\n)+", text)
    assert found, package
    return found[0]


def edit(package: str, old: str, new: str) -> Mutate:
    """Replace something in a package's row."""
    return lambda text: replaced(
        text, row_of(text, package), replaced(row_of(text, package), old, new)
    )


def edit_line(package: str, start: str, new: str) -> Mutate:
    """Replace a line of a package's row, or take it out."""

    def mutate(text: str) -> str:
        row = row_of(text, package)
        changed = re.sub(rf"(?m)^{re.escape(start)}.*\n", new, row, count=1)
        assert changed != row, start
        return replaced(text, row, changed)

    return mutate


def drop(package: str) -> Mutate:
    """Take a package's row out."""
    return lambda text: replaced(text, row_of(text, package), "")


def add(package: str, *changes: tuple[str, str]) -> Mutate:
    """Add a second row like a package's, with something replaced everywhere in it."""

    def mutate(text: str) -> str:
        row = row_of(text, package)
        other = row
        for old, new in changes:
            assert old in other, old
            other = other.replace(old, new)
        return replaced(text, row, row + other)

    return mutate


def anywhere(old: str, new: str) -> Mutate:
    """Replace something once, wherever it is first."""
    return lambda text: replaced(text, old, new)


def without(package: str) -> Mutate:
    """Take a package out, and all mention of it."""

    def mutate(text: str) -> str:
        text = drop(package)(text)
        return re.sub(rf"(?m)^    {re.escape(package)}: .*\n", "", text)

    return mutate


def wheel(name: str, version: str, file: str = "", url: str = "") -> Mutate:
    """Add a file from the package index, or from somewhere else."""
    file = file or f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    row = (
        f"- name: {name}\n  version: '{version}'\n  manager: pip\n  platform: linux-64\n"
        f"  dependencies: {{}}\n  url: {url or f'https://files.example/{file}'}\n  hash:\n"
        f"    sha256: {'1' * 64}\n  category: main\n  optional: false\n"
    )
    return lambda text: f"{text}{row}"


def both(*mutations: Mutate) -> Mutate:
    """One after the other."""

    def mutate(text: str) -> str:
        for each in mutations:
            text = each(text)
        return text

    return mutate


ARCHIVE = "https://conda.anaconda.org/conda-forge/linux-64/bzip2-1.0.8-hda65f42_10.conda"
MUTATIONS: dict[str, tuple[str, Mutate]] = {
    # --- how it reads
    "conflict markers are left": (
        "EL001",
        anywhere("- name: bzip2\n", "<<<<<<< HEAD\n=======\n>>>>>>> other\n- name: bzip2\n"),
    ),
    "a key stands twice in a row": (
        "EL002",
        edit("bzip2", "  manager: conda\n", "  manager: conda\n" * 2),
    ),
    "a key stands twice in the head": (
        "EL002",
        anywhere("  sources:\n", "  platforms:\n  - osx-64\n  sources:\n"),
    ),
    "the format is one of the future": ("EL003", anywhere("version: 1\n", "version: 9\n")),
    "a row has no name": ("EL004", anywhere("- name: bzip2\n  version", "- version")),
    "a row is a word": ("EL004", anywhere("- name: bzip2\n", "- nonsense\n- name: bzip2\n")),
    "a dependency has no row": ("EL005", drop("libzlib")),
    "a new dependency has no row": (
        "EL005",
        edit("bzip2", "    libgcc:", "    left-pad: '*'\n    libgcc:"),
    ),
    "the lines end as on Windows": ("EL007", lambda text: text.replace("\n", "\r\n")),
    # --- hashes and addresses
    "a row has lost its hashes": (
        "EL101",
        both(edit_line("bzip2", "    md5:", ""), edit_line("bzip2", "    sha256:", "")),
    ),
    "the hash is null": (
        "EL101",
        lambda text: re.sub(
            r"(- name: bzip2\n(?:  .*\n)*?  hash:)\n    md5.*\n    sha256.*\n", r"\1 {}\n", text
        ),
    ),
    "only md5 is left": ("EL102", edit_line("bzip2", "    sha256:", "")),
    "a digest is cut short": ("EL102", edit("bzip2", "1a0d382c515e", "")),
    "a digest is no hex": ("EL102", edit("bzip2", "1a0d382c515e", "zzzzzzzzzzzz")),
    "a branch of git": ("EL103", wheel("tool", "1.0", url="git+https://git.example/tool@main")),
    "the archive of a branch": (
        "EL103",
        wheel("tool", "1.0", url="https://git.example/tool/archive/refs/heads/main.zip"),
    ),
    "a file on a disk": (
        "EL104",
        edit("bzip2", ARCHIVE, "file:///srv/bzip2-1.0.8-hda65f42_10.conda"),
    ),
    "a folder of a person": (
        "EL104",
        edit("bzip2", ARCHIVE, "/home/someone/bzip2-1.0.8-hda65f42_10.conda"),
    ),
    "a server of this machine": (
        "EL104",
        edit("bzip2", "https://conda.anaconda.org", "https://localhost:8080"),
    ),
    "plain http": ("EL105", edit("bzip2", "https://", "http://")),
    "a host that is no more": (
        "EL106",
        edit("bzip2", "https://conda.anaconda.org/conda-forge", "https://dl.bintray.com/channel"),
    ),
    "a bucket": ("EL106", edit("bzip2", "https://conda.anaconda.org", "s3://bucket")),
    "a password in an address": ("EL107", edit("bzip2", "https://", "https://me:hunter2hunter2@")),
    "a token in an address": ("EL107", edit("bzip2", ".org/", ".org/t/to-0123456789abcdef-0123/")),
    "a password in a channel": (
        "EL107",
        anywhere("- url: conda-forge\n", "- url: https://me:hunter2hunter2@conda.example/c\n"),
    ),
    "one file with two digests": ("EL108", add("bzip2", ("1a0d382c515e", "2b0d382c515e"))),
    "a channel under two hosts": (
        "EL109",
        edit("bzip2", "https://conda.anaconda.org", "https://prefix.dev"),
    ),
    # --- pinning
    "no interpreter": ("EL005", drop("python")),
    "wheels without an interpreter": (
        "EL202",
        both(wheel("tool", "1.0"), without("python"), without("python_abi")),
    ),
    "a source archive": ("EL205", wheel("tool", "1.0", file="tool-1.0.tar.gz")),
    # --- the GPU
    "the framework is built for the CPU": (
        "EL301",
        lambda text: re.sub(
            r"pytorch-2\.10\.0-cuda\w+", "pytorch-2.10.0-cpu_mkl_py313_h1_100", text
        ),
    ),
    "a second line of CUDA": ("EL302", wheel("nvidia-cuda-runtime-cu12", "12.1.105")),
    "a wheel of another line": (
        "EL302",
        wheel(
            "torchvision",
            "0.20.0+cu118",
            file="torchvision-0.20.0%2Bcu118-cp313-cp313-linux_x86_64.whl",
        ),
    ),
    "a second cuDNN": ("EL303", wheel("nvidia-cudnn-cu12", "8.9.2.26")),
    "a second NCCL": ("EL304", wheel("nvidia-nccl-cu12", "2.18.1")),
    # --- platforms and halves
    "a wheel that asks for a new glibc": (
        "EL401",
        wheel("tool", "1.0", file="tool-1.0-cp313-cp313-manylinux_2_39_x86_64.whl"),
    ),
    "numpy from both halves": ("EL402", wheel("numpy", "2.5.2")),
    "PyTorch from both halves": ("EL402", wheel("torch", "2.10.0")),
    "two versions of one name": ("EL404", add("bzip2", ("1.0.8", "1.0.7"))),
}


PLATFORMS: dict[str, tuple[str, Mutate]] = {
    "another Python on one platform": (
        "EL403",
        lambda text: re.sub(
            r"(- name: python\n  version: ')3\.13(\S+\n  manager: conda\n  platform: win-64\n)",
            r"\g<1>3.11\2",
            text,
        ),
    ),
    "the CPU build on one platform": (
        "EL301",
        lambda text: re.sub(
            r"win-64/pytorch-2\.8\.0-cuda\w+", "win-64/pytorch-2.8.0-cpu_mkl_py313_h1_100", text
        ),
    ),
}

OTHERS = {
    "pylock.toml": """\
lock-version = "1.0"
requires-python = "==3.12.*"
created-by = "pip"

[[packages]]
name = "numpy"
version = "2.1.3"
index = "https://index.example/simple"

[[packages.wheels]]
url = "https://files.example/numpy-2.1.3-cp312-cp312-manylinux_2_17_x86_64.whl"
hashes = { sha256 = "%(digest)s" }
""",
    "requirements.txt": """\
numpy==2.1.3 \\
    --hash=sha256:%(digest)s
pandas==2.2.3 \\
    --hash=sha256:%(digest)s
""",
    "uv.lock": """\
version = 1
revision = 3
requires-python = "==3.12.*"

[[package]]
name = "mine"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "numpy" }]

[package.metadata]
requires-dist = [{ name = "numpy" }]

[[package]]
name = "numpy"
version = "2.1.3"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://files.example/numpy-2.1.3-py3-none-any.whl", hash = "sha256:%(digest)s" },
]
""",
    "pixi.lock": """\
version: 6
environments:
  default:
    channels:
    - url: https://conda.example/forge/
    packages:
      linux-64:
      - conda: https://conda.example/forge/linux-64/libzlib-1.3.1-h1_0.conda
      - conda: https://conda.example/forge/linux-64/zlib-1.3.1-h1_0.conda
packages:
- conda: https://conda.example/forge/linux-64/libzlib-1.3.1-h1_0.conda
  sha256: '%(digest)s'
  md5: 0123456789abcdef0123456789abcdef
  license: Zlib
- conda: https://conda.example/forge/linux-64/zlib-1.3.1-h1_0.conda
  sha256: '%(digest)s'
  md5: 0123456789abcdef0123456789abcdef
  depends:
  - libzlib 1.3.1
  license: Zlib
""",
    "Dockerfile": """\
FROM python:3.12.7-slim@sha256:%(digest)s
COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt
RUN apt-get update && apt-get install -y libgl1=1.7.0-1
CMD ["jupyter", "lab", "--ip=127.0.0.1"]
""",
    "environment.yml": """\
name: mine
channels:
- conda-forge
dependencies:
- python=3.12.7=h1_0_cpython
- numpy=2.1.3=py312h1_0
""",
}

HARMS: dict[tuple[str, str], tuple[str, str, str]] = {
    ("pylock.toml", "no hash"): ("EL101", 'hashes = { sha256 = "%(digest)s" }', "hashes = {}"),
    ("pylock.toml", "weak hash"): ("EL102", 'sha256 = "%(digest)s"', f'md5 = "{"0" * 32}"'),
    ("pylock.toml", "plain http"): ("EL105", '"https://files', '"http://files'),
    ("pylock.toml", "any Python"): ("EL202", '"==3.12.*"', '">=3.9"'),
    ("pylock.toml", "a login"): ("EL107", "https://index", "https://me:hunter2hunter2@index"),
    ("pylock.toml", "next format"): ("EL003", 'lock-version = "1.0"', 'lock-version = "9.0"'),
    ("requirements.txt", "a hash less"): (
        "EL101",
        "pandas==2.2.3 \\\n    --hash=sha256:%(digest)s",
        "pandas==2.2.3",
    ),
    ("requirements.txt", "no version"): ("EL201", "numpy==2.1.3", "numpy"),
    ("requirements.txt", "a range"): ("EL201", "numpy==2.1.3", "numpy>=2"),
    ("requirements.txt", "a second index"): (
        "EL204",
        "numpy==",
        "--extra-index-url https://b.example/simple\nnumpy==",
    ),
    ("requirements.txt", "editable"): ("EL104", "numpy==", "-e ./mine\nnumpy=="),
    ("requirements.txt", "git"): (
        "EL103",
        "pandas==2.2.3 \\\n    --hash=sha256:%(digest)s",
        "pandas @ git+https://git.example/pandas@main",
    ),
    ("uv.lock", "no hash"): ("EL101", ', hash = "sha256:%(digest)s"', ""),
    ("uv.lock", "only a source archive"): (
        "EL205",
        'wheels = [\n    { url = "https://files.example/numpy-2.1.3-py3-none-any.whl", '
        'hash = "sha256:%(digest)s" },\n]',
        'sdist = { url = "https://files.example/numpy-2.1.3.tar.gz", hash = "sha256:%(digest)s" }',
    ),
    ("uv.lock", "a dependency without a row"): (
        "EL005",
        '[{ name = "numpy" }]',
        '[{ name = "numpy" }, { name = "left-pad" }]',
    ),
    ("uv.lock", "a branch"): (
        "EL103",
        'registry = "https://index.example/simple"',
        'git = "https://git.example/numpy?branch=main#main"',
    ),
    ("pixi.lock", "a reference without a row"): (
        "EL005",
        "      - conda: https://conda.example/forge/linux-64/zlib-",
        "      - conda: https://conda.example/forge/linux-64/left-pad-1.0-0.conda\n      - conda: https://conda.example/forge/linux-64/zlib-",
    ),
    ("pixi.lock", "a row without a reference"): (
        "EL006",
        "      - conda: https://conda.example/forge/linux-64/zlib-1.3.1-h1_0.conda\n",
        "",
    ),
    ("pixi.lock", "no hash"): (
        "EL101",
        "  sha256: '%(digest)s'\n  md5: 0123456789abcdef0123456789abcdef\n",
        "",
    ),
    ("pixi.lock", "next format"): ("EL003", "version: 6", "version: 60"),
    ("pixi.lock", "a row of an unknown kind"): (
        "EL004",
        "packages:\n- conda:",
        "packages:\n- npm: left-pad\n- conda:",
    ),
    ("Dockerfile", "latest"): ("EL203", "python:3.12.7-slim@sha256:%(digest)s", "python:latest"),
    ("Dockerfile", "no digest"): ("EL203", "@sha256:%(digest)s", ""),
    ("Dockerfile", "no version"): ("EL201", "--require-hashes -r requirements.txt", "numpy"),
    ("Dockerfile", "a system package"): ("EL206", "libgl1=1.7.0-1", "libgl1"),
    ("Dockerfile", "a script of a stranger"): (
        "EL207",
        "RUN apt-get update",
        "RUN curl -sSL https://get.example/install.sh | sh\nRUN apt-get update",
    ),
    ("Dockerfile", "libraries from anywhere"): (
        "EL208",
        "CMD",
        "ENV LD_LIBRARY_PATH=/usr/local/cuda/lib64\nCMD",
    ),
    ("Dockerfile", "a notebook for everybody"): (
        "EL209",
        '"--ip=127.0.0.1"',
        '"--ip=0.0.0.0", "--NotebookApp.token=\'\'"',
    ),
    ("environment.yml", "no version"): ("EL201", "numpy=2.1.3=py312h1_0", "numpy"),
    ("environment.yml", "any Python"): ("EL202", "python=3.12.7=h1_0_cpython", "python"),
    ("environment.yml", "a person's folder"): (
        "EL104",
        "dependencies:",
        "prefix: /home/someone/envs/mine\ndependencies:",
    ),
}
DIGEST = {"digest": "0123456789abcdef" * 4}


@pytest.mark.parametrize("name", ["torch-cu129", "torch-cu130", "jax-cu129"])
def test_the_lock_is_clean_before(name: str):
    assert [item for item in findings(foreign(name)) if item.severity is not Severity.NOTE] == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_was_done_is_found(name: str):
    code, mutate = MUTATIONS[name]
    clean = foreign("torch-cu130")
    before = {item.identity for item in findings(clean)}

    found = [item for item in findings(mutate(clean)) if item.identity not in before]

    assert code in {item.code for item in found}, [f"{item.code} {item.message}" for item in found]


@pytest.mark.parametrize("name", PLATFORMS)
def test_what_was_done_on_one_platform_is_found(name: str):
    code, mutate = PLATFORMS[name]
    clean = foreign("torch-cu129")
    before = {item.identity for item in findings(clean)}

    found = [item for item in findings(mutate(clean)) if item.identity not in before]

    assert code in {item.code for item in found}, [f"{item.code} {item.message}" for item in found]


@pytest.mark.parametrize("file", ["pylock.toml", "uv.lock", "pixi.lock", "Dockerfile"])
def test_the_files_of_other_tools_are_clean_before(file: str):
    assert findings(OTHERS[file] % DIGEST, file) == []


@pytest.mark.parametrize(("file", "harm"), HARMS)
def test_what_was_done_to_the_file_of_another_tool_is_found(file: str, harm: str):
    code, old, new = HARMS[file, harm]
    clean = OTHERS[file] % DIGEST
    before = {item.identity for item in findings(clean, file)}

    found = findings(replaced(clean, old % DIGEST, new % DIGEST), file)
    found = [item for item in found if item.identity not in before]

    assert code in {item.code for item in found}, [f"{item.code} {item.message}" for item in found]


def test_there_are_many():
    assert len(MUTATIONS) + len(PLATFORMS) + len(HARMS) >= 40
