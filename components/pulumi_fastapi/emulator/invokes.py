"""The `aws` functions (data sources) programs call."""

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_fastapi.emulator.api import ACCOUNT_ID, Api
from pulumi_fastapi.emulator.mapping import text_of
from pulumi_fastapi.emulator.schema import words
from pulumi_fastapi.emulator.tagging import tags_of
from pulumi_fastapi.emulator.values import Properties, Secret

# The endpoints' published names; others are told by their code.
_REGION_DESCRIPTIONS = {
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "Europe (Frankfurt)",
    "eu-north-1": "Europe (Stockholm)",
    "eu-west-1": "Europe (Ireland)",
    "eu-west-2": "Europe (London)",
    "eu-west-3": "Europe (Paris)",
    "sa-east-1": "South America (Sao Paulo)",
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
}

# Accounts whose load balancers write access logs, by region (Elastic Load Balancing documentation).
_ELB_ACCOUNTS = {
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-northeast-3": "383597477331",
    "ap-south-1": "718504428378",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ca-central-1": "985666609251",
    "eu-central-1": "054676820928",
    "eu-north-1": "897822967062",
    "eu-south-1": "635631232127",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "sa-east-1": "507241528517",
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
}

MANAGED_POLICIES = {
    "CachePolicy": {
        "Managed-Amplify": "2e54312d-136d-493c-8eb9-b001f22f67d2",
        "Managed-CachingDisabled": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "Managed-CachingOptimized": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "Managed-CachingOptimizedForUncompressedObjects": "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        "UseOriginCacheControlHeaders": "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        "UseOriginCacheControlHeaders-QueryStrings": "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
    },
    "OriginRequestPolicy": {
        "Managed-AllViewer": "216adef6-5c7f-47e4-b989-5492eafa07d3",
        "Managed-AllViewerAndCloudFrontHeaders-2022-06": "33f36d7e-f396-46d9-90e0-52428a34d9dc",
        "Managed-AllViewerExceptHostHeader": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        "Managed-CORS-CustomOrigin": "59781a5b-3903-41f3-afcb-af62929ccde1",
        "Managed-CORS-S3Origin": "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
        "Managed-UserAgentRefererHeaders": "acba4595-bd28-49b8-b9fe-13317c0390fa",
    },
    "ResponseHeadersPolicy": {
        "Managed-CORS-and-SecurityHeadersPolicy": "e61eb60c-9c35-4d20-a928-2b84e02af89c",
        "Managed-CORS-With-Preflight": "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
        "Managed-CORS-with-preflight-and-SecurityHeadersPolicy": "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
        "Managed-SecurityHeadersPolicy": "67f7725c-6f97-4210-82d7-5512b31e9d03",
        "Managed-SimpleCORS": "60669652-455b-4ae9-85a4-c4c02393f86c",
    },
}
"""CloudFront's own policies and their IDs, the same in every account (CloudFront documentation)."""


@dataclass(frozen=True)
class InvokeContext:
    api: Api
    region: str
    default_tags: Mapping[str, str]

    def call(self, service: str, operation: str, **params: Any) -> Properties:
        return self.api.call(service, operation, params, self.region)


class LookupFailed(ValueError):
    """A data source did not find what it was asked for, or found too much."""


Invoke = Callable[[InvokeContext, Properties], Properties]


def _region(context: InvokeContext, arguments: Properties) -> Properties:
    name = arguments.get("region") or arguments.get("name") or context.region
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": _REGION_DESCRIPTIONS.get(name, name),
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


def _caller_identity(context: InvokeContext, _arguments: Properties) -> Properties:
    identity = context.call("sts", "GetCallerIdentity")
    account = identity["Account"]
    return {"id": account, "accountId": account, "arn": identity["Arn"], "userId": identity["UserId"]}


def _partition(_context: InvokeContext, _arguments: Properties) -> Properties:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _default_tags(context: InvokeContext, _arguments: Properties) -> Properties:
    return {"id": "aws", "tags": dict(context.default_tags)}


def _availability_zones(context: InvokeContext, arguments: Properties) -> Properties:
    zones = context.call("ec2", "DescribeAvailabilityZones", **_filters(arguments))["AvailabilityZones"]
    wanted_state = arguments.get("state")
    left_out = {*(arguments.get("excludeNames") or []), *(arguments.get("excludeZoneIds") or [])}
    kept = sorted(
        (
            zone
            for zone in zones
            if wanted_state in (None, zone["State"]) and not left_out & {zone["ZoneName"], zone["ZoneId"]}
        ),
        key=lambda zone: str(zone["ZoneName"]),
    )
    return {
        "id": context.region,
        "region": context.region,
        "names": [zone["ZoneName"] for zone in kept],
        "zoneIds": [zone["ZoneId"] for zone in kept],
        "groupNames": sorted({zone.get("GroupName", context.region) for zone in kept}),
        "state": wanted_state,
    }


def _filters(arguments: Properties) -> dict[str, Any]:
    filters = [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters") or []]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()]
    for name, kebab in (("cidrBlock", "cidr"), ("vpcId", "vpc-id"), ("availabilityZone", "availability-zone")):
        if arguments.get(name):
            filters.append({"Name": kebab, "Values": [arguments[name]]})
    return {"Filters": filters} if filters else {}


def _only(found: list[Properties], what: str) -> Properties:
    if not found:
        raise LookupFailed(f"no matching {what} found")
    if len(found) > 1:
        raise LookupFailed(f"multiple {what}s matched; use additional constraints to reduce matches to a single {what}")
    return found[0]


def _vpc(context: InvokeContext, arguments: Properties) -> Properties:
    query = _filters(arguments)
    if arguments.get("default"):
        query.setdefault("Filters", []).append({"Name": "isDefault", "Values": ["true"]})
    if arguments.get("id"):
        query["VpcIds"] = [arguments["id"]]
    vpc = _only(context.call("ec2", "DescribeVpcs", **query)["Vpcs"], "EC2 VPC")
    attributes = {
        name: context.call("ec2", "DescribeVpcAttribute", VpcId=vpc["VpcId"], Attribute=name)[
            name[0].upper() + name[1:]
        ]["Value"]
        for name in ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics")
    }
    main = context.call(
        "ec2",
        "DescribeRouteTables",
        Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}, {"Name": "association.main", "Values": ["true"]}],
    )["RouteTables"]
    return {
        "id": vpc["VpcId"],
        "arn": f"arn:aws:ec2:{context.region}:{ACCOUNT_ID}:vpc/{vpc['VpcId']}",
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [
            {
                "associationId": item["AssociationId"],
                "cidrBlock": item["CidrBlock"],
                "state": item["CidrBlockState"]["State"],
            }
            for item in vpc.get("CidrBlockAssociationSet") or []
        ],
        "default": vpc["IsDefault"],
        "dhcpOptionsId": vpc["DhcpOptionsId"],
        "instanceTenancy": vpc["InstanceTenancy"],
        "mainRouteTableId": main[0]["RouteTableId"] if main else "",
        "ownerId": vpc.get("OwnerId", ACCOUNT_ID),
        "region": context.region,
        "state": vpc["State"],
        "tags": tags_of(vpc.get("Tags") or []),
        **attributes,
    }


def _subnets(context: InvokeContext, arguments: Properties) -> Properties:
    found = context.call("ec2", "DescribeSubnets", **_filters(arguments))["Subnets"]
    return {
        "id": context.region,
        "region": context.region,
        "ids": [subnet["SubnetId"] for subnet in found],
        "tags": arguments.get("tags") or {},
    }


def _subnet(context: InvokeContext, arguments: Properties) -> Properties:
    query = _filters(arguments)
    if arguments.get("id"):
        query["SubnetIds"] = [arguments["id"]]
    subnet = _only(context.call("ec2", "DescribeSubnets", **query)["Subnets"], "EC2 Subnet")
    return {
        "id": subnet["SubnetId"],
        "arn": subnet["SubnetArn"],
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId", ""),
        "cidrBlock": subnet["CidrBlock"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
        "region": context.region,
        "state": subnet["State"],
        "tags": tags_of(subnet.get("Tags") or []),
        "vpcId": subnet["VpcId"],
    }


def _security_group(context: InvokeContext, arguments: Properties) -> Properties:
    query = _filters(arguments)
    if arguments.get("id"):
        query["GroupIds"] = [arguments["id"]]
    if arguments.get("name"):
        query.setdefault("Filters", []).append({"Name": "group-name", "Values": [arguments["name"]]})
    found = context.call("ec2", "DescribeSecurityGroups", **query)["SecurityGroups"]
    group = _only(found, "EC2 Security Group")
    return {
        "id": group["GroupId"],
        "arn": f"arn:aws:ec2:{context.region}:{ACCOUNT_ID}:security-group/{group['GroupId']}",
        "description": group["Description"],
        "name": group["GroupName"],
        "region": context.region,
        "tags": tags_of(group.get("Tags") or []),
        "vpcId": group["VpcId"],
    }


def _policy_document(_context: InvokeContext, arguments: Properties) -> Properties:
    document: Properties = {"Version": arguments.get("version") or "2012-10-17"}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    statements = [
        statement
        for source in arguments.get("sourcePolicyDocuments") or []
        for statement in json.loads(source)["Statement"]
    ]
    statements += [_statement(statement) for statement in arguments.get("statements") or []]
    if statements:
        document["Statement"] = statements
    pretty = json.dumps(document, indent=2)
    return {
        "id": str(zlib.crc32(pretty.encode())),
        "json": pretty,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
    }


def _statement(statement: Properties) -> Properties:
    result: Properties = {}
    if statement.get("sid"):
        result["Sid"] = statement["sid"]
    result["Effect"] = statement.get("effect") or "Allow"
    for name in ("actions", "notActions", "resources", "notResources"):
        if statement.get(name):
            result[name[0].upper() + name[1:-1]] = _one_or_sorted(statement[name])
    for name in ("principals", "notPrincipals"):
        if statement.get(name):
            result[name[0].upper() + name[1:-1]] = _principals(statement[name])
    if statement.get("conditions"):
        conditions: Properties = {}
        for condition in statement["conditions"]:
            values = condition["values"]
            tested = conditions.setdefault(condition["test"], {})
            tested[condition["variable"]] = values[0] if len(values) == 1 else list(values)
        result["Condition"] = conditions
    return result


def _principals(principals: list[Properties]) -> Any:
    by_type: dict[str, list[str]] = {}
    for principal in principals:
        by_type.setdefault(principal["type"], []).extend(principal["identifiers"])
    if by_type == {"*": ["*"]}:
        return "*"
    return {kind: _one_or_sorted(identifiers) for kind, identifiers in by_type.items()}


def _one_or_sorted(values: list[str]) -> Any:
    # The real provider sorts descending.
    return values[0] if len(values) == 1 else sorted(values, reverse=True)


def _zone(context: InvokeContext, arguments: Properties) -> Properties:
    if arguments.get("zoneId"):
        zone = context.call("route53", "GetHostedZone", Id=arguments["zoneId"])["HostedZone"]
    else:
        name = str(arguments.get("name", "")).rstrip(".") + "."
        private = bool(arguments.get("privateZone"))
        zones = context.call("route53", "ListHostedZones")["HostedZones"]
        zone = _only(
            [zone for zone in zones if zone["Name"] == name and zone["Config"]["PrivateZone"] == private],
            "Route 53 Hosted Zone",
        )
    id = zone["Id"].split("/")[-1]
    servers = context.call("route53", "GetHostedZone", Id=id).get("DelegationSet", {}).get("NameServers", [])
    return {
        "id": id,
        "zoneId": id,
        "arn": f"arn:aws:route53:::hostedzone/{id}",
        "callerReference": zone["CallerReference"],
        "comment": zone["Config"].get("Comment", ""),
        "name": zone["Name"].rstrip("."),
        "nameServers": servers,
        "primaryNameServer": servers[0] if servers else "",
        "privateZone": zone["Config"]["PrivateZone"],
        "resourceRecordSetCount": float(zone.get("ResourceRecordSetCount") or 0),
        "tags": {},
    }


def _secret_version(context: InvokeContext, arguments: Properties) -> Properties:
    query = {"SecretId": arguments["secretId"]}
    for name in ("versionId", "versionStage"):
        if arguments.get(name):
            query[name[0].upper() + name[1:]] = arguments[name]
    answer = context.call("secretsmanager", "GetSecretValue", **query)
    stage = arguments.get("versionId") or arguments.get("versionStage") or "AWSCURRENT"
    return {
        "id": f"{arguments['secretId']}|{stage}",
        "arn": answer["ARN"],
        "createdDate": text_of(answer["CreatedDate"]),
        "secretId": arguments["secretId"],
        "secretString": Secret(answer.get("SecretString", "")),
        "versionId": answer["VersionId"],
        "versionStages": answer["VersionStages"],
    }


def _authorization_token(context: InvokeContext, _arguments: Properties) -> Properties:
    data = context.call("ecr", "GetAuthorizationToken")["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":", 1)
    return {
        "id": context.region,
        "authorizationToken": Secret(data["authorizationToken"]),
        "expiresAt": text_of(data["expiresAt"]),
        "password": Secret(password),
        "proxyEndpoint": data["proxyEndpoint"],
        "userName": user,
    }


def _elb_service_account(context: InvokeContext, _arguments: Properties) -> Properties:
    account = _ELB_ACCOUNTS.get(context.region)
    if account is None:
        raise LookupFailed(
            f"region {context.region!r} has no load balancer account: grant the service principal instead"
        )
    return {"id": account, "arn": f"arn:aws:iam::{account}:root", "region": context.region}


def _load_balancer(context: InvokeContext, arguments: Properties) -> Properties:
    query = {"LoadBalancerArns": [arguments["arn"]]} if arguments.get("arn") else {"Names": [arguments.get("name", "")]}
    found = _only(context.call("elbv2", "DescribeLoadBalancers", **query)["LoadBalancers"], "ELBv2 Load Balancer")
    return {
        "id": found["LoadBalancerArn"],
        "arn": found["LoadBalancerArn"],
        "arnSuffix": found["LoadBalancerArn"].split(":loadbalancer/")[1],
        "dnsName": found["DNSName"],
        "internal": found.get("Scheme") == "internal",
        "loadBalancerType": found["Type"],
        "name": found["LoadBalancerName"],
        "region": context.region,
        "securityGroups": found.get("SecurityGroups") or [],
        "subnets": [zone["SubnetId"] for zone in found.get("AvailabilityZones") or []],
        "vpcId": found["VpcId"],
        "zoneId": found["CanonicalHostedZoneId"],
    }


def _listener(context: InvokeContext, arguments: Properties) -> Properties:
    if arguments.get("arn"):
        query: dict[str, Any] = {"ListenerArns": [arguments["arn"]]}
    else:
        query = {"LoadBalancerArn": arguments["loadBalancerArn"]}
    found = [
        listener
        for listener in context.call("elbv2", "DescribeListeners", **query)["Listeners"]
        if arguments.get("port") in (None, listener["Port"])
    ]
    listener = _only(found, "ELBv2 Listener")
    return {
        "id": listener["ListenerArn"],
        "arn": listener["ListenerArn"],
        "loadBalancerArn": listener["LoadBalancerArn"],
        "port": float(listener["Port"]),
        "protocol": listener["Protocol"],
        "region": context.region,
        "sslPolicy": listener.get("SslPolicy", ""),
    }


def _listener_rule(context: InvokeContext, arguments: Properties) -> Properties:
    """As much as a program needs to see where a rule's traffic goes."""
    (rule,) = context.call("elbv2", "DescribeRules", RuleArns=[arguments["arn"]])["Rules"]
    actions = []
    for order, action in enumerate(rule["Actions"], start=1):
        groups = action.get("ForwardConfig", {}).get("TargetGroups")
        if not groups and action.get("TargetGroupArn"):
            groups = [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
        forward = {
            "targetGroups": [
                {"arn": group["TargetGroupArn"], "weight": float(group.get("Weight", 1))} for group in groups or []
            ]
        }
        actions.append({"type": action["Type"], "order": float(order), "forwards": [forward] if groups else []})
    return {
        "id": rule["RuleArn"],
        "arn": rule["RuleArn"],
        "actions": actions,
        "priority": float(rule["Priority"]),
        "region": context.region,
    }


def _db_instance(context: InvokeContext, arguments: Properties) -> Properties:
    answer = context.call("rds", "DescribeDBInstances", DBInstanceIdentifier=arguments["dbInstanceIdentifier"])
    found = answer["DBInstances"][0]
    secret = found.get("MasterUserSecret")
    return {
        "id": found["DBInstanceIdentifier"],
        "address": found["Endpoint"]["Address"],
        "dbInstanceArn": found["DBInstanceArn"],
        "dbInstanceClass": found["DBInstanceClass"],
        "dbInstanceIdentifier": found["DBInstanceIdentifier"],
        "dbName": found.get("DBName", ""),
        "endpoint": f"{found['Endpoint']['Address']}:{found['Endpoint']['Port']}",
        "engine": found["Engine"],
        "engineVersion": found["EngineVersion"],
        "masterUsername": found["MasterUsername"],
        "masterUserSecrets": [{"secretArn": secret["SecretArn"]}] if secret else [],
        "port": float(found["Endpoint"]["Port"]),
        "region": context.region,
        "resourceId": found["DbiResourceId"],
        "vpcSecurityGroups": [group["VpcSecurityGroupId"] for group in found.get("VpcSecurityGroups") or []],
    }


def _ecs_cluster(context: InvokeContext, arguments: Properties) -> Properties:
    answer = context.call("ecs", "DescribeClusters", clusters=[arguments["clusterName"]])
    cluster = _only([item for item in answer["clusters"] if item["status"] == "ACTIVE"], "ECS Cluster")
    return {
        "id": cluster["clusterArn"],
        "arn": cluster["clusterArn"],
        "clusterName": cluster["clusterName"],
        "region": context.region,
        "status": cluster["status"],
    }


def _managed_policy(kind: str) -> Invoke:
    """Of a name or an ID; policies that a program makes are not emulated."""

    def find(_context: InvokeContext, arguments: Properties) -> Properties:
        wanted = arguments.get("id") or arguments.get("name")
        for name, id in MANAGED_POLICIES[kind].items():
            if wanted in (name, id):
                return {"id": id, "name": name, "etag": "E23ZP02F085DFQ"}
        raise LookupFailed(f"no matching CloudFront {' '.join(words(kind))} found: {wanted!r}")

    return find


INVOKES: Mapping[str, Invoke] = {
    "aws:cloudfront/getCachePolicy:getCachePolicy": _managed_policy("CachePolicy"),
    "aws:cloudfront/getOriginRequestPolicy:getOriginRequestPolicy": _managed_policy("OriginRequestPolicy"),
    "aws:cloudfront/getResponseHeadersPolicy:getResponseHeadersPolicy": _managed_policy("ResponseHeadersPolicy"),
    "aws:ec2/getSecurityGroup:getSecurityGroup": _security_group,
    "aws:ec2/getSubnet:getSubnet": _subnet,
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:ec2/getVpc:getVpc": _vpc,
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": _authorization_token,
    "aws:ecs/getCluster:getCluster": _ecs_cluster,
    "aws:elb/getServiceAccount:getServiceAccount": _elb_service_account,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getDefaultTags:getDefaultTags": _default_tags,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:lb/getListener:getListener": _listener,
    "aws:lb/getListenerRule:getListenerRule": _listener_rule,
    "aws:lb/getLoadBalancer:getLoadBalancer": _load_balancer,
    "aws:rds/getInstance:getInstance": _db_instance,
    "aws:route53/getZone:getZone": _zone,
    "aws:secretsmanager/getSecretVersion:getSecretVersion": _secret_version,
}
"""What each function answers; marks secrets the way the real provider declares them."""
