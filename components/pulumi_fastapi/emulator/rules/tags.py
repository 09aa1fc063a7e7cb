"""What holds for the tags of every type."""

import re
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule
from pulumi_fastapi.emulator.values import Properties

_TAG_RESERVED = re.compile(r"aws:", re.IGNORECASE)


def _tags(value: Any, _inputs: Properties) -> str | None:
    if not isinstance(value, dict):
        return None
    for key, text in value.items():
        if _TAG_RESERVED.match(key):
            return f"Tag keys starting with 'aws:' are reserved for system use: {key!r}"
        if not 1 <= len(key) <= 128 or (isinstance(text, str) and len(text) > 256):
            return f"a tag key has at most 128 and its value at most 256 characters: {key!r}"
    return "a resource has at most 50 tags" if len(value) > 50 else None


RULES: tuple[Rule, ...] = (Rule("*", "tags", "InvalidTag", _tags),)
