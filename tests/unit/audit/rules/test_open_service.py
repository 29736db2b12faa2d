"""EL209: services without a login."""

from __future__ import annotations

from envlock.audit.rules.open_service import RULE
from envlock.model.reading import FileKind
from readings import command, reading, told


def test_a_notebook_without_a_token_is_told():
    found = reading(
        command(
            '["jupyter", "notebook", "--ip=0.0.0.0", "--allow-root", "--NotebookApp.token=\'\'"]',
            "CMD",
            line=9,
        ),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 9 (CMD): `NotebookApp.token=''` switches the token off: whoever reaches the "
        "service from any address runs commands as root in it, and on its GPUs.",
    ]


def test_the_port_is_named_where_the_file_says_it():
    found = reading(
        command("8888", "EXPOSE", line=8),
        command("jupyter lab --ServerApp.token='' --ServerApp.password=''", "CMD", line=9),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 9 (CMD): `ServerApp.token=''` switches the token off: whoever reaches the "
        "service on port 8888 runs commands in it, and on its GPUs.",
    ]


def test_a_configuration_that_is_copied_in_is_told():
    found = reading(
        command("c.ServerApp.token = ''\\nc.ServerApp.port = 8888", "HEREDOC", line=5),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 5 (HEREDOC): `ServerApp.token =` switches the token off: whoever reaches the "
        "service runs commands in it, and on its GPUs.",
    ]


def test_a_setting_written_to_its_file_is_told():
    found = reading(
        command(
            "echo \"c.NotebookApp.token = ''\" >> /root/.jupyter/jupyter_notebook_config.py", line=4
        ),
        command("JUPYTER_TOKEN=", "ENV", line=5),
        command("code-server --auth none", "CMD", line=6),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 4 (RUN): `NotebookApp.token = ''` switches the token off: whoever reaches the "
        "service runs commands in it, and on its GPUs.",
        "error at 5 (ENV): `JUPYTER_TOKEN=` switches the token off: whoever reaches the service "
        "runs commands in it, and on its GPUs.",
        "error at 6 (CMD): `--auth none` switches the login off: whoever reaches the service "
        "runs commands in it, and on its GPUs.",
    ]


def test_a_token_a_password_and_the_default_are_fine():
    found = reading(
        command("jupyter lab --ip=0.0.0.0", "CMD", line=1),
        command("jupyter lab --ServerApp.token=$TOKEN", "CMD", line=2),
        command("jupyter lab --ServerApp.token='' --ServerApp.password='argon2:x'", "CMD", line=3),
        command("JUPYTER_TOKEN=$T", "ENV", line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []
