"""IAM policy documents."""

import json
from collections.abc import Sequence
from typing import Any, Union

from pulumi import Input, Output

Statement = dict[str, Any]


def trust(service: str) -> Output[str]:
    """The trust policy of a role that one AWS service may assume."""
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def allow(actions: Sequence[str], resources: Union[Input[str], Sequence[Input[str]]]) -> Statement:
    """One statement that allows `actions` on `resources`."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def document(*statements: Input[Union[Statement, list[Statement]]]) -> Output[str]:
    """A policy as JSON, made of statements and lists of statements."""
    return Output.all(*statements).apply(_document)


def _document(groups: Sequence[Union[Statement, list[Statement]]]) -> str:
    flat = [statement for group in groups for statement in (group if isinstance(group, list) else [group])]
    return json.dumps({"Version": "2012-10-17", "Statement": flat})
