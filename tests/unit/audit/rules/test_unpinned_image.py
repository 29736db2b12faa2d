"""EL203: base images without a digest."""

from __future__ import annotations

from envlock.audit.rules.unpinned_image import RULE
from envlock.model.reading import FileKind
from readings import image, reading, remedies, told


def test_an_image_without_a_tag_means_latest():
    found = reading(image("tensorflow/tensorflow"), kind=FileKind.DOCKERFILE)

    assert told(RULE, found) == [
        "error at 1 (tensorflow/tensorflow): `tensorflow/tensorflow` has no tag, so it means "
        "`latest`, whatever was pushed last. What is in it changes with it: Python, CUDA, the "
        "system's libraries.",
    ]


def test_latest_is_whatever_was_pushed_last():
    found = reading(image("tensorflow/tensorflow", "latest-gpu-jupyter"), kind=FileKind.DOCKERFILE)

    assert told(RULE, found) == [
        "error at 1 (tensorflow/tensorflow): `tensorflow/tensorflow:latest-gpu-jupyter` is "
        "whatever was pushed last under that name. What is in it changes with it: Python, CUDA, "
        "the system's libraries.",
    ]


def test_a_tag_of_a_line_moves():
    found = reading(
        image("nvidia/cuda", "12-runtime"),
        image("ubuntu", "22.04", line=9),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 1 (nvidia/cuda): the tag `12-runtime` of `nvidia/cuda` moves with each "
        "release that it covers. What is in it changes with it: Python, CUDA, the system's "
        "libraries.",
        "warning at 9 (ubuntu): the tag `22.04` of `ubuntu` moves with each release that it "
        "covers. What is in it changes with it: Python, CUDA, the system's libraries.",
    ]


def test_a_tag_with_a_whole_version_can_be_pushed_again():
    found = reading(
        image("pytorch/pytorch", "2.5.1-cuda12.1-cudnn9-runtime"),
        image("nvcr.example/nvidia/pytorch", "24.05-py3", line=2),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "note at 1 (pytorch/pytorch): `pytorch/pytorch:2.5.1-cuda12.1-cudnn9-runtime` can be "
        "pushed again under the same tag. What is in it changes with it: Python, CUDA, the "
        "system's libraries.",
        "note at 2 (nvcr.example/nvidia/pytorch): `nvcr.example/nvidia/pytorch:24.05-py3` can "
        "be pushed again under the same tag. What is in it changes with it: Python, CUDA, the "
        "system's libraries.",
    ]


def test_an_image_from_a_variable_is_told():
    found = reading(image("${BASE}"), kind=FileKind.DOCKERFILE)

    assert told(RULE, found) == [
        "warning at 1 (${BASE}): the base image is `${BASE}`: which one is built on is said "
        "outside the file.",
    ]


def test_a_digest_and_an_empty_image_are_fine():
    found = reading(
        image("python", "3.11.9-slim", digest="0" * 64), image("scratch"), kind=FileKind.DOCKERFILE
    )

    assert told(RULE, found) == []


def test_the_remedy_shows_how_to_ask_and_what_to_write():
    found = reading(image("python", "3.11.9-slim"), kind=FileKind.DOCKERFILE)

    assert remedies(RULE, found) == [
        "ask for its digest with `docker buildx imagetools inspect python:3.11.9-slim`, and "
        "write `FROM python:3.11.9-slim@sha256:…`.",
    ]


def test_of_cuda_a_copy_is_to_be_kept():
    found = reading(image("nvidia/cuda", "12.4.1-runtime-ubuntu22.04"), kind=FileKind.DOCKERFILE)

    assert remedies(RULE, found) == [
        "ask for its digest with `docker buildx imagetools inspect "
        "nvidia/cuda:12.4.1-runtime-ubuntu22.04`, and write `FROM "
        "nvidia/cuda:12.4.1-runtime-ubuntu22.04@sha256:…`. Keep a copy of it: NVIDIA deletes "
        "the tags of CUDA as they age.",
    ]


def test_without_a_version_one_is_to_be_chosen_first():
    found = reading(image("python"), kind=FileKind.DOCKERFILE)

    assert remedies(RULE, found) == [
        "choose a tag with a whole version, ask for its digest with `docker buildx imagetools "
        "inspect python:TAG`, and write `FROM python:TAG@sha256:…`.",
    ]
