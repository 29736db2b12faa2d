"""Keys and values are told to people short, safe and without secrets."""

from __future__ import annotations

import pytest

from envlock.formats.stack_words import WrittenFloat, closest, format_key, quote, redact


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (("gpu", "cuda"), "gpu.cuda"),
        (("gpu", "compute", 1), "gpu.compute[1]"),
        (("artifacts", 0, "url"), "artifacts[0].url"),
        (("dependencies", "ruamel.yaml"), 'dependencies."ruamel.yaml"'),
        (("a b", 'c"d\\e'), '"a b"."c\\"d\\\\e"'),
        (("",), '""'),
        (("é\n",), '"é\\n"'),
    ],
)
def test_keys_are_written_as_toml_writes_them(path: tuple[str | int, ...], key: str):
    assert format_key(path) == key


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("12.1.1", "12.1.1"),
        ("https://me:secret@host/ch", "https://***@host/ch"),
        ("https://me:se@c/r:et@host/ch", "https://***@host/ch"),
        ("pkg @ https://me:secret@host/ch", "***@host/ch"),
        ("secret@host/ch", "***@host/ch"),
        ("https://host/t/secret/ch", "https://host/t/***/ch"),
        ("t/secret", "t/***"),
        ("https://host/ch?a=secret&b=c", "https://host/ch?***"),
        ("https://host/ch?download", "https://host/ch?***"),
        ("pytorch/label/t", "pytorch/label/t"),
    ],
)
def test_secrets_are_hidden(text: str, shown: str):
    assert redact(text) == shown


def test_a_secret_is_hidden_before_a_long_value_is_cut():
    assert quote(f"https://me:{'s' * 200}@host") == "`https://***@host`"


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("torch", ["pytorch", "jax"], "pytorch"),
        ("tf", ["pytorch", "tensorflow"], "tensorflow"),
        ("windows", ["linux-64", "win-64"], "win-64"),
        ("windows", ["linux-64"], None),
        ("PyTorch", ["pytorch"], "pytorch"),
        ("qqq", ["pytorch"], None),
    ],
)
def test_a_misspelt_word_is_understood(word: str, known: list[str], meant: str | None):
    assert closest(word, known) == meant


def test_a_float_keeps_its_text():
    number = WrittenFloat("12.10")

    assert number == 12.1
    assert number.text == "12.10"
