"""Which packages vulnerabilities may be known of."""

from __future__ import annotations

from envlock.audit.suspects import suspects_of
from envlock.formats.osv import Suspect
from envlock.model.reading import FileKind
from readings import conda, reading, wheel, wish


def test_packages_go_by_their_names_on_the_index_once_each():
    found = reading(
        wheel("Jinja2", "3.1.2"),
        wheel("Jinja2", "3.1.2", platforms=["win-64"]),
        conda("pytorch", "2.5.1", needs=["python >=3.9"]),
        conda("cudnn", "9.1"),
    )

    assert suspects_of(found) == (
        Suspect(package="Jinja2", version="3.1.2", distribution="jinja2"),
        Suspect(package="pytorch", version="2.5.1", distribution="torch", is_conda=True),
    )


def test_a_wish_without_a_version_is_no_suspect():
    found = reading(wish("flask>=2"), wish("jinja2==3.1.2"), kind=FileKind.REQUIREMENTS)

    assert suspects_of(found) == (
        Suspect(package="jinja2", version="3.1.2", distribution="jinja2"),
    )
