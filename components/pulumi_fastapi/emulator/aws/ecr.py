"""Image repositories."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, delete_by
from pulumi_fastapi.emulator.mapping import Field, json_text
from pulumi_fastapi.emulator.resource import AutoName, Call, Calls, Context, Read, ResourceType

Request = tuple[str, Mapping[str, Any]]


def _change_mutability(context: Context, _creating: bool) -> Iterable[Request]:
    yield (
        "PutImageTagMutability",
        {"repositoryName": context.id, "imageTagMutability": context.inputs["imageTagMutability"]},
    )


def _change_scanning(context: Context, _creating: bool) -> Iterable[Request]:
    scanning = context.inputs.get("imageScanningConfiguration") or {}
    yield (
        "PutImageScanningConfiguration",
        {
            "repositoryName": context.id,
            "imageScanningConfiguration": {"scanOnPush": bool(scanning.get("scanOnPush"))},
        },
    )


def _import_by_repository(context: Context) -> None:
    context.inputs["repository"] = context.id


ROWS = (
    ResourceType(
        pulumi_type="aws:ecr/repository:Repository",
        service="ecr",
        create="CreateRepository",
        id="repository.repositoryName",
        autoname=AutoName(max_length=256, lower=True),
        fields={
            "name": "repositoryName",
            "encryptionConfigurations": "encryptionConfiguration",
            "forceDelete": None,
        },
        read=Read("DescribeRepositories", lambda context: {"repositoryNames": [context.id]}, "repositories[0]"),
        delete=Call(
            "DeleteRepository",
            lambda context: {"repositoryName": context.id, "force": bool(context.inputs.get("forceDelete"))},
        ),
        defaults={"imageTagMutability": "MUTABLE"},
        replace_on=frozenset({"name", "encryptionConfigurations"}),
        steps=[
            Calls(("imageTagMutability",), _change_mutability, updates_only=True),
            Calls(("imageScanningConfiguration",), _change_scanning, updates_only=True),
        ],
        outputs={"arn": "repositoryArn", "repositoryUrl": "repositoryUri", "registryId": "registryId"},
    ),
    ResourceType(
        pulumi_type="aws:ecr/lifecyclePolicy:LifecyclePolicy",
        service="ecr",
        create="PutLifecyclePolicy",
        id=lambda context: str(context.inputs["repository"]),
        fields={
            "policy": Field("lifecyclePolicyText", encode=json_text, decode=json_text),
            "repository": "repositoryName",
        },
        read=Read("GetLifecyclePolicy", by_id("repositoryName")),
        delete=delete_by("DeleteLifecyclePolicy", "repositoryName"),
        replace_on=frozenset({"repository", "policy"}),
        delete_before_replace=True,
        outputs={"registryId": "registryId"},
        import_id=_import_by_repository,
    ),
    ResourceType(
        pulumi_type="aws:ecr/repositoryPolicy:RepositoryPolicy",
        service="ecr",
        create="SetRepositoryPolicy",
        update="SetRepositoryPolicy",
        id=lambda context: str(context.inputs["repository"]),
        fields={
            "policy": Field("policyText", encode=json_text, decode=json_text),
            "repository": "repositoryName",
        },
        read=Read("GetRepositoryPolicy", by_id("repositoryName")),
        delete=delete_by("DeleteRepositoryPolicy", "repositoryName"),
        replace_on=frozenset({"repository"}),
        outputs={"registryId": "registryId"},
        import_id=_import_by_repository,
    ),
)
