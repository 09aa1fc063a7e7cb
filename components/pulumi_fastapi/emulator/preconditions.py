"""Rules about the state of the account that AWS enforces and moto does not, by API operation."""

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from pulumi_fastapi.emulator.api import Api, ApiError, Precondition
from pulumi_fastapi.emulator.invokes import MANAGED_POLICIES
from pulumi_fastapi.emulator.values import Properties

_CHECKS: dict[str, Precondition] = {}


def _before(*operations: str) -> Callable[[Precondition], Precondition]:
    def register(check: Precondition) -> Precondition:
        for operation in operations:
            _CHECKS[operation] = check
        return check

    return register


def _found(api: Api, service: str, operation: str, path: str, region: str, **params: Any) -> list[Properties]:
    """The items of a describe call; none when what is asked about does not exist (the call itself then says so)."""
    try:
        answer = api.look_up(service, operation, params, region)
    except ApiError as error:
        if error.not_found or "NotFound" in error.code or "Malformed" in error.code:
            return []
        raise
    items: list[Properties] = answer[path]
    return items


# ------------------------------------------------------------------------------------------------------- load balancers
@_before("elbv2:CreateLoadBalancer")
def _load_balancer(api: Api, region: str, params: Properties) -> None:
    taken = _found(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region, Names=[params["Name"]])
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


@_before("elbv2:SetSubnets")
def _set_subnets(api: Api, region: str, params: Properties) -> None:
    _two_zones(api, region, "SetSubnets", "application", params.get("Subnets") or [])


def _two_zones(api: Api, region: str, operation: str, kind: str, ids: list[str]) -> None:
    subnets = _found(api, "ec2", "DescribeSubnets", "Subnets", region, SubnetIds=ids) if ids else []
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
        if not _found(api, "ec2", "DescribeSecurityGroups", "SecurityGroups", region, GroupIds=[id]):
            raise ApiError("elbv2", operation, "InvalidSecurityGroup", f"The security group '{id}' does not exist")


def _groups_in_network(api: Api, region: str, subnets: list[str], groups: list[str]) -> None:
    networks = {
        item["VpcId"]
        for operation, path, key, ids in (
            ("DescribeSubnets", "Subnets", "SubnetIds", subnets),
            ("DescribeSecurityGroups", "SecurityGroups", "GroupIds", groups),
        )
        if ids
        for item in _found(api, "ec2", operation, path, region, **{key: ids})
    }
    if len(networks) > 1:
        raise ApiError(
            "elbv2",
            "CreateLoadBalancer",
            "InvalidConfigurationRequest",
            "One or more security groups are invalid: they belong to another VPC than the subnets",
        )


@_before("elbv2:ModifyLoadBalancerAttributes")
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
    subnets = _found(api, "ec2", "DescribeSubnets", "Subnets", region, SubnetIds=ids) if ids else []
    for vpc in {subnet["VpcId"] for subnet in subnets}:
        filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
        if not _found(api, "ec2", "DescribeInternetGateways", "InternetGateways", region, Filters=filters):
            raise ApiError("elbv2", "CreateLoadBalancer", "InvalidSubnet", f"VPC {vpc} has no internet gateway")


@_before("elbv2:DeleteLoadBalancer")
def _protected_load_balancer(api: Api, region: str, params: Properties) -> None:
    arn = params["LoadBalancerArn"]
    attributes = _found(api, "elbv2", "DescribeLoadBalancerAttributes", "Attributes", region, LoadBalancerArn=arn)
    if {"Key": "deletion_protection.enabled", "Value": "true"} in attributes:
        raise ApiError(
            "elbv2",
            "DeleteLoadBalancer",
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )


@_before("elbv2:CreateTargetGroup")
def _target_group(api: Api, region: str, params: Properties) -> None:
    if _found(api, "elbv2", "DescribeTargetGroups", "TargetGroups", region, Names=[params["Name"]]):
        raise ApiError(
            "elbv2",
            "CreateTargetGroup",
            "DuplicateTargetGroupName",
            f"A target group with the same name '{params['Name']}' exists, but with different settings",
        )


@_before("elbv2:RegisterTargets")
def _targets(api: Api, region: str, params: Properties) -> None:
    """The balancer asks the function's policy before it takes the function for a target."""
    group = params["TargetGroupArn"]
    groups = _found(api, "elbv2", "DescribeTargetGroups", "TargetGroups", region, TargetGroupArns=[group])
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


@_before("elbv2:DeleteTargetGroup")
def _target_group_in_use(api: Api, region: str, params: Properties) -> None:
    arn = params["TargetGroupArn"]
    groups = _found(api, "elbv2", "DescribeTargetGroups", "TargetGroups", region, TargetGroupArns=[arn])
    if groups and _uses_of(api, region, arn):
        raise ApiError(
            "elbv2",
            "DeleteTargetGroup",
            "ResourceInUse",
            f"Target group '{arn}' is currently in use by a listener or a rule",
        )


def _uses_of(api: Api, region: str, target_group: str) -> bool:
    for balancer in _found(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region):
        arn = balancer["LoadBalancerArn"]
        for listener in _found(api, "elbv2", "DescribeListeners", "Listeners", region, LoadBalancerArn=arn):
            if _forwards_to(listener["DefaultActions"], target_group):
                return True
            rules = _found(api, "elbv2", "DescribeRules", "Rules", region, ListenerArn=listener["ListenerArn"])
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


@_before("elbv2:CreateListener")
def _listener(api: Api, region: str, params: Properties) -> None:
    others = _found(api, "elbv2", "DescribeListeners", "Listeners", region, LoadBalancerArn=params["LoadBalancerArn"])
    if any(other["Port"] == params.get("Port") for other in others):
        raise ApiError(
            "elbv2",
            "CreateListener",
            "DuplicateListener",
            f"A listener already exists on this port for this load balancer '{params['LoadBalancerArn']}'",
        )


# ----------------------------------------------------------------------------------------------------------------- ECS
@_before("ecs:CreateService")
def _service(api: Api, region: str, params: Properties) -> None:
    cluster = params.get("cluster", "default")
    services = _found(
        api, "ecs", "DescribeServices", "services", region, cluster=cluster, services=[params["serviceName"]]
    )
    if any(service["status"] == "ACTIVE" for service in services):
        raise ApiError("ecs", "CreateService", "InvalidParameterException", "Creation of service was not idempotent.")
    _service_targets(api, region, "CreateService", params)


@_before("ecs:UpdateService")
def _service_update(api: Api, region: str, params: Properties) -> None:
    _service_targets(api, region, "UpdateService", params)


def _service_targets(api: Api, region: str, operation: str, params: Properties) -> None:
    definition = _task_definition(api, region, params.get("taskDefinition"))
    for balancer in params.get("loadBalancers") or []:
        arn = balancer.get("targetGroupArn")
        if arn:
            _attached(api, region, operation, arn)
        if definition is not None:
            _container_exists(operation, definition, balancer)
    if definition is not None and definition.get("networkMode") == "awsvpc" and operation == "CreateService":
        _network_given(operation, params)


def _task_definition(api: Api, region: str, name: Any) -> Properties | None:
    if not isinstance(name, str):
        return None
    try:
        definition: Properties = api.look_up("ecs", "DescribeTaskDefinition", {"taskDefinition": name}, region)[
            "taskDefinition"
        ]
    except ApiError:
        return None  # the call itself says so
    return definition


def _attached(api: Api, region: str, operation: str, arn: str) -> None:
    if not _found(api, "elbv2", "DescribeTargetGroups", "TargetGroups", region, TargetGroupArns=[arn]):
        raise ApiError("ecs", operation, "InvalidParameterException", f"The target group {arn} does not exist.")
    if not _uses_of(api, region, arn):
        raise ApiError(
            "ecs",
            operation,
            "InvalidParameterException",
            f"The target group with targetGroupArn {arn} does not have an associated load balancer.",
        )


def _container_exists(operation: str, definition: Properties, balancer: Properties) -> None:
    name, port = balancer.get("containerName"), balancer.get("containerPort")
    for container in definition["containerDefinitions"]:
        if container["name"] == name:
            ports = [mapping.get("containerPort") for mapping in container.get("portMappings") or []]
            if port in ports:
                return
            raise ApiError(
                "ecs",
                operation,
                "InvalidParameterException",
                f"The container {name} did not have a container port {port} defined.",
            )
    raise ApiError(
        "ecs", operation, "InvalidParameterException", f"The container {name} does not exist in the task definition."
    )


def _network_given(operation: str, params: Properties) -> None:
    if not (params.get("networkConfiguration") or {}).get("awsvpcConfiguration"):
        raise ApiError(
            "ecs",
            operation,
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )


@_before("ecs:DeleteCluster")
def _cluster_in_use(api: Api, region: str, params: Properties) -> None:
    arns = _found(api, "ecs", "ListServices", "serviceArns", region, cluster=params["cluster"])
    services = (
        _found(api, "ecs", "DescribeServices", "services", region, cluster=params["cluster"], services=arns)
        if arns
        else []
    )
    if any(service["status"] != "INACTIVE" for service in services):
        raise ApiError(
            "ecs",
            "DeleteCluster",
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        )


# ----------------------------------------------------------------------------------------------------------------- RDS
@_before("rds:CreateDBInstance")
def _database(api: Api, region: str, params: Properties) -> None:
    _groups_known(api, region, "CreateDBInstance", params.get("VpcSecurityGroupIds") or [])
    role = params.get("MonitoringRoleArn")
    if role and not _trusts(api, region, role, "monitoring.rds"):
        raise ApiError(
            "rds",
            "CreateDBInstance",
            "InvalidParameterValue",
            "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING: "
            f"{role}",
        )
    _family_fits(api, region, params)


def _family_fits(api: Api, region: str, params: Properties) -> None:
    """PostgreSQL 16 takes no parameter group of family postgres15."""
    name, version = params.get("DBParameterGroupName"), params.get("EngineVersion")
    if not name or not version or params["Engine"] != "postgres":
        return
    wanted = f"postgres{version.split('.')[0]}"
    groups = _found(api, "rds", "DescribeDBParameterGroups", "DBParameterGroups", region, DBParameterGroupName=name)
    if groups and groups[0]["DBParameterGroupFamily"] != wanted:
        raise ApiError(
            "rds",
            "CreateDBInstance",
            "InvalidParameterCombination",
            f"The parameter group {name} with DBParameterGroupFamily {groups[0]['DBParameterGroupFamily']} can't be "
            f"used for this instance. Use a parameter group with DBParameterGroupFamily {wanted}.",
        )


def _groups_known(api: Api, region: str, operation: str, ids: list[str]) -> None:
    for id in ids:
        if not _found(api, "ec2", "DescribeSecurityGroups", "SecurityGroups", region, GroupIds=[id]):
            raise ApiError("rds", operation, "InvalidParameterValue", f"Invalid security group , groupId= {id}")


@_before("rds:DeleteDBInstance")
def _final_snapshot(api: Api, region: str, params: Properties) -> None:
    if params.get("SkipFinalSnapshot"):
        return
    snapshot = params.get("FinalDBSnapshotIdentifier")
    if not snapshot:
        raise ApiError(
            "rds",
            "DeleteDBInstance",
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    if _found(api, "rds", "DescribeDBSnapshots", "DBSnapshots", region, DBSnapshotIdentifier=snapshot):
        raise ApiError(
            "rds",
            "DeleteDBInstance",
            "DBSnapshotAlreadyExists",
            f"Cannot create the snapshot because a snapshot with the identifier {snapshot} already exists.",
        )


@_before("rds:DeleteDBParameterGroup")
def _parameter_group_in_use(api: Api, region: str, params: Properties) -> None:
    name = params["DBParameterGroupName"]
    for instance in _found(api, "rds", "DescribeDBInstances", "DBInstances", region):
        used = {group["DBParameterGroupName"] for group in instance.get("DBParameterGroups") or []}
        if name in used:
            raise ApiError(
                "rds",
                "DeleteDBParameterGroup",
                "InvalidDBParameterGroupState",
                "One or more database instances are still members of this parameter group "
                f"{name}, so the group cannot be deleted",
            )


@_before("rds:DeleteDBSubnetGroup")
def _subnet_group_in_use(api: Api, region: str, params: Properties) -> None:
    name = params["DBSubnetGroupName"]
    for instance in _found(api, "rds", "DescribeDBInstances", "DBInstances", region):
        if (instance.get("DBSubnetGroup") or {}).get("DBSubnetGroupName") == name:
            raise ApiError(
                "rds",
                "DeleteDBSubnetGroup",
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{name}' because at least one database instance: "
                f"{instance['DBInstanceIdentifier']} is still using it.",
            )


@_before("rds:CreateDBSubnetGroup", "rds:ModifyDBSubnetGroup")
def _subnet_group_zones(api: Api, region: str, params: Properties) -> None:
    subnets = _found(api, "ec2", "DescribeSubnets", "Subnets", region, SubnetIds=params["SubnetIds"])
    if subnets and len({subnet["AvailabilityZone"] for subnet in subnets}) < 2:
        zone = subnets[0]["AvailabilityZone"]
        raise ApiError(
            "rds",
            "CreateDBSubnetGroup",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {zone}. Add subnets to cover at least 2 AZs.",
        )


@_before("rds:CreateDBProxy")
def _proxy_role(api: Api, region: str, params: Properties) -> None:
    if not _trusts(api, region, params["RoleArn"], "rds"):
        raise ApiError(
            "rds",
            "CreateDBProxy",
            "InvalidParameterValue",
            f"RDS is not authorized to assume service-linked role {params['RoleArn']}",
        )


@_before("rds:RegisterDBProxyTargets")
def _proxy_target(api: Api, region: str, params: Properties) -> None:
    for identifier in params.get("DBInstanceIdentifiers") or []:
        if not _found(api, "rds", "DescribeDBInstances", "DBInstances", region, DBInstanceIdentifier=identifier):
            raise ApiError(
                "rds", "RegisterDBProxyTargets", "DBInstanceNotFoundFault", f"DBInstance {identifier} not found."
            )


# -------------------------------------------------------------------------------------------------------------- Lambda
_ECR_IMAGE = re.compile(
    r"\d+\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)(?P<tag>:[^@]+)?(@(?P<digest>.+))?"
)


def _lambda_refuses(operation: str, message: str) -> NoReturn:
    raise ApiError("lambda", operation, "InvalidParameterValueException", message)


@_before("lambda:CreateFunction")
def _new_function(api: Api, region: str, params: Properties) -> None:
    _function_code(api, region, "CreateFunction", params["Code"])
    _function_settings(api, region, params)


@_before("lambda:UpdateFunctionConfiguration")
def _function_settings(api: Api, region: str, params: Properties) -> None:
    operation = "CreateFunction" if "Code" in params else "UpdateFunctionConfiguration"
    if params.get("Role") and not _trusts(api, region, params["Role"], "lambda"):
        _lambda_refuses(operation, "The role defined for the function cannot be assumed by Lambda.")
    network = params.get("VpcConfig") or {}
    _role_suffices(api, region, operation, params)
    for member, describe, path, what in (
        ("SubnetIds", "DescribeSubnets", "Subnets", "subnet"),
        ("SecurityGroupIds", "DescribeSecurityGroups", "SecurityGroups", "security group"),
    ):
        for id in network.get(member) or []:
            key = "GroupIds" if path == "SecurityGroups" else member
            if not _found(api, "ec2", describe, path, region, **{key: [id]}):
                _lambda_refuses(
                    operation, f"Error occurred while describing {what}s. The {what} ID '{id}' does not exist"
                )


_SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
"""What the role needs to hand an event on, by the service it goes to."""


def _role_suffices(api: Api, region: str, operation: str, params: Properties) -> None:
    """Lambda tries what a setting needs while the call is made: the role's policies have to be there before."""
    role = params.get("Role")
    if role is None:
        query = {"FunctionName": params["FunctionName"]}
        role = api.look_up("lambda", "GetFunctionConfiguration", query, region)["Role"]
    needed = []
    if (params.get("VpcConfig") or {}).get("SubnetIds"):
        needed.append(("ec2:CreateNetworkInterface", "CreateNetworkInterface on EC2"))
    if (params.get("TracingConfig") or {}).get("Mode") == "Active":
        needed.append(("xray:PutTraceSegments", "PutTraceSegments on XRAY"))
    target = (params.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and target.split(":")[2] in _SENDING:
        action = _SENDING[target.split(":")[2]]
        needed.append((action, f"{action.split(':')[1]} on {target.split(':')[2].upper()}"))
    for action, text in needed:
        if not _allows(api, region, role, action):
            _lambda_refuses(operation, f"The provided execution role does not have permissions to call {text}")


def _allows(api: Api, region: str, role: str, action: str) -> bool:
    """Whether a policy of the role allows the action on anything; resources and conditions are not looked at."""
    name = role.rsplit("/", 1)[-1]
    documents = [
        api.look_up("iam", "GetRolePolicy", {"RoleName": name, "PolicyName": each}, region)["PolicyDocument"]
        for each in api.look_up("iam", "ListRolePolicies", {"RoleName": name}, region)["PolicyNames"]
    ]
    for attached in api.look_up("iam", "ListAttachedRolePolicies", {"RoleName": name}, region)["AttachedPolicies"]:
        policy = api.look_up("iam", "GetPolicy", {"PolicyArn": attached["PolicyArn"]}, region)["Policy"]
        query = {"PolicyArn": attached["PolicyArn"], "VersionId": policy["DefaultVersionId"]}
        documents.append(api.look_up("iam", "GetPolicyVersion", query, region)["PolicyVersion"]["Document"])
    allowed: list[str] = []
    for document in documents:
        given = document["Statement"]
        for statement in [given] if isinstance(given, dict) else given:
            actions = statement.get("Action", []) if statement["Effect"] == "Allow" else []
            allowed += [actions] if isinstance(actions, str) else actions
    return any(fnmatch.fnmatchcase(action.lower(), each.lower()) for each in allowed)


def _trusts(api: Api, region: str, arn: str, service: str) -> bool:
    """Whether the role exists and lets the service assume it."""
    try:
        role = api.look_up("iam", "GetRole", {"RoleName": arn.rsplit("/", 1)[-1]}, region)["Role"]
    except ApiError:
        return False
    return f"{service}.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"])


@_before("lambda:UpdateFunctionCode")
def _new_code(api: Api, region: str, params: Properties) -> None:
    _function_code(api, region, "UpdateFunctionCode", params)


def _function_code(api: Api, region: str, operation: str, code: Properties) -> None:
    """Lambda copies the code while the call is made: it has to be there, in the same region, for one platform."""
    uri = code.get("ImageUri")
    if code.get("S3Bucket"):
        try:
            api.look_up("s3", "HeadObject", {"Bucket": code["S3Bucket"], "Key": code.get("S3Key")}, region)
        except ApiError:
            _lambda_refuses(operation, "Error occurred while GetObject. S3 Error Code: NoSuchKey.")
    place = _ECR_IMAGE.fullmatch(uri or "")
    if uri is None:
        return
    if place is None or place["region"] != region:
        _lambda_refuses(operation, f"Source image {uri} is not valid. Provide a valid source image.")
    id = {"imageDigest": place["digest"]} if place["digest"] else {"imageTag": (place["tag"] or ":latest")[1:]}
    images = _found(api, "ecr", "BatchGetImage", "images", region, repositoryName=place["name"], imageIds=[id])
    if not images:
        _lambda_refuses(operation, f"Source image {uri} does not exist. Provide a valid source image.")
    if "manifests" in json.loads(images[0]["imageManifest"]):
        _lambda_refuses(
            operation,
            f"The image manifest, config or layer media type for the source image {uri} is not supported.",
        )


@_before("lambda:PutProvisionedConcurrencyConfig")
def _within_the_reserve(api: Api, region: str, params: Properties) -> None:
    answer = api.look_up("lambda", "GetFunctionConcurrency", {"FunctionName": params["FunctionName"]}, region)
    reserved = answer.get("ReservedConcurrentExecutions")
    if reserved is not None and params["ProvisionedConcurrentExecutions"] > reserved:
        _lambda_refuses(
            "PutProvisionedConcurrencyConfig",
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
        )


def _functions_in(api: Api, region: str, member: str, id: str) -> bool:
    functions = _found(api, "lambda", "ListFunctions", "Functions", region)
    return any(id in ((each.get("VpcConfig") or {}).get(member) or []) for each in functions)


@_before("lambda:PutFunctionEventInvokeConfig")
def _destinations(api: Api, region: str, params: Properties) -> None:
    role = api.look_up("lambda", "GetFunctionConfiguration", {"FunctionName": params["FunctionName"]}, region)["Role"]
    for destination in (params.get("DestinationConfig") or {}).values():
        arn = destination.get("Destination")
        action = _SENDING.get(arn.split(":")[2]) if arn else None
        if action is not None and not _allows(api, region, role, action):
            _lambda_refuses(
                "PutFunctionEventInvokeConfig",
                f"The function's execution role does not have permissions to call {action.split(':')[1]} on {arn}",
            )


# -------------------------------------------------------------------------------------------------------------- queues
@_before("sqs:CreateQueue", "sqs:SetQueueAttributes")
def _dead_letter_queue(api: Api, region: str, params: Properties) -> None:
    redrive = (params.get("Attributes") or {}).get("RedrivePolicy")
    if not redrive:
        return
    arn = json.loads(redrive)["deadLetterTargetArn"]
    if not _queue_exists(api, region, arn):
        operation = "CreateQueue" if "QueueName" in params else "SetQueueAttributes"
        text = f"Value {redrive} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."
        raise ApiError("sqs", operation, "InvalidParameterValue", text)


def _queue_exists(api: Api, region: str, arn: str) -> bool:
    try:
        api.look_up("sqs", "GetQueueUrl", {"QueueName": arn.rsplit(":", 1)[-1]}, region)
    except ApiError:
        return False
    return True


# ---------------------------------------------------------------------------------------------------------- CloudFront
_POLICIES_OF_BEHAVIOR = {
    "CachePolicyId": "CachePolicy",
    "OriginRequestPolicyId": "OriginRequestPolicy",
    "ResponseHeadersPolicyId": "ResponseHeadersPolicy",
}


def _cloudfront_refuses(operation: str, code: str, message: str) -> NoReturn:
    raise ApiError("cloudfront", operation, code, message)


@_before("cloudfront:CreateDistribution", "cloudfront:UpdateDistribution")
def _distribution(api: Api, region: str, params: Properties) -> None:
    operation = "UpdateDistribution" if "Id" in params else "CreateDistribution"
    config = params["DistributionConfig"]
    _names_of_others(api, region, operation, params)
    _viewer_certificate(api, operation, config)
    for origin in config["Origins"]["Items"]:
        control = origin.get("OriginAccessControlId")
        if control and not _found(
            api, "cloudfront", "GetOriginAccessControl", "OriginAccessControl", region, Id=control
        ):
            _cloudfront_refuses(operation, "InvalidOriginAccessControl", f"No origin access control {control}.")
    policies = api.look_up("cloudfront", "ListCachePolicies", {}, region)["CachePolicyList"]
    own = [each["CachePolicy"]["Id"] for each in policies.get("Items") or []]
    behaviors = [config["DefaultCacheBehavior"], *((config.get("CacheBehaviors") or {}).get("Items") or [])]
    for behavior in behaviors:
        for member, kind in _POLICIES_OF_BEHAVIOR.items():
            id = behavior.get(member)
            if id and id not in MANAGED_POLICIES[kind].values() and id not in own:
                text = f"The specified {member.removesuffix('Id')} does not exist: {id}"
                _cloudfront_refuses(operation, f"NoSuch{member.removesuffix('Id')}", text)
    acl = config.get("WebACLId")
    acls = _found(api, "wafv2", "ListWebACLs", "WebACLs", "us-east-1", Scope="CLOUDFRONT") if acl else []
    if acl and acl not in [each["ARN"] for each in acls]:
        _cloudfront_refuses(operation, "InvalidWebACLId", f"Web ACL is not accessible by the requester: {acl}")
    _log_bucket(api, region, operation, config.get("Logging") or {})


def _names_of_others(api: Api, region: str, operation: str, params: Properties) -> None:
    wanted = set((params["DistributionConfig"].get("Aliases") or {}).get("Items") or [])
    for other in _distributions(api, region):
        taken = wanted & set(other["Aliases"].get("Items") or [])
        if other["Id"] != params.get("Id") and taken:
            text = f"One or more of the CNAMEs you provided are already associated with a different resource: {taken}"
            _cloudfront_refuses(operation, "CNAMEAlreadyExists", text)


def _distributions(api: Api, region: str) -> list[Properties]:
    return api.look_up("cloudfront", "ListDistributions", {}, region)["DistributionList"].get("Items") or []


def _viewer_certificate(api: Api, operation: str, config: Properties) -> None:
    arn = (config.get("ViewerCertificate") or {}).get("ACMCertificateArn")
    if not arn:
        return
    described = (
        _found(api, "acm", "DescribeCertificate", "Certificate", "us-east-1", CertificateArn=arn)
        if arn.split(":")[3] == "us-east-1"
        else []
    )
    if not described:
        text = (
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a "
            f"valid certificate chain: {arn}"
        )
        _cloudfront_refuses(operation, "InvalidViewerCertificate", text)
    names = {described["DomainName"], *(described.get("SubjectAlternativeNames") or [])}  # type: ignore[call-overload, attr-defined]
    for alias in (config.get("Aliases") or {}).get("Items") or []:
        if not names & {alias, f"*.{alias.split('.', 1)[-1]}"}:
            text = f"The certificate that is attached to your distribution doesn't cover the alternate name {alias}"
            _cloudfront_refuses(operation, "InvalidViewerCertificate", text)


def _log_bucket(api: Api, region: str, operation: str, logging: Properties) -> None:
    """Logs of this kind are written with an ACL, which no bucket takes unless it is told to (since April 2023)."""
    if not logging.get("Enabled"):
        return
    bucket = logging["Bucket"].split(".s3")[0]
    try:
        answer = api.look_up("s3", "GetBucketOwnershipControls", {"Bucket": bucket}, region)
        rules = answer["OwnershipControls"]["Rules"]
    except ApiError:
        rules = []
    if not rules or rules[0]["ObjectOwnership"] == "BucketOwnerEnforced":
        text = f"The S3 bucket that you specified for CloudFront logs does not enable ACL access: {logging['Bucket']}"
        _cloudfront_refuses(operation, "InvalidArgument", text)


# ------------------------------------------------------------------------------------------------------------- network
@_before("ec2:DeleteSecurityGroup")
def _group_in_use(api: Api, region: str, params: Properties) -> None:
    group = params["GroupId"]
    filters = [{"Name": "group-id", "Values": [group]}]
    used = [
        interface
        for interface in _found(api, "ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", region, Filters=filters)
        if interface.get("Status") == "in-use"
    ]
    if used or _group_users(api, region, group) or _functions_in(api, region, "SecurityGroupIds", group):
        raise ApiError("ec2", "DeleteSecurityGroup", "DependencyViolation", f"resource {group} has a dependent object")


def _group_users(api: Api, region: str, group: str) -> bool:
    """moto makes no network interfaces for managed services: look at the services themselves."""
    balancers = _found(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region)
    databases = _found(api, "rds", "DescribeDBInstances", "DBInstances", region)
    endpoints = _found(api, "ec2", "DescribeVpcEndpoints", "VpcEndpoints", region)
    referring = _found(
        api,
        "ec2",
        "DescribeSecurityGroups",
        "SecurityGroups",
        region,
        Filters=[{"Name": "ip-permission.group-id", "Values": [group]}],
    )
    return (
        any(group in (balancer.get("SecurityGroups") or []) for balancer in balancers)
        or any(group == item["VpcSecurityGroupId"] for db in databases for item in db.get("VpcSecurityGroups") or [])
        or any(
            group == item["GroupId"]
            for endpoint in endpoints
            if str(endpoint.get("State", "")).lower() != "deleted"
            for item in endpoint.get("Groups") or []
        )
        or any(other["GroupId"] != group for other in referring)
    )


@_before("ec2:DeleteSubnet")
def _subnet_in_use(api: Api, region: str, params: Properties) -> None:
    subnet = params["SubnetId"]
    filters = [{"Name": "subnet-id", "Values": [subnet]}, {"Name": "state", "Values": ["available", "pending"]}]
    gateways = _found(api, "ec2", "DescribeNatGateways", "NatGateways", region, Filter=filters)
    balancers = [
        balancer
        for balancer in _found(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region)
        if any(zone["SubnetId"] == subnet for zone in balancer.get("AvailabilityZones") or [])
    ]
    if gateways or balancers or _functions_in(api, region, "SubnetIds", subnet):
        raise ApiError(
            "ec2",
            "DeleteSubnet",
            "DependencyViolation",
            f"The subnet '{subnet}' has dependencies and cannot be deleted.",
        )


@_before("ec2:ReleaseAddress")
def _address_in_use(api: Api, region: str, params: Properties) -> None:
    for gateway in _found(api, "ec2", "DescribeNatGateways", "NatGateways", region):
        addresses = gateway.get("NatGatewayAddresses") or []
        if gateway["State"] != "deleted" and any(
            address.get("AllocationId") == params["AllocationId"] for address in addresses
        ):
            raise ApiError(
                "ec2",
                "ReleaseAddress",
                "InvalidIPAddress.InUse",
                f"The address with allocation id {params['AllocationId']} cannot be released because it is in use",
            )


@_before("ec2:CreateNatGateway")
def _nat_address(api: Api, _region: str, params: Properties) -> None:
    del api
    if params.get("ConnectivityType", "public") == "public" and not params.get("AllocationId"):
        raise ApiError(
            "ec2",
            "CreateNatGateway",
            "MissingParameter",
            "The request must contain the parameter AllocationId for a public NAT gateway",
        )


@_before("ec2:AssociateRouteTable")
def _already_associated(api: Api, region: str, params: Properties) -> None:
    subnet = params.get("SubnetId")
    if not subnet:
        return
    filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
    for table in _found(api, "ec2", "DescribeRouteTables", "RouteTables", region, Filters=filters):
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet:
                raise ApiError(
                    "ec2",
                    "AssociateRouteTable",
                    "Resource.AlreadyAssociated",
                    f"the specified association for route table {table['RouteTableId']} conflicts with an existing "
                    "association",
                )


@_before("ec2:CreateVpcEndpoint")
def _private_names(api: Api, region: str, params: Properties) -> None:
    if not params.get("PrivateDnsEnabled"):
        return
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        query = {"VpcId": params["VpcId"], "Attribute": attribute}
        told = api.look_up("ec2", "DescribeVpcAttribute", query, region)
        if not told[attribute[0].upper() + attribute[1:]]["Value"]:
            raise ApiError(
                "ec2",
                "CreateVpcEndpoint",
                "InvalidParameter",
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true "
                f"for {params['VpcId']}",
            )


@_before("ec2:CreateRoute")
def _nat_exists(api: Api, region: str, params: Properties) -> None:
    gateway = params.get("NatGatewayId")
    if gateway and not _found(api, "ec2", "DescribeNatGateways", "NatGateways", region, NatGatewayIds=[gateway]):
        raise ApiError(
            "ec2",
            "CreateRoute",
            "InvalidNatGatewayID.NotFound",
            f"The natGateway ID '{gateway}' does not exist",
        )


# ---------------------------------------------------------------------------------------------------- DNS and buckets
@_before("route53:ChangeResourceRecordSets")
def _lonely_alias(api: Api, region: str, params: Properties) -> None:
    """A CNAME bears no other record of its name, and no zone's own name can be one."""
    zone = api.look_up("route53", "GetHostedZone", {"Id": params["HostedZoneId"]}, region)["HostedZone"]["Name"]
    query = {"HostedZoneId": params["HostedZoneId"]}
    existing = api.look_up("route53", "ListResourceRecordSets", query, region)["ResourceRecordSets"]
    for change in params["ChangeBatch"]["Changes"]:
        record = change["ResourceRecordSet"]
        name, kind = record["Name"].rstrip(".").lower(), record["Type"]
        others = {each["Type"] for each in existing if each["Name"].rstrip(".").lower() == name} - {kind}
        if change["Action"] == "DELETE":
            continue
        if kind == "CNAME" and name == zone.rstrip("."):
            text = f"RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {zone}"
        elif (kind == "CNAME" and others) or "CNAME" in others:
            text = (
                f"RRSet of type {kind} with DNS name {name}. is not permitted as it conflicts with other records with "
                f"the same DNS name in zone {zone}"
            )
        else:
            continue
        raise ApiError("route53", "ChangeResourceRecordSets", "InvalidChangeBatch", f"[{text}]")


@_before("s3:PutBucketPolicy")
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


# ------------------------------------------------------------------------------------------------------------- the rest
@_before("secretsmanager:CreateSecret")
def _secret_name_pending(api: Api, region: str, params: Properties) -> None:
    try:
        secret = api.look_up("secretsmanager", "DescribeSecret", {"SecretId": params["Name"]}, region)
    except ApiError:
        return
    if secret.get("DeletedDate"):
        raise ApiError(
            "secretsmanager",
            "CreateSecret",
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )


def _immutable(repository: Properties, tag: str) -> bool:
    excluded = any(
        fnmatch.fnmatchcase(tag, each["filter"]) for each in repository.get("imageTagMutabilityExclusionFilters") or ()
    )
    match repository.get("imageTagMutability"):
        case "IMMUTABLE":
            return True
        case "IMMUTABLE_WITH_EXCLUSION":
            return not excluded
        case "MUTABLE_WITH_EXCLUSION":
            return excluded
    return False


@_before("ecr:PutImage")
def _immutable_tag(api: Api, region: str, params: Properties) -> None:
    name = params["repositoryName"]
    repositories = _found(api, "ecr", "DescribeRepositories", "repositories", region, repositoryNames=[name])
    if not repositories or not _immutable(repositories[0], params.get("imageTag") or ""):
        return
    images = _found(api, "ecr", "ListImages", "imageIds", region, repositoryName=name)
    digests = {image.get("imageTag"): image["imageDigest"] for image in images}
    if digests.get(params.get("imageTag")) not in (None, params.get("imageDigest")):  # the same image may come again
        raise ApiError(
            "ecr",
            "PutImage",
            "ImageTagAlreadyExistsException",
            f"The image tag '{params['imageTag']}' already exists in the '{name}' repository and cannot be "
            "overwritten because the repository is immutable.",
        )


@_before("application-autoscaling:RegisterScalableTarget")
def _scalable(api: Api, region: str, params: Properties) -> None:
    """Provisioned concurrency is scaled at an alias, which has to have some."""
    if params["ServiceNamespace"] != "lambda":
        return
    _, function, qualifier = params["ResourceId"].split(":", 2)
    try:
        query = {"FunctionName": function, "Qualifier": qualifier}
        api.look_up("lambda", "GetFunctionConfiguration", query, region)
    except ApiError:
        raise ApiError(
            "application-autoscaling",
            "RegisterScalableTarget",
            "ValidationException",
            f"Function not found or has no such alias or version, resource ID: {params['ResourceId']}",
        ) from None


@_before("application-autoscaling:PutScalingPolicy")
def _target_registered(api: Api, region: str, params: Properties) -> None:
    targets = _found(
        api,
        "application-autoscaling",
        "DescribeScalableTargets",
        "ScalableTargets",
        region,
        ServiceNamespace=params["ServiceNamespace"],
        ResourceIds=[params["ResourceId"]],
    )
    if not targets:
        raise ApiError(
            "application-autoscaling",
            "PutScalingPolicy",
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: {params['ServiceNamespace']}, resource ID: "
            f"{params['ResourceId']}, scalable dimension: {params['ScalableDimension']}",
        )


@_before("acm:DeleteCertificate")
def _certificate_in_use(api: Api, region: str, params: Properties) -> None:
    arn = params["CertificateArn"]
    for balancer in _found(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region):
        listeners = _found(
            api, "elbv2", "DescribeListeners", "Listeners", region, LoadBalancerArn=balancer["LoadBalancerArn"]
        )
        if any(arn == item["CertificateArn"] for listener in listeners for item in listener.get("Certificates") or []):
            raise ApiError("acm", "DeleteCertificate", "ResourceInUseException", f"Certificate {arn} is in use.")
    for config in _distributions(api, region):
        if config["ViewerCertificate"].get("ACMCertificateArn") == arn:
            raise ApiError("acm", "DeleteCertificate", "ResourceInUseException", f"Certificate {arn} is in use.")
    for domain in _found(api, "apigatewayv2", "GetDomainNames", "Items", region):
        if any(each.get("CertificateArn") == arn for each in domain["DomainNameConfigurations"]):
            raise ApiError("acm", "DeleteCertificate", "ResourceInUseException", f"Certificate {arn} is in use.")


# --------------------------------------------------------------------------------------------------------- API Gateway
def _gateway_refuses(operation: str, message: str, code: str = "BadRequestException") -> NoReturn:
    raise ApiError("apigatewayv2", operation, code, message, 409 if code == "ConflictException" else 400)


@_before("apigatewayv2:CreateRoute", "apigatewayv2:UpdateRoute")
def _route(api: Api, region: str, params: Properties) -> None:
    operation = "UpdateRoute" if "RouteId" in params else "CreateRoute"
    key, target = params.get("RouteKey"), params.get("Target")
    routes = _found(api, "apigatewayv2", "GetRoutes", "Items", region, ApiId=params["ApiId"])
    if any(each["RouteKey"] == key and each["RouteId"] != params.get("RouteId") for each in routes):
        _gateway_refuses(operation, f"Route with key {key} already exists for this API", "ConflictException")
    if _protocol_of(api, region, params["ApiId"]) == "HTTP" and key is not None and not _ROUTE_KEY.fullmatch(key):
        _gateway_refuses(operation, f"The provided route key is not formatted properly for HTTP protocol: {key}")
    if params.get("AuthorizerId") is not None:
        try:
            query = {"ApiId": params["ApiId"], "AuthorizerId": params["AuthorizerId"]}
            api.look_up("apigatewayv2", "GetAuthorizer", query, region)
        except ApiError:
            _gateway_refuses(operation, f"Invalid authorizer ID specified: {params['AuthorizerId']}")
    integrations = _found(api, "apigatewayv2", "GetIntegrations", "Items", region, ApiId=params["ApiId"])
    if target is not None and target not in [f"integrations/{each['IntegrationId']}" for each in integrations]:
        _gateway_refuses(operation, f"Invalid target: {target}")


_ROUTE_KEY = re.compile(r"\$default|(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY) /\S*")


def _protocol_of(api: Api, region: str, id: str) -> str:
    return str(api.look_up("apigatewayv2", "GetApi", {"ApiId": id}, region)["ProtocolType"])


@_before("apigatewayv2:CreateStage")
def _stage(api: Api, region: str, params: Properties) -> None:
    stages = _found(api, "apigatewayv2", "GetStages", "Items", region, ApiId=params["ApiId"])
    if params["StageName"] in [stage["StageName"] for stage in stages]:
        _gateway_refuses("CreateStage", "Stage already exists", "ConflictException")


@_before("apigatewayv2:CreateDomainName", "apigatewayv2:UpdateDomainName")
def _domain_certificate(api: Api, region: str, params: Properties) -> None:
    for configuration in params.get("DomainNameConfigurations") or []:
        arn = configuration.get("CertificateArn", "")
        known = _found(api, "acm", "ListCertificates", "CertificateSummaryList", region)
        if arn not in [certificate["CertificateArn"] for certificate in known]:
            _gateway_refuses("CreateDomainName", f"The provided certificate does not exist in {region}: {arn}")
        described = api.look_up("acm", "DescribeCertificate", {"CertificateArn": arn}, region)["Certificate"]
        names = {described["DomainName"], *(described.get("SubjectAlternativeNames") or [])}
        if not names & {params["DomainName"], f"*.{params['DomainName'].split('.', 1)[-1]}"}:
            _gateway_refuses("CreateDomainName", f"The certificate {arn} is not for {params['DomainName']}")


@_before("apigatewayv2:CreateApiMapping", "apigatewayv2:UpdateApiMapping")
def _mapped_stage(api: Api, region: str, params: Properties) -> None:
    stages = _found(api, "apigatewayv2", "GetStages", "Items", region, ApiId=params["ApiId"])
    if params["Stage"] not in [stage["StageName"] for stage in stages]:
        _gateway_refuses("CreateApiMapping", f"Invalid stage identifier specified: {params['Stage']}")
    mappings = _found(api, "apigatewayv2", "GetApiMappings", "Items", region, DomainName=params["DomainName"])
    for each in mappings:
        same_key = (each.get("ApiMappingKey") or "") == (params.get("ApiMappingKey") or "")
        if same_key and each["ApiMappingId"] != params.get("ApiMappingId"):
            _gateway_refuses("CreateApiMapping", "ApiMapping key already exists for this domain", "ConflictException")


# ------------------------------------------------------------------------------------------------------------------ WAF
@_before("wafv2:CreateWebACL")
def _scope(_api: Api, region: str, params: Properties) -> None:
    if params["Scope"] == "CLOUDFRONT" and region != "us-east-1":
        raise ApiError(
            "wafv2", "CreateWebACL", "WAFInvalidParameterException", "The scope is not valid., field: SCOPE_VALUE"
        )


@_before("wafv2:AssociateWebACL")
def _protectable(api: Api, region: str, params: Properties) -> None:
    arn = params["ResourceArn"]
    balancers = _found(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region, LoadBalancerArns=[arn])
    if ":elasticloadbalancing:" in arn and balancers:
        return
    code = "WAFInvalidParameterException" if ":apigateway:" in arn else "WAFUnavailableEntityException"
    text = (
        "The ARN isn't valid. A valid ARN begins with arn: and is of a load balancer or REST API., field: RESOURCE_ARN"
    )
    raise ApiError("wafv2", "AssociateWebACL", code, f"{text}, parameter: {arn}")


@_before("wafv2:DeleteWebACL")
def _acl_in_use(api: Api, region: str, params: Properties) -> None:
    if any(f"/{params['Id']}" in each["WebACLId"] for each in _distributions(api, region)):
        _acl_is_in_use()
    for balancer in _found(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region):
        query = {"ResourceArn": balancer["LoadBalancerArn"]}
        if (api.look_up("wafv2", "GetWebACLForResource", query, region).get("WebACL") or {}).get("Id") == params["Id"]:
            _acl_is_in_use()


def _acl_is_in_use() -> NoReturn:
    raise ApiError(
        "wafv2",
        "DeleteWebACL",
        "WAFAssociatedItemException",
        "AWS WAF couldn't perform the operation because your resource is being used by another resource or it's "
        "associated with another resource.",
    )


# --------------------------------------------------------------------------------------------------- those who call us
@_before("scheduler:CreateSchedule", "scheduler:UpdateSchedule")
def _scheduler_role(api: Api, region: str, params: Properties) -> None:
    if not _trusts(api, region, params["Target"]["RoleArn"], "scheduler"):
        raise ApiError(
            "scheduler",
            "CreateSchedule",
            "ValidationException",
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        )


@_before("codedeploy:CreateDeploymentGroup", "codedeploy:UpdateDeploymentGroup")
def _deployment_group(api: Api, region: str, params: Properties) -> None:
    operation = "UpdateDeploymentGroup" if "currentDeploymentGroupName" in params else "CreateDeploymentGroup"
    if "serviceRoleArn" in params and not _trusts(api, region, params["serviceRoleArn"], "codedeploy"):
        raise ApiError(
            "codedeploy",
            operation,
            "InvalidRoleException",
            f"AWS CodeDeploy does not have the permissions required to assume the role {params['serviceRoleArn']}.",
        )
    query = {"applicationName": params["applicationName"]}
    try:
        platform = api.look_up("codedeploy", "GetApplication", query, region)["application"].get("computePlatform")
    except ApiError:
        return  # moto says so
    style = params.get("deploymentStyle") or {}
    if platform in ("Lambda", "ECS") and style.get("deploymentType") != "BLUE_GREEN" and operation.startswith("Create"):
        raise ApiError(
            "codedeploy",
            operation,
            "InvalidDeploymentStyleException",
            f"For {platform} deployments the deployment type has to be BLUE_GREEN with WITH_TRAFFIC_CONTROL.",
        )


@_before("cloudwatch:PutCompositeAlarm")
def _alarms_of_the_rule(api: Api, region: str, params: Properties) -> None:
    answer = api.look_up("cloudwatch", "DescribeAlarms", {}, region)
    known = {alarm[key] for kind in answer.values() for alarm in kind for key in ("AlarmName", "AlarmArn")}
    named = re.findall(r"(?:ALARM|OK|INSUFFICIENT_DATA)\(\s*[\"']?(.+?)[\"']?\s*\)", params["AlarmRule"])
    missing = sorted(set(named) - known)
    if missing or not (named or re.search(r"TRUE|FALSE", params["AlarmRule"])):
        text = f"alarms [{', '.join(missing)}] in the alarm rule do not exist" if missing else "the rule names no alarm"
        raise ApiError(
            "cloudwatch", "PutCompositeAlarm", "ValidationError", f"Could not save the composite alarm as {text}."
        )


@_before("secretsmanager:RotateSecret")
def _rotating_function(api: Api, region: str, params: Properties) -> None:
    arn = params.get("RotationLambdaARN")
    if arn is None:
        return
    try:
        policy = api.look_up("lambda", "GetPolicy", {"FunctionName": arn}, region)["Policy"]
    except ApiError:
        policy = ""
    if "secretsmanager.amazonaws.com" not in policy:
        raise ApiError(
            "secretsmanager",
            "RotateSecret",
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            "access to the principal secretsmanager.amazonaws.com.",
        )


PRECONDITIONS: Mapping[str, Precondition] = _CHECKS
