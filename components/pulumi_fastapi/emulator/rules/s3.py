"""Buckets."""

import re
from typing import Any

from pulumi_fastapi.emulator.rules.judges import Rule, as_number
from pulumi_fastapi.emulator.rules.policies import resource_policy
from pulumi_fastapi.emulator.values import Properties


def _bucket_name(value: Any, _inputs: Properties) -> str | None:
    if not isinstance(value, str):
        return None
    valid = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value) and ".." not in value
    if not valid or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", value) or value.startswith(("xn--", "sthree-")):
        return f"The specified bucket is not valid: {value!r}"
    return None


def _transitions(rule: Any, _inputs: Properties) -> str | None:
    for transition in rule.get("transitions") or []:
        days, storage = as_number(transition.get("days")), transition.get("storageClass")
        if storage in ("STANDARD_IA", "ONEZONE_IA") and days is not None and days < 30:
            return f"'Days' in Transition action must be greater than or equal to 30 for storageClass '{storage}'"
    return None


RULES: tuple[Rule, ...] = (
    Rule("s3/bucket:Bucket", "bucket", "InvalidBucketName", _bucket_name),
    Rule("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "rules[]", "InvalidArgument", _transitions),
    Rule("s3/bucketPolicy:BucketPolicy", "policy", "MalformedPolicy", resource_policy),
)
