r"""What a value of a stack may look like, each with the words for a value that does not.

Patterns end in `(?!\n)$`, since Python's `$` alone would let a trailing line break through.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta


def _whole(pattern: str) -> str:
    return rf"^(?:{pattern})(?!\n)$"


def _text(pattern: str, expected: str, description: str, *examples: str) -> Meta:
    return Meta(
        pattern=_whole(pattern),
        description=description,
        examples=list(examples) or None,
        extra={"expected": expected},
    )


_CONDA_VERSION = r"[0-9A-Za-z*][0-9A-Za-z._*+!]*"
_CONDA_CLAUSE = rf"[ (]*(?:(?:[=!~<>]=|[=<>]) *)?{_CONDA_VERSION}[ )]*"
CONDA_VERSION = _whole(rf"{_CONDA_CLAUSE}(?:[,|]{_CONDA_CLAUSE})*")
_PYPI_VERSION = r"[0-9A-Za-z][0-9A-Za-z._*+!-]*"
_PYPI_CLAUSE = rf" *(?:(?:===|[=!~<>]=|[<>]) *)?{_PYPI_VERSION} *"
_REST = r"[^\s\x00-\x20\x7f\x22'`<>\\^{}|]+"
_WEB = rf"https?://{_REST}"

CONDA_NAME = _whole(r"(?!__)[a-z0-9_][a-z0-9_.-]*")
PYPI_NAME = _whole(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
PYPI_SPECIFIERS = _whole(rf"\*|{_PYPI_CLAUSE}(?:,{_PYPI_CLAUSE})*")

Name = Annotated[
    str,
    _text(
        r"[a-z0-9][a-z0-9._-]*",
        "a name of lower-case letters, digits, `.`, `_` and `-`",
        "Names the lock, the pin and the store path.",
        "torch-cu121",
    ),
]
Label = Annotated[
    str,
    _text(
        r"[a-z0-9][a-z0-9._-]*",
        "a name of lower-case letters, digits, `.`, `_` and `-`",
        "A name to refer to.",
    ),
]
Line = Annotated[
    str,
    _text(r"[^\x00-\x1f\x7f]*", "one line of text", "One sentence for people."),
]
Channel = Annotated[
    str,
    _text(
        rf"(?:https?|file)://{_REST}|[A-Za-z0-9_][A-Za-z0-9._/-]*",
        "a channel's name, or its address with http, https or file",
        "A channel's name, or its address without credentials.",
        "conda-forge",
        "https://conda.example.org/ml",
    ),
]
CondaVersion = Annotated[
    str,
    Meta(
        pattern=CONDA_VERSION,
        description="A version as conda's match specs write it: `2.1.*`, `>=2,<3`; `*` is any.",
        examples=["2.1.*", ">=2,<3"],
        extra={"expected": "a version such as `2.1.*` or `>=2,<3` (`*` is any)"},
    ),
]
CondaBuild = Annotated[
    str,
    _text(
        r"[0-9A-Za-z_.*+^$()|?-]+",
        "a build string such as `*cuda12*`",
        "A build string, `*` stands for anything.",
        "*cuda12*",
    ),
]
CondaName = Annotated[
    str,
    Meta(
        pattern=CONDA_NAME,
        extra={"expected": "a conda package name: lower-case letters, digits, `-`, `_` and `.`"},
    ),
]
PypiVersion = Annotated[
    str,
    Meta(
        pattern=PYPI_SPECIFIERS,
        description="PEP 440 specifiers; `*` is any, a bare version means exactly this one.",
        examples=[">=4.40,<5"],
        extra={"expected": "PEP 440 specifiers such as `>=4.40,<5` (`*` is any)"},
    ),
]
PypiName = Annotated[
    str,
    Meta(
        pattern=PYPI_NAME,
        extra={"expected": "a PyPI package name: letters, digits, `-`, `_` and `.`"},
    ),
]
Extra = Annotated[
    str,
    _text(
        r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
        "an extra's name",
        "An extra of the package.",
        "vision",
    ),
]
Markers = Annotated[
    str,
    _text(
        r"[A-Za-z0-9_.*+!<>=~()\x22' -]+",
        "an environment marker such as `python_version < '3.12'`",
        "A PEP 508 environment marker.",
        "python_version < '3.12'",
    ),
]
_PART = r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*"
ProjectPath = Annotated[
    str,
    _text(
        rf"(?:\.\./)*{_PART}(?:/{_PART})*",
        "a path from the stack's folder, such as `recipes/kernel`",
        "A path from the stack's folder; slashes, nothing hidden.",
        "recipes/kernel",
    ),
]
OptionName = Annotated[
    str,
    _text(
        r"(?!ENVLOCK_)[A-Z][A-Z0-9_]*",
        "the name of a variable, in capitals, that is not envlock's",
        "The name of a variable that a recipe's script finds in its environment.",
        "WITH_TENSOR_CORES",
    ),
]
_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
IndexAddress = Annotated[
    str,
    _text(
        rf"https?://(?:[^\s\x00-\x20\x7f\x22'`<>\\^{{}}|]|{_VARIABLE})+|file://{_REST}|\.\.?/{_REST}",
        "an address with http or https, or a folder such as `./wheels`",
        "The address of an index without credentials; `${VARIABLE}` stands for a secret in the "
        "environment. For a flat index also a folder, `./wheels`.",
        "https://packages.example.org/${TOKEN}/simple",
    ),
]
FileAddress = Annotated[
    str,
    _text(
        rf"{_WEB}|file://{_REST}",
        "an address with http, https or file",
        "The address of one file, without credentials.",
    ),
]
Cuda = Annotated[
    str,
    _text(
        r"[1-9][0-9]?\.[0-9]{1,2}",
        "a CUDA line, major and minor, such as `12.1`",
        "The CUDA toolkit line, major and minor.",
        "12.1",
    ),
]
Compute = Annotated[
    str,
    _text(
        r"[1-9][0-9]?\.[0-9]",
        "a compute capability such as `8.6`",
        "The compute capability of a GPU that must find machine code.",
        "8.6",
    ),
]
Driver = Annotated[
    str,
    _text(
        r"[0-9]{3,4}(?:\.[0-9]{1,3}){0,2}",
        "a driver branch or version such as `535` or `535.183.06`",
        "The oldest NVIDIA driver that the stack must run on; a branch or a full version.",
        "535",
        "535.183.06",
    ),
]
Glibc = Annotated[
    str,
    _text(
        r"2\.[0-9]{1,2}",
        "a glibc version such as `2.28`",
        "The oldest glibc that the stack must run on.",
        "2.28",
    ),
]
Macos = Annotated[
    str,
    _text(
        r"[1-9][0-9](?:\.[0-9]{1,2}){0,2}",
        "a macOS version such as `13.0`",
        "The oldest macOS that the stack must run on.",
        "13.0",
    ),
]
RuleWord = Annotated[
    str,
    _text(
        r"[A-Za-z][A-Za-z0-9-]*",
        "the code or the name of an audit rule",
        "The code or the name of an audit rule; `envlock audit --rules` lists them.",
        "EL101",
        "missing-hash",
    ),
]
Reason = Annotated[
    str,
    _text(
        r"[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*",
        "a reason: one line of text that is not blank",
        "Why the finding may pass; it stands in every report.",
        "why it may pass",
    ),
]
License = Annotated[
    str,
    _text(
        r"[A-Za-z0-9][A-Za-z0-9.+-]*",
        "an SPDX identifier such as `Apache-2.0`",
        "A licence, by its SPDX identifier.",
        "Apache-2.0",
    ),
]
Sha256 = Annotated[
    str,
    _text(r"[0-9a-f]{64}", "64 lower-case hex digits", "The SHA-256 of the file's bytes."),
]

UNIQUE = Meta(extra_json_schema={"uniqueItems": True})
