"""EL106: addresses that lead nowhere, or soon will."""

from __future__ import annotations

from envlock.audit.rules.dead_end_address import RULE
from envlock.model.reading import FileKind
from readings import command, conda, git, image, place, reading, remedies, told, wheel

HOST = "repo.continuum.io"
FORMER = f"https://{HOST}/pkgs/main"


def test_a_host_that_was_shut_down_is_an_error():
    found = reading(wheel("tool", url="https://dl.bintray.com/o/tool-1.0-py3-none-any.whl", line=6))

    assert told(RULE, found) == [
        "error at 6 (dl.bintray.com): `tool` comes from a dead end: `dl.bintray.com` was shut "
        "down in May 2021.",
    ]


def test_a_host_that_only_redirects_is_a_warning():
    found = reading(conda("numpy", channel=FORMER), conda("scipy", channel=FORMER))

    assert told(RULE, found) == [
        "warning (repo.continuum.io): `numpy` and `scipy` come from a dead end: "
        "`repo.continuum.io` is the former name of Anaconda's repository; it only redirects, "
        "for as long as it does.",
    ]


def test_an_image_of_the_registry_that_ended_is_told():
    found = reading(image("gcr.io/project/base", "1.0"), kind=FileKind.DOCKERFILE)

    assert told(RULE, found) == [
        "warning at 1 (gcr.io): `gcr.io/project/base` comes from a dead end: `gcr.io` was "
        "Google's Container Registry, which ended in 2025; images that were not moved are gone.",
    ]


def test_a_bucket_opens_for_its_owners_only():
    found = reading(
        conda("tool", channel="s3://bucket/channel"), place("s3://bucket/channel", "channel")
    )

    assert told(RULE, found) == [
        "warning (s3://bucket): `tool` and `s3://bucket/channel` come from a dead end: "
        "`s3://bucket` is a bucket of Amazon S3, which pip and conda cannot open and which asks "
        "for credentials.",
    ]


def test_a_label_is_cleared_and_main_is_not():
    found = reading(
        conda("a", channel="https://conda.example/o/label/dev"),
        conda("b", channel="https://conda.example/o/label/main"),
        place("nvidia/label/cuda-12.1.0", "channel"),
    )

    assert told(RULE, found) == [
        "warning (label/dev): `a` comes from a dead end: the label `dev` is a shelf that its "
        "owner clears: what is moved is found under it no more.",
    ]


def test_the_file_is_found_without_the_label():
    found = reading(conda("a", channel="https://conda.example/o/label/dev"))

    assert remedies(RULE, found) == [
        "leave `/label/dev` out of the address: the file itself stays under the channel's own; "
        "for a rebuild take a release from the main label.",
    ]


def test_nightly_builds_are_removed():
    found = reading(
        wheel(
            "torch",
            url="https://download.example/whl/nightly/cu121/torch-2.6.0.dev20241001-cp311-cp311-linux_x86_64.whl",
        )
    )

    assert told(RULE, found) == [
        "warning (download.example nightly): `torch` comes from a dead end: nightly builds at "
        "`download.example` are removed after some weeks.",
    ]


def test_a_download_of_a_nightly_build_is_told():
    found = reading(
        command("wget https://files.example/nightly/tool.tar.gz", line=4), kind=FileKind.DOCKERFILE
    )

    assert told(RULE, found) == [
        "warning at 4 (files.example nightly): `https://files.example/nightly/tool.tar.gz` "
        "comes from a dead end: nightly builds at `files.example` are removed after some weeks.",
    ]


def test_what_is_kept_is_fine():
    found = reading(
        conda("numpy"),
        wheel("torch"),
        git("tool"),
        image("python", "3.11"),
        place("https://index.example/nightly"),
        command("curl -O https://files.example/x"),
        command("pip install --pre torch --index-url https://download.example/whl/nightly/cu121"),
    )

    assert told(RULE, found) == []


def test_a_download_from_a_dead_host_is_told():
    found = reading(
        command("wget https://dl.bintray.com/boost/boost.tar.gz", line=4), kind=FileKind.DOCKERFILE
    )

    assert told(RULE, found) == [
        "error at 4 (dl.bintray.com): `https://dl.bintray.com/boost/boost.tar.gz` comes from a "
        "dead end: `dl.bintray.com` was shut down in May 2021.",
    ]
