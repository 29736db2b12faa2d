"""The rows of files in a lock, read quickly: they are most of it, and all look alike.

`tomllib` reads two megabytes in a second. So each line that is one inline table of plain texts,
whole numbers, times and hashes is read here, and a short text stands in its place while `tomllib`
reads the rest. A line in any other shape is left to `tomllib`, and so is a file with texts of
several lines, in which a line need not be what it looks like.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

_TEXT = r'"[^"\\\x00-\x1f\x7f]*"'
_VALUE = (
    rf"(?:{_TEXT}|\{{ ?[a-z0-9]+ = {_TEXT} ?\}}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z|0|[1-9][0-9]{0,17})"
)
_PAIR = rf"[A-Za-z0-9_-]+ = {_VALUE}"
_LINE = re.compile(
    rf"^(?P<key>[A-Za-z0-9_-]+ = |[ ]+)(?P<row>\{{ ?{_PAIR}(?:, {_PAIR})* ?\}})(?P<end>,?)$",
    re.MULTILINE,
)
_SPLIT = re.compile(rf"([A-Za-z0-9_-]+) = ({_VALUE})")
_MARK = "row~"
_LONG_TEXT = re.compile("\"{3}|'{3}")


class Rows:
    """The rows that were read, and the text that is left."""

    def __init__(self, text: str) -> None:
        self._rows: list[dict[str, Any]] = []
        is_plain = _MARK not in text and _LONG_TEXT.search(text) is None
        self.text = _LINE.sub(self._take, text) if is_plain else text
        """The same lines, with a mark for each row that was read."""

    def _take(self, line: re.Match[str]) -> str:
        pairs = _SPLIT.findall(line["row"])
        try:
            row = {key: _value(text) for key, text in pairs}
        except ValueError:  # a time that no calendar has
            return line.group()
        if len(row) < len(pairs):  # a key that stands twice
            return line.group()
        self._rows.append(row)
        return f'{line["key"]}"{_MARK}{len(self._rows) - 1}"{line["end"]}'

    def put_back(self, value: Any) -> Any:
        """Return a value with the rows in the place of their marks."""
        if isinstance(value, str):
            return self._rows[int(value[len(_MARK) :])] if value.startswith(_MARK) else value
        if isinstance(value, dict):
            return {key: self.put_back(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.put_back(inner) for inner in value]
        return value


def _value(text: str) -> Any:
    if text[0] == '"':
        return text[1:-1]
    if text[0] == "{":
        key, _, value = text.strip("{} ").partition(" = ")
        return {key: value[1:-1]}
    return datetime.fromisoformat(text) if "T" in text else int(text)
