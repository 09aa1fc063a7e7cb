"""Scalable targets and scaling policies."""

from pulumi_fastapi.emulator.aws.common import by_input, input_id, pick
from pulumi_fastapi.emulator.mapping import dig
from pulumi_fastapi.emulator.resource import AutoName, Call, Context, Read, ResourceType

_TARGET = {
    "ServiceNamespace": "serviceNamespace",
    "ResourceId": "resourceId",
    "ScalableDimension": "scalableDimension",
}
_IDENTITY = frozenset(_TARGET.values())


def _import_target(context: Context) -> None:
    """`namespace/resource/dimension`, where the resource has slashes of its own."""
    namespace, rest = context.id.split("/", 1)
    resource, dimension = rest.rsplit("/", 1)
    context.inputs.update({"serviceNamespace": namespace, "resourceId": resource, "scalableDimension": dimension})
    context.id = resource


def _import_policy(context: Context) -> None:
    """`namespace/resource/dimension/policy`."""
    target, name = context.id.rsplit("/", 1)
    context.id = target
    _import_target(context)
    context.inputs["name"] = context.id = name


ROWS = (
    ResourceType(
        pulumi_type="aws:appautoscaling/target:Target",
        service="application-autoscaling",
        create="RegisterScalableTarget",
        update="RegisterScalableTarget",
        id=input_id("resourceId"),
        fields={"roleArn": "RoleARN"},
        read=Read(
            "DescribeScalableTargets",
            lambda context: {
                "ServiceNamespace": context.inputs["serviceNamespace"],
                "ResourceIds": [context.inputs["resourceId"]],
            },
            "ScalableTargets[0]",
        ),
        delete=Call("DeregisterScalableTarget", by_input(**_TARGET)),
        replace_on=_IDENTITY,
        outputs={"arn": "ScalableTargetARN", "roleArn": "RoleARN"},
        import_id=_import_target,
    ),
    ResourceType(
        pulumi_type="aws:appautoscaling/policy:Policy",
        service="application-autoscaling",
        create="PutScalingPolicy",
        update="PutScalingPolicy",
        id=input_id("name"),
        autoname=AutoName(max_length=255),
        fields={"name": "PolicyName"},
        read=Read(
            "DescribeScalingPolicies",
            lambda context: {
                "ServiceNamespace": context.inputs["serviceNamespace"],
                "ResourceId": context.inputs["resourceId"],
                "PolicyNames": [context.inputs["name"]],
            },
            # moto answers with every policy of the target.
            pick("ScalingPolicies", lambda context, policy: policy["PolicyName"] == context.inputs["name"]),
        ),
        delete=Call("DeleteScalingPolicy", by_input(PolicyName="name", **_TARGET)),
        defaults={"policyType": "StepScaling"},
        replace_on=_IDENTITY | {"name"},
        outputs={
            "arn": "PolicyARN",
            "alarmArns": lambda context: [alarm["AlarmARN"] for alarm in dig(context.live, "Alarms") or []],
        },
        import_id=_import_policy,
    ),
)
