"""Wish lists as people write them, from their bytes to the findings: readers and rules fit."""

from __future__ import annotations

from envlock.audit.rules import all_rules
from envlock.formats.readers.registry import read
from readings import COMMIT, findings

DIGEST = "0" * 64
RULES = tuple(rule for rule in all_rules() if rule.code < "EL3")


def codes(text: str, file: str) -> list[str]:
    """Each finding as `EL201 at 7 (torch)`, by place."""
    found = findings(RULES, read(text.encode(), file))
    return [f"{item.code} at {item.line} ({item.subject})" for item in found]


def test_requirements_with_all_that_can_be_wrong():
    text = f"""\
--index-url https://index.example/simple
--extra-index-url https://me:hunter2@wheels.example/simple
--trusted-host wheels.example
--find-links https://wheels.example/torch_stable.html
--pre
numpy==1.26.4
torch>=2
tool @ git+https://git.example/o/tool.git@main
fine @ git+https://git.example/o/fine.git@{COMMIT}
-e .
./local
sklearn
"""

    assert codes(text, "requirements.txt") == [
        "EL105 at 0 (pip)",
        "EL202 at 0 ()",
        "EL204 at 0 (--pre)",
        "EL107 at 2 (https://***@wheels.example)",
        "EL204 at 2 (https://***@wheels.example/simple)",
        "EL204 at 4 (https://wheels.example/torch_stable.html)",
        "EL101 at 6 ()",
        "EL201 at 7 (torch)",
        "EL103 at 8 (tool)",
        "EL205 at 8 (tool)",
        "EL205 at 9 (fine)",
        "EL104 at 11 (local)",
        "EL201 at 12 (sklearn)",
        "EL208 at 12 (sklearn)",
    ]


def test_requirements_with_hashes_leave_only_the_python_open():
    text = f"numpy==1.26.4 --hash=sha256:{DIGEST}\ntorch==2.5.1 --hash=sha256:{DIGEST}\n"

    assert codes(text, "requirements.txt") == ["EL202 at 0 ()"]


def test_an_environment_with_all_that_can_be_wrong():
    text = """\
name: x
channels:
  - pytorch-nightly
  - conda-forge
  - https://conda.example/t/ab-123/private
dependencies:
  - python>=3.9
  - numpy=1.26
  - pytorch::pytorch=2.5.1
  - pip:
    - --extra-index-url https://wheels.example/simple
    - foo
prefix: /home/me/x
"""

    assert codes(text, "environment.yml") == [
        "EL104 at 0 (prefix)",
        "EL204 at 3 (channels)",
        "EL204 at 3 (pytorch-nightly)",
        "EL107 at 5 (https://conda.example/t/***)",
        "EL202 at 7 (python)",
        "EL201 at 8 (numpy)",
        "EL101 at 9 ()",
        "EL204 at 11 (https://wheels.example/simple)",
        "EL201 at 12 (foo)",
    ]


def test_a_dockerfile_with_all_that_can_be_wrong():
    text = r"""
FROM nvidia/cuda:12-runtime AS build
ENV LD_LIBRARY_PATH=/usr/local/cuda/lib64 HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz
RUN apt-get update && apt-get install -y \
      git curl
RUN wget -q https://get.example/Miniconda3-latest.sh -O /tmp/m.sh && bash /tmp/m.sh -b
RUN curl -fsSL https://get.example/install.sh | sh
RUN pip install torch==2.1.0 torchvision && conda install -y numpy
RUN sudo pip install --pre --trusted-host wheels.example foo
RUN git clone https://git.example/o/x.git && cd x && python setup.py install
ADD https://files.example/w.bin /w.bin
FROM build
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--ServerApp.token=''"]
"""

    assert codes(text, "Dockerfile") == [
        "EL203 at 2 (nvidia/cuda)",
        "EL107 at 3 (HF_TOKEN=***)",
        "EL208 at 3 (LD_LIBRARY_PATH=/usr/local/cuda/lib64)",
        "EL206 at 5 (apt)",
        "EL103 at 6 (https://get.example/Miniconda3-latest.sh)",
        "EL207 at 6 (https://get.example/Miniconda3-latest.sh)",
        "EL207 at 7 (https://get.example/install.sh)",
        "EL101 at 8 ()",
        "EL201 at 8 (numpy)",
        "EL201 at 8 (torchvision)",
        "EL208 at 8 (conda install -y numpy)",
        "EL105 at 9 (pip)",
        "EL201 at 9 (foo)",
        "EL204 at 9 (--pre)",
        "EL103 at 10 (https://git.example/o/x.git)",
        "EL207 at 11 (https://files.example/w.bin)",
        "EL209 at 13 (CMD)",
    ]


def test_a_dockerfile_that_installs_from_a_lock_has_no_finding():
    text = f"""\
FROM pytorch/pytorch:2.5.1-cuda12.1-cudnn9-runtime@sha256:{DIGEST}
COPY requirements.lock /app/
RUN --mount=type=cache,target=/root/.cache \\
    pip install --require-hashes --no-deps -r /app/requirements.lock
COPY . /app
RUN pip install --no-deps /app
USER app
CMD ["python", "-m", "train"]
"""

    assert codes(text, "Dockerfile") == []


def test_an_explicit_list_with_md5_and_with_nothing():
    text = """\
# platform: linux-64
@EXPLICIT
https://conda.example/c/linux-64/numpy-1.26.4-py311_0.conda#0123456789abcdef0123456789abcdef
https://conda.example/c/linux-64/scipy-1.0-py311_0.conda
"""

    assert codes(text, "conda-linux-64.lock") == ["EL102 at 3 (numpy)", "EL101 at 4 (scipy)"]
