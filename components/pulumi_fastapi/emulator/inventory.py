"""What is alive in the emulated account, without what AWS itself puts there and without tombstones."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi_fastapi.emulator.api import ACCOUNT_ID, Api, NotEmulated
from pulumi_fastapi.emulator.mapping import dig
from pulumi_fastapi.emulator.values import Properties


@dataclass(frozen=True)
class Kind:
    service: str
    type: str
    operation: str
    items: str
    """Path of the list in the answer."""
    id: str
    """Path of the ID in an item; empty when the item is the ID."""
    params: Mapping[str, Any] = field(default_factory=dict)
    alive: Callable[[Properties], bool] = lambda _item: True
    everywhere: bool = False
    """The service has no regions."""


def _in(member: str, *dead: str) -> Callable[[Properties], bool]:
    return lambda item: str(item.get(member, "")).lower() not in dead


def _not_default_group(group: Properties) -> bool:
    return bool(group["GroupName"] != "default")


def _not_main(table: Properties) -> bool:
    return not any(association.get("Main") for association in table["Associations"])


def _own_policy_document(alias: Properties) -> bool:
    return not str(alias["AliasName"]).startswith("alias/aws/")


def _user_group(group: Properties) -> bool:
    return not str(group["DBParameterGroupName"]).startswith("default.")


def _owned_secret(secret: Properties) -> bool:
    return not secret.get("DeletedDate")


KINDS = (
    Kind("ec2", "vpc", "DescribeVpcs", "Vpcs", "VpcId", alive=lambda vpc: not vpc["IsDefault"]),
    Kind("ec2", "subnet", "DescribeSubnets", "Subnets", "SubnetId", alive=lambda item: not item["DefaultForAz"]),
    Kind("ec2", "security-group", "DescribeSecurityGroups", "SecurityGroups", "GroupId", alive=_not_default_group),
    Kind("ec2", "route-table", "DescribeRouteTables", "RouteTables", "RouteTableId", alive=_not_main),
    Kind("ec2", "internet-gateway", "DescribeInternetGateways", "InternetGateways", "InternetGatewayId"),
    Kind("ec2", "nat-gateway", "DescribeNatGateways", "NatGateways", "NatGatewayId", alive=_in("State", "deleted")),
    Kind("ec2", "elastic-ip", "DescribeAddresses", "Addresses", "AllocationId"),
    Kind("ec2", "vpc-endpoint", "DescribeVpcEndpoints", "VpcEndpoints", "VpcEndpointId", alive=_in("State", "deleted")),
    Kind("ec2", "flow-log", "DescribeFlowLogs", "FlowLogs", "FlowLogId"),
    Kind("elbv2", "load-balancer", "DescribeLoadBalancers", "LoadBalancers", "LoadBalancerArn"),
    Kind("elbv2", "target-group", "DescribeTargetGroups", "TargetGroups", "TargetGroupArn"),
    *(
        Kind("application-autoscaling", kind, operation, items, id, {"ServiceNamespace": namespace})
        for namespace in ("ecs", "lambda")
        for kind, operation, items, id in (
            ("scalable-target", "DescribeScalableTargets", "ScalableTargets", "ResourceId"),
            ("scaling-policy", "DescribeScalingPolicies", "ScalingPolicies", "PolicyARN"),
        )
    ),
    Kind("ecr", "repository", "DescribeRepositories", "repositories", "repositoryName"),
    Kind("ecs", "task-definition", "ListTaskDefinitions", "taskDefinitionArns", "", {"status": "ACTIVE"}),
    Kind("iam", "role", "ListRoles", "Roles", "RoleName", everywhere=True),
    Kind("iam", "oidc-provider", "ListOpenIDConnectProviders", "OpenIDConnectProviderList", "Arn", everywhere=True),
    Kind("kms", "alias", "ListAliases", "Aliases", "AliasName", alive=_own_policy_document),
    Kind("secretsmanager", "secret", "ListSecrets", "SecretList", "ARN", alive=_owned_secret),
    Kind("rds", "db-instance", "DescribeDBInstances", "DBInstances", "DBInstanceIdentifier"),
    Kind("rds", "db-subnet-group", "DescribeDBSubnetGroups", "DBSubnetGroups", "DBSubnetGroupName"),
    Kind(
        "rds",
        "db-parameter-group",
        "DescribeDBParameterGroups",
        "DBParameterGroups",
        "DBParameterGroupName",
        alive=_user_group,
    ),
    Kind("rds", "db-proxy", "DescribeDBProxies", "DBProxies", "DBProxyName"),
    Kind("logs", "log-group", "DescribeLogGroups", "logGroups", "logGroupName"),
    Kind("cloudwatch", "alarm", "DescribeAlarms", "MetricAlarms", "AlarmName"),
    Kind("cloudwatch", "composite-alarm", "DescribeAlarms", "CompositeAlarms", "AlarmName"),
    Kind("cloudwatch", "dashboard", "ListDashboards", "DashboardEntries", "DashboardName"),
    Kind("sns", "topic", "ListTopics", "Topics", "TopicArn"),
    Kind("sns", "subscription", "ListSubscriptions", "Subscriptions", "SubscriptionArn"),
    Kind("acm", "certificate", "ListCertificates", "CertificateSummaryList", "CertificateArn"),
    Kind("s3", "bucket", "ListBuckets", "Buckets", "Name", everywhere=True),
    Kind("lambda", "function", "ListFunctions", "Functions", "FunctionName"),
    Kind("lambda", "event-source-mapping", "ListEventSourceMappings", "EventSourceMappings", "UUID"),
    Kind("apigatewayv2", "api", "GetApis", "Items", "ApiId"),
    Kind("apigatewayv2", "vpc-link", "GetVpcLinks", "Items", "VpcLinkId"),
    Kind("apigatewayv2", "domain-name", "GetDomainNames", "Items", "DomainName"),
    Kind("wafv2", "web-acl", "ListWebACLs", "WebACLs", "ARN", {"Scope": "REGIONAL"}),
    Kind("wafv2", "web-acl", "ListWebACLs", "WebACLs", "ARN", {"Scope": "CLOUDFRONT"}, everywhere=True),
    Kind("cloudfront", "distribution", "ListDistributions", "DistributionList.Items", "Id", everywhere=True),
    Kind(
        "cloudfront",
        "origin-access-control",
        "ListOriginAccessControls",
        "OriginAccessControlList.Items",
        "Id",
        everywhere=True,
    ),
    Kind("cloudfront", "cache-policy", "ListCachePolicies", "CachePolicyList.Items", "CachePolicy.Id", everywhere=True),
    Kind("sqs", "queue", "ListQueues", "QueueUrls", ""),
    Kind("codedeploy", "application", "ListApplications", "applications", ""),
    Kind("scheduler", "schedule", "ListSchedules", "Schedules", "Arn"),
    Kind("budgets", "budget", "DescribeBudgets", "Budgets", "BudgetName", {"AccountId": ACCOUNT_ID}, everywhere=True),
)


def live_resources(api: Api) -> list[dict[str, str]]:
    """Everything alive in the regions the provider has worked in, hosted zones (made outside) left out."""
    regions = api.regions()
    found = [entry for region in regions for entry in _ecs_resources(api, region)]
    for kind in KINDS:
        for region in regions[:1] if kind.everywhere else regions:
            found += _of_kind(api, kind, region)
    return found


def _entry(service: str, kind: str, id: str, region: str) -> dict[str, str]:
    return {"service": service, "type": kind, "id": id, "region": region}


def _of_kind(api: Api, kind: Kind, region: str) -> Iterator[dict[str, str]]:
    try:
        items = _all_items(api, kind, region)
    except NotEmulated:
        return
    for item in items:
        if isinstance(item, str):
            yield _entry(kind.service, kind.type, item, region)
        elif kind.alive(item):
            yield _entry(kind.service, kind.type, str(dig(item, kind.id)), region)


def _all_items(api: Api, kind: Kind, region: str) -> list[Any]:
    answer = api.look_up(kind.service, kind.operation, dict(kind.params), region)
    items = list(dig(answer, kind.items) or [])
    for token, sent in (("nextToken", "nextToken"), ("NextToken", "NextToken"), ("Marker", "Marker")):
        while answer.get(token):
            answer = api.look_up(kind.service, kind.operation, {**kind.params, sent: answer[token]}, region)
            items += dig(answer, kind.items) or []
    return items


def _ecs_resources(api: Api, region: str) -> Iterator[dict[str, str]]:
    arns = api.look_up("ecs", "ListClusters", {}, region)["clusterArns"]
    clusters = api.look_up("ecs", "DescribeClusters", {"clusters": arns}, region)["clusters"] if arns else []
    for cluster in clusters:
        if cluster["status"] == "INACTIVE":
            continue
        yield _entry("ecs", "cluster", cluster["clusterArn"], region)
        for arn in _live_services(api, cluster["clusterArn"], region):
            yield _entry("ecs", "service", arn, region)
    for alias in _live_keys(api, region):
        yield _entry("kms", "key", alias, region)


def _live_services(api: Api, cluster: str, region: str) -> Iterator[str]:
    arns = api.look_up("ecs", "ListServices", {"cluster": cluster}, region)["serviceArns"]
    for arn in arns:
        query = {"cluster": cluster, "services": [arn]}
        for service in api.look_up("ecs", "DescribeServices", query, region)["services"]:
            if service["status"] != "INACTIVE":
                yield str(arn)


def _live_keys(api: Api, region: str) -> Iterator[str]:
    """Customer keys that are not on their way out; the ones AWS (or moto, for managed secrets) makes do not count."""
    for key in api.look_up("kms", "ListKeys", {}, region)["Keys"]:
        described = api.look_up("kms", "DescribeKey", {"KeyId": key["KeyId"]}, region)["KeyMetadata"]
        by_aws = described.get("KeyManager") == "AWS" or str(described.get("Description", "")).startswith("Default ")
        if described["KeyState"] != "PendingDeletion" and not by_aws:
            yield str(key["KeyId"])
