"""EL105: addresses that anybody on the way can answer."""

from __future__ import annotations

from envlock.audit.rules.insecure_address import RULE
from envlock.model.reading import FileKind
from readings import command, conda, git, place, reading, told, wheel


def test_http_without_a_hash_is_an_error():
    found = reading(
        conda("numpy", url="http://conda.example/linux-64/numpy-1.0-0.conda", hashes={}, line=5)
    )

    assert told(RULE, found) == [
        "error at 5 (http://conda.example): `numpy` comes from `http://conda.example` without "
        "encryption. No strong hash is there to notice an exchanged file.",
    ]


def test_with_a_strong_hash_it_is_a_warning_told_once_for_a_host():
    found = reading(
        *(
            conda(name, url=f"http://conda.example/linux-64/{name}-1.0-0.conda")
            for name in ("numpy", "scipy")
        )
    )

    assert told(RULE, found) == [
        "warning (http://conda.example): `numpy` and `scipy` come from `http://conda.example` "
        "without encryption. An exchanged file would be noticed by its hash.",
    ]


def test_an_md5_does_not_help():
    found = reading(
        conda(
            "numpy", url="http://conda.example/linux-64/numpy-1.0-0.conda", hashes={"md5": "0" * 32}
        )
    )

    assert told(RULE, found) == [
        "error (http://conda.example): `numpy` comes from `http://conda.example` without "
        "encryption. No strong hash is there to notice an exchanged file.",
    ]


def test_git_without_encryption_is_told():
    found = reading(git("tool", "git://git.example/o/tool.git"))

    assert told(RULE, found) == [
        "warning (git://git.example): `tool` comes from `git://git.example` without encryption. "
        "An exchanged file would be noticed by its hash.",
    ]


def test_an_index_is_told():
    found = reading(place("http://index.example/simple", "index", line=1))

    assert told(RULE, found) == [
        "error at 1 (http://index.example/simple): the index `http://index.example/simple` is "
        "asked without encryption: anybody on the way can answer in its place.",
    ]


def test_https_and_the_own_machine_are_fine():
    found = reading(
        conda("numpy"),
        git("tool"),
        wheel("a", url="http://localhost:8080/a.whl"),
        place("https://index.example/simple"),
        command("curl -fsSLO https://files.example/k.tar.gz"),
        command("curl http://localhost:8080/x"),
    )

    assert told(RULE, found) == []


def test_checks_that_are_switched_off_are_told():
    found = reading(
        command("pip install --trusted-host files.example torch", line=2),
        command("curl -k https://files.example/x -o x", line=3),
        command("wget --no-check-certificate https://files.example/x", line=4),
        command("conda config --set ssl_verify false", line=5),
        command("git config --global http.sslVerify false", line=6),
        command("apt-get install -y --allow-unauthenticated curl", line=7),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 2 (pip): `pip install --trusted-host files.example torch` tells pip not to "
        "check who answers.",
        "error at 3 (curl): `curl -k https://files.example/x -o x` tells curl not to check who "
        "answers.",
        "error at 4 (wget): `wget --no-check-certificate https://files.example/x` tells wget "
        "not to check who answers.",
        "error at 5 (conda): `conda config --set ssl_verify false` tells conda not to check who "
        "answers.",
        "error at 6 (git): `git config --global http.sslVerify false` tells git not to check "
        "who answers.",
        "error at 7 (apt): `apt-get install -y --allow-unauthenticated curl` tells apt not to "
        "check who answers.",
    ]


def test_a_download_without_encryption_is_told():
    found = reading(
        command("curl -O http://files.example/data.zip", line=2),
        command("http://files.example/x.tar.gz /opt/", "ADD", line=3),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 2 (http://files.example/data.zip): `http://files.example/data.zip` is fetched "
        "without encryption: anybody on the way can answer in its place.",
        "error at 3 (http://files.example/x.tar.gz): `http://files.example/x.tar.gz` is fetched "
        "without encryption: anybody on the way can answer in its place.",
    ]
