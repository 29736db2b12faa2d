"""Logins of package indexes: where they come from, and what must never be seen of them.

In this order: the index's address, with `${VARIABLE}` expanded at the moment of asking;
`UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`; netrc; the `keyring` program where
`UV_KEYRING_PROVIDER=subprocess` says so. A variable's value is taken as it is, not as a part of an
address: `p@ss/word` needs no percent-encoding. Whatever is found is handed to a `Vault`, which
hides it from then on.
"""

from __future__ import annotations

import logging
import netrc
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import ClassVar
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from weakref import WeakSet

from envlock.errors import Fault, InputFileError
from envlock.formats.secrets import (
    HIDDEN,
    LASTING_LENGTH,
    VARIABLE,
    Secrets,
    opaque_segments,
    public_address,
)
from envlock.model.stack import DEFAULT_INDEX
from envlock.ports.pypi import IndexSource

_KEYRING_SECONDS = 30.0
_LOGGERS = ("connectionpool", "connection", "response", "poolmanager", "util.retry")
Login = tuple[str, str]
Origin = tuple[str, str, int | None]


class Vault:
    """The secrets of one run. It may learn new ones at any time, from any thread."""

    def __init__(self) -> None:
        self.secrets = Secrets()
        self._lock = Lock()
        _LogFilter.watch(self)

    def learn(self, value: str, label: str = HIDDEN) -> None:
        """Remember a secret."""
        with self._lock:
            self.secrets = self.secrets.adding(value, label)

    def learn_login(self, login: Login, label: str = HIDDEN) -> None:
        """Remember a login, and the header that carries it.

        A user's name alone may be a token, or it may be `me`: only a long one counts as secret.
        """
        user, password = login
        with self._lock:
            if password or len(user) >= LASTING_LENGTH:
                self.secrets = self.secrets.adding_login(user, password, label)

    def hide(self, text: str) -> str:
        """Return a text for people."""
        return self.secrets.hide(text)

    def replace(self, text: str) -> str:
        """Return a text of an index with the known secrets replaced."""
        return self.secrets.replace(text)

    def public(self, url: str) -> str:
        """Return the form of an address that may be written down."""
        return public_address(url, self.secrets)


class _LogFilter(logging.Filter):
    """Takes secrets out of what urllib3 logs: it logs the paths that it asks for."""

    _vaults: ClassVar[WeakSet[Vault]] = WeakSet()
    _installed: ClassVar[bool] = False

    @classmethod
    def watch(cls, vault: Vault) -> None:
        cls._vaults.add(vault)
        if not cls._installed:
            cls._installed = True
            for name in _LOGGERS:
                logging.getLogger(f"urllib3.{name}").addFilter(cls())

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for vault in list(self._vaults):
            text = vault.hide(text)
        record.msg, record.args = text, None
        record.exc_info = record.exc_text = None
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one place is asked, after its variables are filled in."""

    address: str
    """Without a login; a folder's path where `is_local`."""
    shown: str
    """The same for people and for recordings."""
    login: Login | None = None
    is_local: bool = False

    @property
    def origin(self) -> Origin:
        """The server: a login is for it and for no other."""
        return origin_of(self.address)


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of an address, as servers are told apart."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def is_local(location: str) -> bool:
    """Say whether an address is a folder or a file of this machine."""
    return location.lower().startswith("file:") or "://" not in VARIABLE.sub("", location)


class Credentials:
    """Finds logins in an environment; see the module."""

    def __init__(self, environment: Mapping[str, str], vault: Vault) -> None:
        self._environment = environment
        self._vault = vault
        for name, value in environment.items():
            if name.lower().endswith("_proxy"):
                self._learn_proxy(value)

    def open(self, source: IndexSource) -> Access:
        """Return how an index is asked. Raises `InputFileError` for a variable that is not set."""
        if is_local(source.location):
            return Access(address=source.location, shown=source.location, is_local=True)
        where = "the default index" if source.name == DEFAULT_INDEX else f"index `{source.name}`"
        access = self._expand(source.location, where, is_mirror=source.location != source.url)
        login = access.login or (None, None)
        key = f"UV_INDEX_{re.sub(r'[^A-Za-z0-9]', '_', source.name).upper()}"
        user = login[0] or self._environment.get(f"{key}_USERNAME") or None
        password = login[1] or self._environment.get(f"{key}_PASSWORD") or None
        found = self._complete(access.address, user, password, f"${{{key}_PASSWORD}}")
        return Access(address=access.address, shown=access.shown, login=found)

    def open_file(self, url: str, name: str) -> Access:
        """Return how a distribution that a stack names by its address is asked."""
        if is_local(url):
            return Access(address=url, shown=url, is_local=True)
        access = self._expand(url, f"the address of `{name}`")
        user, password = access.login or (None, None)
        found = self._complete(access.address, user or None, password or None, HIDDEN)
        return Access(address=access.address, shown=access.shown, login=found)

    def login_of_host(self, url: str) -> Login | None:
        """Return what netrc has for a server that is no index, and keep it secret."""
        found = self._netrc(urlsplit(url).hostname or "")
        if found:
            self._vault.learn_login(found)
        return found

    def _complete(
        self, address: str, user: str | None, password: str | None, label: str
    ) -> Login | None:
        if user is None and password is None:
            found = self._netrc(urlsplit(address).hostname or "")
            if found is None:
                return None
            user, password, label = *found, HIDDEN
        elif user and password is None:
            password = self._keyring(address, user)
            label = HIDDEN
        login = (user or "", password or "")
        self._vault.learn_login(login, label)
        return login

    def _netrc(self, host: str) -> Login | None:
        for path in self._netrc_files():
            try:
                found = netrc.netrc(str(path)).authenticators(host)
            except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
                return None
            if found:
                return found[0] or "", found[2] or ""
            return None
        return None

    def _netrc_files(self) -> list[Path]:
        named = self._environment.get("NETRC")
        if named:
            return [Path(named)]
        home = self._environment.get("HOME") or self._environment.get("USERPROFILE")
        files = [Path(home) / name for name in (".netrc", "_netrc")] if home else []
        return [path for path in files if path.is_file()]

    def _keyring(self, address: str, user: str) -> str | None:
        """Ask `keyring` as uv does: for the address, then for the host."""
        if self._environment.get("UV_KEYRING_PROVIDER") != "subprocess":
            return None
        program = shutil.which("keyring", path=self._environment.get("PATH"))
        host = urlsplit(address).netloc
        for service in (address, host) if program else ():
            try:
                finished = subprocess.run(  # noqa: S603 - the user's own program
                    [str(program), "get", service, user],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=_KEYRING_SECONDS,
                    check=False,
                    env=dict(self._environment),
                )
            except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
                continue
            if finished.returncode == 0 and finished.stdout.strip():
                return finished.stdout.rstrip("\r\n")
        return None

    def _learn_proxy(self, address: str) -> None:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        login, at, _ = parts.netloc.rpartition("@")
        if at:
            user, _, password = login.partition(":")
            self._vault.learn_login((unquote(user), unquote(password)))

    def _expand(self, template: str, where: str, *, is_mirror: bool = False) -> Access:
        """Fill in the variables of an address and take its login out of it.

        What is secret in the words of the address itself is learnt too: such an address cannot
        come from a stack, but a mirror's may have it.
        """
        missing = [
            name for name in VARIABLE.findall(template) if not self._environment.get(str(name))
        ]
        if missing:
            raise _missing_variables(sorted(set(missing)), where)
        try:
            parts = urlsplit(template)
            login, at, host = parts.netloc.rpartition("@")
            address = urlunsplit(
                (
                    parts.scheme,
                    self._filled(host, plain=True),
                    self._filled(parts.path),
                    self._filled(parts.query),
                    "",
                )
            )
            _ = urlsplit(address).port
        except ValueError:
            raise _no_address(where) from None
        for name in VARIABLE.findall(f"{parts.path}{parts.query}{parts.fragment}"):
            self._vault.learn(self._environment[name], f"${{{name}}}")
        self._learn_literals(parts.path, parts.query)
        for segment in opaque_segments(parts.path) if is_mirror else ():
            self._vault.learn(segment)
        found: Login | None = None
        if at:
            user, _, password = login.partition(":")
            found = (self._filled(user, plain=True), self._filled(password, plain=True))
            words = password or user
            self._vault.learn_login(found, words if VARIABLE.fullmatch(words) else HIDDEN)
        return Access(address=address, shown=self._vault.public(template), login=found)

    def _filled(self, text: str, *, plain: bool = False) -> str:
        """Return a part of an address with its variables' values, encoded unless it stays plain."""
        parts = VARIABLE.split(text)  # text, name, text, name, …
        filled = [
            (part if plain else quote(part, safe=""))
            if is_name
            else (unquote(part) if plain else part)
            for part, is_name in (
                (self._environment[item] if at % 2 else item, bool(at % 2))
                for at, item in enumerate(parts)
            )
        ]
        return "".join(filled)

    def _learn_literals(self, path: str, query: str) -> None:
        for found in re.finditer(r"/t/([^/]+)", path):
            if not VARIABLE.search(found[1]):
                self._vault.learn(unquote(found[1]))
        for pair in query.split("&"):
            value = pair.partition("=")[2]
            if value and not VARIABLE.search(value):
                self._vault.learn(unquote(value))


def _missing_variables(names: list[str], where: str) -> InputFileError:
    faults = [
        Fault(
            where=where,
            problem=f"its address needs the variable `{name}`, and the environment has none",
            hint=f"set it for this one command, or export it: `export {name}=…`",
        )
        for name in names
    ]
    return InputFileError(faults, state="Nothing was recorded.")


def _no_address(where: str) -> InputFileError:
    fault = Fault(
        where=where,
        problem="what it names is no address",
        hint="a mirror's address needs https:// and a host",
    )
    return InputFileError([fault], state="Nothing was recorded.")
