"""What the rules judge with: values that are not known yet are not judged."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_fastapi.emulator.gcp.validation import Violation
from pulumi_fastapi.emulator.mapping import ApiPath, dig
from pulumi_fastapi.emulator.values import Properties, Unknown

Rule = Callable[[Properties, str | None], Iterator[Violation]]
"""Judges a body that is sent for the resource of a short name; None: it is not known yet."""

GI = 2**30
MI = 2**20
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|Ki|M|Mi|G|Gi)?")
_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "Ki": 2**10, "M": 1e6, "Mi": MI, "G": 1e9, "Gi": GI}


def quantity(text: Any) -> float | None:
    """`512Mi` in bytes, `500m` in vCPUs; None for anything else."""
    found = _QUANTITY.fullmatch(str(text))
    return float(found[1]) * _UNITS[found[2] or ""] if found else None


def known(value: Any) -> bool:
    return value is not None and not isinstance(value, Unknown)


def items(value: Any) -> Iterator[tuple[int, Properties]]:
    """The objects of a list, as far as they are known."""
    for position, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, Mapping):
            yield position, dict(item)


def number(body: Properties, path: str, default: float) -> float | None:
    """A number in the body; None when it is not known."""
    value = dig(body, path)
    if value is None:
        return default
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def under(place: ApiPath, found: Iterator[Violation]) -> Iterator[Violation]:
    for path, message in found:
        yield (*place, *path), message
