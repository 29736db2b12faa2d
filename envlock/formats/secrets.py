"""Secrets: recognised in any of their spellings, and kept out of whatever leaves the machine.

Two nets. What is known to be secret (a login, the value of `${TOKEN}`) is found wherever it stands,
also percent-encoded, escaped for HTML or JSON, or inside base64. What merely looks secret (a login
in an address, a query, `Authorization: …`) is found by its place. Both hide too much rather than
too little. Where a secret came from a variable, the variable takes its place: then the text still
says what is needed. Variables are never hidden.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from html.entities import html5

HIDDEN = "***"
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_SHORT = 4
"""A shorter secret is hidden only where it stands alone: else every text would be full of it."""
LASTING_LENGTH = 8
"""A secret as long as this is no word of anything else."""
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-%"
_SHORTEST_CORE = 7
_ADDRESS = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s'\"`<>]*")
_HOST = re.compile(r"(?:[\w-]+(?:\.[\w-]+)+|localhost|\[[0-9a-fA-F:.]+\])(?::\d+)?")
_OPEN_VARIABLE = re.compile(r"\$\{\w+\Z")
_SCHEME_SIGN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z0-9+.-]*://)?(?P<login>.*)@", re.DOTALL)
_QUERY = re.compile(r"[?#]")
_PATH_TOKEN = re.compile(r"/t/(?!\$\{)[^/]+")
_PUBLIC_FRAGMENT = re.compile(r"#sha256=[0-9a-fA-F]{64}")
_SECRET_NAME = re.compile(
    r"token|key|secret|passw|pwd|sig|auth|cred|session|jwt|hmac|policy|expires|x-amz-|x-goog-",
    re.IGNORECASE,
)
_OPAQUE = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/_=-]{20,}")
_PUBLIC_DIGEST = re.compile(r"[0-9a-f]{32}(?:[0-9a-f]{32})?")
_ASSIGNED = re.compile(
    r"(?i)((?:token(?!iz|s(?:[^a-z]|$))|secret|passw(?:or)?d|pwd|passphrase|api[-_]?key|access[-_]?key|signature"
    r"|credentials?)[\w-]{0,20}(?:=|\"\s*:\s*\"|'\s*:\s*'))(?!\$\{|\*\*\*)[^\s\"'&,;`<>]+"
)
_OPTION = re.compile(
    r"(?i)((?:^|\s)--(?:[\w.-]{1,40}-)?(?:passw(?:or)?d|token|api-key)\s+[\"']?|\bcurl\b[^;|&\n]{0,400}?\s"
    r"(?:-[uU]|--user|--proxy-user)(?:\s+|=)?[\"']?[^\s:\"'$]{1,100}:)(?![-$<\[{]|\*\*\*)[^\s\"'`,;&|<>]+"
)
"""A password behind an option of a command: `--password hunter2`, `curl -u bob:hunter2`."""
_HEADER = re.compile(
    r"(?i)((?:authorization|cookie|x-api-key|private-token|x-jfrog-art-api)[\"']?\s*[:=]\s*[\"']?)"
    r"(?!\*\*\*)(?:(?:basic|bearer|token|digest)\s+)?[^\s\"'`,;<>]+"
)
_SCHEME = re.compile(r"(?i)\b(basic|bearer)(\s+)(?![A-Za-z]?[a-z]+\b)[A-Za-z0-9._~+/=-]{8,}")
_SHAPE = re.compile(
    r"gh[opsu]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|pypi-AgE[\w-]{20,}|hf_\w{20,}"
    r"|AKIA[0-9A-Z]{16}|xox[abp]-[\w-]{10,}|eyJ[\w-]{10,}\.[\w-]{4,}\.[\w-]{4,}"
)


@dataclass(frozen=True)
class Secrets:
    """What is known to be secret, and what stands in its place."""

    known: tuple[tuple[str, str], ...] = ()

    def adding(self, value: str, label: str = HIDDEN) -> Secrets:
        """Return these and one more; the first label of a value stays."""
        if not value or any(value == other for other, _ in self.known):
            return self
        return Secrets((*self.known, (value, label)))

    def adding_login(self, user: str, password: str, label: str = HIDDEN) -> Secrets:
        """Return these, a password, and the header that carries it."""
        if not password:  # a token in the user's place
            return self.adding(user, label).adding(_encoded(f"{user}:"))
        return self.adding(password, label).adding(_encoded(f"{user}:{password}"))

    def replace(self, text: str) -> str:
        """Return a text with whatever is known replaced by its label; nothing else changes."""
        if not self.known or not text:
            return text
        for core in self._cores:
            text = _without_core(core, text)
        return self._pattern.sub(self._label_of, text)

    def hide(self, text: str) -> str:
        """Return a text without what is known and without what looks secret."""
        return redact(self.replace(text))

    @cached_property
    def lasting(self) -> Secrets:
        """Those that are too long to be anything else: safe to replace in names and metadata."""
        return Secrets(tuple(item for item in self.known if len(item[0]) >= LASTING_LENGTH))

    def _label_of(self, found: re.Match[str]) -> str:
        return self._labels.get(found.lastgroup or "", found.group())

    @cached_property
    def _ordered(self) -> list[tuple[str, str]]:
        return sorted(self.known, key=lambda item: (-len(item[0]), item))

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {f"s{at}": label for at, (_, label) in enumerate(self._ordered)}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        rows = (f"(?P<s{at}>{_spellings(value)})" for at, (value, _) in enumerate(self._ordered))
        return re.compile("|".join((VARIABLE.pattern, *rows)))

    @cached_property
    def _cores(self) -> list[re.Pattern[str]]:
        found = (core for value, _ in self._ordered for core in _base64_cores(value))
        return [re.compile(_spellings(core)) for core in dict.fromkeys(found)]


def redact(text: str) -> str:
    """Return a text, perhaps with addresses in it, with everything hidden that looks secret."""
    text = _ADDRESS.sub(lambda found: _redact_address(found.group()), text)
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    text = _SCHEME.sub(rf"\1\2{HIDDEN}", text)
    text = _ASSIGNED.sub(rf"\1{HIDDEN}", text)
    text = _OPTION.sub(rf"\1{HIDDEN}", text)
    return _SHAPE.sub(HIDDEN, text)


def redact_value(text: str) -> str:
    """Return one value, such as an address, with everything hidden that may be secret.

    Greedier than `redact`, which must leave prose alone: all before the last `@` but the scheme,
    the segment after `/t/`, and what follows `?` or `#` where there is a `=` in it.
    """
    found = _LOGIN.match(text)
    if found and not _is_variables(found["login"]):
        text = f"{found['scheme'] or ''}{HIDDEN}@{text[found.end() :]}"
    text = re.sub(r"((?:^|/)t/)(?!\$\{)[^/]+", rf"\1{HIDDEN}", text)
    query = _QUERY.search(text)
    if query and "=" in text[query.start() :] and not _is_public_tail(text[query.start() :]):
        text = f"{text[: query.end()]}{HIDDEN}"
    return redact(text)


def conceal(text: str) -> str:
    """Return a text as it is, or without its secrets where it shows one.

    More sparing than `redact`: an address keeps a query and a fragment that nothing says are
    secret (`?rev=…`, `#sha256=…`), and a shell's variable (`$TOKEN`) is no secret.
    """
    if not _MAY_HIDE.search(text):
        return text
    text = _ADDRESS.sub(lambda found: _conceal_address(found.group()), text)
    for pattern in (_HEADER, _ASSIGNED, _OPTION):
        text = pattern.sub(_conceal_value, text)
    text = _SCHEME.sub(rf"\1\2{HIDDEN}", text)
    return _SHAPE.sub(HIDDEN, text)


def shows_secret(text: str) -> bool:
    """Say whether a text holds something that looks like a credential; see `conceal`."""
    return conceal(text) != text


_MAY_HIDE = re.compile(
    r"[@=?\s'\"]|/t/|gh[opsu]_|github_pat_|glpat-|pypi-AgE|hf_|AKIA|xox|eyJ|(?i:cookie|auth|key|token)"
)
"""A sign without which nothing of it can be there: most addresses have none."""
_SHELL_VARIABLE = re.compile(r"\$(?:\w+|\(|\{)")
_NO_SECRET = re.compile(r"[=<>~!…]|\d+(?:\.[\d*]+)+(?:=|$)")
"""A placeholder, or what follows a package's name: `tokenizers==0.20`, `secretstorage=3.3`."""
_NAMES_A_PLACE = re.compile(r"(?i)[_-](?:file|path|dir)=$")
"""`PASSWORD_FILE=/run/secrets/password` says where a secret lies, and not what it is."""
_SECRET_PAIR = re.compile(
    r"(?i)token|secret|passw|pwd|api[-_]?key|access[-_]?key|credential|jwt|session|hmac"
    r"|^(?:x-(?:amz|goog)-)?sig(?:nature)?$|^key$|^auth$"
)
_SSH = re.compile(r"(?i)(?:[a-z0-9.-]+\+)?ssh://")
_LOGIN_PLACE = re.compile(r"^([A-Za-z0-9+.-]+://)([^/?#@\s]+)@")


def _conceal_value(found: re.Match[str]) -> str:
    value = found.group()[len(found[1]) :]
    is_open = _SHELL_VARIABLE.match(value) or _NO_SECRET.match(value)
    is_open = is_open or _NAMES_A_PLACE.search(found[1])
    return found.group() if is_open else f"{found[1]}{HIDDEN}"


def _conceal_address(address: str) -> str:
    """Hide a login, a path's token and the secret pairs of a query."""
    login = _LOGIN_PLACE.match(address)
    if login and not _is_open_login(login[1], login[2]):
        address = f"{login[1]}{HIDDEN}@{address[login.end() :]}"
    head, question, tail = address.partition("?")
    head = re.sub(r"/t/(?![${*])[^/]+(?=/|$)", f"/t/{HIDDEN}", head)
    query, sign, fragment = tail.partition("#")
    pairs = [_conceal_pair(pair) for pair in query.split("&")]
    return f"{head}{question}{'&'.join(pairs)}{sign}{fragment}"


def _is_open_login(scheme: str, login: str) -> bool:
    """Say whether a login has no secret: a name alone, or a variable in the password's place."""
    user, colon, password = login.partition(":")
    if colon:
        return not re.sub(r"\$\{?\w+\}?", "", password).replace(HIDDEN, "")
    looks_secret = _OPAQUE.fullmatch(user) or _SHAPE.search(user)
    return _SSH.fullmatch(scheme) is not None or not looks_secret


def _conceal_pair(pair: str) -> str:
    name, sign, value = pair.partition("=")
    is_secret = sign and value and _SECRET_PAIR.search(name) and not _SHELL_VARIABLE.match(value)
    return f"{name}={HIDDEN}" if is_secret else pair


def public_address(url: str, secrets: Secrets | None = None) -> str:
    """Return the form of an address that may be written down; a path stays as it is.

    No login and no fragment; known secrets give way to their variables; a path's `/t/…` is hidden.
    A query stays unless something in it looks secret: then only its variables do, since a signed
    address is another one each time that it is asked for.
    """
    found = _SCHEME_SIGN.match(url)
    if found is None or found.group().lower() == "file://":
        return (secrets or Secrets()).replace(url.partition("#")[0])  # a path: nobody logs in
    scheme, rest = found.group(), url[found.end() :]
    rest = rest.partition("#")[0]
    rest, question, query = rest.partition("?")
    host, slash, path = rest.partition("/")
    login, at, host = host.rpartition("@")
    keeps_login = bool(at) and bool(login) and _is_variables(login)
    known = secrets or Secrets()
    kept_login = f"{login}@" if keeps_login else ""
    address = f"{scheme}{kept_login}{known.replace(host + slash + path)}"
    address = _PATH_TOKEN.sub(f"/t/{HIDDEN}", address)
    kept = _public_query(known.replace(query), rest.rpartition("/")[2]) if question else ""
    return f"{address}?{kept}" if kept else address


def _public_query(query: str, file_name: str) -> str:
    pairs = [pair for pair in query.split("&") if pair]
    named = [pair for pair in pairs if VARIABLE.search(pair)]
    others = [pair for pair in pairs if pair not in named]
    if any(_looks_secret(pair, file_name) for pair in others):
        return "&".join(named)
    return "&".join(pairs)


def _looks_secret(pair: str, file_name: str) -> bool:
    name, sign, value = pair.partition("=")
    if HIDDEN in pair or _SECRET_NAME.search(name) or (not sign and _OPAQUE.fullmatch(name)):
        return True
    is_public = value == file_name or _PUBLIC_DIGEST.fullmatch(value)
    return not is_public and _OPAQUE.fullmatch(value) is not None


def opaque_segments(path: str) -> Iterator[str]:
    """Yield the segments of an address's path that look like tokens."""
    for segment in path.split("/"):
        if _OPAQUE.fullmatch(segment) and not _PUBLIC_DIGEST.fullmatch(segment):
            yield segment


def _redact_address(address: str) -> str:
    bare = address.rstrip(").,;:]}")
    tail = address[len(bare) :]
    if tail.startswith("}") and _OPEN_VARIABLE.search(bare):  # a variable at the end
        bare, tail = f"{bare}}}", tail[1:]
    scheme, _, rest = bare.partition("://")
    return f"{scheme}://{_redact_query(_redact_login(rest))}{tail}"


def _redact_login(rest: str) -> str:
    login, at, place = rest.rpartition("@")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not at or _is_variables(login) or ("@" not in host and _HOST.fullmatch(host)):
        return rest
    return f"{HIDDEN}@{place}"


def _redact_query(rest: str) -> str:
    found = _QUERY.search(rest)
    path, tail = (rest[: found.start()], rest[found.start() :]) if found else (rest, "")
    if len(tail) > 1 and not _is_public_tail(tail):
        tail = f"{tail[0]}{HIDDEN}"
    return _PATH_TOKEN.sub(f"/t/{HIDDEN}", path) + tail


def _is_public_tail(tail: str) -> bool:
    """Say whether a query or fragment holds a digest, or variables alone."""
    if _PUBLIC_FRAGMENT.fullmatch(tail):
        return True
    pairs = re.split(r"[?&#;]", tail[1:])
    return all(_is_variables(pair.rpartition("=")[2]) for pair in pairs)


def _is_variables(text: str) -> bool:
    """Say whether a text is variables, and signs that hide nothing."""
    return not VARIABLE.sub("", text).replace(HIDDEN, "").strip(":") and bool(text)


def _spellings(value: str) -> str:
    """Return a pattern for a value however a server or a program may write it."""
    pattern = "".join(_character(char) for char in value)
    if len(value) < _SHORT:
        return rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"
    # Hosts and types come back in small letters.
    return f"(?i:{pattern})" if len(value) >= LASTING_LENGTH else pattern


def _character(char: str) -> str:
    percent = "".join(f"%(?:25)?{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
    forms = [re.escape(char), f"(?i:{percent})"]
    if not (char.isascii() and char.isalnum()):
        code = ord(char)
        forms += [rf"(?i:\\u{code:04x})", rf"(?i:\\x{code:02x})", f"(?i:&#x0*{code:x};)"]
        forms += [f"&#0*{code};", rf"\\{re.escape(char)}"]
        forms += [re.escape(f"&{name}") for name in _entities().get(char, ())]
        forms += [r"\+"] if char == " " else []
    return f"(?:{'|'.join(forms)})"


@cache
def _entities() -> dict[str, list[str]]:
    """Return the names that HTML has for a character, `amp;` for `&`."""
    found: dict[str, list[str]] = {}
    for name, char in html5.items():
        if name.endswith(";"):
            found.setdefault(char, []).append(name)
    return found


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def _base64_cores(value: str) -> Iterable[str]:
    """Yield what base64 of any text around a value must contain, one for each alignment."""
    content = value.encode("utf-8", "surrogatepass")
    for shift in range(3):
        coded = b64encode(b"\0" * shift + content).decode().rstrip("=")
        first = -(-shift * 8 // 6)
        whole = (shift + len(content)) * 8 // 6
        core = coded[first:whole]
        if len(core) >= _SHORTEST_CORE:
            yield core
            if "+" in core or "/" in core:
                yield core.replace("+", "-").replace("/", "_")


def _without_core(core: re.Pattern[str], text: str) -> str:
    """Hide what matches and the base64 around it."""
    parts: list[str] = []
    done = 0
    for found in core.finditer(text):
        if found.start() < done:
            continue
        start, end = found.span()
        while start > done and text[start - 1] in _BASE64:
            start -= 1
        while end < len(text) and text[end] in _BASE64:
            end += 1
        parts += [text[done:start], HIDDEN]
        done = end
    return "".join([*parts, text[done:]])
