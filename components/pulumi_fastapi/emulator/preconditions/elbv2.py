"""Load balancers, their listeners and targets."""

import re

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.values import Properties


@before("elbv2:CreateLoadBalancer")
def _load_balancer(api: Api, region: str, params: Properties) -> None:
    taken = find(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region, Names=[params["Name"]])
    if taken:
        raise ApiError(
            "elbv2",
            "CreateLoadBalancer",
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{params['Name']}' exists, but with different settings",
        )
    ids = params.get("Subnets") or [mapping["SubnetId"] for mapping in params.get("SubnetMappings") or []]
    _two_zones(api, region, "CreateLoadBalancer", params.get("Type", "application"), ids)
    groups = params.get("SecurityGroups") or []
    _groups_exist(api, region, "CreateLoadBalancer", groups)
    _groups_in_network(api, region, ids, groups)
    if params.get("Scheme") != "internal":
        _way_to_the_internet(api, region, ids)


@before("elbv2:SetSubnets")
def _set_subnets(api: Api, region: str, params: Properties) -> None:
    _two_zones(api, region, "SetSubnets", "application", params.get("Subnets") or [])


def _two_zones(api: Api, region: str, operation: str, kind: str, ids: list[str]) -> None:
    subnets = find(api, "ec2", "DescribeSubnets", "Subnets", region, SubnetIds=ids) if ids else []
    zones = [subnet["AvailabilityZone"] for subnet in subnets]
    if kind == "application" and len(set(zones)) < 2:
        raise ApiError(
            "elbv2",
            operation,
            "ValidationError",
            "At least two subnets in two different Availability Zones must be specified",
        )
    if len(zones) != len(set(zones)):
        raise ApiError(
            "elbv2",
            operation,
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )


def _groups_exist(api: Api, region: str, operation: str, ids: list[str]) -> None:
    for id in ids:
        if not find(api, "ec2", "DescribeSecurityGroups", "SecurityGroups", region, GroupIds=[id]):
            raise ApiError("elbv2", operation, "InvalidSecurityGroup", f"The security group '{id}' does not exist")


def _groups_in_network(api: Api, region: str, subnets: list[str], groups: list[str]) -> None:
    networks = {
        item["VpcId"]
        for operation, path, key, ids in (
            ("DescribeSubnets", "Subnets", "SubnetIds", subnets),
            ("DescribeSecurityGroups", "SecurityGroups", "GroupIds", groups),
        )
        if ids
        for item in find(api, "ec2", operation, path, region, **{key: ids})
    }
    if len(networks) > 1:
        raise ApiError(
            "elbv2",
            "CreateLoadBalancer",
            "InvalidConfigurationRequest",
            "One or more security groups are invalid: they belong to another VPC than the subnets",
        )


@before("elbv2:ModifyLoadBalancerAttributes")
def _access_logs(api: Api, region: str, params: Properties) -> None:
    """The balancer writes a test file: the bucket has to be there, and let it."""
    attributes = {item["Key"]: item["Value"] for item in params["Attributes"]}
    bucket = attributes.get("access_logs.s3.bucket")
    if not bucket or attributes.get("access_logs.s3.enabled") != "true":
        return
    try:
        policy = api.look_up("s3", "GetBucketPolicy", {"Bucket": bucket}, region)["Policy"]
    except ApiError as error:
        if error.code == "NoSuchBucket":
            raise ApiError(
                "elbv2",
                "ModifyLoadBalancerAttributes",
                "InvalidConfigurationRequest",
                f"Access logs bucket {bucket} does not exist",
            ) from None
        policy = ""
    if not re.search(r"elasticloadbalancing\.amazonaws\.com|arn:aws[\w-]*:iam::\d{12}:root|\"\d{12}\"", policy):
        raise ApiError(
            "elbv2",
            "ModifyLoadBalancerAttributes",
            "InvalidConfigurationRequest",
            f"Access Denied for bucket: {bucket}. Please check S3bucket permission",
        )


def _way_to_the_internet(api: Api, region: str, ids: list[str]) -> None:
    subnets = find(api, "ec2", "DescribeSubnets", "Subnets", region, SubnetIds=ids) if ids else []
    for vpc in {subnet["VpcId"] for subnet in subnets}:
        filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
        if not find(api, "ec2", "DescribeInternetGateways", "InternetGateways", region, Filters=filters):
            raise ApiError("elbv2", "CreateLoadBalancer", "InvalidSubnet", f"VPC {vpc} has no internet gateway")


@before("elbv2:DeleteLoadBalancer")
def _protected_load_balancer(api: Api, region: str, params: Properties) -> None:
    arn = params["LoadBalancerArn"]
    attributes = find(api, "elbv2", "DescribeLoadBalancerAttributes", "Attributes", region, LoadBalancerArn=arn)
    if {"Key": "deletion_protection.enabled", "Value": "true"} in attributes:
        raise ApiError(
            "elbv2",
            "DeleteLoadBalancer",
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )


@before("elbv2:CreateTargetGroup")
def _target_group(api: Api, region: str, params: Properties) -> None:
    if find(api, "elbv2", "DescribeTargetGroups", "TargetGroups", region, Names=[params["Name"]]):
        raise ApiError(
            "elbv2",
            "CreateTargetGroup",
            "DuplicateTargetGroupName",
            f"A target group with the same name '{params['Name']}' exists, but with different settings",
        )


@before("elbv2:RegisterTargets")
def _targets(api: Api, region: str, params: Properties) -> None:
    """The balancer asks the function's policy before it takes the function for a target."""
    group = params["TargetGroupArn"]
    groups = find(api, "elbv2", "DescribeTargetGroups", "TargetGroups", region, TargetGroupArns=[group])
    if not groups or groups[0]["TargetType"] != "lambda":
        return
    for target in params["Targets"]:
        _, _, rest = target["Id"].partition(":function:")
        name, _, qualifier = rest.partition(":")
        query = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
        try:
            policy = api.look_up("lambda", "GetPolicy", query, region)["Policy"]
        except ApiError:
            policy = ""
        if "elasticloadbalancing.amazonaws.com" not in policy:
            raise ApiError(
                "elbv2",
                "RegisterTargets",
                "AccessDenied",
                f"elasticloadbalancing principal does not have permission to invoke {target['Id']} from target group "
                f"{group}",
                403,
            )


@before("elbv2:DeleteTargetGroup")
def _target_group_in_use(api: Api, region: str, params: Properties) -> None:
    arn = params["TargetGroupArn"]
    groups = find(api, "elbv2", "DescribeTargetGroups", "TargetGroups", region, TargetGroupArns=[arn])
    if groups and uses_of(api, region, arn):
        raise ApiError(
            "elbv2",
            "DeleteTargetGroup",
            "ResourceInUse",
            f"Target group '{arn}' is currently in use by a listener or a rule",
        )


def uses_of(api: Api, region: str, target_group: str) -> bool:
    for balancer in find(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region):
        arn = balancer["LoadBalancerArn"]
        for listener in find(api, "elbv2", "DescribeListeners", "Listeners", region, LoadBalancerArn=arn):
            if _forwards_to(listener["DefaultActions"], target_group):
                return True
            rules = find(api, "elbv2", "DescribeRules", "Rules", region, ListenerArn=listener["ListenerArn"])
            if any(_forwards_to(rule["Actions"], target_group) for rule in rules):
                return True
    return False


def _forwards_to(actions: list[Properties], target_group: str) -> bool:
    return any(
        target_group == action.get("TargetGroupArn")
        or any(
            target_group == group["TargetGroupArn"]
            for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or []
        )
        for action in actions
    )


@before("elbv2:CreateListener")
def _listener(api: Api, region: str, params: Properties) -> None:
    others = find(api, "elbv2", "DescribeListeners", "Listeners", region, LoadBalancerArn=params["LoadBalancerArn"])
    if any(other["Port"] == params.get("Port") for other in others):
        raise ApiError(
            "elbv2",
            "CreateListener",
            "DuplicateListener",
            f"A listener already exists on this port for this load balancer '{params['LoadBalancerArn']}'",
        )
