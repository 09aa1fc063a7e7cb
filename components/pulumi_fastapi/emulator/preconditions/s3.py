"""Policies of buckets."""

import json
import re

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before
from pulumi_fastapi.emulator.values import Properties


@before("s3:PutBucketPolicy")
def _bucket_policy(api: Api, region: str, params: Properties) -> None:
    bucket, document = params["Bucket"], json.loads(params["Policy"])
    given = document["Statement"]
    statements = [given] if isinstance(given, dict) else given
    for statement in statements:
        resources = statement.get("Resource", [])
        for arn in [resources] if isinstance(resources, str) else resources:
            if arn != "*" and not re.fullmatch(rf"arn:aws[\w-]*:s3:::{re.escape(bucket)}(/.*)?", arn):
                raise ApiError("s3", "PutBucketPolicy", "MalformedPolicy", f"Policy has invalid resource: {arn}")
    try:
        answer = api.look_up("s3", "GetPublicAccessBlock", {"Bucket": bucket}, region)
    except ApiError:
        return
    if answer["PublicAccessBlockConfiguration"].get("BlockPublicPolicy") and any(map(_is_public, statements)):
        raise ApiError(
            "s3",
            "PutBucketPolicy",
            "AccessDenied",
            "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the "
            "BlockPublicPolicy setting in S3 Block Public Access.",
            403,
        )


def _is_public(statement: Properties) -> bool:
    everyone = statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    return everyone and statement["Effect"] == "Allow" and not statement.get("Condition")
