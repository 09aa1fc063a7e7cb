"""ECS clusters, task definitions and services."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.api import WaitError
from pulumi_fastapi.emulator.aws.common import delete_by, number
from pulumi_fastapi.emulator.ecs_tasks import fail_deployment
from pulumi_fastapi.emulator.mapping import Field, json_value
from pulumi_fastapi.emulator.resource import EVERYTHING, AutoName, Call, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

DEPLOYMENT = "Deployment"
"""Pseudo-operation whose faults decide what becomes of a service's deployment."""


def _inactive(live: Properties) -> bool:
    return live.get("status") == "INACTIVE"


def _import_cluster(context: Context) -> None:
    if not context.id.startswith("arn:"):
        context.id = context.arn(f"cluster/{context.id}")


def _import_service(context: Context) -> None:
    """`cluster/service`, or the service's ARN."""
    cluster, name = context.id.split("/")[-2:]
    context.inputs.update({"cluster": context.arn(f"cluster/{cluster}"), "name": name})
    context.id = context.arn(f"service/{cluster}/{name}")


def _import_task_definition(context: Context) -> None:
    context.old["arn"] = context.id
    context.id = context.id.split("/")[-1].rsplit(":", 1)[0]


def _task_definition(context: Context) -> str:
    return str(
        context.created.get("taskDefinition", {}).get("taskDefinitionArn") or context.old.get("arn") or context.id
    )


def _deregister(context: Context) -> Mapping[str, Any]:
    return {"taskDefinition": context.old["arn"]}


def _service_key(context: Context) -> Mapping[str, Any]:
    return {"cluster": context.inputs["cluster"], "service": context.id}


def _cluster_of(context: Context) -> str:
    return str(context.inputs.get("cluster") or "default")


def _finish_deployment(context: Context) -> None:
    """Let the deployment end as an injected fault says; without one it succeeds at once.

    The texts of the failures are the emulator's own where AWS would give the status reason of the deployment.
    """
    fault = context.api.strike("ecs", DEPLOYMENT, context.name)
    if fault is None or fault.effect is None:
        _shift_traffic(context)
        return
    fail_deployment(
        context.region,
        _cluster_of(context),
        context.id.split("/")[-1],
        _network(context),
        fault,
    )
    verb = "update" if context.old else "create"
    waits = bool(context.inputs.get("waitForSteadyState"))
    if fault.effect == "timeout":
        if waits:
            raise WaitError(
                f"waiting for ECS Service ({context.id}) {verb}: timeout while waiting for state to become 'tfSTABLE' "
                "(last state: 'tfPENDING', timeout: 20m0s)"
            )
        return
    if context.old.get("taskDefinition"):
        context.look_up("UpdateService", **_service_key(context), taskDefinition=context.old["taskDefinition"])
    if waits and fault.effect == "rollback":
        raise WaitError(
            f"waiting for ECS Service ({context.id}) {verb}: ECS deployment circuit breaker was triggered: "
            "the deployment was rolled back"
        )


def _network(context: Context) -> Mapping[str, Any]:
    given = context.inputs.get("networkConfiguration") or {}
    return {
        "awsvpcConfiguration": {
            "subnets": list(given.get("subnets") or []),
            "securityGroups": list(given.get("securityGroups") or []),
            "assignPublicIp": "ENABLED" if given.get("assignPublicIp") else "DISABLED",
        }
    }


def _shift_traffic(context: Context) -> None:
    """What ECS does to the listener rule in all strategies but ROLLING: the other target group gets the traffic."""
    strategy = (context.inputs.get("deploymentConfiguration") or {}).get("strategy", "ROLLING")
    if strategy == "ROLLING" or not context.old:
        return
    for balancer in context.inputs.get("loadBalancers") or []:
        advanced = balancer.get("advancedConfiguration")
        if not advanced:
            continue
        groups = [balancer["targetGroupArn"], advanced["alternateTargetGroupArn"]]
        rule_arn = advanced["productionListenerRule"]
        (rule,) = context.api.look_up("elbv2", "DescribeRules", {"RuleArns": [rule_arn]}, context.region)["Rules"]
        (action,) = rule["Actions"]
        weights = {
            group["TargetGroupArn"]: group.get("Weight", 1)
            for group in action.get("ForwardConfig", {}).get("TargetGroups") or []
        } or {action["TargetGroupArn"]: 1}
        live = max(weights, key=lambda arn: weights[arn])
        moved = [{"TargetGroupArn": group, "Weight": 0 if group == live else 100} for group in groups]
        actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": moved}}]
        context.api.look_up("elbv2", "ModifyRule", {"RuleArn": rule_arn, "Actions": actions}, context.region)


def _task_definition_in_use(context: Context) -> str | None:
    """The service's revision, written as the program wrote it: an ARN or `family:revision`."""
    live = context.live.get("taskDefinition")
    given = context.inputs.get("taskDefinition")
    if isinstance(live, str) and isinstance(given, str) and not given.startswith("arn:"):
        short = live.split("/")[-1]
        return short if ":" in given else short.rsplit(":", 1)[0]
    return live


def _put_providers(context: Context, providers: Iterable[str], strategy: list[Any]) -> Mapping[str, Any]:
    return {"cluster": context.id, "capacityProviders": list(providers), "defaultCapacityProviderStrategy": strategy}


def _providers_extra(context: Context) -> Mapping[str, Any]:
    """Both lists have to be sent, empty or not."""
    missing: dict[str, Any] = {}
    if not context.inputs.get("capacityProviders"):
        missing["capacityProviders"] = []
    if not context.inputs.get("defaultCapacityProviderStrategies"):
        missing["defaultCapacityProviderStrategy"] = []
    return missing


def _forced(context: Context) -> Mapping[str, Any]:
    forced = context.id and context.inputs.get("forceNewDeployment")
    return {"forceNewDeployment": True} if forced else {}


ROWS = (
    ResourceType(
        pulumi_type="aws:ecs/cluster:Cluster",
        service="ecs",
        create="CreateCluster",
        update="UpdateCluster",
        update_key=lambda context: {"cluster": context.id},
        id="cluster.clusterArn",
        autoname=AutoName(max_length=255),
        fields={"name": "clusterName"},
        read=Read(
            "DescribeClusters",
            lambda context: {"clusters": [context.id], "include": ["TAGS", "SETTINGS", "CONFIGURATIONS"]},
            "clusters[0]",
            _inactive,
        ),
        delete=delete_by("DeleteCluster", "cluster"),
        replace_on=frozenset({"name"}),
        outputs={"arn": "clusterArn"},
        import_id=_import_cluster,
    ),
    ResourceType(
        pulumi_type="aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        service="ecs",
        create="PutClusterCapacityProviders",
        update="PutClusterCapacityProviders",
        id=lambda context: str(context.inputs["clusterName"]),
        fields={"clusterName": "cluster"},
        added=_providers_extra,
        read=Read("DescribeClusters", lambda context: {"clusters": [context.id]}, "clusters[0]", _inactive),
        delete=Call("PutClusterCapacityProviders", lambda context: _put_providers(context, [], [])),
        not_read=frozenset({"clusterName"}),
        replace_on=frozenset({"clusterName"}),
        import_id=lambda context: context.inputs.update({"clusterName": context.id}),
    ),
    ResourceType(
        pulumi_type="aws:ecs/taskDefinition:TaskDefinition",
        service="ecs",
        create="RegisterTaskDefinition",
        id=lambda context: str(context.inputs["family"]),
        fields={
            "containerDefinitions": Field("containerDefinitions", encode=json_value, decode=json.dumps),
            "volumes.hostPath": "host.sourcePath",
            "volumes.configureAtLaunch": "configuredAtLaunch",
            "skipDestroy": None,
            "trackLatest": None,
        },
        read=Read(
            "DescribeTaskDefinition",
            lambda context: {"taskDefinition": _task_definition(context), "include": ["TAGS"]},
            "taskDefinition",
            _inactive,
        ),
        delete=Call("DeregisterTaskDefinition", _deregister),
        kept_by="skipDestroy",
        # moto forgets it.
        not_read=frozenset({"enableFaultInjection", "containerDefinitions"}),
        defaults={"skipDestroy": False, "trackLatest": False},
        replace_on=EVERYTHING,
        keep_on=frozenset({"skipDestroy", "trackLatest"}),
        outputs={
            "arn": "taskDefinitionArn",
            "revision": number("revision"),
            "arnWithoutRevision": lambda context: context.live["taskDefinitionArn"].rsplit(":", 1)[0],
        },
        import_id=_import_task_definition,
    ),
    ResourceType(
        pulumi_type="aws:ecs/service:Service",
        service="ecs",
        create="CreateService",
        update="UpdateService",
        update_key=_service_key,
        id="service.serviceArn",
        autoname=AutoName(max_length=255),
        fields={
            "name": "serviceName",
            "iamRole": "role",
            "deploymentMaximumPercent": "deploymentConfiguration.maximumPercent",
            "deploymentMinimumHealthyPercent": "deploymentConfiguration.minimumHealthyPercent",
            "deploymentCircuitBreaker": "deploymentConfiguration.deploymentCircuitBreaker",
            "alarms": "deploymentConfiguration.alarms",
            "deploymentConfiguration": "deploymentConfiguration",
            "networkConfiguration": "networkConfiguration.awsvpcConfiguration",
            "networkConfiguration.assignPublicIp": Field(
                "assignPublicIp",
                encode=lambda public: "ENABLED" if public else "DISABLED",
                decode=lambda text: text == "ENABLED",
            ),
            "loadBalancers.elbName": "loadBalancerName",
            "orderedPlacementStrategies": "placementStrategy",
            "forceDelete": None,
            "forceNewDeployment": None,
            "sigintRollback": None,
            "triggers": None,
            "waitForSteadyState": None,
        },
        added=_forced,
        read=Read(
            "DescribeServices",
            lambda context: {"cluster": _cluster_of(context), "services": [context.id], "include": ["TAGS"]},
            "services[0]",
            _inactive,
        ),
        delete=Call("DeleteService", lambda context: {**_service_key(context), "force": True}),
        defaults={
            "desiredCount": 0.0,
            "deploymentMaximumPercent": 200.0,
            "deploymentMinimumHealthyPercent": 100.0,
            "enableEcsManagedTags": False,
            "enableExecuteCommand": False,
            "healthCheckGracePeriodSeconds": 0.0,
            "propagateTags": "NONE",
            "schedulingStrategy": "REPLICA",
            "waitForSteadyState": False,
        },
        replace_on=frozenset({"cluster", "name", "schedulingStrategy", "iamRole", "launchType"}),
        not_read=frozenset({"cluster", "taskDefinition", "serviceConnectConfiguration", "volumeConfiguration"}),
        after_update=_finish_deployment,
        outputs={"arn": "serviceArn", "taskDefinition": _task_definition_in_use},
        import_id=_import_service,
    ),
)
