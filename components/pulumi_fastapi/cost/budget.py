"""The AWS Budget of a stack, set from its estimate: a number in the stack's file, which the program reads.

A program cannot price itself while it runs, as what it asks for is known only at its end.
"""

import re
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import yaml

from .bill import Estimate, add
from .resources import InputError

HEADROOM = Decimal(12) / 10
"""Above the most that the stack costs by its own limits: an AWS Budget mails at 80 %, and normal scaling should not."""
KEY = "monthly_budget"


def budget(estimate: Estimate) -> Decimal:
    """Whole dollars a month: the high bound of what AWS bills, with headroom.

    Raises:
        InputError: nothing of AWS is in the estimate, or something that costs is not.
    """
    if estimate.at_least:
        unknown = sorted({line.item for line in estimate.missing} | {each.reason for each in estimate.not_priced})
        raise InputError(
            f"--write-budget: the estimate is not complete, a budget would be too low: {'; '.join(unknown)}"
        )
    most = add(line.cost for line in estimate.lines if line.resource.provider == "aws").high
    if not most:
        raise InputError("--write-budget: nothing that AWS bills is in this stack")
    return (most * HEADROOM).to_integral_value(ROUND_CEILING)


def write(file: Path, project: str, amount: Decimal) -> None:
    """Put the number into the stack's file; everything else in it stays, comments too.

    Raises:
        InputError: the file cannot be read or written, or is laid out so that the number has to be put in by hand.
    """
    key = f"{project}:{KEY}"
    try:
        text = file.read_text(encoding="utf-8")
        changed = _with(text, key, f"{amount:f}")
        before = yaml.safe_load(text) or {}
        config = (before.get("config") or {}) if isinstance(before, dict) else None
        if not isinstance(config, dict) or yaml.safe_load(changed) != before | {"config": config | {key: int(amount)}}:
            raise InputError(f"--write-budget: {file} is laid out in another way; add to its config: {key}: {amount:f}")
        file.write_text(changed, encoding="utf-8")
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"--write-budget: {file}: {' '.join(str(error).split())}") from None


def _with(text: str, key: str, value: str) -> str:
    """The file's text with the key's new value, or with the key as the first one of `config`."""
    line = re.compile(rf"^( +[\"']?{re.escape(key)}[\"']?: *)[^#\n]*?( *(?:#.*)?)$", re.MULTILINE)
    if line.search(text):
        return line.sub(rf"\g<1>{value}\g<2>", text, count=1)
    block = re.compile(r"^config: *(?:#.*)?\n(?=(?: *(?:#.*)?\n)*( +)[^ #\n])", re.MULTILINE)
    found = block.search(text)
    if found:
        end, indent = found.end(), found[1]
        return f"{text[:end]}{indent}{key}: {value} # USD a month, from pulumi-fastapi cost\n{text[end:]}"
    if "config:" in text:
        return text
    return f"{text.rstrip()}\nconfig:\n  {key}: {value}\n".lstrip()
