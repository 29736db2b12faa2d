"""EL209: a notebook, an editor or a shell in the browser that asks for no password.

Jupyter asks for a token unless that is switched off; who reaches the port then runs commands as its
user: https://jupyter-server.readthedocs.io/en/latest/operators/security.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.shell import commands, short
from envlock.model.finding import Severity
from envlock.model.reading import Command

_EMPTY = r"(?:''|\"\"|\\\"\\\"|\\'\\')?\s*(?=[\s\"',\]]|$)"
_OPEN = (
    re.compile(r"\b(?:Notebook|Server|Lab|Jupyter)App\.(?P<what>token|password)\s*=\s*u?" + _EMPTY),
    re.compile(r"\bIdentityProvider\.(?P<what>token)\s*=\s*u?" + _EMPTY),
    re.compile(r"\bJUPYTER_(?P<what>TOKEN)\s*=\s*" + _EMPTY),
    re.compile(r"--auth[= ](?P<what>none)\b"),
)
_AS_ROOT = re.compile(r"--allow-root\b|allow_root\s*=\s*True")
_ANY_HOST = re.compile(r"--ip[= ]['\"]?(?:0\.0\.0\.0|\*|::)|\.ip\s*=\s*['\"](?:0\.0\.0\.0|\*)")
_LOGIN = re.compile(
    r"App\.password\s*=\s*u?['\"\\]*(?:sha1|argon2|pbkdf2)|PasswordIdentityProvider"
)


def _find(case: Case) -> Iterable[Hit]:
    for item in commands(case.reading, "RUN", "CMD", "ENTRYPOINT", "ENV", "HEREDOC"):
        found = next(filter(None, (pattern.search(item.text) for pattern in _OPEN)), None)
        if found and not _LOGIN.search(item.text):
            yield _hit(case, item, found)


def _hit(case: Case, item: Command, found: re.Match[str]) -> Hit:
    what = "login" if found["what"] == "none" else found["what"].lower()
    said = found.group().strip().strip(",]").strip()
    ports = [port.text.strip() for port in commands(case.reading, "EXPOSE")]
    where = f" on port {ports[0].split()[0]}" if ports and ports[0] else ""
    if _ANY_HOST.search(item.text):
        where += " from any address"
    user = " as root" if _AS_ROOT.search(item.text) else ""
    return Hit(
        message=f"`{short(said)}` switches the {what} off: whoever reaches the service{where} "
        f"runs commands{user} in it, and on its GPUs.",
        line=item.line,
        subject=item.instruction,
    )


RULE = Rule(
    code="EL209",
    name="open-service",
    title="services without a login",
    reason="A notebook is a shell: without a token anybody on the network has it, with the data, "
    "the credentials and the GPUs that it sees.",
    remedy="leave the option out: Jupyter then prints a fresh token when it starts; to choose "
    "one, give it when the container starts (`docker run -e JUPYTER_TOKEN=… -p "
    "127.0.0.1:8888:8888`).",
    severity=Severity.ERROR,
    find=_find,
)
