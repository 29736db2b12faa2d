"""A stack file becomes a stack, or every fault of it with its place and its remedy."""

from __future__ import annotations

import json

import pytest

from envlock.errors import InputFileError
from envlock.formats.stack_toml import read_stack
from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import (
    AuditLevel,
    ChannelPriority,
    FrameworkSource,
    Stack,
    VerifyLevel,
)
from envlock.model.version import CudaLine

FULL = """\
[stack]
name = "torch-cu121"
description = "PyTorch on CUDA 12.1"
platforms = [
  "linux-64",   # the cluster
  "win-64",
]
channels = ["pytorch", "conda-forge"]
channel-priority = "disabled"

[python]
version = "3.11.*"

[gpu]
cuda = "12.1"
cudnn = ">=8.9,<10"
compute = ["9.0", "7.5"]
newer-components = ["libcufile"]

[fleet]
driver = "535.183.06"
glibc = "2.28"
macos = "13.0"

[frameworks]
pytorch = "2.*"
jax = { version = ">=0.4", from = "pypi" }

[dependencies]
jupyterlab = "*"
numpy.version = ">=2"
numpy.build = "py311*"
"ruamel.yaml" = { version = "*", channel = "conda-forge" }

[pypi-dependencies]
einops = { version = ">=0.7", extras = ["a"], markers = "python_version < '3.12'", index = "extra" }
wheel-of-mine = { url = "https://files.example.org/mine-1.0-py3-none-any.whl" }
rich = "13.0"

[[pypi-index]]
name = "extra"
url = "https://pypi.example.org/simple"
packages = ["einops"]

[target.win-64]
accelerator = "cpu"
[target.win-64.frameworks]
pytorch = "2.3.*"
[target.win-64.dependencies]
pywin32 = "*"
[target.win-64.pypi-dependencies]
colorama = "*"

[[artifacts]]
name = "weights"
url = "https://files.example.org/weights.bin?download=true"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

[verify]
level = "smoke"
timeout-seconds = 60

[audit]
level = "resolve"
fail-on = "error"
severity = { EL101 = "off" }
licenses = { allow = ["MIT"] }

[[audit.ignore]]
rule = "EL102"
reason = "the mirror has no other"
expires = 2027-01-31
"""
SMALL = """\
[stack]
name = "small"
platforms = ["linux-64"]

[python]
version = "3.12.*"
"""


def read(text: str) -> Stack:
    return read_stack(text.encode(), "stacks/a.toml")


def refused(content: str | bytes) -> InputFileError:
    content = content.encode() if isinstance(content, str) else content
    with pytest.raises(InputFileError) as caught:
        read_stack(content, "stacks/a.toml")
    return caught.value


def told(content: str | bytes) -> tuple[str, tuple[str, ...]]:
    error = refused(content)
    return str(error), error.hints


def test_every_table_reaches_the_stack():
    stack = read(FULL)

    assert (stack.name, stack.description) == ("torch-cu121", "PyTorch on CUDA 12.1")
    assert stack.platforms == (Platform.LINUX_64, Platform.WIN_64)
    assert stack.channels == ("pytorch", "conda-forge")
    assert stack.channel_priority is ChannelPriority.DISABLED
    assert stack.python.spec == "python 3.11.*"
    assert stack.verify.level is VerifyLevel.SMOKE
    assert stack.verify.timeout_seconds == 60
    assert stack.audit.level is AuditLevel.RESOLVE


def test_the_gpu_and_fleet_tables_keep_the_order_of_the_file():
    stack = read(FULL)

    assert stack.gpu is not None
    assert stack.gpu.cuda == CudaLine(12, 1)
    assert stack.gpu.cudnn == ">=8.9,<10"
    assert stack.gpu.compute == ("9.0", "7.5")
    assert stack.gpu.newer_components == ("libcufile",)
    assert (stack.fleet.driver, stack.fleet.glibc) == ("535.183.06", "2.28")
    assert stack.fleet.macos == "13.0"


def test_a_framework_is_from_conda_unless_it_says_otherwise():
    frameworks = read(FULL).frameworks

    assert [(item.name, item.version, item.source) for item in frameworks] == [
        ("pytorch", "2.*", FrameworkSource.CONDA),
        ("jax", ">=0.4", FrameworkSource.PYPI),
    ]


def test_dependencies_are_match_specs_however_they_are_written():
    specs = [item.spec for item in read(FULL).dependencies]

    assert specs == [
        "jupyterlab *",
        'numpy >=2[build="py311*"]',
        "conda-forge::ruamel.yaml *",
    ]


def test_pypi_dependencies_are_pep_508_requirements():
    stack = read(FULL)

    assert [item.requirement for item in stack.pypi_dependencies] == [
        "einops[a]>=0.7 ; python_version < '3.12'",
        "wheel-of-mine @ https://files.example.org/mine-1.0-py3-none-any.whl",
        "rich==13.0",
    ]
    assert stack.pypi_dependencies[0].index == "extra"
    assert stack.pypi_indexes[0].packages == ("einops",)
    assert stack.artifacts[0].url == "https://files.example.org/weights.bin?download=true"


def test_a_target_speaks_for_its_platform_only():
    stack = read(FULL)

    assert stack.accelerator(Platform.WIN_64) is Accelerator.CPU
    assert stack.accelerator(Platform.LINUX_64) is Accelerator.CUDA
    assert [item.version for item in stack.frameworks_on(Platform.WIN_64)] == ["2.3.*", ">=0.4"]
    assert "pywin32" in [item.name for item in stack.dependencies_on(Platform.WIN_64)]
    assert "pywin32" not in [item.name for item in stack.dependencies_on(Platform.LINUX_64)]
    assert "colorama" in [item.name for item in stack.pypi_dependencies_on(Platform.WIN_64)]


def test_absent_tables_are_empty_and_a_stack_without_gpu_computes_on_the_cpu():
    stack = read(SMALL)

    assert stack.gpu is None
    assert stack.channels == ("conda-forge",)
    assert stack.channel_priority is ChannelPriority.STRICT
    assert stack.accelerator(Platform.LINUX_64) is Accelerator.CPU
    assert stack.frameworks == stack.dependencies == stack.pypi_dependencies == ()
    assert stack.targets == {}


def test_everything_knows_its_line():
    stack = read(FULL)

    assert stack.gpu is not None
    assert str(stack.gpu.where["cuda"]) == "stacks/a.toml:15: gpu.cuda"
    assert stack.gpu.where["newer-components"].line == 18
    assert str(stack.fleet.where["driver"]) == "stacks/a.toml:21: fleet.driver"
    assert str(stack.frameworks[1].where) == "stacks/a.toml:27: frameworks.jax"
    assert str(stack.python.where) == "stacks/a.toml:12: python.version"
    assert str(stack.dependencies[1].where) == "stacks/a.toml:31: dependencies.numpy"
    assert str(stack.dependencies[2].where) == 'stacks/a.toml:33: dependencies."ruamel.yaml"'
    target = stack.targets[Platform.WIN_64]
    assert str(target.where) == "stacks/a.toml:45: target.win-64"
    assert str(target.dependencies[0].where) == (
        "stacks/a.toml:50: target.win-64.dependencies.pywin32"
    )
    assert stack.where["stack.platforms[1]"].line == 6
    assert stack.where["pypi-index[0].url"].line == 42
    assert stack.where["artifacts"].line == 54


def test_inputs_are_what_a_solve_depends_on_and_nothing_else():
    stack = read(FULL)

    assert list(stack.inputs) == sorted(stack.inputs)
    assert not [key for key in stack.inputs if key.startswith(("verify", "audit", "artifacts"))]
    assert "stack.description" not in stack.inputs
    assert stack.inputs["stack.name"] == "torch-cu121"
    assert stack.inputs['dependencies."ruamel.yaml".channel'] == "conda-forge"
    assert stack.inputs["frameworks.pytorch"] == "2.*"
    assert stack.inputs["pypi-index[0].packages"] == ["einops"]
    assert json.loads(json.dumps(stack.inputs)) == stack.inputs
    assert set(stack.inputs) <= set(stack.where)


def test_inputs_fill_in_no_default():
    assert read(SMALL).inputs == {
        "python.version": "3.12.*",
        "stack.name": "small",
        "stack.platforms": ["linux-64"],
    }


def test_the_order_of_compute_capabilities_is_no_input_but_that_of_channels_is():
    one, other = read(FULL), read(FULL.replace('["9.0", "7.5"]', '["7.5", "9.0"]'))
    third = read(FULL.replace('["pytorch", "conda-forge"]', '["conda-forge", "pytorch"]'))

    assert one.inputs == other.inputs
    assert one.inputs["stack.channels"] != third.inputs["stack.channels"]


# --- wrong values -------------------------------------------------------------------------------


def test_a_float_is_quoted_as_it_is_written():
    assert told(f"{SMALL}[gpu]\ncuda = 12.10\n") == (
        "stacks/a.toml:8: gpu.cuda: expected a string, found the float 12.10",
        ('quote it: `cuda = "12.10"`',),
    )


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("8", "the integer 8"),
        ("true", "the boolean true"),
        ("inf", "the float inf"),
        ("2024-01-01", "the date or time 2024-01-01"),
        ("12:30:00", "the date or time 12:30:00"),
        ('["8.6"]', "an array"),
        ("{}", "a table"),
        ("0x" + "f" * 200, "the integer 0x" + "f" * 200),
    ],
)
def test_what_was_found_instead_of_a_string_is_named(written: str, found: str):
    message, _ = told(f"{SMALL}[gpu]\ncuda = {written}\n")

    assert message == f"stacks/a.toml:8: gpu.cuda: expected a string, found {found}"


def test_each_faulty_entry_of_an_array_is_named_with_its_line():
    text = f'{SMALL}[gpu]\ncuda = "12.1"\ncompute = [\n  "8.6",\n  7.5,\n  "sm_80",\n]\n'

    assert told(text) == (
        (
            "stacks/a.toml:11: gpu.compute[1]: expected a string, found the float 7.5\n"
            "stacks/a.toml:12: gpu.compute[2]: expected a compute capability such as `8.6`, "
            "found `sm_80`"
        ),
        ('quote it: `"7.5"`',),
    )


def test_a_string_where_an_array_belongs_gets_brackets():
    text = SMALL.replace('["linux-64"]', '"linux-64"')

    assert told(text) == (
        "stacks/a.toml:3: stack.platforms: expected an array, found the string `linux-64`",
        ('put it in brackets: `platforms = ["linux-64"]`',),
    )


def test_a_wrong_word_is_answered_with_the_words_that_are_allowed():
    text = SMALL.replace("linux-64", "linux64")

    assert told(text) == (
        (
            "stacks/a.toml:3: stack.platforms[0]: expected `linux-64`, `linux-aarch64`, `osx-64`, "
            "`osx-arm64` or `win-64`, found `linux64`"
        ),
        ("did you mean `linux-64`?",),
    )


def test_an_empty_list_of_platforms_is_refused():
    message, _ = told(SMALL.replace('["linux-64"]', "[]"))

    assert message == (
        "stacks/a.toml:3: stack.platforms: expected at least one entry, found an empty array"
    )


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('[gpu]\ncuda = "12"', "gpu.cuda: expected a CUDA line, major and minor, such as `12.1`"),
        (
            '[fleet]\ndriver = "new"',
            "fleet.driver: expected a driver branch or version such as `535` or `535.183.06`",
        ),
        ('[fleet]\nglibc = "3"', "fleet.glibc: expected a glibc version such as `2.28`"),
        ('[fleet]\nmacos = "X"', "fleet.macos: expected a macOS version such as `13.0`"),
        (
            '[dependencies]\na = ">2>"',
            "dependencies.a: expected a version such as `2.1.*` or `>=2,<3` (`*` is any)",
        ),
        (
            '[dependencies]\na.build = "]"',
            "dependencies.a.build: expected a build string such as `*cuda12*`",
        ),
        (
            '[pypi-dependencies]\na = "^2"',
            "pypi-dependencies.a: expected PEP 440 specifiers such as `>=4.40,<5` (`*` is any)",
        ),
        (
            '[audit]\nlicenses.allow = ["?"]',
            "audit.licenses.allow[0]: expected an SPDX identifier such as `Apache-2.0`",
        ),
    ],
)
def test_a_malformed_value_is_answered_with_a_good_one(lines: str, problem: str):
    message, _ = told(f"{SMALL}{lines}\n")

    written = lines.rpartition("= ")[2].strip('[]"') or "]"
    assert message == f"stacks/a.toml:8: {problem}, found `{written}`"


def test_numbers_have_limits():
    assert told(f"{SMALL}[verify]\ntimeout-seconds = 0\n")[0] == (
        "stacks/a.toml:8: verify.timeout-seconds: expected an integer from 1 to 604800, found 0"
    )
    assert told(f"{SMALL}[verify]\ntimeout-seconds = true\n")[0] == (
        "stacks/a.toml:8: verify.timeout-seconds: expected an integer, found the boolean true"
    )


def test_a_name_of_several_lines_is_refused():
    message, _ = told(SMALL.replace('"small"', '"small\\n"'))

    assert message == (
        "stacks/a.toml:2: stack.name: expected a name of lower-case letters, digits, `.`, `_` and "
        "`-`, found `small\\n`"
    )


def test_control_characters_do_not_reach_the_terminal():
    error = refused(f'{SMALL}[dependencies]\n"a\\u001b[31m" = "*"\nb = "\\u202e"\n')

    assert str(error).splitlines() == [
        (
            'stacks/a.toml:8: dependencies."a\\x1b[31m": expected a conda package name: lower-case '
            "letters, digits, `-`, `_` and `.`, found `a\\x1b[31m`"
        ),
        (
            "stacks/a.toml:9: dependencies.b: expected a version such as `2.1.*` or `>=2,<3` "
            "(`*` is any), found `\\u202e`"
        ),
    ]


def test_long_values_are_cut():
    message, _ = told(f'{SMALL}[dependencies]\na = "{"]" * 500}"\n')

    assert message.endswith(f"found `{']' * 80}…`")


def test_upper_case_names_are_answered_in_lower_case():
    assert told(f'{SMALL}[dependencies]\nNumPy = "*"\n') == (
        (
            "stacks/a.toml:8: dependencies.NumPy: expected a conda package name: lower-case "
            "letters, digits, `-`, `_` and `.`, found `NumPy`"
        ),
        ("write it in lower case: `numpy`",),
    )


# --- keys ---------------------------------------------------------------------------------------


def test_an_unknown_key_is_answered_with_the_one_that_was_meant():
    assert told(f'{SMALL}[gpu]\ncuda = "12.1"\ncudn = "9"\n') == (
        "stacks/a.toml:9: gpu.cudn: unknown key",
        ("did you mean `gpu.cudnn`?",),
    )


def test_an_unknown_table_is_answered_with_the_one_that_was_meant():
    assert told(f'{SMALL}[dependancies]\na = "*"\n') == (
        "stacks/a.toml:7: dependancies: unknown key",
        ("did you mean `dependencies`?",),
    )


def test_a_key_in_the_wrong_table_is_sent_home():
    assert told(SMALL.replace("[python]", 'driver = "535"\n[python]')) == (
        "stacks/a.toml:5: stack.driver: unknown key",
        ("`driver` belongs into [fleet]",),
    )


def test_a_table_in_the_wrong_table_is_sent_home():
    assert told(SMALL.replace("[python]", 'gpu = "12.1"\n[python]'))[1] == (
        "`gpu` is a table of its own: `[gpu]`",
    )


def test_a_key_like_no_other_is_answered_with_all_that_are_known():
    assert told(SMALL.replace("[python]", "[python]\nqqq = 1"))[1] == ("[python] knows `version`",)


def test_an_unknown_framework_may_be_an_ordinary_dependency():
    assert told(f'{SMALL}[frameworks]\ntorch = "2"\nonnxruntime = "1"\n') == (
        (
            "stacks/a.toml:8: frameworks.torch: unknown key\n"
            "stacks/a.toml:9: frameworks.onnxruntime: unknown key"
        ),
        (
            "did you mean `frameworks.pytorch`?",
            (
                "[frameworks] knows `pytorch`, `tensorflow` and `jax`; any other package "
                "belongs into [dependencies]"
            ),
        ),
    )


def test_missing_keys_and_tables_come_with_an_example():
    assert told('[stack]\nname = "a"\n') == (
        (
            "stacks/a.toml: python: this table is missing\n"
            "stacks/a.toml:1: stack.platforms: this key is missing"
        ),
        ('add `[python]` with `version = "3.11.*"`', 'add `platforms = ["linux-64"]` to [stack]'),
    )


def test_single_and_double_brackets_are_told_apart():
    text = f'{SMALL}[artifacts]\nname = "a"\n[[gpu]]\ncuda = "12.1"\n'

    assert told(text) == (
        (
            "stacks/a.toml:7: artifacts: expected an array of tables, found a table\n"
            "stacks/a.toml:9: gpu: expected a table, found an array"
        ),
        ("write the header with two brackets: `[[artifacts]]`", "write it as a table: `[gpu]`"),
    )


def test_all_faults_of_a_file_come_at_once_in_its_order():
    text = (
        '[stack]\nname = "A b"\nplatforms = ["linux-64"]\n[python]\nversion = 3.11\n'
        '[gpu]\ncuda = "12.1"\ncompute = ["8.6", "8.6"]\n[dependencies]\npython = "*"\n'
        '[target.osx-64]\nacelerator = "cpu"\n'
    )

    assert str(refused(text)).splitlines() == [
        (
            "stacks/a.toml:2: stack.name: expected a name of lower-case letters, digits, `.`, "
            "`_` and `-`, found `A b`"
        ),
        "stacks/a.toml:5: python.version: expected a string, found the float 3.11",
        "stacks/a.toml:8: gpu.compute[1]: `8.6` is named twice, first as `gpu.compute[0]`",
        "stacks/a.toml:10: dependencies.python: Python has a table of its own",
        "stacks/a.toml:11: target.osx-64: `osx-64` is not one of the stack's platforms",
        "stacks/a.toml:12: target.osx-64.acelerator: unknown key",
    ]


def test_a_faulty_key_is_not_called_missing_as_well():
    text = SMALL.replace("linux-64", "osx-arm64") + (
        '[gpu]\ncuda = 12\n[target.osx-arm64]\naccelerator = "gpu"\n'
    )

    assert str(refused(text)).splitlines() == [
        "stacks/a.toml:8: gpu.cuda: expected a string, found the integer 12",
        (
            "stacks/a.toml:10: target.osx-arm64.accelerator: expected `cuda`, `mps` or `cpu`, "
            "found `gpu`"
        ),
    ]


# --- what needs two keys to judge ---------------------------------------------------------------


def test_a_target_must_be_a_platform_of_the_stack():
    assert told(f'{SMALL}[target.win-64.dependencies]\npywin32 = "*"\n') == (
        "stacks/a.toml:7: target.win-64: `win-64` is not one of the stack's platforms",
        ("add `win-64` to stack.platforms, or remove this table",),
    )


def test_a_mac_in_a_gpu_stack_must_say_what_it_computes_on():
    text = SMALL.replace('["linux-64"]', '["linux-64", "osx-arm64"]') + '[gpu]\ncuda = "12.1"\n'

    assert told(text) == (
        (
            "stacks/a.toml:3: stack.platforms[1]: `osx-arm64` has no CUDA builds, and this "
            "stack has a [gpu] table"
        ),
        ('say what it computes on: `[target.osx-arm64]` with `accelerator = "mps"` or `"cpu"`',),
    )
    assert read(f'{text}[target.osx-arm64]\naccelerator = "mps"\n').gpu is not None


def test_cuda_needs_a_gpu_table():
    assert told(f'{SMALL}[target.linux-64]\naccelerator = "cuda"\n') == (
        (
            "stacks/a.toml:8: target.linux-64.accelerator: `cuda` needs a [gpu] table, and "
            "this stack has none"
        ),
        ('add `[gpu]` with `cuda = "12.1"`',),
    )


def test_only_macs_have_apples_gpu():
    assert told(f'{SMALL}[target.linux-64]\naccelerator = "mps"\n') == (
        (
            "stacks/a.toml:8: target.linux-64.accelerator: `mps` is Apple's GPU, and "
            "`linux-64` has none"
        ),
        ('write `accelerator = "cuda"` or `accelerator = "cpu"`',),
    )


def test_macs_have_no_cuda():
    text = SMALL.replace("linux-64", "osx-64") + '[target.osx-64]\naccelerator = "cuda"\n'

    assert told(text) == (
        "stacks/a.toml:8: target.osx-64.accelerator: `osx-64` has no CUDA builds",
        ('write `accelerator = "mps"` or `accelerator = "cpu"`',),
    )


def test_a_framework_is_asked_for_in_one_place():
    text = (
        f'{SMALL}[frameworks]\npytorch = "2.*"\n[dependencies]\npytorch = "2.1"\n'
        '[pypi-dependencies]\nTorch = "*"\n'
    )

    assert told(text) == (
        (
            "stacks/a.toml:10: dependencies.pytorch: [frameworks] asks for `pytorch` already\n"
            "stacks/a.toml:12: pypi-dependencies.Torch: [frameworks] asks for `pytorch` already"
        ),
        (
            "keep `frameworks.pytorch` and remove `dependencies.pytorch`",
            "keep `frameworks.pytorch` and remove `pypi-dependencies.Torch`",
        ),
    )


def test_python_is_asked_for_in_its_own_table():
    assert told(f'{SMALL}[target.linux-64.dependencies]\npython = "3.12"\n') == (
        "stacks/a.toml:8: target.linux-64.dependencies.python: Python has a table of its own",
        ("write the version in [python]",),
    )


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('[gpu]\ncuda = "12.1"\nnewer-components = ["a", "a"]',
         "9: gpu.newer-components[1]: `a` is named twice, first as `gpu.newer-components[0]`"),
        ('[pypi-dependencies]\nfoo_bar = "*"\nFoo-Bar = "*"',
         ("9: pypi-dependencies.Foo-Bar: `Foo-Bar` is named twice, first as "
         "`pypi-dependencies.foo_bar`")),
        ('[[pypi-index]]\nname = "x"\nurl = "https://x"\npackages = ["a", "A"]',
         "10: pypi-index[0].packages[1]: `A` is named twice, first as `pypi-index[0].packages[0]`"),
        (('[[pypi-index]]\nname = "x"\nurl = "https://x"\npackages = ["a"]\n'
         '[[pypi-index]]\nname = "x"\nurl = "https://x"\npackages = ["b"]'),
         "12: pypi-index[1].name: `x` is named twice, first as `pypi-index[0].name`"),
        ('[audit]\nlicenses.deny = ["MIT", "MIT"]',
         "8: audit.licenses.deny[1]: `MIT` is named twice, first as `audit.licenses.deny[0]`"),
    ],
)  # fmt: skip
def test_nothing_is_named_twice(lines: str, problem: str):
    assert told(f"{SMALL}{lines}\n")[0] == f"stacks/a.toml:{problem}"


def test_a_channel_is_the_same_by_name_and_by_address():
    text = SMALL.replace(
        "[python]",
        'channels = ["conda-forge", "https://conda.anaconda.org/conda-forge/"]\n[python]',
    )

    assert told(text)[0] == (
        "stacks/a.toml:5: stack.channels[1]: `https://conda.anaconda.org/conda-forge/` is named "
        "twice, first as `stack.channels[0]`"
    )


def test_a_dependency_comes_from_a_channel_of_the_stack():
    assert told(f'{SMALL}[dependencies]\na = {{ channel = "pytorch" }}\n') == (
        "stacks/a.toml:8: dependencies.a.channel: `pytorch` is not one of the stack's channels",
        ("add `pytorch` to stack.channels",),
    )


def test_an_index_that_is_named_must_be_there():
    text = (
        f'{SMALL}[pypi-dependencies]\na = {{ index = "extr" }}\nb = {{ index = "zzz" }}\n'
        '[[pypi-index]]\nname = "extra"\nurl = "https://x"\npackages = ["a"]\n'
    )

    assert told(text) == (
        (
            "stacks/a.toml:8: pypi-dependencies.a.index: there is no [[pypi-index]] named `extr`\n"
            "stacks/a.toml:9: pypi-dependencies.b.index: there is no [[pypi-index]] named `zzz`"
        ),
        ("did you mean `extra`?", "add a [[pypi-index]] of that name"),
    )


def test_an_address_leaves_nothing_for_a_version_to_say():
    text = f'{SMALL}[pypi-dependencies]\na = {{ url = "https://x/a.whl", version = "2" }}\n'

    assert told(text) == (
        (
            "stacks/a.toml:8: pypi-dependencies.a.version: `url` names one file, so `version` has "
            "nothing to say"
        ),
        ("keep `url` or `version`",),
    )


def test_a_framework_from_pypi_has_a_version_of_pypis_kind():
    text = f'{SMALL}[frameworks]\njax = {{ version = "0.4|0.5", from = "pypi" }}\n'

    assert told(text)[0] == (
        "stacks/a.toml:8: frameworks.jax.version: expected PEP 440 specifiers such as `>=2.1,<3`, "
        "for a framework from PyPI, found `0.4|0.5`"
    )


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:hunter2@host/ch", "https://***@host/ch"),
        ("https://hunter2@host/ch", "https://***@host/ch"),
        ("https://me:hun@ter2@host/ch", "https://***@host/ch"),
        ("https://host/t/hunter2/ch", "https://host/t/***/ch"),
        ("t/hunter2/ch", "t/***/ch"),
        ("https://host/ch?token=hunter2", "https://host/ch?***"),
        ("https://host/ch#key=hunter2", "https://host/ch#***"),
        ("https://me:hunter2/x@host/ch", "https://***@host/ch"),
    ],
)
def test_credentials_in_a_channel_are_refused_and_not_repeated(address: str, shown: str):
    text = SMALL.replace("[python]", f'channels = ["{address}"]\n[python]')

    assert told(text) == (
        (
            "stacks/a.toml:5: stack.channels[0]: expected an address without credentials, "
            f"found `{shown}`"
        ),
        ("write the address without the login; keep the login in `~/.netrc`",),
    )


@pytest.mark.parametrize(
    "lines",
    [
        '[[pypi-index]]\nname = "x"\nurl = "https://u:hunter2@h/simple"\npackages = ["a"]',
        '[[artifacts]]\nname = "x"\nurl = "https://h/x?X-Amz-Signature=hunter2"\nsha256 = "0"',
        '[pypi-dependencies]\na = { url = "https://u:hunter2@h/a.whl" }',
        '[dependencies]\na = { channel = "https://u:hunter2@h/ch" }',
        '[[pypi-index]]\nname = "x"\nurl = "ftp://u:hunter2@h/simple"\npackages = ["a"]',
        '[pypi-dependencies]\na = "git+https://u:hunter2@h/a"',
        '[dependencies]\n"https://u:hunter2@h/a" = "*"',
        '[target."https://u:hunter2@h"]\na = 1',
        'url = "https://u:hunter2@h"',
        '[gpu]\ncuda = "https://u:hunter 2hunter2@h"',
    ],
)
def test_no_message_repeats_a_secret(lines: str):
    error = refused(f"{SMALL}{lines}\n")

    assert "hunter2" not in json.dumps(error.fields())


def test_a_query_is_refused_where_it_means_nothing():
    text = SMALL.replace("[python]", 'channels = ["https://host/ch?a"]\n[python]')

    assert told(text)[0] == (
        "stacks/a.toml:5: stack.channels[0]: expected an address without `?` or `#`, "
        "found `https://host/ch?***`"
    )


def test_a_port_is_no_password():
    text = SMALL.replace("[python]", 'channels = ["http://host:8080/ch", "file:///a/b"]\n[python]')

    assert read(text).channels == ("http://host:8080/ch", "file:///a/b")


# --- bytes that are no stack --------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b" \r\n\t\n"])
def test_an_empty_file_is_called_empty(content: bytes):
    assert told(content) == (
        "stacks/a.toml: the file is empty",
        ("`envlock init` writes a first stack",),
    )


def test_bytes_that_are_not_utf8_are_named_with_their_offset():
    assert told(b'[stack]\nname = "\xe9"\n') == (
        "stacks/a.toml:2: expected UTF-8 text, found the byte 0xe9 at offset 16",
        ("save the file as UTF-8",),
    )


def test_utf16_is_recognised():
    assert told("[stack]".encode("utf-16")) == (
        "stacks/a.toml:1: expected UTF-8 text, found UTF-16",
        ("save the file as UTF-8",),
    )


def test_a_byte_order_mark_is_refused():
    assert told(SMALL.encode("utf-8-sig")) == (
        "stacks/a.toml:1: expected TOML, found a byte order mark at offset 0",
        ("save the file as UTF-8 without a byte order mark (BOM)",),
    )


def test_a_nul_byte_is_refused():
    assert told(b"[stack]\n\0") == (
        "stacks/a.toml:2: expected text, found a NUL byte at offset 8",
        ("is this really a TOML file?",),
    )


def test_text_that_is_not_toml_is_refused_with_line_and_column():
    assert told("[stack]\nname = small\n") == (
        "stacks/a.toml:2: not valid TOML, column 8: Invalid value",
        ("text needs quotes",),
    )


def test_the_end_of_the_file_has_a_line_too():
    assert told('[stack]\nname = """a\n\n')[0] == (
        "stacks/a.toml:2: not valid TOML: Unterminated string"
    )


def test_an_integer_without_end_is_refused():
    assert told(f"a = {'1' * 5000}")[0] == (
        "stacks/a.toml:1: not valid TOML: an integer has too many digits"
    )


def test_nesting_without_end_is_refused():
    assert told(f"a = {'[' * 5000}")[0] == ("stacks/a.toml: arrays or tables are nested too deeply")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[gpu]\ncuda = "12.1"\n\ncuda = "12.4"\n',
         "stacks/a.toml:4: gpu.cuda: written twice, first on line 2"),
        ("[gpu]\n[stack]\n[gpu]\n", "stacks/a.toml:3: gpu: written twice, first on line 1"),
        ('gpu = { cuda = "1", cuda = "2" }\n',
         "stacks/a.toml:1: gpu.cuda: written twice, first on line 1"),
        ('a = """\ngpu = 1\n"""\ngpu = 1\ngpu = [\n 2,\n]\n',
         "stacks/a.toml:5: gpu: written twice, first on line 4"),
    ],
)  # fmt: skip
def test_a_key_that_is_written_twice_is_named_with_both_lines(text: str, message: str):
    assert told(text) == (message, ("keep one of the two",))


def test_a_table_that_is_written_in_two_ways_is_named_with_both_lines():
    assert told('gpu = "12.1"\n[gpu.x]\n') == (
        "stacks/a.toml:2: gpu.x: `gpu` is already written on line 1, in another way",
        ("write a table in one way only",),
    )


def test_a_table_that_cannot_be_opened_again_is_named():
    assert told("[a.b]\nc = 1\n[a]\nb.d = 1\n[e]\n")[0] == (
        "stacks/a.toml:4: not valid TOML, column 8: Cannot redefine namespace `a.b`"
    )


def test_a_clash_within_one_line_is_told_in_the_words_of_the_parser():
    message = told("gpu = { b = 1, b.c = 2 }\n")[0]

    assert message.startswith("stacks/a.toml:1: not valid TOML, column ")
    assert "Cannot overwrite a value" in message
