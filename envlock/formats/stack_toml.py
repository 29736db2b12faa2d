"""Read a stack file: TOML bytes in, a checked `Stack` or every fault of the file out.

The rooms, in the order in which a file walks through them: `stack_text` (bytes to a document),
`stack_schema` (is every key right?), `stack_problems` (what is wrong, if not), `stack_rules` (do
the keys fit each other?), `stack_lines` (where they stand), `stack_build` (the values that come
out).
"""

from __future__ import annotations

import msgspec

from envlock.errors import InputFileError
from envlock.formats.stack_build import build_stack
from envlock.formats.stack_lines import Places, find_lines
from envlock.formats.stack_problems import Problem, faults_of, find_problems
from envlock.formats.stack_rules import judge_document, sound_part
from envlock.formats.stack_schema import StackFile
from envlock.formats.stack_text import decode_text, parse_text
from envlock.formats.stack_words import redact
from envlock.model.stack import Stack

LARGEST_BYTES = 1_000_000
"""No stack is larger; callers pass it as the limit when they read the file."""


def read_stack(content: bytes, file: str) -> Stack:
    """Return the stack that a file holds; `file` is the name that messages and places carry.

    Raises `InputFileError` with every fault of the file. For any bytes there is either a stack or
    that error.
    """
    text = decode_text(content, file)
    document = parse_text(text, file)
    try:
        checked = msgspec.convert(document, StackFile)
        problems: list[Problem] = []
    except msgspec.ValidationError as error:
        checked = None
        problems = find_problems(document) or [Problem(path=(), text=redact(str(error)))]
    faulty = frozenset(item.path for item in problems)
    problems += judge_document(sound_part(document, faulty), document)
    places = Places(file, find_lines(text))
    if problems or checked is None:
        raise InputFileError(faults_of(problems, places))
    return build_stack(checked, document, places)
