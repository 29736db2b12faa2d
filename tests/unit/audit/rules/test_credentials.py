"""EL107: passwords and tokens in the file."""

from __future__ import annotations

import pytest

from envlock.audit.rules.credentials import RULE
from envlock.model.reading import FileKind
from readings import COMMIT, command, conda, git, place, reading, told


def test_a_password_in_an_index_is_told_and_not_shown():
    found = reading(place("https://me:hunter2@index.example/simple", "index", line=1))

    assert told(RULE, found) == [
        "error at 1 (https://***@index.example): the address of this index holds a credential: "
        "`https://***@index.example`. Everybody who gets this file can use it.",
    ]


def test_a_token_in_a_channel_is_told_and_not_shown():
    found = reading(
        conda("numpy", url="https://conda.example/t/ab-123456/o/linux-64/numpy-1.0-0.conda", line=9)
    )

    assert told(RULE, found) == [
        "error at 9 (https://conda.example/t/***): the address of `numpy` holds a credential: "
        "`https://conda.example/t/***`. Everybody who gets this file can use it.",
    ]


def test_a_git_address_with_a_token_is_told_and_not_shown():
    found = reading(git("tool", "git+https://ghp_a1B2c3D4e5F6g7H8i9J0k1@git.example/o/tool.git"))

    assert told(RULE, found) == [
        "error (git+https://***@git.example): the address of `tool` holds a credential: "
        "`git+https://***@git.example`. Everybody who gets this file can use it.",
    ]


def test_a_secret_in_the_environment_is_told_and_not_shown():
    found = reading(
        command("WANDB_API_KEY=0123456789abcdef", "ENV", line=3),
        command("huggingface-cli login --token hf_abcdefghijklmnopqrstuvwxyz", line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 3 (WANDB_API_KEY=***): this `ENV` holds a credential: `WANDB_API_KEY=***`. "
        "Everybody who gets this file can use it.",
        "error at 4 (huggingface-cli login --token ***): this `RUN` holds a credential: "
        "`huggingface-cli login --token ***`. Everybody who gets this file can use it.",
    ]


def test_one_login_for_many_packages_is_told_once():
    found = reading(
        *(conda(f"p{at}", channel="https://me:hunter2@conda.example/x", line=at) for at in range(3))
    )

    assert told(RULE, found) == [
        "error (https://***@conda.example): the address of `p0` and 2 others hold a credential: "
        "`https://***@conda.example`. Everybody who gets this file can use it.",
    ]


def test_a_fact_of_our_own_lock_is_looked_at_too():
    found = reading(facts={"envlock/stack": "https://me:hunter2@conda.example/x"})

    assert told(RULE, found) == [
        "error (https://***@conda.example): the fact `envlock/stack` holds a credential: "
        "`https://***@conda.example`. Everybody who gets this file can use it.",
    ]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("curl -u bob:hunter2 https://a.example/x", "curl -u bob:*** https://a.example/x"),
        (
            "curl --user 'bob:hunter2' -O https://a.example",
            "curl --user 'bob:***' -O https://a.example",
        ),
        ("docker login -u bob --password hunter2", "docker login -u bob --password ***"),
        ("tool login --token hunter2", "tool login --token ***"),
    ],
)
def test_a_login_in_the_options_of_a_command_is_told_without_it(said: str, shown: str):
    assert told(RULE, reading(command(said, "RUN"))) == [
        f"error ({shown}): this `RUN` holds a credential: `{shown}`. Everybody who gets this file "
        "can use it."
    ]


@pytest.mark.parametrize(
    "said",
    [
        "TOKENIZERS_PARALLELISM=false",
        "MAX_TOKENS=4096",
        "PASSWORD_FILE=/run/secrets/password",
        "API_KEY_PATH=/run/secrets/key",
        'curl -u "bob:$PASSWORD" https://a.example',
        "curl -u bob https://a.example",
        "docker run --user 1000:1000 tool",
        "docker login --password-stdin",
        "tool login --token $TOKEN",
        "tool login --token ${TOKEN}",
        "vllm serve --max-num-batched-tokens=8192",
        "vllm serve --tokenizer mistral",
    ],
)
def test_what_only_sounds_like_a_secret_is_fine(said: str):
    assert told(RULE, reading(command(said, "RUN"))) == []


def test_variables_names_and_commits_are_fine():
    found = reading(
        place("https://${USER}:${TOKEN}@index.example/simple"),
        git("tool", f"git+ssh://git@git.example/o/tool.git?rev={COMMIT}#{COMMIT}"),
        command("HF_TOKEN=$HF_TOKEN", "ENV"),
        command("pip install tokenizers==0.20.1"),
        command("jupyter lab --NotebookApp.token=''", "CMD"),
        conda("numpy"),
    )

    assert told(RULE, found) == []
