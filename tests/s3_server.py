"""An S3-compatible server on loopback, where moto and s3fs are installed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from unittest.mock import patch
from uuid import uuid4


def why_no_s3() -> str | None:
    """Say in words why there is no such server here; None where there is one."""
    for module, package in (("s3fs", "s3fs"), ("moto", "moto[server]"), ("flask", "moto[server]")):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: `pip install '{package}'` brings it"
    return None


@cache
def _address() -> str:
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - heavy, and not always there

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def login() -> dict[str, str]:
    """Return the variables by which a program finds the server and is let in."""
    return {
        "AWS_ENDPOINT_URL": _address(),
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def s3_bucket() -> Iterator[str]:
    """Give the name of a new bucket; for so long this process finds the server."""
    import s3fs  # noqa: PLC0415 - heavy, and not always there

    with patch.dict(os.environ, login()):
        name = f"tests-{uuid4()}"
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
        yield name
