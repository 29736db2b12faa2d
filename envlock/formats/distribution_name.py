"""The versions that file names of distributions carry."""

from __future__ import annotations

import re

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename
from packaging.utils import parse_sdist_filename as parse_sdist
from packaging.utils import parse_wheel_filename as parse_wheel
from packaging.version import InvalidVersion

_OLD_ARCHIVE = re.compile(r"\.(?:tgz|tar\.bz2)$")


def version_in(file_name: str) -> str | None:
    """Return the version that a wheel's or a source archive's name carries; None for others."""
    try:
        if file_name.endswith(".whl"):
            return str(parse_wheel(file_name)[1])
        return str(parse_sdist(_OLD_ARCHIVE.sub(".tar.gz", file_name))[1])
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
