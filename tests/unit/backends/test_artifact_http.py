"""Where archives are asked for, and what a person can do when they do not come."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.backends.artifact_http import Place, Places, hint_for
from envlock.backends.pypi_credentials import Access, Credentials, Vault
from envlock.backends.pypi_faults import AGAIN, NETWORK, Received
from envlock.errors import EnvlockError, LockError
from envlock.ports.artifacts import WantedArtifact

BASE = Path("/project")


def find(url: str, **environment: str) -> Place:
    vault = Vault()
    wanted = WantedArtifact(
        file_name="x.conda", url=url, sha256="a" * 64, package="x 1", md5=None, size_bytes=None
    )
    places = Places(environment, BASE, Credentials(environment, vault), vault)
    return places.find(wanted)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("./a b/x.whl", "/project/a b/x.whl"),
        ("x%20y.whl", "/project/x%20y.whl"),
        ("/abs/x.whl", "/abs/x.whl"),
        ("file:x%20y.whl", "/project/x y.whl"),
        ("file:///abs/x%20y.whl#md5=0", "/abs/x y.whl"),
        ("file:/abs/x?.whl", "/abs/x?.whl"),
        ("file://localhost/abs/x.whl", "/abs/x.whl"),
        ("${FOLDER}/x.whl", "/in here%20/x.whl"),
        ("file://${FOLDER}/x%20y.whl", "/in here%20/x y.whl"),
    ],
)
def test_files_of_this_machine_are_paths(url: str, path: str):
    assert find(url, FOLDER="/in here%20") == Place(shown=url, path=Path(path))


def test_variables_are_filled_in_and_stay_in_what_is_shown():
    url = "https://${WHO}:${WORD}@host.invalid/t/${KEYPART}/x.conda"

    place = find(url, WHO="ada", WORD="p@ss/word", KEYPART="to/ken")

    address = "https://host.invalid/t/to%2Fken/x.conda"
    access = Access(address=address, shown=url, login=("ada", "p@ss/word"))
    assert place == Place(shown=url, access=access)


def test_a_variable_may_be_the_whole_server():
    place = find("${CHANNEL}/linux-64/x.conda", CHANNEL="https://me:pw12@host.invalid/t/abc/forge")

    assert place.shown == "${CHANNEL}/linux-64/x.conda"
    assert place.access is not None
    assert place.access.address == "https://host.invalid/t/abc/forge/linux-64/x.conda"
    assert place.access.login == ("me", "pw12")


def test_the_environment_alone_fills_in_variables(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOKEN", "from the process")

    with pytest.raises(EnvlockError, match=r"`x.conda` \(x 1\) needs `TOKEN`"):
        find("https://host.invalid/${TOKEN}/x.conda")


@pytest.mark.parametrize(
    ("mirrors", "address"),
    [
        ("https://a.invalid=https://b.invalid", "https://b.invalid/forge/x.conda"),
        ("https://a.invalid/=https://b.invalid/c/", "https://b.invalid/c/forge/x.conda"),
        (
            "https://a.invalid=https://b.invalid,https://a.invalid/forge=http://c.invalid:81",
            "http://c.invalid:81/x.conda",
        ),
        ("https://a.invalid/for=https://b.invalid", "https://a.invalid/forge/x.conda"),
        ("  ", "https://a.invalid/forge/x.conda"),
    ],
)
def test_the_longest_prefix_that_ends_with_a_segment_is_mirrored(mirrors: str, address: str):
    place = find("https://a.invalid/forge/x.conda", ENVLOCK_MIRRORS=mirrors)

    assert place.access is not None
    assert place.access.address == address


def test_a_login_does_not_go_to_a_mirror_but_a_mirrors_own_does():
    place = find(
        "https://ada:one1@a.invalid/x.conda",
        ENVLOCK_MIRRORS="https://a.invalid=https://bob:${WORD}@b.invalid",
        WORD="two2",
    )

    assert place.access is not None
    assert place.access.login == ("bob", "two2")
    assert place.shown == "https://b.invalid/x.conda"


@pytest.mark.parametrize("url", ["ftp://h/x", "s3://b/x", "git+https://h/x", "file://h/x", "a\0b"])
def test_other_addresses_are_refused(url: str):
    with pytest.raises(LockError, match="has an address that nothing is fetched from"):
        find(url)


CHECK = "check the value of `A` and `B`: the server was asked with it"
MIRROR = "or name a mirror: `ENVLOCK_MIRRORS=ADDRESS=MIRROR`"
GONE = f"the server no longer has this file: pin anew and solve, {MIRROR}"


@pytest.mark.parametrize(
    ("received", "variables", "hint"),
    [
        (
            Received(what="", status=403),
            ["A", "B", "A"],
            CHECK,
        ),
        (
            Received(what="", status=410),
            [],
            GONE,
        ),
        (Received(what="", status=502), [], f"the server has a problem: try later, {MIRROR}"),
        (Received(what="", hint=NETWORK), [], f"check the network and its proxy, {MIRROR}"),
        (Received(what=""), [], AGAIN),
    ],
)
def test_hints_speak_of_archives(received: Received, variables: list[str], hint: str):
    assert hint_for(received, variables) == hint
