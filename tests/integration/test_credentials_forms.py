"""No form of a credential gets out: not into recordings, pages, errors, logs, streams or caches.

Each case asks a server that demands the secret and echoes it wherever it can: in file addresses,
METADATA, reasons, error bodies, headers and redirections. Then everything that was left behind is
searched for the secret in all of its spellings.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from envlock.backends.pypi_indexes import LiveIndexes
from envlock.backends.pypi_options import HttpOptions
from envlock.errors import EnvlockError
from envlock.model.stack import DEFAULT_INDEX, IndexFormat
from envlock.ports.pypi import IndexSource, Recorder
from fakes_pypi import JSON_TYPE, Fault, Form, HostedIndex, make_metadata, make_wheel, serve

AS_OF = "2025-01-01T00:00:00Z"
SECRET = "S3cr+t/Pa ss@w0rd&é%41"  # noqa: S105 - a test's own
QUOTED = quote(SECRET, safe="")
TOKEN = "tk4Zr8Qw1Xy6Vb3Nm9Lp"  # noqa: S105 - a test's own
SIGNED = "p@ss-w0rd-xy"
SHORT = "short1"
PLAIN = "netrc4Secret8Word"
USER = "me"
NAMES = ("tool", "kind", "keys", "away", "loop", "scheme", "absent")


@dataclass(kw_only=True)
class Case:
    """One way in which a credential is given, or comes back."""

    location: str
    """`{host}` is the server; no path of it is `/simple`."""
    secret: str = SECRET
    environment: dict[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    prefix: str = ""
    query: dict[str, str] = field(default_factory=dict)
    name: str = "internal"
    netrc: tuple[str, str] | None = None
    """Where it lies below the home folder, and what stands in it; `{secret}` is the secret."""
    keyring: str | None = None
    """A shell script."""
    form: Form = Form.JSON
    faults: dict[str, Fault | int] = field(default_factory=dict)
    is_flat: bool = False
    fails: str | None = None
    """What the page's error says; None where the page comes."""


def var(location: str, **more: object) -> Case:
    return Case(location=location, environment={"PW": SECRET, "ME": USER}, **more)  # type: ignore[arg-type]


def token(location: str, **more: object) -> Case:
    return Case(location=location, secret=TOKEN, environment={"PW": TOKEN}, **more)  # type: ignore[arg-type]


def env(**variables: str) -> Case:
    return Case(location="http://{host}/simple", environment=variables, login=(USER, SECRET))


def in_netrc(path: str, text: str, **more: object) -> Case:
    return Case(
        location="http://{host}/simple",
        secret=PLAIN,
        netrc=(path, text),
        login=(USER, PLAIN),
        **more,  # type: ignore[arg-type]
    )


LOGIN = (USER, SECRET)
KEY_ENV = {"UV_KEYRING_PROVIDER": "subprocess"}
CASES = {
    # Variables in each position of the address.
    "variables: user and password": var("http://${{ME}}:${{PW}}@{host}/simple", login=LOGIN),
    "variable: password": var("http://me:${{PW}}@{host}/simple", login=LOGIN),
    "variable: user alone": var("http://${{PW}}@{host}/simple", login=(SECRET, "")),
    "variable: user, empty password": var("http://${{PW}}:@{host}/simple", login=(SECRET, "")),
    "variable: token user": var(
        "http://__token__:${{PW}}@{host}/simple", login=("__token__", SECRET)
    ),
    "variable: path": token("http://{host}/${{PW}}/simple", prefix=f"/{TOKEN}"),
    "variable: path with signs": var("http://{host}/${{PW}}/simple", prefix=f"/{QUOTED}"),
    "variable: conda's token path": token("http://{host}/t/${{PW}}/simple", prefix=f"/t/{TOKEN}"),
    "variable: within a segment": token("http://{host}/x-${{PW}}-y/simple", prefix=f"/x-{TOKEN}-y"),
    "variable: before an @ in the path": token(
        "http://{host}/${{PW}}@1/simple", prefix=f"/{TOKEN}@1"
    ),
    "variable: query": var("http://{host}/simple?token=${{PW}}", query={"token": SECRET}),
    "variable: private_token": var(
        "http://{host}/simple?private_token=${{PW}}&x=1", query={"private_token": SECRET}
    ),
    "variable: bare query": token("http://{host}/simple?${{PW}}"),
    "variable: fragment": var("http://{host}/simple#${{PW}}"),
    "variable: path and password": Case(
        location="http://me:${{PW}}@{host}/${{PW}}/simple",
        secret=TOKEN,
        environment={"PW": TOKEN},
        login=(USER, TOKEN),
        prefix=f"/{TOKEN}",
    ),
    "variable: path and query": token(
        "http://{host}/${{PW}}/simple?t=${{PW}}", prefix=f"/{TOKEN}", query={"t": TOKEN}
    ),
    "variables: two halves": Case(
        location="http://me:${{A1}}${{B2}}@{host}/simple",
        environment={"A1": SECRET[:9], "B2": SECRET[9:]},
        login=LOGIN,
    ),
    "variable: small letters": Case(
        location="http://me:${{my_token}}@{host}/simple",
        environment={"my_token": SECRET},
        login=LOGIN,
    ),
    # Words in a mirror's address.
    "words: user and password": Case(location="http://me:{quoted}@{host}/simple", login=LOGIN),
    "words: user alone": Case(location="http://{quoted}@{host}/simple", login=(SECRET, "")),
    "words: a password with an @": Case(
        location="http://me:p@ss-w0rd-xy@{host}/simple", secret=SIGNED, login=(USER, SIGNED)
    ),
    "words: conda's token path": Case(
        location="http://{host}/t/short1/simple", secret=SHORT, prefix=f"/t/{SHORT}"
    ),
    "words: path": Case(
        location=f"http://{{host}}/{TOKEN}/simple", secret=TOKEN, prefix=f"/{TOKEN}"
    ),
    "words: query": Case(location="http://{host}/simple?key={quoted}", query={"key": SECRET}),
    "words: capital scheme": Case(location="HTTP://me:{quoted}@{host}/simple", login=LOGIN),
    # uv's variables.
    "uv: both": env(UV_INDEX_INTERNAL_USERNAME=USER, UV_INDEX_INTERNAL_PASSWORD=SECRET),
    "uv: an odd name": Case(
        location="http://{host}/simple",
        name="my-index.2",
        environment={"UV_INDEX_MY_INDEX_2_USERNAME": USER, "UV_INDEX_MY_INDEX_2_PASSWORD": SECRET},
        login=LOGIN,
    ),
    "uv: the default index": Case(
        location="http://{host}/simple",
        name=DEFAULT_INDEX,
        environment={"UV_INDEX_DEFAULT_USERNAME": USER, "UV_INDEX_DEFAULT_PASSWORD": SECRET},
        login=LOGIN,
    ),
    "uv: password for a user in the address": Case(
        location="http://me@{host}/simple",
        environment={"UV_INDEX_INTERNAL_PASSWORD": SECRET},
        login=LOGIN,
    ),
    "uv: password alone": Case(
        location="http://{host}/simple",
        environment={"UV_INDEX_INTERNAL_PASSWORD": SECRET},
        login=("", SECRET),
    ),
    "uv: user alone": Case(
        location="http://{host}/simple",
        environment={"UV_INDEX_INTERNAL_USERNAME": SECRET},
        login=(SECRET, ""),
    ),
    # netrc.
    "netrc: machine": in_netrc(".netrc", "machine 127.0.0.1 login me password {secret}\n"),
    "netrc: default": in_netrc(".netrc", "default login me password {secret}\n"),
    "netrc: Windows' name": in_netrc("_netrc", "default login me password {secret}\n"),
    "netrc: named": in_netrc("elsewhere", "default login me password {secret}\n"),
    "netrc: damaged": in_netrc(".netrc", "default login me {secret} x", fails="HTTP 401"),
    # keyring.
    "keyring: by address": Case(
        location="http://me@{host}/simple",
        environment=KEY_ENV,
        keyring='[ "$3" = me ] && case "$2" in http:*) printf "%s\\n" "$KEPT";; *) exit 1;; esac',
        login=LOGIN,
    ),
    "keyring: by host": Case(
        location="http://me@{host}/simple",
        environment=KEY_ENV,
        keyring='case "$2" in http:*) exit 1;; *) printf "%s\\n" "$KEPT";; esac',
        login=LOGIN,
    ),
    "keyring: user from uv's variable": Case(
        location="http://{host}/simple",
        environment={**KEY_ENV, "UV_INDEX_INTERNAL_USERNAME": USER},
        keyring='printf "%s" "$KEPT"',
        login=LOGIN,
    ),
    "keyring: fails and chats": Case(
        location="http://me@{host}/simple",
        environment=KEY_ENV,
        keyring='echo "no $KEPT" >&2; echo "$KEPT"; exit 1',
        login=LOGIN,
        fails="HTTP 401",
    ),
    # Answers that are none.
    "401 with echoes": var(
        "http://me:${{PW}}@{host}/simple", login=(USER, "other"), fails="HTTP 401 (Unauthorized)"
    ),
    "403 with echoes": token("http://{host}/${{PW}}/simple", faults={"*": 403}, fails="HTTP 403"),
    "407 with echoes": token("http://{host}/${{PW}}/simple", faults={"*": 407}, fails="HTTP 407"),
    "429 with echoes": token("http://{host}/${{PW}}/simple", faults={"*": 429}, fails="HTTP 429"),
    "500 with echoes": token("http://{host}/${{PW}}/simple", faults={"*": 500}, fails="HTTP 500"),
    "truncated": token(
        "http://{host}/${{PW}}/simple",
        prefix=f"/{TOKEN}",
        faults={"*": Fault.TRUNCATED},
        fails="broke off",
    ),
    "silent": token(
        "http://{host}/${{PW}}/simple",
        prefix=f"/{TOKEN}",
        faults={"*": Fault.SILENT},
        fails="no answer in time",
    ),
    "web page": token(
        "http://{host}/${{PW}}/simple",
        prefix=f"/{TOKEN}",
        faults={"*": Fault.WEB_PAGE},
        fails="HTML",
    ),
    "refused": token("http://127.0.0.1:9/${{PW}}/simple", fails="refused"),
    "no such host": token("http://no-such-host.invalid/${{PW}}/simple", fails="no address"),
    "no port": var("http://127.0.0.1:${{PW}}/simple", fails="is no address"),
    "another scheme": token("ftp://127.0.0.1/${{PW}}/simple", fails="no address of a web server"),
    "a variable that is not set": Case(
        location="http://me:{quoted}@{host}/${{UNSET}}/simple", fails="needs the variable `UNSET`"
    ),
    # Other forms of pages.
    "HTML: login": var("http://me:${{PW}}@{host}/simple", login=LOGIN, form=Form.HTML),
    "HTML: path": token("http://{host}/${{PW}}/simple", prefix=f"/{TOKEN}", form=Form.HTML),
    "HTML: query": var(
        "http://{host}/simple?token=${{PW}}", query={"token": SECRET}, form=Form.HTML
    ),
    "flat: login": var(
        "http://me:${{PW}}@{host}/flat.html", login=LOGIN, form=Form.HTML, is_flat=True
    ),
    "flat: path": token(
        "http://{host}/${{PW}}/flat.html", prefix=f"/{TOKEN}", form=Form.HTML, is_flat=True
    ),
}


def spellings(case: Case) -> set[str]:
    secret = case.secret
    logins = [f"{USER}:{secret}", f"{secret}:", f":{secret}", f"__token__:{secret}"]
    halves = [value for value in case.environment.values() if len(value) > 8 and value in secret]
    found = {
        *(text for part in (secret, *halves) for text in (part, quote(part), quote(part, safe=""))),
        quote(secret, safe="").lower(),
        quote_plus(secret),
        escape(secret),
        json.dumps(secret)[1:-1],
        *(b64encode(text.encode()).decode() for text in (secret, *logins)),
    }
    return {text for text in found if len(text) > 5}


@pytest.fixture(autouse=True)
def _no_credentials_of_this_machine(no_credentials_and_no_proxy: None) -> None:
    """Keep this machine's own logins out."""


def echoing(case: Case, host: str, other: str) -> HostedIndex:
    """A server that says the secret wherever it can."""
    index = HostedIndex(
        form=case.form,
        login=case.login,
        prefix=case.prefix,
        query=case.query,
        faults=case.faults,
        fault_body=f"who is {case.secret}?".encode(),
        fault_headers={"X-Echo": QUOTED, "Set-Cookie": f"token={QUOTED}", "Retry-After": "0"},
    )
    secret, quoted = case.secret, quote(case.secret, safe="")
    requires = f"other @ http://me:{quoted}@example.org/{quoted}/other-1.0-py3-none-any.whl"
    index.add("tool", "1.0", requires).yanked = f"{secret} broke it, see http://x:{quoted}@y.org"
    index.add(
        "tool", "1.1"
    ).url = f"http://me:{quoted}@{host}{case.prefix}/files/tool-1.1-py3-none-any.whl"
    index.add("tool", "1.2").url = f"{other}/{quoted}/files/tool-1.2-py3-none-any.whl"
    index.add(
        "tool", "1.3"
    ).url = f"{other}/files/tool-1.3-py3-none-any.whl?X-Amz-Signature={quoted}&X-Amz-Date=1"
    index.add("tool", "1.4").requires_python = ">=3"
    bad = index.add("tool", "2.0")
    bad.url = f"../../{quoted}/missing/tool-2.0-py3-none-any.whl"
    junk = index.put("tool", "tool-2.1-py3-none-any.whl", secret.encode())
    junk.url = f"{other}/{quoted}/files/tool-2.1-py3-none-any.whl"
    said = make_metadata(f"x-{secret}", "1.0")
    index.put("tool", "tool-2.2-py3-none-any.whl", make_wheel("tool", "2.2", metadata=said))
    for listed in index.projects["tool"] if case.is_flat else ():
        listed.url = listed.url or f"{case.prefix}/files/{listed.file_name}"
    index.pages[f"{case.prefix}/simple/kind/"] = (f"image/{quoted}", b"x")
    index.pages[f"{case.prefix}/simple/keys/"] = (JSON_TYPE, json.dumps({secret: secret}).encode())
    index.redirects[f"{case.prefix}/simple/away/"] = f"{other}/{quoted}/simple/away/?t={quoted}"
    index.redirects[f"{case.prefix}/simple/loop/"] = f"{case.prefix}/simple/loop/?t={quoted}"
    index.redirects[f"{case.prefix}/simple/scheme/"] = f"gopher://{quoted}@x/{quoted}"
    return index


@dataclass
class Left:
    """What one run left behind."""

    texts: dict[str, str] = field(default_factory=dict)
    pages: int = 0
    metadata: int = 0

    def add_error(self, key: str, error: BaseException) -> None:
        at: BaseException | None = error
        depth = 0
        while at is not None:
            fields = json.dumps(at.fields()) if isinstance(at, EnvlockError) else ""
            detail = at.detail if isinstance(at, EnvlockError) else ""
            self.texts[f"{key}, error {depth}"] = f"{at!r} {at} {fields} {detail}"
            at, depth = at.__cause__ or at.__context__, depth + 1


def ask_everything(source: Recorder, left: Left, url: str) -> None:
    for name in NAMES:
        try:
            page = source.page(name)
        except EnvlockError as error:
            left.add_error(name, error)
            continue
        left.texts[f"page of {name}"] = repr(page)
        left.pages += page is not None
        for file in page.files if page else ():
            try:
                left.texts[file.file_name] = source.metadata(file).decode()
                left.metadata += 1
            except EnvlockError as error:
                left.add_error(file.file_name, error)
    try:
        left.texts["url page"] = repr(source.url_page("tool", url))
    except EnvlockError as error:
        left.add_error("url page", error)


@contextlib.contextmanager
def run_against(case: Case, tmp_path: Path) -> Iterator[tuple[HostedIndex, HostedIndex, Left]]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], **case.environment}
    if case.netrc:
        (home / case.netrc[0]).write_text(case.netrc[1].format(secret=case.secret))
        if case.netrc[0] == "elsewhere":
            environment["NETRC"] = str(home / "elsewhere")
    if case.keyring:
        program = tmp_path / "bin" / "keyring"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{case.keyring}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        environment |= {"PATH": f"{program.parent}:{environment['PATH']}", "KEPT": case.secret}
    stranger = HostedIndex(offers_metadata=False)
    with serve(stranger) as other:
        index = HostedIndex()
        with serve(index) as server:
            host = server.removeprefix("http://")
            vars(index).update(vars(echoing(case, host, other)))
            stranger.projects = index.projects
            location = case.location.format(host=host, quoted=QUOTED)
            cache = tmp_path / "cache"
            http = HttpOptions(timeout_seconds=0.3, retries=1, sleep=lambda _: None)
            indexes = LiveIndexes(base=tmp_path, cache=cache, environment=environment, http=http)
            form = IndexFormat.FLAT if case.is_flat else IndexFormat.SIMPLE
            packages = () if case.name == DEFAULT_INDEX else NAMES
            public = location if "${" in location else "https://packages.example.org/simple"
            own = IndexSource(
                name=case.name, url=public, location=location, format=form, packages=packages
            )
            source = indexes.live([own], AS_OF, [])
            left = Left()
            ask_everything(source, left, _own_address(case, host))
            left.texts["recording"] = source.recording("uv 1", AS_OF).decode()
            for path in cache.rglob("*"):
                left.texts[f"cache: {path.name}"] = (
                    path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
                )
            yield index, stranger, left


def _own_address(case: Case, host: str) -> str:
    """Return one file's address as a stack may write it: with variables in the secrets' places."""
    path = case.prefix
    for name, value in case.environment.items():
        path = path.replace(quote(value, safe=""), f"${{{name}}}")
    query = "&".join(f"{key}=${{PW}}" for key in case.query) if "PW" in case.environment else ""
    sign = "?" if query else ""
    if case.secret in path:
        path = "/words-cannot-stand-in-a-stack"
    return f"http://{host}{path}/files/tool-1.4-py3-none-any.whl{sign}{query}"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_credential_gets_out(
    case: Case,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)

    with run_against(case, tmp_path) as (_, stranger, left):
        pass

    left.texts["log"] = caplog.text
    left.texts["stdout"], left.texts["stderr"] = capfd.readouterr()
    leaks = {
        place: text
        for place, text in left.texts.items()
        for spelling in spellings(case)
        if spelling in text
    }
    assert leaks == {}
    if case.fails:
        assert case.fails in left.texts["tool, error 0"]
        assert left.pages == 0
    else:
        assert left.pages >= 1
        assert left.metadata >= 4
    if case.netrc is None:
        assert not any("authorization" in sent.headers for sent in stranger.sent)


def test_there_are_enough_forms() -> None:
    assert len(CASES) >= 40


def test_a_secret_from_a_variable_stands_in_the_recording_as_the_variable(tmp_path: Path) -> None:
    case = CASES["variable: path"]
    with run_against(case, tmp_path) as (_, _, left):
        pass

    assert "/${PW}/files/tool-1.4-py3-none-any.whl" in left.texts["page of tool"]
    assert "/${PW}/simple" in left.texts["recording"]


def test_a_login_goes_to_its_own_server_only(tmp_path: Path) -> None:
    with run_against(CASES["variables: user and password"], tmp_path) as (index, stranger, _):
        assert all("authorization" in sent.headers for sent in index.sent)
        assert stranger.sent
        assert not any("authorization" in sent.headers for sent in stranger.sent)


def test_cookies_are_not_kept(tmp_path: Path) -> None:
    with run_against(CASES["403 with echoes"], tmp_path) as (index, _, _):
        assert len(index.sent) > 1
        assert not any("cookie" in sent.headers for sent in index.sent)


def test_a_login_of_a_proxy_does_not_get_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://me:{QUOTED}@127.0.0.1:9"
    monkeypatch.setenv("http_proxy", proxy)
    case = Case(
        location="http://packages.example.org/simple",
        environment={"http_proxy": proxy},
        fails="no way through the proxy",
    )
    with run_against(case, tmp_path) as (_, _, left):
        pass

    assert "no way through the proxy" in left.texts["tool, error 0"]
    assert not [text for text in left.texts.values() for part in spellings(case) if part in text]


def test_a_missing_variable_is_named_with_its_index(tmp_path: Path) -> None:
    indexes = LiveIndexes(base=tmp_path, cache=tmp_path, environment={})
    location = "https://${WHO}:${WORD}@packages.example.org/simple"
    own = IndexSource(name="internal", url=location, location=location, packages=("tool",))

    with pytest.raises(EnvlockError) as caught:
        indexes.live([own], AS_OF, []).page("tool")

    assert str(caught.value) == (
        "index `internal`: its address needs the variable `WHO`, and the environment has none\n"
        "index `internal`: its address needs the variable `WORD`, and the environment has none\n"
        "Nothing was recorded."
    )
    assert caught.value.hints == (
        "set it for this one command, or export it: `export WHO=…`",
        "set it for this one command, or export it: `export WORD=…`",
    )
