r"""EL106: addresses that nobody answers any more, that will go, or that only some can open.

What is known of hosts (looked up in November 2026):
- Bintray and JCenter ended on 2021-05-01: https://www.infoq.com/news/2021/02/jfrog-jcenter-bintray-closure/
- `repo.continuum.io` gave way to `repo.anaconda.com` and only redirects: conda/conda#6886;
  `binstar.org` to `anaconda.org` in 2015: pypa/packaging.python.org#179
- Google's Container Registry ended in 2025; what was not moved is gone:
  https://cloud.google.com/artifact-registry/docs/transition/prepare-gcr-shutdown
- Bitbucket removed all Mercurial repositories in August 2020: https://wiki.archiveteam.org/index.php?title=Bitbucket
- nightly wheels and packages are removed after 30 to 90 days: pytorch/executorch#7670,
  replicate/monobase#17, scikit-learn/scikit-learn#34528
- a file leaves a label when its owner moves it, and stays under the channel's own address:
  https://www.anaconda.com/docs/cli-reference/anaconda-client/commands/move
- buckets are asked with the reader's own credentials: https://pixi.prefix.dev/latest/deployment/s3
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from envlock.audit.addresses import Address, parse_address
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.shell import commands, install_of
from envlock.audit.wording import some
from envlock.model.finding import Severity


class _End(NamedTuple):
    """Why an address is a dead end, and what to do about it."""

    place: str
    """What of the address it is about: a host, a label."""
    problem: str
    remedy: str
    severity: Severity


_ANOTHER = "lock the packages again from an index that is still there."
_GONE = (
    (re.compile(r"(?:.*\.)?bintray\.com|jcenter\..*"), "was shut down in May 2021", _ANOTHER),
    (re.compile(r"(?:.*\.)?googlecode\.com"), "was shut down in 2016", _ANOTHER),
)
_FADING = (
    (
        re.compile(r"repo\.continuum\.io"),
        "is the former name of Anaconda's repository; it only redirects, for as long as it does",
        "write `repo.anaconda.com` in its place, and mind that its terms are not conda-forge's.",
    ),
    (
        re.compile(r"(?:.*\.)?binstar\.org"),
        "is the former name of anaconda.org; it only redirects, for as long as it does",
        "write the channel's name, or its address at anaconda.org.",
    ),
    (
        re.compile(r"(?:\w+\.)?gcr\.io"),
        "was Google's Container Registry, which ended in 2025; images that were not moved are gone",
        "look where the image is published now, and name it there with its digest.",
    ),
)
_SCHEMES = {"s3": "Amazon S3", "gs": "Google Cloud Storage", "gcs": "Google Cloud Storage"}
_LABEL = re.compile(r"/label/([^/]+)")
_NIGHTLY = re.compile(r"/(?:[\w.-]+-)?nightly(?:/|$)|/[\w-]*nightly[\w-]*/")
_KEPT_LABEL = re.compile(r"main|.*\d+\.\d+.*")
"""`main`, and labels for a release, such as `cuda-12.1.0` of NVIDIA, which nobody clears."""


def end_of(address: Address) -> _End | None:
    """Return why an address will not be answered; None where nothing is known against it."""
    return _end_of_host(address.host) or _end_of_place(address)


@lru_cache(maxsize=256)
def _end_of_host(host: str) -> _End | None:
    for pattern, problem, remedy in _GONE:
        if pattern.fullmatch(host):
            return _End(host, f"`{host}` {problem}", remedy, Severity.ERROR)
    for pattern, problem, remedy in _FADING:
        if pattern.fullmatch(host):
            return _End(host, f"`{host}` {problem}", remedy, Severity.WARNING)
    return None


def _end_of_place(address: Address) -> _End | None:
    if address.scheme in _SCHEMES:
        bucket = f"{address.scheme}://{address.host}"
        return _End(
            bucket,
            f"`{bucket}` is a bucket of {_SCHEMES[address.scheme]}, which pip and conda cannot "
            "open and which asks for credentials",
            "serve the files over https, or say in the README whom to ask for access.",
            Severity.WARNING,
        )
    label = _LABEL.search(address.path)
    if label and not _KEPT_LABEL.fullmatch(label[1]):
        return _End(
            label.group().lstrip("/"),
            f"the label `{label[1]}` is a shelf that its owner clears: what is moved is found "
            "under it no more",
            f"leave `/label/{label[1]}` out of the address: the file itself stays under the "
            "channel's own; for a rebuild take a release from the main label.",
            Severity.WARNING,
        )
    if "nightly" in address.path and _NIGHTLY.search(address.path):
        return _End(
            f"{address.host} nightly",
            f"nightly builds at `{address.host}` are removed after some weeks",
            "lock a release; where only a nightly has the fix, keep a copy of the file where you "
            "publish your own.",
            Severity.WARNING,
        )
    return None


def _find(case: Case) -> Iterable[Hit]:
    found: dict[_End, tuple[int, list[str]]] = {}
    for name, text, line in _addresses(case):
        end = end_of(parse_address(text))
        if end:
            found.setdefault(end, (line, []))[1].append(name)
    for end, (line, names) in found.items():
        named = some(names)
        yield Hit(
            message=f"{named} {'comes' if len({*names}) == 1 else 'come'} from a dead end: "
            f"{end.problem}.",
            line=line,
            subject=end.place,
            remedy=end.remedy,
            severity=end.severity,
        )


_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"|;)>]+")


def _addresses(case: Case) -> Iterator[tuple[str, str, int]]:
    """Yield what is taken from where, and its line; images are asked at the host they name."""
    for package in case.reading.packages:
        for origin in package.origins:
            is_image = origin.kind.value == "image"
            text = f"docker://{origin.address}" if is_image else origin.address
            yield package.name, text, origin.line or package.line
    for place in case.reading.places:
        # Nightly indexes are EL204's: there the files are not named yet.
        if not _NIGHTLY.search(parse_address(place.address).path):
            yield place.address, place.address, place.line
    for item in commands(case.reading, "RUN", "ADD"):
        if install_of(item.text) is None:  # what pip and conda take stands in rows and places
            for address in _URL.findall(item.text):
                yield address, address, item.line


RULE = Rule(
    code="EL106",
    name="dead-end-address",
    title="addresses that lead nowhere, or soon will",
    reason="A lock is worth as much as the addresses in it: hosts are shut down, nightly builds "
    "and labels are cleared, and buckets open for their owners only.",
    remedy="lock it again from a channel or index that keeps its files.",
    severity=Severity.WARNING,
    find=_find,
)
