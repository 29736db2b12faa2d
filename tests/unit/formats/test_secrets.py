"""Secrets are found in every spelling, and what is public stays readable."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.formats.secrets import Secrets, public_address, redact, redact_value

SECRET = "s3cr+t/ é&'tok=<en>"  # noqa: S105 - a test's own
SPELLINGS = {
    "as it is": SECRET,
    "in an address": quote(SECRET),
    "in a path's segment": quote(SECRET, safe=""),
    "in a form": quote_plus(SECRET),
    "in small hexadecimal": quote(SECRET, safe="").lower(),
    "in small letters": SECRET.lower(),
    "encoded twice": quote(quote(SECRET, safe=""), safe=""),
    "in HTML": escape(SECRET),
    "in HTML by names": SECRET.replace("&", "&amp;")
    .replace("+", "&plus;")
    .replace("é", "&eacute;"),
    "in HTML by numbers": "".join(
        f"&#{ord(char)};" if char in "+/ é&" else char for char in SECRET
    ),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in careful JSON": json.dumps(SECRET)[1:-1].replace("/", "\\/").replace("<", "\\u003c"),
    "in base64": b64encode(SECRET.encode()).decode(),
    "in base64 for addresses": urlsafe_b64encode(SECRET.encode()).decode(),
    "in base64 of a login": b64encode(f"me:{SECRET}".encode()).decode(),
    "in base64 of much": b64encode(f"a user: {SECRET} and more".encode()).decode(),
    "in base64 in an address": quote(b64encode(f"abc{SECRET}".encode()).decode(), safe=""),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_a_known_secret_is_found_in_every_spelling(text: str) -> None:
    secrets = Secrets().adding(SECRET)

    assert secrets.replace(f"before <{text}> after") == "before <***> after"


def test_a_secret_from_a_variable_gives_way_to_the_variable() -> None:
    secrets = Secrets().adding("hunter2", "${TOKEN}").adding("hunter2").adding("hunter22")

    assert secrets.replace("/t/hunter2/x hunter22") == "/t/${TOKEN}/x ***"


def test_a_short_secret_is_hidden_only_where_it_stands_alone() -> None:
    secrets = Secrets().adding("abc")

    assert secrets.replace("/abc/abcd?x=abc&y=xabc") == "/***/abcd?x=***&y=xabc"


def test_the_name_of_a_variable_is_no_secret() -> None:
    assert Secrets().adding("TOKEN", "${TOKEN}").replace("${TOKEN}") == "${TOKEN}"


def test_a_login_is_secret_and_so_is_its_header() -> None:
    secrets = Secrets().adding_login("me", "hunter2!")
    header = b64encode(b"me:hunter2!").decode()

    assert secrets.replace(f"me hunter2! {header}") == "me *** ***"


def test_a_user_without_a_password_is_a_token() -> None:
    secrets = Secrets().adding_login("a-long-token", "")

    assert secrets.replace(f"a-long-token {b64encode(b'a-long-token:').decode()}") == "*** ***"


def test_nothing_known_changes_nothing() -> None:
    assert Secrets().adding("").replace("text") == "text"
    assert Secrets().replace("") == ""


def test_only_long_secrets_are_replaced_in_names() -> None:
    secrets = Secrets().adding("torch").adding("a-long-one")

    assert secrets.lasting.replace("torch a-long-one") == "torch ***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "error for url (https://me:pw@host/x/y.json)",
            "error for url (https://***@host/x/y.json)",
        ),
        ("see https://host/t/tk-1-2/x/noarch, then", "see https://host/t/***/x/noarch, then"),
        ("`https://host/x?token=a&b=c` failed", "`https://host/x?***` failed"),
        ("https://host/x?download", "https://host/x?***"),
        ("https://host/x#frag", "https://host/x#***"),
        ("https://me:p@ss@host/x", "https://***@host/x"),
        ("https://me:p/a@host/x", "https://***@host/x"),
        ("https://host.org/a@1.0/x", "https://host.org/a@1.0/x"),
        ("nothing: to hide?", "nothing: to hide?"),
        ("two: http://a:b@c/ and http://d:e@f/", "two: http://***@c/ and http://***@f/"),
        ("https://${U}:${P}@h/${T}/x?token=${Q}.", "https://${U}:${P}@h/${T}/x?token=${Q}."),
        ("(https://h/${T})", "(https://h/${T})"),
        (f"https://h/x#sha256={'a' * 64}", f"https://h/x#sha256={'a' * 64}"),
        ("Authorization: Basic bWU6aHVudGVy", "Authorization: ***"),
        ('{"Authorization": "Bearer abcdef123"}', '{"Authorization": "***"}'),
        ("sent Bearer abcdef123456", "sent Bearer ***"),
        ("the Basic authentication failed", "the Basic authentication failed"),
        ("password=hunter2&x=1", "password=***&x=1"),
        ('{"access_token": "hunter2"}', '{"access_token": "***"}'),
        ("PRIVATE-TOKEN: hunter2", "PRIVATE-TOKEN: ***"),
        ("Cookie: session=abc", "Cookie: ***"),
        (f"found ghp_{'a1' * 18} there", "found *** there"),
        ("expected a token, found a key", "expected a token, found a key"),
    ],
)
def test_what_looks_secret_is_hidden_in_a_text(text: str, shown: str) -> None:
    assert redact(text) == shown


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
        ("x?a=secret", "x?***"),
        ("pytorch/label/t", "pytorch/label/t"),
        ("https://${U}:${P}@host/${T}?token=${Q}", "https://${U}:${P}@host/${T}?token=${Q}"),
    ],
)
def test_a_single_value_is_hidden_more_greedily(text: str, shown: str) -> None:
    assert redact_value(text) == shown


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://me:pw@h.org/a/b.whl#sha256=3", "https://h.org/a/b.whl"),
        ("https://${U}:${P}@h.org/simple", "https://${U}:${P}@h.org/simple"),
        ("https://${U}:pw@h.org/simple", "https://h.org/simple"),
        ("https://h.org/t/tk-1/a.whl", "https://h.org/t/***/a.whl"),
        ("https://h.org/t/${TOKEN}/a.whl", "https://h.org/t/${TOKEN}/a.whl"),
        ("https://h.org/a.whl?X-Amz-Signature=3&x=1", "https://h.org/a.whl"),
        ("https://h.org/a.whl?Expires=3&Key-Pair-Id=4", "https://h.org/a.whl"),
        ("https://h.org/a.whl?sv=1&sp=r&sig=3", "https://h.org/a.whl"),
        ("https://h.org/a.whl?token=${T}&sig=3", "https://h.org/a.whl?token=${T}"),
        ("https://h.org/a.whl?q=Ab3dEf6hIj9lMn2pQr5t", "https://h.org/a.whl"),
        ("https://h.org/a.whl?v=1&y", "https://h.org/a.whl?v=1&y"),
        (f"https://h.org/a.whl?md5={'0a' * 16}", f"https://h.org/a.whl?md5={'0a' * 16}"),
        ("https://h.org/f?name=a-1-py3-none-any.whl", "https://h.org/f?name=a-1-py3-none-any.whl"),
        ("./wheels/a.whl", "./wheels/a.whl"),
        ("file:///a/t/x@y/b.whl#x", "file:///a/t/x@y/b.whl"),
        ("../t/x@y/b.whl", "../t/x@y/b.whl"),
        ("", ""),
    ],
)
def test_an_address_has_one_public_form(url: str, public: str) -> None:
    assert public_address(url) == public
    assert public_address(public) == public


@given(st.text(alphabet="ab:/@?#=&$${}TOK. \n'tok*%", max_size=60))
def test_hiding_twice_is_hiding_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
    assert redact_value(redact_value(text)) == redact_value(text)
    url = f"https://h.org/{text}"
    assert public_address(public_address(url)) == public_address(url)


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_text_around_a_secret_saves_it(secret: str, before: str, after: str) -> None:
    shown = Secrets().adding(secret, "*").replace(f"{before}{secret}{after}")

    assert secret not in shown.replace("*", "\0") or secret in f"{before}\0{after}"


@pytest.mark.parametrize("text", ["a" * 200_000, "://" * 60_000, "t/" * 90_000, "@" * 200_000])
def test_a_hostile_text_takes_no_longer_than_an_honest_one(text: str) -> None:
    assert Secrets().adding("hunter2").hide(text)
    assert redact_value(text)
