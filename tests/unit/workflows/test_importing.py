"""Whole drafts of small readings, as a person would see them."""

from __future__ import annotations

import re

import pytest

from envlock.errors import EnvlockError
from envlock.formats.stack_draft import describe_left_out
from envlock.formats.stack_toml import read_stack
from envlock.model.draft import Keep
from envlock.model.reading import (
    Command,
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    Oddity,
    OddityKind,
    Origin,
    OriginKind,
    Reading,
)
from envlock.solve.drafting.stack import Asked
from envlock.workflows.importing import Imported, draft_reading, import_file, write_draft
from fakes import FakeWorkspace


def pypi(text: str, line: int = 0, **more: object) -> FoundPackage:
    name = re.split(r"[=\[>]", text, maxsplit=1)[0].strip()
    fields: dict[str, object] = {"name": name, "wanted": text, **more}
    return FoundPackage(ecosystem=Ecosystem.PYPI, line=line, **fields)  # type: ignore[arg-type]


def conda(name: str, version: str | None = None, **more: object) -> FoundPackage:
    return FoundPackage(name=name, ecosystem=Ecosystem.CONDA, version=version, **more)  # type: ignore[arg-type]


def locked(name: str, version: str, *needs: str, on: str = "linux-64") -> FoundPackage:
    return conda(
        name,
        version,
        platforms=(on,),
        dependencies=needs,
        origins=(
            Origin(
                address=f"https://conda.example/ml/{on}/{name}-{version}-0.conda",
                kind=OriginKind.CONDA,
            ),
        ),
    )


def draft(reading: Reading, **asked: object) -> Imported:
    imported = draft_reading(reading, Asked(name="x", **asked))  # type: ignore[arg-type]
    assert read_stack(imported.text.encode(), "x.toml").name == "x"
    return imported


TUTORIAL = Reading(
    file="Dockerfile",
    kind=FileKind.DOCKERFILE,
    packages=(
        FoundPackage(
            name="tensorflow/tensorflow", ecosystem=Ecosystem.IMAGE, version="latest", line=1
        ),
        FoundPackage(name="libgl1", ecosystem=Ecosystem.APT, line=2),
        pypi("numpy", 3),
        pypi("sklearn", 4),
    ),
    commands=(Command(instruction="CMD", text="jupyter notebook --token=abcdef12345", line=5),),
)


def test_a_tutorials_dockerfile_becomes_a_stack_that_says_what_it_guessed():
    imported = draft(TUTORIAL, pythons=("3.11", "3.12", "3.13", "3.14"))

    assert (
        imported.text
        == """\
# Drafted by `envlock import` from Dockerfile (dockerfile); what was guessed says so: 4. Read it,
# change what is wrong, then solve it.

[stack]
name = "x"  # from the name of the stack file
platforms = ["linux-64"]  # guessed: the file names no platform that envlock solves for
channels = ["conda-forge"]  # guessed: the file names no channel that a stack could take

[python]
version = "3.13.*"  # guessed: the newest in the index pin that tensorflow has wheels for

# No [gpu] table: nothing in the file says that it is for GPUs. For NVIDIA GPUs add
# [gpu]
# cuda = "12.9"

[frameworks]
tensorflow = { version = "*", from = "pypi" }  # from Dockerfile:1: the base image brings it along

[pypi-dependencies]
numpy = "*"  # from Dockerfile:3
scikit-learn = "*"  # guessed: from Dockerfile:4: sklearn is a placeholder that fails to install

# Left out, since no stack says it:
# - line 1: base image tensorflow/tensorflow:latest: a stack has no image: what its name says of
#   Python, CUDA and frameworks is taken over
# - line 2: apt package libgl1: envlock does not manage the system: install it there, or find a
#   conda package of the same library
# - line 5: CMD jupyter notebook --token=***: a stack says what is installed, not what is run or set
"""
    )


def test_a_base_image_says_the_cuda_line_and_a_wheel_the_framework():
    reading = Reading(
        file="docker/gpu.dockerfile",
        kind=FileKind.DOCKERFILE,
        packages=(
            FoundPackage(
                name="nvidia/cuda",
                ecosystem=Ecosystem.IMAGE,
                version="12.1.1-cudnn8-devel-ubuntu22.04",
                line=1,
            ),
            pypi("torch==2.4.1", 3, version="2.4.1"),
            pypi("nvidia-cublas-cu12==12.1.3.1", 3, version="12.1.3.1"),
        ),
    )

    imported = draft(reading)

    assert (
        imported.text
        == """\
# Drafted by `envlock import` from docker/gpu.dockerfile (dockerfile); what was guessed says so: 3.
# Read it, change what is wrong, then solve it.

[stack]
name = "x"  # from the name of the stack file
platforms = ["linux-64"]  # guessed: the file names no platform that envlock solves for
channels = ["conda-forge"]  # guessed: the file names no channel that a stack could take

[python]
version = "3.10.*"  # guessed: the Python of the system that the base image is made of

[gpu]
cuda = "12.1"  # from the base image of docker/gpu.dockerfile

[frameworks]
pytorch = { version = "2.4.*", from = "pypi" }  # from docker/gpu.dockerfile:3

# Left out, since no stack says it:
# - line 1: base image nvidia/cuda:12.1.1-cudnn8-devel-ubuntu22.04: a stack has no image: what its
#   name says of Python, CUDA and frameworks is taken over
# - line 3: package nvidia-cublas-cu12 12.1.*: a framework brings it along, and gpu.cuda holds it to
#   the line
# - cuDNN 8 of the base image: frameworks bring their own; `gpu.cudnn` holds them to a range
"""
    )


def test_an_environment_keeps_its_ranges_and_loses_builds_logins_and_the_lines_own_packages():
    reading = Reading(
        file="environment.yml",
        kind=FileKind.ENVIRONMENT,
        packages=(
            conda("python", wanted="python=3.11", line=6),
            conda("pytorch", "2.1.2", wanted="pytorch=2.1.2=py3.11_cuda11.8_0", line=7),
            conda("pytorch-cuda", wanted="pytorch-cuda=11.8", line=8),
            conda("numpy", wanted="numpy>=1.26,<2", line=9),
            pypi("einops==0.8.1", 11, version="0.8.1"),
            pypi(
                "mine @ git+https://git.example/mine",
                12,
                name="mine",
                origins=(Origin(address="https://git.example/mine", kind=OriginKind.GIT),),
            ),
        ),
        places=(
            NamedPlace(address="https://me:secret@conda.example/ml/", kind="channel", line=2),
            NamedPlace(address="pytorch", kind="channel", line=3),
            NamedPlace(address="defaults", kind="channel", line=4),
        ),
    )

    imported = draft(reading)

    assert (
        imported.text
        == """\
# Drafted by `envlock import` from environment.yml (environment); what was guessed says so: 2. Read
# it, change what is wrong, then solve it.

[stack]
name = "x"  # from the name of the stack file
platforms = ["linux-64"]  # guessed: the file names no platform that envlock solves for
# guessed: from environment.yml; conda-forge stands for defaults
channels = ["https://conda.example/ml", "pytorch", "conda-forge"]

[python]
version = "3.11.*"  # from environment.yml:6

[gpu]
cuda = "11.8"  # from environment.yml:8: pytorch-cuda 11.8

[frameworks]
pytorch = { version = "2.1.*", from = "conda" }  # from environment.yml:7

[dependencies]
numpy = ">=1.26,<2"  # from environment.yml:9

[pypi-dependencies]
einops = "0.8.*"  # from environment.yml:11

# Left out, since no stack says it:
# - line 2: login of the channel https://conda.example/ml: credentials are never copied: keep them
#   in `~/.netrc`
# - line 4: channel defaults: it stands for Anaconda's own channels, whose terms are not for
#   everybody; conda-forge has the same packages under other builds: name `main` if you want them
# - line 7: build py3.11_cuda11.8_0 of pytorch: a stack names the CUDA line and versions, and no
#   builds
# - line 8: package pytorch-cuda 11.8.*: gpu.cuda says it
# - line 12: git package mine: a stack takes packages from channels and indexes: build a wheel of
#   it, or install it into the environment while you work on it
"""
    )
    assert "secret" not in repr(imported)


LOCK = Reading(
    file="conda-lock.yml",
    kind=FileKind.CONDA_LOCK,
    format_version="1",
    platforms=tuple(FoundPlatform(name=name, subdir=name) for name in ("linux-64", "osx-arm64")),
    packages=(
        locked("python", "3.12.4", "openssl >=3"),
        locked("openssl", "3.3.0"),
        locked("scipy", "1.13.1", "numpy", "python"),
        locked("numpy", "1.26.4", "python"),
        locked("python", "3.12.4", on="osx-arm64"),
        locked("scipy", "1.14.0", "python", on="osx-arm64"),
        locked("appnope", "0.1.4", on="osx-arm64"),
    ),
)


def test_of_a_full_lock_only_what_nothing_else_needs_is_asked_for():
    imported = draft(LOCK)

    assert (
        imported.text
        == """\
# Drafted by `envlock import` from conda-lock.yml (conda-lock 1); what was guessed says so: 3. Read
# it, change what is wrong, then solve it.

[stack]
name = "x"  # from the name of the stack file
platforms = ["linux-64", "osx-arm64"]  # from conda-lock.yml
channels = ["https://conda.example/ml"]  # from the addresses of the packages in conda-lock.yml

[python]
version = "3.12.*"  # from conda-lock.yml

# No [gpu] table: nothing in the file says that it is for GPUs. For NVIDIA GPUs add
# [gpu]
# cuda = "12.9"

[dependencies]
scipy = "1.13.*"  # guessed: asked for, since nothing else in the file needs it

[target.osx-arm64.dependencies]
scipy = "1.14.*"  # guessed: asked for, since nothing else in the file needs it
appnope = "0.1.*"  # guessed: asked for, since nothing else in the file needs it

# Left out, since no stack says it:
# - what came along: 2 packages: the packages that are asked for bring in what they need
"""
    )


@pytest.mark.parametrize(
    ("keep", "numbers"), [(Keep.EXACT, "==1.13.1"), (Keep.MINOR, "1.13.*"), (Keep.ANY, "*")]
)
def test_the_user_says_how_much_of_a_version_stays(keep: Keep, numbers: str):
    text = draft(LOCK, keep=keep).text

    assert f'[dependencies]\nscipy = "{numbers}"' in text


def test_a_lock_of_ours_keeps_the_wishes_that_it_was_solved_from():
    inputs = (
        '{"dependencies.scipy":">=1.10","gpu.cuda":"12.9","pypi-index[0].name":"own",'
        '"pypi-index[0].packages":["mine"],"pypi-index[0].url":"https://wheels.example/simple",'
        '"python.version":"3.12.*","stack.name":"ours","stack.platforms":["linux-64"],'
        '"target.linux-64.dependencies.\\"ruamel.yaml\\"":"*"}'
    )
    reading = Reading(
        file="ours.conda-lock.yml", kind=FileKind.CONDA_LOCK, facts={"envlock/inputs": inputs}
    )

    imported = draft_reading(reading, Asked())

    assert (
        imported.text
        == """\
# Drafted by `envlock import` from ours.conda-lock.yml (conda-lock); nothing in it was guessed. What
# has no comment is from the head of ours.conda-lock.yml. Read it, change what is wrong, then solve
# it.

[stack]
name = "ours"
platforms = ["linux-64"]

[python]
version = "3.12.*"

[gpu]
cuda = "12.9"

[dependencies]
scipy = ">=1.10"

[[pypi-index]]
name = "own"
packages = ["mine"]
url = "https://wheels.example/simple"

[target.linux-64.dependencies]
"ruamel.yaml" = "*"
"""
    )


@pytest.mark.parametrize(
    "inputs", ["{", "[]", '{"python.version": 3}', '{"python.version":"3.12.*","a b":1}']
)
def test_a_head_that_makes_no_stack_is_passed_over(inputs: str):
    reading = Reading(
        file="a.yml",
        kind=FileKind.CONDA_LOCK,
        facts={"envlock/inputs": inputs},
        packages=(locked("python", "3.12.4"),),
    )

    text = draft(reading).text

    assert 'version = "3.12.*"' in text


def test_a_project_names_its_wishes_itself():
    reading = Reading(
        file="uv.lock",
        kind=FileKind.UV,
        python=">=3.11,<3.14",
        packages=(
            FoundPackage(
                name="My.Project",
                ecosystem=Ecosystem.PYPI,
                is_project=True,
                dependencies=(
                    "torch >=2 ; sys_platform == 'linux'",
                    "Polars[numpy] ; extra != 'x'",
                ),
            ),
            pypi("torch", version="2.8.0", wanted="", name="torch", dependencies=("sympy",)),
            pypi("polars", version="1.31.0", wanted="", name="polars"),
            pypi("sympy", version="1.14.0", wanted="", name="sympy"),
            pypi("orphan", version="1.0", wanted="", name="orphan"),
        ),
    )

    imported = draft_reading(reading, Asked())

    assert (
        imported.text
        == """\
# Drafted by `envlock import` from uv.lock (uv); what was guessed says so: 2. What has no comment is
# from uv.lock. Read it, change what is wrong, then solve it.

[stack]
name = "my.project"
platforms = ["linux-64"]  # guessed: the file names no platform that envlock solves for
channels = ["conda-forge"]  # guessed: the file names no channel that a stack could take

[python]
version = ">=3.11,<3.14"

[gpu]
cuda = "12.8"  # from uv.lock: the CUDA packages and wheels in it

[frameworks]
pytorch = { version = "2.8.*", from = "pypi" }

[pypi-dependencies]
Polars = { version = "1.31.*", extras = ["numpy"], markers = "extra != 'x'" }

# Left out, since no stack says it:
# - marker sys_platform == 'linux' of torch: a framework is asked for on every platform of its table
# - what came along: 2 packages: the packages that are asked for bring in what they need
"""
    )


def test_an_index_of_builds_owns_pytorchs_packages_and_others_are_told():
    reading = Reading(
        file="requirements.txt",
        kind=FileKind.REQUIREMENTS,
        places=(
            NamedPlace(address="https://wheels.example/whl/cu118", kind="extra-index-url", line=1),
            NamedPlace(
                address="https://user:pw@own.example/simple", kind="extra-index-url", line=2
            ),
        ),
        packages=(
            pypi("torch==2.1.0+cu118", 3, version="2.1.0+cu118"),
            pypi("torchvision==0.16.0+cu118", 4, version="0.16.0+cu118"),
            pypi("uvicorn[standard]>=0.30", 5, marker="python_version < '3.13'"),
            pypi("not a requirement", 6),
        ),
        oddities=(Oddity(kind=OddityKind.NOT_UNDERSTOOD, said="`--frobnicate`", line=7),),
    )

    imported = draft(reading)

    assert 'cuda = "11.8"  # from requirements.txt:3: torch is of the build +cu118' in imported.text
    assert (
        """\
[pypi-dependencies]
torchvision = "0.16.*"  # from requirements.txt:4
# from requirements.txt:5
uvicorn = { version = ">=0.30", extras = ["standard"], markers = "python_version < '3.13'" }

[[pypi-index]]
name = "pytorch-cu118-1"  # any name will do
url = "https://wheels.example/whl/cu118"  # from requirements.txt:1
# guessed: PyTorch's own packages come from its index of builds, and no others
packages = ["torch", "torchvision"]
"""
        in imported.text
    )
    assert describe_left_out(imported.draft) == (
        "requirements.txt:2: extra-index-url https://***@own.example/simple: say which packages "
        "come from it: `[[pypi-index]]` with `name`, `url` (`${VARIABLE}` stands for a login) and "
        "`packages`",
        "requirements.txt:6: package not a requirement: that is no requirement: a name, perhaps "
        "with extras, and a range of versions",
        "requirements.txt:7: `--frobnicate`: not understood",
    )


def test_a_page_of_files_is_no_index():
    reading = Reading(
        file="requirements.txt",
        kind=FileKind.REQUIREMENTS,
        places=(NamedPlace(address="https://wheels.example/page", kind="find-links", line=4),),
        packages=(pypi("numpy", 5),),
    )

    assert describe_left_out(draft(reading).draft) == (
        "requirements.txt:4: find-links https://wheels.example/page: a page of files is no index: "
        "name its wheels, each as `{ url = … }` in [pypi-dependencies]",
    )


def test_a_gpu_stack_says_what_macs_compute_on():
    reading = Reading(
        file="pixi.lock",
        kind=FileKind.PIXI,
        format_version="6",
        platforms=LOCK.platforms,
        packages=(
            locked("python", "3.12.4"),
            locked("cuda-version", "12.6"),
            locked("pytorch", "2.5.1", "cuda-version"),
            locked("python", "3.12.4", on="osx-arm64"),
            locked("pytorch", "2.5.1", on="osx-arm64"),
        ),
    )

    text = draft(reading).text

    assert '[gpu]\ncuda = "12.6"  # from pixi.lock: cuda-version 12.6\n' in text
    assert '[target.osx-arm64]\naccelerator = "mps"  # guessed: there is no CUDA for it\n' in text


def test_one_environment_is_drafted_and_the_others_are_told():
    def in_environments(name: str, *environments: str) -> FoundPackage:
        return pypi(name, name=name, wanted="", version="1.0", environments=environments)

    reading = Reading(
        file="poetry.lock",
        kind=FileKind.POETRY,
        packages=(
            in_environments("alpha", "main", "dev"),
            in_environments("beta", "dev"),
        ),
    )

    imported = draft(reading)

    assert (
        '[pypi-dependencies]\nalpha = "1.0.*"  # guessed: the file does not say who needs it\n'
    ) in imported.text
    assert "beta =" not in imported.text
    assert describe_left_out(imported.draft) == (
        "poetry.lock: environment dev: 1 package that `main` does not have: one stack is one "
        "environment",
    )


@pytest.mark.parametrize(
    ("asked", "offered", "python", "gpu"),
    [
        ("numpy", (), ("3.12.*", "the file does not say; `envlock init` offers it, too"), None),
        ("numpy", ("3.11", "3.13"), ("3.13.*", "the newest in the index pin"), None),
        (
            "tensorflow-gpu==2.10.0",
            ("3.11", "3.13"),
            ("3.10.*", "the newest that tensorflow has wheels for"),
            (
                "11.2",
                "tensorflow is for GPUs, and no line is named; tensorflow 2.10.1 was built with "
                "CUDA 11.2",
            ),
        ),
        (
            "tensorflow==2.15.1",
            ("3.10", "3.11", "3.13"),
            ("3.11.*", "the newest in the index pin that tensorflow has wheels for"),
            None,
        ),
        (
            "jax[cuda12]",
            (),
            ("3.12.*", "the file does not say; `envlock init` offers it, too"),
            ("12.9", "jax is for GPUs, and no line is named; jax 0.6.0 was built with CUDA 12.9"),
        ),
        (
            "torch>=2.4",
            ("3.12",),
            ("3.12.*", "the newest in the index pin that pytorch has wheels for"),
            (
                "13.2",
                "torch from PyPI is a CUDA build on Linux, and no line is named; pytorch 2.15.0 "
                "was built with CUDA 13.2",
            ),
        ),
    ],
)
def test_python_and_the_cuda_line_are_guessed_by_what_the_framework_has_wheels_for(
    asked: str,
    offered: tuple[str, ...],
    python: tuple[str, str],
    gpu: tuple[str, str] | None,
):
    reading = Reading(
        file="requirements.txt", kind=FileKind.REQUIREMENTS, packages=(pypi(asked, 1),)
    )

    decisions = draft(reading, pythons=offered).draft.decisions

    guessed = {item.path: (item.value, item.reason) for item in decisions if item.is_guess}
    assert guessed["python", "version"] == python
    assert guessed.get(("gpu", "cuda")) == gpu


def test_an_index_of_cpu_builds_makes_a_cpu_stack():
    reading = Reading(
        file="requirements.txt",
        kind=FileKind.REQUIREMENTS,
        places=(NamedPlace(address="https://wheels.example/whl/cpu", kind="index", line=1),),
        packages=(pypi("torch", 2),),
    )

    text = draft(reading).text

    assert "# No [gpu] table: nothing in the file says that it is for GPUs." in text
    assert 'url = "https://wheels.example/whl/cpu"' in text


def test_the_stage_that_says_most_of_a_dockerfile_counts():
    def image(name: str, tag: str, line: int) -> FoundPackage:
        return FoundPackage(
            name=name,
            ecosystem=Ecosystem.IMAGE,
            version=tag,
            line=line,
            platforms=("linux/arm64",),
            environments=("base",),
        )

    reading = Reading(
        file="Dockerfile",
        kind=FileKind.DOCKERFILE,
        packages=(
            image("python", "3.11-slim", 1),
            image("somebody/tools", "1.0", 2),
            pypi("numpy", 3, environments=("0",)),
        ),
    )

    imported = draft(reading)

    assert 'version = "3.11.*"  # from the base image of Dockerfile' in imported.text
    assert 'platforms = ["linux-aarch64"]  # from Dockerfile' in imported.text
    assert 'numpy = "*"  # from Dockerfile:3' in imported.text


def test_digests_of_a_requirement_are_no_address_and_the_folder_gives_a_name():
    digest = Origin(address="", kind=OriginKind.OTHER, hashes={"sha256": "0" * 64})
    reading = Reading(
        file="code/Vision Models/requirements.txt",
        kind=FileKind.REQUIREMENTS,
        packages=(pypi("numpy==2.1.0", 1, version="2.1.0", origins=(digest,)),),
    )

    imported = draft_reading(reading, Asked())

    assert 'numpy = "2.1.*"  # from code/Vision Models/requirements.txt:1' in imported.text
    assert (
        'name = "vision-models"  # guessed: from the folder of the file that it is drawn from'
    ) in imported.text
    assert imported.draft.left_out == ()


def test_what_is_asked_for_twice_becomes_one_wish():
    reading = Reading(
        file="requirements.txt",
        kind=FileKind.REQUIREMENTS,
        packages=(
            pypi("numpy>=1.26", 1),
            pypi("NumPy<3", 2, name="NumPy"),
            pypi("pandas", 3),
            pypi("pandas[excel]==2.2.2", 4),
            pypi("tqdm==4.70", 5),
            pypi("tqdm==4.71.2", 6),
            pypi("rich; python_version < '3.12'", 7, name="rich"),
            pypi("rich", 8),
            pypi("torch", 9),
            conda("pytorch", wanted="other::pytorch=2.5", line=10),
            conda("scipy", wanted="other::scipy", line=11),
        ),
    )

    imported = draft(reading)

    assert (
        """\
[frameworks]
pytorch = { version = "*", from = "pypi" }  # from requirements.txt:9

[dependencies]
scipy = "*"  # from requirements.txt:11

[pypi-dependencies]
numpy = ">=1.26,<3"  # from requirements.txt:1
pandas = { version = "2.2.*", extras = ["excel"] }  # from requirements.txt:3
tqdm = "*"  # guessed: from requirements.txt:5; the file has 4.70.* and 4.71.*
rich = "*"  # from requirements.txt:7

# Left out, since no stack says it:
# - line 10: package pytorch 2.5.*: [frameworks] takes it from PyPI already
# - line 11: channel other of scipy: the draft takes it from the channels that it names
"""
        in imported.text
    )


def test_what_no_stack_can_hold_is_told_and_the_rest_is_asked_for():
    reading = Reading(
        file="requirements.txt",
        kind=FileKind.REQUIREMENTS,
        settings={"requirement": "base.txt", "no-binary": ":all:", "made-by": "pip-compile"},
        places=(NamedPlace(address="a b", kind="channel", line=1),),
        packages=(
            conda("Bad Name", "1.0", line=2),
            conda("odd", "1.0", line=3, wanted="odd 1.0 b 2"),
            conda("numpy", "2 b", line=4),
            pypi("jax[cuda12,k8s]", 5),
            pypi(
                "mine @ https://wheels.example/mine-1.0-py3-none-any.whl",
                6,
                name="mine",
                origins=(
                    Origin(
                        address="https://u:p@wheels.example/mine-1.0-py3-none-any.whl",
                        kind=OriginKind.WHEEL,
                    ),
                ),
            ),
            pypi("six", 7, marker="python_version < '3' or\tx"),
            FoundPackage(
                name="gone",
                ecosystem=Ecosystem.CONDA,
                version="1.0",
                platforms=("linux-ppc64le",),
                line=8,
            ),
        ),
    )

    imported = draft(reading)

    assert describe_left_out(imported.draft) == (
        "requirements.txt:1: channel a b: no channel that a stack can name",
        "requirements.txt:2: package bad name: that is no name that a stack can hold",
        "requirements.txt:3: package odd 1.0 b 2: that is no requirement: a name, perhaps with "
        "extras, and a range of versions",
        "requirements.txt:4: version 2 b of numpy: no version that a stack can hold",
        "requirements.txt:5: extra cuda12 of jax: gpu.cuda asks for it",
        "requirements.txt:5: extra k8s of jax: a framework is asked for without extras",
        "requirements.txt:6: package mine at https://***@wheels.example/mine-1.0-py3-none-any.whl: "
        "named by its address: say it as `{ url = … }` in [pypi-dependencies]",
        "requirements.txt:7: marker python_version < '3' or\\tx of six: no marker that a stack can "
        "hold: the package is asked for everywhere",
        "requirements.txt: platform linux-ppc64le: envlock solves for linux-64, linux-aarch64, "
        "osx-64, osx-arm64, win-64 and no others",
        "requirements.txt: requirement base.txt: one file is drafted from: join them, or import "
        "the other one, too",
        "requirements.txt: option no-binary=:all:: no option of a stack",
    )
    assert 'numpy = "*"' in imported.text
    assert 'six = "*"' in imported.text


def test_platforms_that_differ_say_so():
    reading = Reading(
        file="conda-lock.yml",
        kind=FileKind.CONDA_LOCK,
        platforms=tuple(FoundPlatform(name=name, subdir=name) for name in ("linux-64", "win-64")),
        packages=(
            locked("python", "3.12.4"),
            locked("cuda-version", "12.6"),
            locked("pytorch", "2.5.1", "cuda-version"),
            locked("python", "3.11.9", on="win-64"),
            locked("pytorch", "2.5.1", on="win-64"),
        ),
    )

    text = draft(reading).text

    assert (
        'version = "3.12.*"  # guessed: from conda-lock.yml; elsewhere in the file it is 3.11.*\n'
    ) in text
    assert (
        '[target.win-64]\naccelerator = "cpu"  # guessed: nothing of CUDA is locked for it\n'
        in text
    )


def test_a_stack_that_exists_is_written_over_only_by_force():
    workspace = FakeWorkspace({"requirements.txt": b"numpy\n"})
    imported = draft_reading(TUTORIAL, Asked(name="x"))
    write_draft(imported, "x.toml", workspace, force=False)

    with pytest.raises(EnvlockError) as caught:
        write_draft(imported, "x.toml", workspace, force=False)

    assert str(caught.value) == (
        "x.toml: expected a new file, found one that exists\nNothing was written."
    )
    assert caught.value.hints == ("choose another path, or write over it with `--force`",)
    write_draft(imported, "x.toml", workspace, force=True)
    assert workspace.files["x.toml"].decode() == imported.text


def test_a_file_of_no_known_format_is_refused():
    workspace = FakeWorkspace({"notes.md": b"# nothing\n"})

    with pytest.raises(EnvlockError) as caught:
        import_file("notes.md", Asked(), workspace)

    assert str(caught.value) == "notes.md: nothing in it says which format it is"


def test_what_is_left_out_for_one_reason_is_told_together_and_another_file_by_its_own_way():
    requirements = NamedPlace(address="requirements.txt", kind="requirements", line=3)
    reading = Reading(
        file="Dockerfile",
        kind=FileKind.DOCKERFILE,
        places=(requirements,),
        packages=(
            FoundPackage(name="git", ecosystem=Ecosystem.APT, line=1),
            FoundPackage(name="libgl1", ecosystem=Ecosystem.APT, line=2),
            pypi(".", 4, name="", is_project=True),
        ),
        commands=(Command(instruction="RUN", text="pip install -r requirements.txt", line=3),),
    )

    imported = draft_reading(reading, Asked())

    assert 'name = "dockerfile"  # guessed: from the name of the file' in imported.text
    assert imported.text.endswith("""\
# Left out, since no stack says it:
# - envlock does not manage the system: install it there, or find a conda package of the same
#   library:
#   - line 1: apt package git
#   - line 2: apt package libgl1
# - line 3: requirements requirements.txt: what it says is not in this draft: draft from it, too,
#   with `envlock import FILE`, and join the two
""")
    assert describe_left_out(imported.draft) == (
        "envlock does not manage the system: install it there, or find a conda package of the same "
        "library:\n"
        "  Dockerfile:1: apt package git\n"
        "  Dockerfile:2: apt package libgl1",
        "Dockerfile:3: requirements requirements.txt: what it says is not in this draft: draft "
        "from it, too, with `envlock import FILE`, and join the two",
    )
