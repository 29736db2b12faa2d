"""Where the records of an installed environment lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from envlock.backends.files import is_file, is_folder

META = "conda-meta"
VENV = "pyvenv.cfg"
_SITES = ("lib/python3*/site-packages", "lib64/python3*/site-packages", "Lib/site-packages")


def is_environment(path: str) -> bool:
    """Say whether a folder is an environment; see `ports.installed`."""
    place = Path(path)
    return is_folder(place) and (
        is_folder(place / META) or is_file(place / VENV) or any(site_folders(place))
    )


def site_folders(place: Path) -> Iterator[Path]:
    """Yield the folders that Python packages are installed into, each once."""
    seen: set[Path] = set()
    for pattern in _SITES:
        for site in sorted(place.glob(pattern)):
            real = site.resolve()
            if real not in seen and is_folder(site):
                seen.add(real)
                yield site
