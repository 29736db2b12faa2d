"""The signed envelope."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envlock.errors import ReceiptError
from envlock.formats.canonical import format_canonical
from envlock.formats.dsse import (
    Envelope,
    Signature,
    add_signature,
    format_envelope,
    is_envelope,
    pae,
    read_envelope,
)

ENVELOPE = Envelope(payload=b"hello world", signatures=(Signature(keyid="ab", sig=b"\x00\xff"),))


def read(content: bytes) -> Envelope:
    return read_envelope(json.loads(content), content, "a.json")


def refused(**changes: Any) -> str:
    document = {**json.loads(format_envelope(ENVELOPE)), **changes}
    with pytest.raises(ReceiptError) as caught:
        read(f"{format_canonical(document)}\n".encode())
    return str(caught.value)


def test_the_encoding_is_that_of_the_specification():
    found = pae("http://example.com/HelloWorld", b"hello world")

    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_count_bytes_and_not_characters():
    assert pae("é", "ü".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xbc"


def test_an_envelope_is_read_as_it_was_written():
    content = format_envelope(ENVELOPE)

    assert content == (
        b'{"payload":"aGVsbG8gd29ybGQ=","payloadType":"application/vnd.in-toto+json",'
        b'"signatures":[{"keyid":"ab","sig":"AP8="}]}\n'
    )
    assert read(content) == ENVELOPE
    assert ENVELOPE.signed_bytes == b"DSSEv1 28 application/vnd.in-toto+json 11 hello world"


def test_one_key_signs_once():
    other = add_signature(ENVELOPE, Signature(keyid="aa", sig=b"1"))

    again = add_signature(other, Signature(keyid="ab", sig=b"2"))

    assert [(each.keyid, each.sig) for each in again.signatures] == [("aa", b"1"), ("ab", b"2")]


def test_a_statement_is_no_envelope():
    assert is_envelope(json.loads(format_envelope(ENVELOPE)))
    assert not is_envelope({"_type": "https://in-toto.io/Statement/v1"})
    assert not is_envelope([])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"payloadType": "application/json"},
            "a.json: payloadType: expected `application/vnd.in-toto+json`, found "
            "`application/json`",
        ),
        ({"payload": "aGVsbG8"}, "a.json: payload: expected base64, found `aGVsbG8`"),
        ({"payload": "a-_="}, "a.json: payload: expected base64, found `a-_=`"),
        (
            {"payload": "aGVsbG8gd29ybGR="},
            "a.json: payload: expected base64, found `aGVsbG8gd29ybGR=`",
        ),
        ({"signatures": []}, "a.json: signatures: expected 1 to 100, found 0"),
        ({"signatures": 1}, "a.json: signatures: expected an array, found the number 1"),
        (
            {"signatures": [{"keyid": "ab"}], "more": 1},
            "a.json: more: unknown key\na.json: signatures[0].sig: expected this key, found none",
        ),
    ],
)
def test_an_envelope_that_envlock_does_not_write_is_refused(changes: dict[str, Any], said: str):
    assert sorted(refused(**changes).split("\n")) == sorted(said.split("\n"))


def test_another_spelling_is_refused():
    content = json.dumps(json.loads(format_envelope(ENVELOPE))).encode()

    with pytest.raises(ReceiptError, match="found another spelling"):
        read(content)
