"""EL203: base images that are not named by their digest.

No tag means `latest`, which means "whatever was pushed last": an error. A tag without a whole
version moves with each release: a warning. A tag with one can be pushed again, and official images
are, for security fixes: a note. NVIDIA deletes CUDA tags some time after their drivers' support
ends (https://gitlab.com/nvidia/container-images/cuda/blob/master/doc/support-policy.md), and with
them what a digest would find: keep a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import Ecosystem, FoundPackage

_WHOLE_VERSION = re.compile(
    r"(?:^|[-_v])\d+\.\d+\.\d+|(?:^|-)\d{8}|(?:^|-)\d{4}-\d{2}-\d{2}|^\d\d\.\d\d-py\d"
)
"""`2.5.1-cuda12.1`, `bookworm-20240612`, and NVIDIA's months, `24.05-py3`."""
_MOVING = re.compile(r"(?:^|-)(?:latest|nightly|edge|dev|main|master|stable|rolling)(?:-|$)")
_VARIABLE = re.compile(r"\$\{?\w+")


def _find(case: Case) -> Iterable[Hit]:
    for image in case.reading.of(Ecosystem.IMAGE):
        if image.name == "scratch" or _has_digest(image):
            continue
        yield _judge(image)


def _has_digest(image: FoundPackage) -> bool:
    return any(origin.hashes or "@sha256:" in origin.address for origin in image.origins)


def _judge(image: FoundPackage) -> Hit:
    tag = image.version or ""
    if _VARIABLE.search(f"{image.name}:{tag}"):
        return _from_outside(image)
    said, severity = _movement(image.name, tag)
    return Hit(
        message=f"{said}. What is in it changes with it: Python, CUDA, the system's libraries.",
        line=image.line,
        subject=image.name,
        severity=severity,
        remedy=_remedy(image, tag),
    )


def _movement(name: str, tag: str) -> tuple[str, Severity]:
    """Return how an image's tag moves, and how bad that is."""
    if not tag:
        said = f"`{name}` has no tag, so it means `latest`, whatever was pushed last"
        return said, Severity.ERROR
    if _MOVING.search(tag):
        return f"`{name}:{tag}` is whatever was pushed last under that name", Severity.ERROR
    if _WHOLE_VERSION.search(tag):
        return f"`{name}:{tag}` can be pushed again under the same tag", Severity.NOTE
    said = f"the tag `{tag}` of `{name}` moves with each release that it covers"
    return said, Severity.WARNING


def _from_outside(image: FoundPackage) -> Hit:
    return Hit(
        message=f"the base image is `{_named(image)}`: which one is built on is said outside the "
        "file.",
        line=image.line,
        subject=image.name,
        severity=Severity.WARNING,
        remedy="write the image with its digest as the default of the `ARG`: `ARG "
        "BASE=NAME:TAG@sha256:…`.",
    )


def _named(image: FoundPackage) -> str:
    return f"{image.name}:{image.version}" if image.version else image.name


def _remedy(image: FoundPackage, tag: str) -> str:
    exact = bool(tag) and not _MOVING.search(tag) and bool(_WHOLE_VERSION.search(tag))
    shown = tag if exact else "TAG"
    choose = "" if exact else "choose a tag with a whole version, "
    copied = " Keep a copy of it: NVIDIA deletes the tags of CUDA as they age." * (
        image.name.rpartition("/")[0].endswith("nvidia") and image.name.endswith("/cuda")
    )
    return (
        f"{choose}ask for its digest with `docker buildx imagetools inspect "
        f"{image.name}:{shown}`, and write `FROM {image.name}:{shown}@sha256:…`.{copied}"
    )


RULE = Rule(
    code="EL203",
    name="unpinned-image",
    title="base images without a digest",
    reason="A tag is a pointer that moves: the same Dockerfile starts from another system, "
    "another CUDA and another Python, and nothing in the file shows it.",
    remedy="name the image by its digest: `FROM NAME:TAG@sha256:…`.",
    severity=Severity.ERROR,
    find=_find,
)
