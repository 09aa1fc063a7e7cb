"""What a plan answers where a cloud would: lookups without an account, stand-in values for what it makes."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from . import offline_gcp

Properties = Mapping[str, Any]
Lookup = Callable[[Properties, "Place"], dict[str, Any]]

ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
PROJECT = "offline-plan"
"""Google Cloud project, where none is configured."""


@dataclass(frozen=True)
class Place:
    """Where a resource stands."""

    region: str = DEFAULT_REGION
    account: str = ACCOUNT
    project: str = PROJECT

    @property
    def partition(self) -> str:
        prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
        return next((name for prefix, name in prefixes.items() if self.region.startswith(prefix)), "aws")

    @property
    def domain(self) -> str:
        return {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}.get(self.partition, "amazonaws.com")

    def arn(self, service: str, resource: str, *, region: Optional[str] = None, account: Optional[str] = None) -> str:
        place = self.region if region is None else region
        owner = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{place}:{owner}:{resource}"


# Lookups


def _caller_identity(_: Properties, place: Place) -> dict[str, Any]:
    arn = place.arn("iam", "user/plan", region="")
    return {"accountId": place.account, "arn": arn, "id": place.account, "userId": "AIDAPLANPLANPLANPLANP"}


def _region(args: Properties, place: Place) -> dict[str, Any]:
    name = args.get("region") or args.get("name") or place.region
    return {"id": name, "name": name, "region": name, "description": name, "endpoint": f"ec2.{name}.{place.domain}"}


def _partition(_: Properties, place: Place) -> dict[str, Any]:
    reverse = ".".join(reversed(place.domain.split(".")))
    return {"id": place.partition, "partition": place.partition, "dnsSuffix": place.domain, "reverseDnsPrefix": reverse}


def _availability_zones(_: Properties, place: Place) -> dict[str, Any]:
    names = [f"{place.region}{letter}" for letter in "abc"]
    short = "".join(part[0] if part.isalpha() else part for part in place.region.split("-"))
    return {
        "id": place.region,
        "region": place.region,
        "names": names,
        "zoneIds": [f"{short}-az{number}" for number in (1, 2, 3)],
        "groupNames": [place.region],
    }


def _hosted_zone(args: Properties, place: Place) -> dict[str, Any]:
    name = str(args.get("name") or f"{args.get('zoneId', 'zone').lower()}.example").rstrip(".")
    zone = args.get("zoneId") or f"Z{_hex(name, 13).upper()}"
    return {
        "arn": place.arn("route53", f"hostedzone/{zone}", region="", account=""),
        "id": zone,
        "zoneId": zone,
        "name": name,
        "nameServers": [f"ns-{number}.awsdns-{number:02}.example" for number in range(4)],
        "privateZone": bool(args.get("privateZone", False)),
        "comment": "",
        "callerReference": "",
        "resourceRecordSetCount": 2,
        "tags": {},
    }


def _registry_token(args: Properties, place: Place) -> dict[str, Any]:
    registry = f"{args.get('registryId') or place.account}.dkr.ecr.{place.region}.{place.domain}"
    return {
        "id": place.region,
        "userName": "AWS",
        "password": "offline-plan",
        "authorizationToken": "QVdTOm9mZmxpbmUtcGxhbg==",
        "expiresAt": "2100-01-01T00:00:00Z",
        "proxyEndpoint": f"https://{registry}",
    }


def _listener_rule(args: Properties, _: Place) -> dict[str, Any]:
    # Where its traffic goes only AWS knows.
    return {"id": args["arn"], "arn": args["arn"], "actions": [], "conditions": [], "priority": 1, "tags": {}}


def _load_balancer_account(_: Properties, place: Place) -> dict[str, Any]:
    # The account differs per region in AWS; access logs of new regions use the log delivery service principal instead.
    return {"id": "127311923021", "arn": place.arn("iam", "root", region="", account="127311923021")}


def policy_document(args: Properties, _: Optional[Place] = None) -> dict[str, Any]:
    """`aws.iam.get_policy_document`: pure text work that the provider does without AWS."""
    statements: list[dict[str, Any]] = []
    version, policy_id = args.get("version"), args.get("policyId")
    for text in args.get("sourcePolicyDocuments") or []:
        source = json.loads(text)
        version = version or source.get("Version")
        _add(statements, source.get("Statement", []))
    _add(statements, [_statement(statement) for statement in args.get("statements") or []])
    for text in args.get("overridePolicyDocuments") or []:
        _add(statements, json.loads(text).get("Statement", []))
    document: dict[str, Any] = {"Version": version or "2012-10-17"}
    if policy_id:
        document["Id"] = policy_id
    document["Statement"] = statements
    compact = json.dumps(document, separators=(",", ":"))
    return {"id": _hex(compact, 10), "json": json.dumps(document, indent=2), "minifiedJson": compact}


def _add(statements: list[dict[str, Any]], more: Any) -> None:
    """Append statements; one with the Sid of an earlier one replaces it."""
    for statement in more if isinstance(more, list) else [more]:
        same = [
            index for index, known in enumerate(statements) if known.get("Sid") and known["Sid"] == statement.get("Sid")
        ]
        if same:
            statements[same[0]] = statement
        else:
            statements.append(statement)


def _statement(given: Properties) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect") or "Allow"
    lists = {"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource"}
    for key, name in lists.items():
        if given.get(key):
            statement[name] = _one_or_many(given[key])
    for key, name in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(key):
            statement[name] = _principals(given[key])
    for condition in given.get("conditions") or []:
        test = statement.setdefault("Condition", {}).setdefault(condition["test"], {})
        test[condition["variable"]] = _one_or_many(condition["values"])
    return statement


def _principals(given: list[Properties]) -> Any:
    if any(principal["type"] == "*" for principal in given):
        return "*"
    merged: dict[str, list[str]] = {}
    for principal in given:
        merged.setdefault(principal["type"], []).extend(principal["identifiers"])
    return {kind: _one_or_many(identifiers) for kind, identifiers in merged.items()}


def _one_or_many(values: list[str]) -> Any:
    unique = sorted(set(values))
    return unique[0] if len(unique) == 1 else unique


LOOKUPS: dict[str, Lookup] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:lb/getListenerRule:getListenerRule": _listener_rule,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document,
    "aws:route53/getZone:getZone": _hosted_zone,
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": _registry_token,
    "aws:elb/getServiceAccount:getServiceAccount": _load_balancer_account,
    **offline_gcp.LOOKUPS,
}
"""Provider functions that have an answer without an account, by token."""

SECRET_RESULTS = {
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": ("password", "authorizationToken"),
    **offline_gcp.SECRET_RESULTS,
}
"""Properties of those answers that are secret."""


# Stand-ins for what a cloud computes


@dataclass(frozen=True)
class Created:
    """A resource as if it had been created: what its stand-in values are made from."""

    type: str
    name: str
    urn: str
    inputs: Properties
    place: Place

    def hex(self, length: int) -> str:
        return _hex(self.urn, length)

    def physical_name(self, *properties: str) -> str:
        """The name the provider would give: the one asked for, or the logical name with a random-looking suffix."""
        for key in (*properties, "name"):
            if isinstance(self.inputs.get(key), str):
                return str(self.inputs[key])
        prefix = self.inputs.get("namePrefix")
        return f"{prefix}{self.hex(26)}" if isinstance(prefix, str) else f"{self.name}-{self.hex(7)}"

    def text(self, key: str, default: str) -> str:
        value = self.inputs.get(key)
        return value if isinstance(value, str) else default


def stand_ins(created: Created) -> dict[str, Any]:
    """Values for `id`, `arn`, `name` and the attributes that programs often build on; all others stay unknown."""
    package, _, rest = created.type.partition(":")
    made = _MADE.get(created.type)
    if package == "gcp":
        values = offline_gcp.stand_ins(created)
    elif package != "aws":
        values = {"id": created.physical_name(), **(made(created) if made else {})}
    else:
        module = rest.partition("/")[0]
        kind = created.type.rpartition(":")[2]
        name = created.physical_name(*_NAME_PROPERTIES.get(created.type, ()))
        values = {
            "id": f"{_EC2_PREFIXES[kind]}-{created.hex(17)}" if module == "ec2" and kind in _EC2_PREFIXES else name,
            "arn": created.place.arn(_SERVICES.get(module, module), f"{_kebab(kind)}/{name}"),
            "name": name,
            "region": created.place.region,
        }
        if module == "ec2":
            values["arn"] = created.place.arn("ec2", f"{_kebab(kind)}/{values['id']}")
        values.update(made(created) if made else {})
        if created.type in _ID_IS_ARN:
            values["id"] = values["arn"]
    return values


def _hex(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


# Services whose name in an ARN is not the module's.
_SERVICES = {
    "lb": "elasticloadbalancing",
    "alb": "elasticloadbalancing",
    "appautoscaling": "application-autoscaling",
    "autoscaling": "autoscaling",
    "cfg": "config",
    "cognito": "cognito-idp",
    "sfn": "states",
    "elasticache": "elasticache",
    "efs": "elasticfilesystem",
    "apigatewayv2": "apigateway",
    "servicediscovery": "servicediscovery",
}

_EC2_PREFIXES = {
    "Vpc": "vpc",
    "Subnet": "subnet",
    "SecurityGroup": "sg",
    "InternetGateway": "igw",
    "EgressOnlyInternetGateway": "eigw",
    "NatGateway": "nat",
    "RouteTable": "rtb",
    "DefaultRouteTable": "rtb",
    "Route": "r",
    "RouteTableAssociation": "rtbassoc",
    "Eip": "eipalloc",
    "VpcEndpoint": "vpce",
    "FlowLog": "fl",
    "LaunchTemplate": "lt",
    "NetworkAcl": "acl",
    "DefaultSecurityGroup": "sg",
    "SecurityGroupRule": "sgrule",
    "Instance": "i",
}

# Properties that name the resource, where that is not `name`.
_NAME_PROPERTIES = {
    "aws:ecs/taskDefinition:TaskDefinition": ("family",),
    "aws:rds/instance:Instance": ("identifier",),
    "aws:rds/cluster:Cluster": ("clusterIdentifier",),
    "aws:rds/clusterInstance:ClusterInstance": ("identifier",),
    "aws:s3/bucket:Bucket": ("bucket",),
    "aws:cloudwatch/dashboard:Dashboard": ("dashboardName",),
}

_ID_IS_ARN = {
    "aws:acm/certificate:Certificate",
    "aws:ecs/cluster:Cluster",
    "aws:ecs/service:Service",
    "aws:iam/policy:Policy",
    "aws:lb/listener:Listener",
    "aws:lb/listenerRule:ListenerRule",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:lb/targetGroup:TargetGroup",
    "aws:secretsmanager/secret:Secret",
    "aws:sns/topic:Topic",
    "aws:sns/topicSubscription:TopicSubscription",
}


def _load_balancer(made: Created) -> dict[str, Any]:
    name = made.physical_name()
    kind = {"network": "net", "gateway": "gwy"}.get(made.text("loadBalancerType", "application"), "app")
    suffix = f"{kind}/{name}/{made.hex(16)}"
    internal = "internal-" if made.inputs.get("internal") is True else ""
    return {
        "arn": made.place.arn("elasticloadbalancing", f"loadbalancer/{suffix}"),
        "arnSuffix": suffix,
        "dnsName": f"{internal}{name}-{int(made.hex(8), 16)}.{made.place.region}.elb.{made.place.domain}",
        "zoneId": f"Z{made.hex(13).upper()}",
    }


def _target_group(made: Created) -> dict[str, Any]:
    suffix = f"targetgroup/{made.physical_name()}/{made.hex(16)}"
    return {"arn": made.place.arn("elasticloadbalancing", suffix), "arnSuffix": suffix}


def _listener(made: Created) -> dict[str, Any]:
    return {"arn": made.place.arn("elasticloadbalancing", f"listener/app/{made.name}/{made.hex(16)}/{made.hex(12)}")}


def _repository(made: Created) -> dict[str, Any]:
    name, place = made.physical_name(), made.place
    url = f"{place.account}.dkr.ecr.{place.region}.{place.domain}/{name}"
    return {"arn": place.arn("ecr", f"repository/{name}"), "repositoryUrl": url, "registryId": place.account}


def _task_definition(made: Created) -> dict[str, Any]:
    arn = made.place.arn("ecs", f"task-definition/{made.physical_name('family')}")
    return {"arn": f"{arn}:1", "arnWithoutRevision": arn, "revision": 1, "id": made.physical_name("family")}


def _database(made: Created) -> dict[str, Any]:
    name = made.physical_name("identifier")
    address = f"{name}.{made.hex(12)}.{made.place.region}.rds.{made.place.domain}"
    port = (
        made.inputs.get("port")
        if isinstance(made.inputs.get("port"), int)
        else _DATABASE_PORTS.get(made.text("engine", ""), 5432)
    )
    resource = f"db-{made.hex(26).upper()}"
    values: dict[str, Any] = {
        "id": resource,
        "arn": made.place.arn("rds", f"db:{name}"),
        "identifier": name,
        "address": address,
        "endpoint": f"{address}:{port}",
        "port": port,
        "resourceId": resource,
    }
    return values | _managed_password(made, f"rds!db-{made.hex(12)}")


_DATABASE_PORTS = {"postgres": 5432, "mysql": 3306, "mariadb": 3306, "aurora-mysql": 3306, "aurora-postgresql": 5432}


def _database_cluster(made: Created) -> dict[str, Any]:
    name = made.physical_name("clusterIdentifier")
    host = f"{made.hex(12)}.{made.place.region}.rds.{made.place.domain}"
    values: dict[str, Any] = {
        "id": name,
        "arn": made.place.arn("rds", f"cluster:{name}"),
        "clusterIdentifier": name,
        "endpoint": f"{name}.cluster-{host}",
        "readerEndpoint": f"{name}.cluster-ro-{host}",
        "port": _DATABASE_PORTS.get(made.text("engine", ""), 5432),
        "clusterResourceId": f"cluster-{made.hex(26).upper()}",
    }
    return values | _managed_password(made, f"rds!cluster-{made.hex(12)}")


def _managed_password(made: Created, name: str) -> dict[str, Any]:
    if made.inputs.get("manageMasterUserPassword") is not True:
        return {}
    secret = {"secretArn": made.place.arn("secretsmanager", f"secret:{name}-AbCdEf"), "secretStatus": "active"}
    key = made.text("masterUserSecretKmsKeyId", made.place.arn("kms", "key/offline-plan"))
    return {"masterUserSecrets": [secret | {"kmsKeyId": key}]}


def _proxy(made: Created) -> dict[str, Any]:
    host = f"{made.physical_name()}.proxy-{made.hex(12)}.{made.place.region}.rds.{made.place.domain}"
    return {"arn": made.place.arn("rds", f"db-proxy:prx-{made.hex(17)}"), "endpoint": host}


def _image(made: Created) -> dict[str, Any]:
    tags = made.inputs.get("tags")
    repository = (
        re.sub(r":[^:/]+$", "", tags[0]) if isinstance(tags, list) and tags and isinstance(tags[0], str) else made.name
    )
    digest = f"sha256:{made.hex(64)}"
    return {"id": digest, "digest": digest, "ref": f"{repository}@{digest}"}


def _certificate(made: Created) -> dict[str, Any]:
    identity = f"{made.hex(8)}-{made.hex(12)[8:]}-4{made.hex(15)[12:]}-8{made.hex(18)[15:]}-{made.hex(30)[18:]}"
    names = [made.text("domainName", made.name)]
    others = made.inputs.get("subjectAlternativeNames")
    names += (
        [name for name in others if isinstance(name, str) and name not in names] if isinstance(others, list) else []
    )
    options = [
        {
            "domainName": name,
            "resourceRecordName": f"_{_hex(name, 32)}.{name.removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{_hex(made.urn + name, 32)}.acm-validations.aws.",
        }
        for name in names
    ]
    return {"arn": made.place.arn("acm", f"certificate/{identity}"), "domainValidationOptions": options}


def _function(made: Created) -> dict[str, Any]:
    arn = made.place.arn("lambda", f"function:{made.physical_name()}")
    path = f"2015-03-31/functions/{arn}/invocations"
    gateway = made.place.arn("apigateway", f"lambda:path/{path}").replace(f":{made.place.account}:", ":", 1)
    return {"arn": arn, "version": "1", "qualifiedArn": f"{arn}:1", "invokeArn": gateway}


def _global(service: str, kind: str) -> Callable[[Created], dict[str, Any]]:
    return lambda made: {"arn": made.place.arn(service, f"{kind}/{made.physical_name()}", region="")}


def _named(service: str, kind: str = "", *properties: str, suffix: str = "") -> Callable[[Created], dict[str, Any]]:
    return lambda made: {"arn": made.place.arn(service, f"{kind}{made.physical_name(*properties)}{suffix}")}


def _bucket(made: Created) -> dict[str, Any]:
    name = made.physical_name("bucket").lower()
    return {
        "id": name,
        "bucket": name,
        "arn": made.place.arn("s3", name, region="", account=""),
        "bucketDomainName": f"{name}.s3.{made.place.domain}",
        "bucketRegionalDomainName": f"{name}.s3.{made.place.region}.{made.place.domain}",
    }


def _service(made: Created) -> dict[str, Any]:
    cluster = made.text("cluster", "default").rpartition("/")[2]
    return {"arn": made.place.arn("ecs", f"service/{cluster}/{made.physical_name()}")}


def _zone(made: Created) -> dict[str, Any]:
    zone = f"Z{made.hex(13).upper()}"
    arn = made.place.arn("route53", f"hostedzone/{zone}", region="", account="")
    return {
        "id": zone,
        "zoneId": zone,
        "arn": arn,
        "nameServers": [f"ns-{number}.awsdns-{number:02}.example" for number in range(4)],
    }


def _elastic_ip(made: Created) -> dict[str, Any]:
    identity = f"eipalloc-{made.hex(17)}"
    return {"id": identity, "allocationId": identity, "publicIp": f"198.51.100.{int(made.hex(2), 16) % 254 + 1}"}


def _key(made: Created) -> dict[str, Any]:
    identity = f"{made.hex(8)}-{made.hex(12)[8:]}-4{made.hex(15)[12:]}-8{made.hex(18)[15:]}-{made.hex(30)[18:]}"
    return {"id": identity, "keyId": identity, "arn": made.place.arn("kms", f"key/{identity}")}


def _secret_version(made: Created) -> dict[str, Any]:
    return {"arn": made.text("secretId", made.name), "versionId": f"terraform-{made.hex(26)}"}


def _password(made: Created) -> dict[str, Any]:
    length = made.inputs.get("length")
    return {"result": made.hex(length if isinstance(length, int) else 32)}


_MADE: dict[str, Callable[[Created], dict[str, Any]]] = {
    "aws:acm/certificate:Certificate": _certificate,
    "aws:cloudwatch/logGroup:LogGroup": _named("logs", "log-group:"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _named("cloudwatch", "alarm:"),
    "aws:ec2/eip:Eip": _elastic_ip,
    "aws:ecr/repository:Repository": _repository,
    "aws:ecs/cluster:Cluster": _named("ecs", "cluster/"),
    "aws:ecs/service:Service": _service,
    "aws:ecs/taskDefinition:TaskDefinition": _task_definition,
    "aws:iam/policy:Policy": _global("iam", "policy"),
    "aws:iam/role:Role": _global("iam", "role"),
    "aws:iam/user:User": _global("iam", "user"),
    "aws:iam/instanceProfile:InstanceProfile": _global("iam", "instance-profile"),
    "aws:kms/key:Key": _key,
    "aws:lambda/function:Function": _function,
    "aws:lb/listener:Listener": _listener,
    "aws:lb/listenerRule:ListenerRule": _listener,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:lb/targetGroup:TargetGroup": _target_group,
    "aws:rds/cluster:Cluster": _database_cluster,
    "aws:rds/instance:Instance": _database,
    "aws:rds/proxy:Proxy": _proxy,
    "aws:route53/zone:Zone": _zone,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:secretsmanager/secret:Secret": _named("secretsmanager", "secret:", suffix="-AbCdEf"),
    "aws:secretsmanager/secretVersion:SecretVersion": _secret_version,
    "aws:sns/topic:Topic": _named("sns"),
    "aws:sqs/queue:Queue": _named("sqs"),
    "docker-build:index:Image": _image,
    "random:index/randomPassword:RandomPassword": _password,
}
