"""Names that people write and that are not what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.compat.evidence import read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """What to ask for instead of a name."""

    name: str
    wants_gpu: bool
    """Whether the old name alone says that a GPU build was meant."""
    why: str


def meant_name(ecosystem: str, name: str) -> Renamed | None:
    """Return what a name of `pypi` or `conda` stands for; None where it stands for itself."""
    for row in read_table("import_names", "renamed"):
        if (row["ecosystem"], row["name"]) == (ecosystem, name):
            return Renamed(name=row["becomes"], wants_gpu=row["gpu"] == "yes", why=row["why"])
    return None
