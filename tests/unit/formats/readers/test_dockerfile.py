"""Dockerfiles are read as BuildKit reads them; what is installed becomes packages with lines."""

from __future__ import annotations

import pytest

from envlock.errors import LockError
from envlock.formats.readers.dockerfile import read
from envlock.model.reading import (
    Command,
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
# syntax=docker/dockerfile:1
ARG CUDA=12.1.1
FROM --platform=linux/amd64 nvidia/cuda:${{CUDA}}-runtime@sha256:{SHA} AS base
ARG TORCH=2.1.0
ENV LD_LIBRARY_PATH=/usr/lib MODE="b c"

RUN --mount=type=cache,target=/x \\
    apt-get update && \\
    # the compiler
    apt-get install -y gcc=4:11.2 \\

      git | tee log; \\
    pip install torch==${{TORCH}} -r requirements.txt
FROM base
COPY --from=base /a /b
CMD ["jupyter", "notebook", "--NotebookApp.token=''"]
"""


def command(instruction: str, text: str, line: int) -> Command:
    return Command(instruction=instruction, text=text, line=line)


def test_a_file_is_read_whole():
    image = f"nvidia/cuda:12.1.1-runtime@sha256:{SHA}"

    assert read(SMALL.encode(), "Dockerfile") == Reading(
        file="Dockerfile",
        kind=FileKind.DOCKERFILE,
        settings={"syntax": "docker/dockerfile:1"},
        places=(NamedPlace(address="requirements.txt", kind="requirements", line=13),),
        packages=(
            FoundPackage(
                name="nvidia/cuda",
                ecosystem=Ecosystem.IMAGE,
                version="12.1.1-runtime",
                wanted=f"nvidia/cuda:${{CUDA}}-runtime@sha256:{SHA}",
                platforms=("linux/amd64",),
                environments=("base",),
                origins=(
                    Origin(address=image, kind=OriginKind.IMAGE, hashes={"sha256": SHA}, line=3),
                ),
                line=3,
            ),
            FoundPackage(
                name="gcc",
                ecosystem=Ecosystem.APT,
                version="4:11.2",
                wanted="gcc=4:11.2",
                environments=("base",),
                line=10,
            ),
            FoundPackage(
                name="git",
                ecosystem=Ecosystem.APT,
                wanted="git",
                environments=("base",),
                line=12,
            ),
            FoundPackage(
                name="torch",
                ecosystem=Ecosystem.PYPI,
                version="2.1.0",
                wanted="torch==2.1.0",
                environments=("base",),
                line=13,
            ),
        ),
        commands=(
            command("ARG", "CUDA=12.1.1", 2),
            command(
                "FROM",
                f"--platform=linux/amd64 nvidia/cuda:${{CUDA}}-runtime@sha256:{SHA} AS base",
                3,
            ),
            command("ARG", "TORCH=2.1.0", 4),
            command("ENV", "LD_LIBRARY_PATH=/usr/lib", 5),
            command("ENV", "MODE=b c", 5),
            command("RUN", "--mount=type=cache,target=/x", 7),
            command("RUN", "apt-get update", 8),
            command("RUN", "apt-get install -y gcc=4:11.2       git | tee log", 10),
            command("RUN", "pip install torch==${TORCH} -r requirements.txt", 13),
            command("FROM", "base", 14),
            command("COPY", "--from=base /a /b", 15),
            command("CMD", '["jupyter", "notebook", "--NotebookApp.token=\'\'"]', 16),
        ),
    )


def packages(text: str) -> list[tuple[str, str, str | None, int]]:
    reading = read(f"FROM scratch\n{text}\n".encode(), "Dockerfile")
    assert reading.oddities == ()
    return [(item.ecosystem.value, item.name, item.version, item.line) for item in reading.packages]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RUN pip3 --no-cache-dir install six==1", [("pypi", "six", "1", 2)]),
        ("RUN /opt/conda/bin/pip install six", [("pypi", "six", None, 2)]),
        ("RUN python3.11 -m pip install 'six==1'", [("pypi", "six", "1", 2)]),
        ('RUN ["pip", "install", "six==1"]', [("pypi", "six", "1", 2)]),
        ('RUN ["bash", "-lc", "cd x && pip install six==1"]', [("pypi", "six", "1", 2)]),
        ("RUN bash -euo pipefail -c 'pip install six==1'", [("pypi", "six", "1", 2)]),
        ("RUN sudo -E PIP_X=1 pip install six==1 > /dev/null 2>&1", [("pypi", "six", "1", 2)]),
        ("RUN if true; then pip install six==1; fi", [("pypi", "six", "1", 2)]),
        ("RUN (pip install six==1)", [("pypi", "six", "1", 2)]),
        ("RUN conda run -n x pip install six==1", [("pypi", "six", "1", 2)]),
        ("RUN cat a | xargs -n 1 pip install six==1", [("pypi", "six", "1", 2)]),
        ("RUN uv pip install --system six==1", [("pypi", "six", "1", 2)]),
        ("RUN uv add six==1 && pipx install x==2", [
            ("pypi", "six", "1", 2), ("pypi", "x", "2", 2)]),
        ("RUN pip install $ALL", [("pypi", "$ALL", None, 2)]),
        ("run PIP install", []),
        ("RUN pip download six && pip uninstall -y x && echo pip install y", []),
        ("RUN pip install 'a>=1' \\\n  b==2 \\\n  c", [
            ("pypi", "a", None, 2), ("pypi", "b", "2", 3), ("pypi", "c", None, 4)]),
        ("RUN conda install -y -n base -c pytorch pytorch=2.1.0=py_0 'numpy>=1'", [
            ("conda", "pytorch", "2.1.0", 2), ("conda", "numpy", None, 2)]),
        ("RUN micromamba create -p /x python==3.11.4", [("conda", "python", "3.11.4", 2)]),
        ("RUN conda env create -f environment.yml -n x", []),
        ("RUN apt install -t stable -y --fix-missing a=1.* b=2:1-1~x c/stable d:i386", [
            ("apt", "a", None, 2), ("apt", "b", "2:1-1~x", 2), ("apt", "c", None, 2),
            ("apt", "d", None, 2)]),
        ("RUN apt-get remove a && apt-cache search b", []),
        ("ONBUILD RUN pip install six", [("pypi", "six", None, 2)]),
        ("ARG V=1\nENV W=$V\nRUN pip install a==${V} b==$W c==${X:-3} d==${Y}", [
            ("pypi", "a", "1", 4), ("pypi", "b", "1", 4), ("pypi", "c", "3", 4),
            ("pypi", "d", None, 4)]),
        ("RUN <<EOF\nset -e\npip install \\\n  six==1\nEOF\nRUN pip install b", [
            ("pypi", "six", "1", 5), ("pypi", "b", None, 7)]),
        ("RUN bash -e <<-'END'\n\tpip install six\n\tEND", [("pypi", "six", None, 3)]),
        ("RUN <<EOF\n#!/bin/bash\npip install six\nEOF", [("pypi", "six", None, 4)]),
        ("RUN python3 <<EOF\npip install six\nEOF", []),
        ("RUN <<EOF\n#!/usr/bin/env python3\npip install six\nEOF", []),
        ("COPY --from=alpine:3.20 /a /b", [("image", "alpine", "3.20", 2)]),
        ("RUN --mount=type=bind,from=host:5000/a/b true", [("image", "host:5000/a/b", None, 2)]),
    ],
)  # fmt: skip
def test_what_commands_install_becomes_packages(text: str, found: list[object]):
    assert packages(text) == found


@pytest.mark.parametrize(
    ("line", "name", "tag", "platform"),
    [
        ("FROM ubuntu", "ubuntu", None, ()),
        ("from ubuntu:22.04 as x", "ubuntu", "22.04", ()),
        ("FROM --platform=$BUILDPLATFORM a/b:1 AS x", "a/b", "1", ("$BUILDPLATFORM",)),
        ("FROM host:5000/a", "host:5000/a", None, ()),
        ("ARG A\nFROM a:${A}", "a", "${A}", ()),
        ('ARG A="a:1"\nFROM ${A}', "a", "1", ()),
        ("ARG A=x\nARG B=a:${A}\nFROM $B", "a", "x", ()),
        ("FROM a:${A:-7}", "a", "7", ()),
        ("# escape=`\nARG A=1\nFROM a`\n:$A", "a", "1", ()),
    ],
)
def test_images_are_named_as_far_as_the_file_says(
    line: str, name: str, tag: str | None, platform: tuple[str, ...]
):
    image = read(f"{line}\n".encode(), "Dockerfile").packages[0]

    assert (image.name, image.version, image.platforms) == (name, tag, platform)


def test_stages_name_what_is_theirs_and_are_no_images():
    reading = read(
        b"FROM a:1 AS First\nENV V=2\nFROM first\nRUN pip install x==$V\nCOPY --from=0 / /\n"
        b"FROM 1\nRUN pip install y\n",
        "Dockerfile",
    )

    assert [(item.name, item.version, item.environments) for item in reading.packages] == [
        ("a", "1", ("First",)),
        ("x", "2", ("1",)),
        ("1", None, ("2",)),
        ("y", None, ("2",)),
    ]


def test_places_of_options_of_variables_and_of_conda_are_told_once():
    reading = read(
        b"FROM a\nENV PIP_INDEX_URL=https://index.example/simple\n"
        b"RUN pip install -i https://index.example/simple --pre x --trusted-host h\n"
        b"RUN pip install -e . -f wheels --extra-index-url https://extra.example -c c.txt\n"
        b"RUN conda config --add channels forge && conda install -c extra --file r.txt\n"
        b"RUN mamba env update --file env.yml\n",
        "Dockerfile",
    )

    assert [(item.kind, item.address, item.line) for item in reading.places] == [
        ("index", "https://index.example/simple", 2),
        ("find-links", "wheels", 4),
        ("extra-index", "https://extra.example", 4),
        ("constraints", "c.txt", 4),
        ("channel", "forge", 5),
        ("channel", "extra", 5),
        ("requirements", "r.txt", 5),
        ("environment", "env.yml", 6),
    ]
    assert reading.settings == {"pre": "true", "trusted-host": "h"}


def test_what_is_no_command_of_a_shell_is_kept_as_it_is():
    reading = read(
        b"FROM a\nCOPY <<X /etc/x\nhello\nX\nRUN cat <<Y > z\nbye\nY\n"
        b"HEALTHCHECK --interval=5s CMD true\nLABEL a=b\n",
        "Dockerfile",
    )

    assert [(item.instruction, item.text, item.line) for item in reading.commands[1:]] == [
        ("COPY", "<<X /etc/x", 2),
        ("HEREDOC", "hello", 3),
        ("RUN", "cat <<Y > z", 5),
        ("HEREDOC", "bye", 6),
        ("HEALTHCHECK", "--interval=5s CMD true", 8),
        ("LABEL", "a=b", 9),
    ]


@pytest.mark.parametrize(
    ("text", "oddity"),
    [
        ("FROM a\nFOO bar", ("`FOO` is no instruction", 2, "")),
        ("FROM", ("`FROM` names no image", 1, "")),
        ("RUN true", ("there is no `FROM`: nothing says what it starts from", 0, "")),
        ("FROM a\nRUN <<EOF\ntrue", ("the here-document `EOF` has no end", 2, "")),
        ("FROM a:1@sha1", ("`sha1` is no digest", 1, "a")),
        ("FROM a\nRUN pip install ??", ("`??` is no requirement of PEP 508", 2, "")),
        ("FROM a\nRUN apt install ??", ("`??` is no name of a package of apt", 2, "")),
    ],
)
def test_what_is_odd_is_told_with_its_line(text: str, oddity: tuple[str, int, str]):
    said, line, subject = oddity

    assert read(text.encode(), "Dockerfile").oddities[0] == Oddity(
        kind=OddityKind.NOT_UNDERSTOOD, said=said, line=line, subject=subject
    )


def test_a_variable_that_holds_itself_twice_does_not_grow_without_end():
    text = "FROM a\nENV A=xxxxxxxxxx\n" + "ENV A=$A$A\n" * 100 + "RUN pip install x==$A"

    assert read(text.encode(), "Dockerfile").commands[-1].text == "pip install x==$A"


@pytest.mark.parametrize("text", ["", "# nothing\n", "some: yaml\n"])
def test_a_file_without_any_instruction_is_refused(text: str):
    with pytest.raises(LockError) as error:
        read(text.encode(), "Dockerfile")

    assert error.value.message == ("Dockerfile: expected a Dockerfile, found no instruction of one")
    assert error.value.hints == ("is this really the file you meant?",)
