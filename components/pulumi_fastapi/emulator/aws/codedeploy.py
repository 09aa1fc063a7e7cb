"""Applications and how CodeDeploy moves their traffic."""

from collections.abc import Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, by_input, delete_by, input_id
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import EVERYTHING, AutoName, Call, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

_ROUTING = "trafficRoutingConfig"


def _named(names: list[str]) -> list[Properties]:
    return [{"name": name} for name in names]


def _names(items: list[Properties]) -> list[str]:
    return [item["name"] for item in items]


def _tag_sets(sets: list[Properties]) -> Properties:
    filters = [
        [{key.capitalize(): value for key, value in each.items()} for each in item["ec2TagFilters"]] for item in sets
    ]
    return {"ec2TagSetList": filters}


def _import_application(context: Context) -> None:
    """By name; the ID has AWS's own in front."""
    context.inputs["name"] = name = context.id
    answer = context.look_up("GetApplication", applicationName=name)
    context.id = f"{answer['application']['applicationId']}:{name}"


def _import_group(context: Context) -> None:
    """`application:group`."""
    application, group = context.id.split(":", 1)
    context.inputs.update({"appName": application, "deploymentGroupName": group})
    answer = context.look_up("GetDeploymentGroup", applicationName=application, deploymentGroupName=group)
    context.id = answer["deploymentGroupInfo"]["deploymentGroupId"]


def _group_arn(context: Context) -> str:
    return context.arn(f"deploymentgroup:{context.inputs['appName']}/{context.inputs['deploymentGroupName']}")


def _current(context: Context) -> Mapping[str, Any]:
    return {"currentDeploymentGroupName": context.inputs["deploymentGroupName"]}


_group_key = by_input(applicationName="appName", deploymentGroupName="deploymentGroupName")

ROWS = (
    ResourceType(
        pulumi_type="aws:codedeploy/application:Application",
        service="codedeploy",
        create="CreateApplication",
        id=lambda context: f"{context.created['applicationId']}:{context.inputs['name']}",
        autoname=AutoName(max_length=100),
        fields={"name": "applicationName"},
        read=Read("GetApplication", by_input(applicationName="name"), "application"),
        delete=Call("DeleteApplication", by_input(applicationName="name")),
        defaults={"computePlatform": "Server"},
        replace_on=frozenset({"name", "computePlatform"}),
        outputs={
            "arn": lambda context: context.arn(f"application:{context.inputs['name']}"),
            "applicationId": "applicationId",
        },
        import_id=_import_application,
    ),
    ResourceType(
        pulumi_type="aws:codedeploy/deploymentGroup:DeploymentGroup",
        service="codedeploy",
        create="CreateDeploymentGroup",
        update="UpdateDeploymentGroup",
        update_key=_current,
        id="deploymentGroupId",
        fields={
            "appName": "applicationName",
            "alarmConfiguration.alarms": Field("alarms", encode=_named, decode=_names),
            "blueGreenDeploymentConfig": "blueGreenDeploymentConfiguration",
            "ec2TagSets": Field("ec2TagSet", encode=_tag_sets),
        },
        read=Read("GetDeploymentGroup", _group_key, "deploymentGroupInfo"),
        delete=Call("DeleteDeploymentGroup", _group_key),
        defaults={"deploymentConfigName": "CodeDeployDefault.OneAtATime"},
        replace_on=frozenset({"appName", "deploymentGroupName"}),
        outputs={
            "arn": _group_arn,
            "computePlatform": "computePlatform",
            "deploymentGroupId": "deploymentGroupId",
        },
        import_id=_import_group,
    ),
    ResourceType(
        pulumi_type="aws:codedeploy/deploymentConfig:DeploymentConfig",
        service="codedeploy",
        create="CreateDeploymentConfig",
        id=input_id("deploymentConfigName"),
        autoname=AutoName("deploymentConfigName", max_length=100),
        fields={
            f"{_ROUTING}.timeBasedCanary.interval": "canaryInterval",
            f"{_ROUTING}.timeBasedCanary.percentage": "canaryPercentage",
            f"{_ROUTING}.timeBasedLinear.interval": "linearInterval",
            f"{_ROUTING}.timeBasedLinear.percentage": "linearPercentage",
        },
        read=Read("GetDeploymentConfig", by_id("deploymentConfigName"), "deploymentConfigInfo"),
        delete=delete_by("DeleteDeploymentConfig", "deploymentConfigName"),
        defaults={"computePlatform": "Server"},
        replace_on=EVERYTHING,
        outputs={
            "arn": lambda context: context.arn(f"deploymentconfig:{context.id}"),
            "deploymentConfigId": "deploymentConfigId",
        },
    ),
)
