"""What looks like a credential, and what only looks a little like one."""

from __future__ import annotations

import pytest

from envlock.formats.secrets import conceal, shows_secret

COMMIT = "797a7dc4206eb56340f2487abd3b446622c70977"
TOKEN = "a1B2c3D4e5F6g7H8i9J0k1L2"  # noqa: S105  nobody's


@pytest.mark.parametrize(
    "text",
    [
        f"git+https://git.example/o/p.git?rev={COMMIT}#{COMMIT}",
        f"https://files.example/p.whl#sha256={'0' * 64}",
        "git+ssh://git@git.example/o/p.git",
        "https://owner@git.example/o/_git/p",
        "https://${USER}:${PASSWORD}@conda.example/x",
        "https://name:$PASSWORD@conda.example/x",
        "https://${TOKEN}@git.example/x",
        "https://conda.example/t/${TOKEN}/channel",
        "https://files.example/p?download=true&author=me",
        "jupyter lab --NotebookApp.token='' --ServerApp.password=''",
        "docker login --password=$PASSWORD",
        "curl -H 'Authorization: $HEADER' https://files.example/x",
        "pip install tokenizers==0.20 secretstorage",
        "docker run -e JUPYTER_TOKEN=… image",
        "conda install tokenizers=0.20.1 secretstorage>=3",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text: str):
    assert not shows_secret(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hunter2@conda.example/x", "https://***@conda.example/x"),
        (f"https://{TOKEN}@git.example/x", "https://***@git.example/x"),
        ("ssh://git:hunter2@git.example/x", "ssh://***@git.example/x"),
        ("https://conda.example/t/ab-123/c", "https://conda.example/t/***/c"),
        ("https://files.example/p?sig=abc&v=1", "https://files.example/p?sig=***&v=1"),
        ("export WANDB_API_KEY=abcdef1234", "export WANDB_API_KEY=***"),
        ("curl -H 'Authorization: Bearer abc.def'", "curl -H 'Authorization: ***'"),
        (f"huggingface-cli login {'hf_' + 'a' * 30}", "huggingface-cli login ***"),
    ],
)
def test_what_is_secret_is_hidden_and_nothing_else(text: str, shown: str):
    assert conceal(text) == shown
    assert shows_secret(text)
