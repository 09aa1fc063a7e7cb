"""Buckets and what hangs on them."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.api import ApiError
from pulumi_fastapi.emulator.aws.common import by_id, delete_by, input_id
from pulumi_fastapi.emulator.mapping import Field, json_text
from pulumi_fastapi.emulator.resource import AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

Request = tuple[str, Mapping[str, Any]]

# Amazon S3's published hosted zone of the us-east-1 website endpoint, the one the provider tells there.
_HOSTED_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-west-1": "Z1BKCTXD74EZPE",
}


def _location(context: Context) -> Mapping[str, Any]:
    if context.region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": context.region}}


def _empty_bucket(context: Context) -> None:
    if not context.inputs.get("forceDestroy"):
        return
    answer = context.look_up("ListObjectVersions", Bucket=context.id)
    objects = [
        {"Key": item["Key"], "VersionId": item["VersionId"]}
        for member in ("Versions", "DeleteMarkers")
        for item in answer.get(member) or []
    ]
    if objects:
        context.call("DeleteObjects", Bucket=context.id, Delete={"Objects": objects})


def _protect_by_default(context: Context) -> None:
    """Since April 2023 every new bucket blocks public access and encrypts with S3's own key."""
    if context.old:
        return
    for operation, configuration in (
        (
            "PutPublicAccessBlock",
            {
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                    "BlockPublicPolicy": True,
                    "RestrictPublicBuckets": True,
                }
            },
        ),
        (
            "PutBucketEncryption",
            {
                "ServerSideEncryptionConfiguration": {
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                }
            },
        ),
    ):
        context.look_up(operation, Bucket=context.id, **configuration)


def _read_ignoring_absence(context: Context, operation: str) -> Properties:
    try:
        return context.look_up(operation, Bucket=context.id)
    except ApiError as error:
        if error.not_found:
            return {}
        raise


def _change_versioning(context: Context, _creating: bool) -> Iterable[Request]:
    enabled = (context.inputs.get("versioning") or {}).get("enabled")
    status = "Enabled" if enabled else "Suspended"
    yield "PutBucketVersioning", {"Bucket": context.id, "VersioningConfiguration": {"Status": status}}


def _versioning(context: Context) -> Properties:
    status = _read_ignoring_absence(context, "GetBucketVersioning").get("Status")
    return {"versioning": {"enabled": status == "Enabled"}}


def _change_encryption(context: Context, _creating: bool) -> Iterable[Request]:
    configuration = context.inputs.get("serverSideEncryptionConfiguration")
    if configuration is None:
        yield "DeleteBucketEncryption", {"Bucket": context.id}
        return
    rule = configuration["rule"]["applyServerSideEncryptionByDefault"]
    key = {"KMSMasterKeyID": rule["kmsMasterKeyId"]} if rule.get("kmsMasterKeyId") else {}
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": rule["sseAlgorithm"], **key}}]
    yield "PutBucketEncryption", {"Bucket": context.id, "ServerSideEncryptionConfiguration": {"Rules": rules}}


_RULES = "LifecycleConfiguration.Rules"
_ENCRYPTION = "ServerSideEncryptionConfiguration.Rules"


def _import_by_bucket(context: Context) -> None:
    context.inputs["bucket"] = context.id


def _of_bucket(suffix: str, *, put: str, get: str, delete: Call | None, **more: Any) -> ResourceType:
    """A type that is one configuration of a bucket."""
    name = suffix[0].lower() + suffix[1:]
    return ResourceType(
        pulumi_type=f"aws:s3/{name}:{suffix}",
        service="s3",
        create=put,
        update=put,
        id=input_id("bucket"),
        read=Read(get, by_id("Bucket"), more.pop("select", "")),
        delete=delete,
        replace_on=frozenset({"bucket", "expectedBucketOwner"}),
        import_id=_import_by_bucket,
        **more,
    )


ROWS = (
    ResourceType(
        pulumi_type="aws:s3/bucket:Bucket",
        service="s3",
        create="CreateBucket",
        id=input_id("bucket"),
        autoname=AutoName("bucket", max_length=63, lower=True),
        fields={"forceDestroy": None},
        added=_location,
        read=Read("HeadBucket", by_id("Bucket"), lambda context, _answer: {"Name": context.id}),
        delete=delete_by("DeleteBucket", "Bucket"),
        before_delete=_empty_bucket,
        tags_after_create=True,
        defaults={"forceDestroy": False},
        replace_on=frozenset({"bucket", "bucketPrefix", "objectLockEnabled"}),
        steps=[
            Calls(("versioning",), _change_versioning, _versioning),
            Calls(("serverSideEncryptionConfiguration",), _change_encryption),
        ],
        after_update=_protect_by_default,
        not_read=frozenset({"serverSideEncryptionConfiguration"}),
        outputs={
            "arn": lambda context: f"arn:aws:s3:::{context.id}",
            "bucketDomainName": lambda context: f"{context.id}.s3.amazonaws.com",
            "bucketRegionalDomainName": lambda context: f"{context.id}.s3.{context.region}.amazonaws.com",
            "bucketRegion": lambda context: context.region,
            "hostedZoneId": lambda context: _HOSTED_ZONES.get(context.region),
        },
        import_id=_import_by_bucket,
    ),
    _of_bucket(
        "BucketPolicy",
        put="PutBucketPolicy",
        get="GetBucketPolicy",
        delete=delete_by("DeleteBucketPolicy", "Bucket"),
        fields={"policy": Field("Policy", encode=json_text, decode=json_text)},
    ),
    _of_bucket(
        "BucketPublicAccessBlock",
        put="PutPublicAccessBlock",
        get="GetPublicAccessBlock",
        delete=delete_by("DeletePublicAccessBlock", "Bucket"),
        select="",
        fields={
            name: f"PublicAccessBlockConfiguration.{name[0].upper()}{name[1:]}"
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        }
        | {"skipDestroy": None},
        defaults={
            "blockPublicAcls": False,
            "blockPublicPolicy": False,
            "ignorePublicAcls": False,
            "restrictPublicBuckets": False,
        },
        kept_by="skipDestroy",
    ),
    _of_bucket(
        "BucketVersioning",
        put="PutBucketVersioning",
        get="GetBucketVersioning",
        # A bucket that once had versions can only be suspended.
        delete=Call(
            "PutBucketVersioning",
            lambda context: {"Bucket": context.id, "VersioningConfiguration": {"Status": "Suspended"}},
        ),
        fields={
            "versioningConfiguration": "VersioningConfiguration",
            "versioningConfiguration.status": Field("Status"),
            "versioningConfiguration.mfaDelete": "MFADelete",
        },
        not_read=frozenset({"versioningConfiguration"}),
    ),
    _of_bucket(
        "BucketOwnershipControls",
        put="PutBucketOwnershipControls",
        get="GetBucketOwnershipControls",
        delete=delete_by("DeleteBucketOwnershipControls", "Bucket"),
        fields={"rule": "OwnershipControls.Rules"},
    ),
    _of_bucket(
        "BucketServerSideEncryptionConfiguration",
        put="PutBucketEncryption",
        get="GetBucketEncryption",
        delete=delete_by("DeleteBucketEncryption", "Bucket"),
        fields={
            "rules": _ENCRYPTION,
            "rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": "KMSMasterKeyID",
            "rules.applyServerSideEncryptionByDefault.sseAlgorithm": "SSEAlgorithm",
        },
    ),
    _of_bucket(
        "BucketLifecycleConfiguration",
        put="PutBucketLifecycleConfiguration",
        get="GetBucketLifecycleConfiguration",
        delete=delete_by("DeleteBucketLifecycle", "Bucket"),
        fields={
            "rules": Field(_RULES, read="Rules"),
            "rules.id": "ID",
        },
        defaults={"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
        not_read=frozenset({"transitionDefaultMinimumObjectSize"}),
    ),
)
