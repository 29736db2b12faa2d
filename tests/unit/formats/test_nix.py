from __future__ import annotations

import json
import re

import pytest

from envlock.errors import LockError
from envlock.formats.nix import format_nix, public_url, store_name
from envlock.model.exported import ExportedArtifact, ExportedHalf, ExportedLock
from envlock.model.platform import Platform
from envlock.model.store import Artifact, ArtifactKind
from fakes_store import make_artifact


def conda(file_name: str, **changes: object) -> Artifact:
    name, version, _ = file_name.removesuffix(".conda").rsplit("-", 2)
    url = f"https://conda.example/linux-64/{file_name}"
    return make_artifact(
        name, version, file_name=file_name, kind=ArtifactKind.CONDA, url=url, **changes
    )


def exported(*artifacts: ExportedArtifact, name: str = "demo") -> ExportedLock:
    half = ExportedHalf(python="3.11", artifacts=artifacts)
    return ExportedLock(
        name=name, halves={Platform.LINUX_64: half}, left_out={"win-64": "no such thing"}
    )


def test_a_lock_is_written_row_by_row_with_all_that_nix_has_to_know():
    python = conda("python-3.11.2-0.conda", sha256="a" * 64)
    wheel = make_artifact("tool", sha256="b" * 64)

    text = format_nix(
        exported(
            ExportedArtifact(artifact=wheel),
            ExportedArtifact(
                artifact=python, tar_bytes={"pkg": 1024, "info": 512}, is_bootstrap=True
            ),
        )
    )

    assert text.endswith(b"}\n")
    assert json.loads(text) == {
        "version": 1,
        "name": "demo",
        "leftOut": {"win-64": "no such thing"},
        "systems": {
            "x86_64-linux": {
                "python": "3.11",
                "artifacts": [
                    {
                        "file": "python-3.11.2-0.conda",
                        "isBootstrap": True,
                        "kind": "conda",
                        "name": "python",
                        "sha256": "a" * 64,
                        "storeName": "python-3.11.2-0.conda",
                        "tarBytes": {"info": 512, "pkg": 1024},
                        "url": "https://conda.example/linux-64/python-3.11.2-0.conda",
                        "version": "3.11.2",
                    },
                    {
                        "file": "tool-1.0-py3-none-any.whl",
                        "isBootstrap": False,
                        "kind": "wheel",
                        "name": "tool",
                        "sha256": "b" * 64,
                        "storeName": "tool-1.0-py3-none-any.whl",
                        "url": "https://wheels.example/tool-1.0-py3-none-any.whl",
                        "version": "1.0",
                    },
                ],
            }
        },
    }


def test_a_name_in_the_nix_store_has_only_signs_that_nix_admits():
    assert store_name("torch-2.4+cu121-1!0_é.conda") == "torch-2.4+cu121-1-0_-.conda"


def test_two_artifacts_of_one_name_are_refused():
    twins = [conda("a-1!0-0.conda", sha256="1" * 64), conda("a-1-0-0.conda", sha256="2" * 64)]

    with pytest.raises(
        LockError,
        match=re.escape(
            "`a-1!0-0.conda` and `a-1-0-0.conda` have one name in the Nix store, `a-1-0-0.conda`\n"
            "Nothing was written."
        ),
    ):
        format_nix(exported(*(ExportedArtifact(artifact=twin) for twin in sorted(twins))))


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://conda.example/linux-64/a.conda", "https://conda.example/linux-64/a.conda"),
        ("https://wheels.example/a.whl#sha256=00", "https://wheels.example/a.whl"),
        ("file:///srv/channel/a.conda", "file:///srv/channel/a.conda"),
        ("https://me:secret@conda.example/a.conda", ""),
        ("https://conda.example/t/secret/a.conda", ""),
        ("https://${TOKEN}.example/a.conda", ""),
        ("https://conda.example/$TOKEN/a.conda", ""),
        ("https://conda.example/a.conda?key=secret", ""),
        ("s3://bucket/a.conda", ""),
        ("../wheels/a.whl", ""),
    ],
)
def test_an_address_that_holds_a_secret_or_means_nothing_to_nix_stays_away(url: str, kept: str):
    assert public_url(url) == kept
