"""Rules across fields that Google documents and its API documents do not carry, by API and schema of the body."""

from collections.abc import Iterator

from pulumi_fastapi.emulator.gcp.discovery import Shape
from pulumi_fastapi.emulator.gcp.rules import cloud_run, cloud_sql, compute, identity, monitoring
from pulumi_fastapi.emulator.gcp.validation import Violation
from pulumi_fastapi.emulator.values import Properties

_RULES = {**cloud_run.RULES, **cloud_sql.RULES, **compute.RULES, **identity.RULES, **monitoring.RULES}


def violated_rules(api: str, shape: Shape, body: Properties, id: str | None) -> Iterator[Violation]:
    """What is wrong with a body of this shape, sent for the resource of this short name (None: not known yet)."""
    rule = _RULES.get(f"{api}.{shape.name}")
    if rule is not None:
        yield from rule(body, id)
