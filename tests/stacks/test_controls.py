"""docs/controls.md against the plan of the prod stack: each control is satisfied, waived or not applicable.

A check says whether one planned resource satisfies a control; its `broken` inputs are what it has to notice.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from planned_stacks import PlanStack
from pulumi_fastapi.plan import Plan, Resource, Secret

PAGE = (Path(__file__).parents[2] / "docs" / "controls.md").read_text()
SATISFIED, WAIVED, NOT_APPLICABLE = "satisfied", "waived", "not applicable"
WORLD = {"0.0.0.0/0", "::/0"}


class Row(NamedTuple):
    """A line of the tables."""

    control: str
    severity: str
    type: str
    asks_for: str
    verdict: str
    explanation: str


def rows() -> Iterator[Row]:
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells[0] != "Control":
            row = Row(*cells)
            yield row._replace(control=row.control.split()[0], type=row.type.strip("`"))


ROWS = {row.control: row for row in rows()}
UNJUDGED = set(re.findall(r"^- `(.+)`$", PAGE, re.MULTILINE))


@pytest.fixture(scope="module")
def prod(plan_stack: PlanStack) -> Plan:
    return plan_stack("prod", {"app.secrets.API_KEY": Secret("a secret")})


# Checks, one per rule; several controls can ask for the same.


@dataclass(frozen=True, kw_only=True)
class Check:
    type: str
    holds: Callable[[Resource, Plan], bool]
    broken: Mapping[str, Any]


CHECKS: dict[str, Check] = {}
Holds = Callable[[Resource, Plan], bool]


def check(*controls: str, type: str, **broken: Any) -> Callable[[Holds], Holds]:
    """Declare what satisfies `controls`. `broken` are inputs of a resource of `type` that do not."""

    def declare(holds: Holds) -> Holds:
        CHECKS.update(dict.fromkeys(controls, Check(type=type, holds=holds, broken=broken)))
        return holds

    return declare


CERTIFICATE = "aws:acm/certificate:Certificate"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
REPOSITORY = "aws:ecr/repository:Repository"
SERVICE = "aws:ecs/service:Service"
CLUSTER = "aws:ecs/cluster:Cluster"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
DATABASE = "aws:rds/instance:Instance"
BUCKET = "aws:s3/bucket:Bucket"
TOPIC = "aws:sns/topic:Topic"


@check("ACM.2", type=CERTIFICATE, keyAlgorithm="RSA_1024")
def certificate_has_a_long_key(certificate: Resource, _: Plan) -> bool:
    return certificate.inputs.get("keyAlgorithm", "RSA_2048") == "RSA_2048"


@check("CT.CLOUDWATCH.PR.1", type=ALARM, alarmActions=[])
def alarm_notifies(alarm: Resource, plan: Plan) -> bool:
    return alarm.inputs["alarmActions"] == [plan.find(TOPIC).outputs["arn"]]


@check("CT.CLOUDWATCH.PR.4", type=ALARM, actionsEnabled=False)
def alarm_actions_are_on(alarm: Resource, _: Plan) -> bool:
    return alarm.inputs.get("actionsEnabled", True) is True


@check("CT.CLOUDWATCH.PR.2", type=LOGS, retentionInDays=30)
def logs_are_kept_for_a_year(logs: Resource, _: Plan) -> bool:
    return int(logs.inputs["retentionInDays"]) >= 365


@check("CT.EC2.PR.3", "AwsSolutions-RDS8", type=INGRESS, cidrIpv4="0.0.0.0/0", fromPort=5432, toPort=5432)
def world_reaches_web_ports_only(rule: Resource, _: Plan) -> bool:
    return not open_to_world(rule) or (
        rule.inputs["fromPort"] == rule.inputs["toPort"] and rule.inputs["toPort"] in (80, 443)
    )


@check("CT.EC2.PR.4", "EC2.13", "EC2.14", type=INGRESS, cidrIpv4="0.0.0.0/0", fromPort=20, toPort=4000)
def world_reaches_no_risky_port(rule: Resource, _: Plan) -> bool:
    ports = range(rule.inputs["fromPort"], rule.inputs["toPort"] + 1)
    risky = {20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601}
    return not open_to_world(rule) or not (risky | {8080, 8088, 8888, 9200, 9300}) & set(ports)


@check("CT.EC2.PR.11", type="aws:ec2/subnet:Subnet", mapPublicIpOnLaunch=True)
def subnet_gives_no_address_away(subnet: Resource, _: Plan) -> bool:
    return subnet.inputs["mapPublicIpOnLaunch"] is False


@check("EC2.2", type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", ingress=[{"protocol": "-1"}])
def default_group_allows_nothing(group: Resource, _: Plan) -> bool:
    return group.inputs["ingress"] == [] and group.inputs["egress"] == []


@check("EC2.6", "AwsSolutions-VPC7", type="aws:ec2/vpc:Vpc", id="vpc-without")
def network_has_flow_logs(vpc: Resource, plan: Plan) -> bool:
    return identity(vpc) in [log.inputs["vpcId"] for log in plan.all("aws:ec2/flowLog:FlowLog")]


@check("EC2.12", type="aws:ec2/eip:Eip", id="eipalloc-unused")
def address_is_used(address: Resource, plan: Plan) -> bool:
    return identity(address) in [nat.inputs["allocationId"] for nat in plan.all("aws:ec2/natGateway:NatGateway")]


@check("EC2.22", type=GROUP, id="sg-unused")
def group_is_used(group: Resource, plan: Plan) -> bool:
    service = plan.find(SERVICE).inputs["networkConfiguration"]["securityGroups"]
    database = plan.find(DATABASE).inputs["vpcSecurityGroupIds"]
    return identity(group) in [*service, *database, *plan.find(BALANCER).inputs["securityGroups"]]


@check("AwsSolutions-EC27", type=GROUP, description="")
def group_says_what_it_is_for(group: Resource, _: Plan) -> bool:
    return group.inputs["description"] not in ("", "Managed by Pulumi")


@check("CT.ECR.PR.1", type=REPOSITORY, name="other")
def old_images_go(repository: Resource, plan: Plan) -> bool:
    policies = plan.all("aws:ecr/lifecyclePolicy:LifecyclePolicy")
    return name_of(repository) in [policy.inputs["repository"] for policy in policies]


@check("CT.ECR.PR.2", type=REPOSITORY, imageScanningConfiguration={"scanOnPush": False})
def images_are_scanned(repository: Resource, _: Plan) -> bool:
    return repository.inputs["imageScanningConfiguration"]["scanOnPush"] is True


@check("CT.ECR.PR.3", type=REPOSITORY, imageTagMutability="MUTABLE")
def tags_of_images_never_move(repository: Resource, _: Plan) -> bool:
    movable = [each["filter"] for each in repository.inputs["imageTagMutabilityExclusionFilters"]]
    return repository.inputs["imageTagMutability"].startswith("IMMUTABLE") and movable == ["cache-*"]


@check("AwsSolutions-ECR1", type=REPOSITORY, policy="open")
def repository_is_closed(repository: Resource, plan: Plan) -> bool:
    return "policy" not in repository.inputs and plan.all("aws:ecr/repositoryPolicy:RepositoryPolicy") == []


@check("CT.ECS.PR.1", type=SERVICE, platformVersion="1.3.0")
def platform_is_the_latest(service: Resource, _: Plan) -> bool:
    return service.inputs["platformVersion"] == "LATEST"


@check("CT.ECS.PR.9", type=SERVICE, networkConfiguration={"assignPublicIp": True})
def tasks_have_no_public_address(service: Resource, _: Plan) -> bool:
    return service.inputs["networkConfiguration"]["assignPublicIp"] is False


@check("CT.ECS.PR.2", "AwsSolutions-ECS4", type=CLUSTER, settings=[{"name": "containerInsights", "value": "disabled"}])
def insights_are_on(cluster: Resource, _: Plan) -> bool:
    return cluster.inputs["settings"] in [
        [{"name": "containerInsights", "value": on}] for on in ("enabled", "enhanced")
    ]


@check("CT.ECS.PR.3", type=TASK, containerDefinitions='[{"user": "root"}]')
def user_is_not_root(task: Resource, _: Plan) -> bool:
    return all(container.get("user", "root").split(":")[0] not in ("root", "0") for container in containers(task))


@check("CT.ECS.PR.4", type=TASK, networkMode="host")
def task_has_its_own_network(task: Resource, _: Plan) -> bool:
    return task.inputs["networkMode"] == "awsvpc"


@check("CT.ECS.PR.8", type=TASK, networkMode="host", containerDefinitions='[{"user": "root"}]')
def host_network_has_no_privileged_user(task: Resource, plan: Plan) -> bool:
    return task_has_its_own_network(task, plan) or user_is_not_root(task, plan)


@check("CT.ECS.PR.5", "ECS.9", "AwsSolutions-ECS7", type=TASK, containerDefinitions='[{"name": "app"}]')
def containers_log(task: Resource, _: Plan) -> bool:
    return all(container.get("logConfiguration", {}).get("logDriver") == "awslogs" for container in containers(task))


@check("CT.ECS.PR.6", type=TASK, containerDefinitions='[{"readonlyRootFilesystem": false}]')
def root_filesystem_is_read_only(task: Resource, _: Plan) -> bool:
    return all(container["readonlyRootFilesystem"] is True for container in containers(task))


@check("CT.ECS.PR.7", type=TASK, containerDefinitions='[{"name": "app"}]')
def containers_have_a_memory_limit(task: Resource, _: Plan) -> bool:
    return all(container.get("memory") == int(task.inputs["memory"]) for container in containers(task))


@check("CT.ECS.PR.10", type=TASK, pidMode="host")
def processes_are_not_shared(task: Resource, _: Plan) -> bool:
    return "pidMode" not in task.inputs


@check("CT.ECS.PR.11", type=TASK, containerDefinitions='[{"privileged": true}]')
def containers_are_not_privileged(task: Resource, _: Plan) -> bool:
    return all(container["privileged"] is False for container in containers(task))


@check("CT.ECS.PR.12", type=TASK, containerDefinitions='[{"environment": [{"name": "AWS_SECRET_ACCESS_KEY"}]}]')
def no_credentials_in_variables(task: Resource, _: Plan) -> bool:
    forbidden = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ECS_ENGINE_AUTH_DATA"}
    return not forbidden & {variable["name"] for each in containers(task) for variable in each["environment"]}


@check("CT.ELASTICLOADBALANCING.PR.1", type=LISTENER, protocol="HTTP", defaultActions=[{"type": "forward"}])
def http_is_redirected(listener: Resource, _: Plan) -> bool:
    return listener.inputs["protocol"] == "HTTPS" or redirects_to_https(listener)


@check("ELB.1", type=BALANCER, arn="arn:of:another")
def balancer_redirects_http(balancer: Resource, plan: Plan) -> bool:
    return any(redirects_to_https(listener) for listener in listeners(balancer, plan) if listener.inputs["port"] == 80)


@check(
    "CT.ELASTICLOADBALANCING.PR.2",
    type=LISTENER,
    protocol="HTTPS",
    certificateArn="arn:aws:iam::1:server-certificate/x",
)
def certificate_is_of_acm(listener: Resource, _: Plan) -> bool:
    return listener.inputs["protocol"] == "HTTP" or listener.inputs["certificateArn"].startswith("arn:aws:acm:")


@check("CT.ELASTICLOADBALANCING.PR.3", type=BALANCER, desyncMitigationMode="monitor")
def desync_is_mitigated(balancer: Resource, _: Plan) -> bool:
    return balancer.inputs["desyncMitigationMode"] in ("defensive", "strictest")


@check("CT.ELASTICLOADBALANCING.PR.4", type=BALANCER, dropInvalidHeaderFields=False)
def invalid_headers_are_dropped(balancer: Resource, _: Plan) -> bool:
    return balancer.inputs["dropInvalidHeaderFields"] is True


@check("CT.ELASTICLOADBALANCING.PR.5", type=BALANCER, enableDeletionProtection=False)
def balancer_is_protected(balancer: Resource, _: Plan) -> bool:
    return balancer.inputs["enableDeletionProtection"] is True


@check("CT.ELASTICLOADBALANCING.PR.6", "AwsSolutions-ELB2", type=BALANCER, accessLogs={"enabled": False, "bucket": "b"})
def requests_are_logged(balancer: Resource, plan: Plan) -> bool:
    return balancer.inputs["accessLogs"] == {"enabled": True, "bucket": identity(plan.find(BUCKET))}


@check("ELB.13", type=BALANCER, subnets=["subnet-0"])
def balancer_spans_zones(balancer: Resource, plan: Plan) -> bool:
    zones = {identity(subnet): subnet.inputs["availabilityZone"] for subnet in plan.all("aws:ec2/subnet:Subnet")}
    return len({zones.get(subnet) for subnet in balancer.inputs["subnets"]}) >= 2


@check("CT.ELASTICLOADBALANCING.PR.15", type="aws:lb/targetGroup:TargetGroup", loadBalancingCrossZoneEnabled="false")
def targets_share_zones(group: Resource, _: Plan) -> bool:
    return group.inputs.get("loadBalancingCrossZoneEnabled") != "false"


EVERYTHING = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
ALL_OF_S3 = '{"Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "arn:aws:s3:::one"}]}'
ALL_KEYS = '{"Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}'


@check("CT.IAM.PR.1", type=ROLE_POLICY, policy=EVERYTHING)
def nobody_may_do_everything(policy: Resource, _: Plan) -> bool:
    return not any("*" in actions(each) and "*" in as_list(each["Resource"]) for each in allowed(policy))


@check("CT.IAM.PR.5", type=ROLE_POLICY, policy=ALL_OF_S3)
def actions_are_named(policy: Resource, _: Plan) -> bool:
    return not any(action.endswith("*") for each in allowed(policy) for action in actions(each))


@check("KMS.2", type=ROLE_POLICY, policy=ALL_KEYS)
def nobody_may_use_every_key(policy: Resource, _: Plan) -> bool:
    return not any(action.startswith("kms:") for each in allowed(policy) for action in actions(each))


@check("AwsSolutions-IAM4", type="aws:iam/role:Role", managedPolicyArns=["arn:aws:iam::aws:policy/PowerUserAccess"])
def policies_are_written_for_the_role(role: Resource, plan: Plan) -> bool:
    attached = plan.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    return "managedPolicyArns" not in role.inputs and attached == []


@check("CT.RDS.PR.1", "AwsSolutions-RDS3", type=DATABASE, multiAz=False)
def database_has_a_standby(database: Resource, _: Plan) -> bool:
    return database.inputs["multiAz"] is True


@check("CT.RDS.PR.5", type=DATABASE, autoMinorVersionUpgrade=False)
def minor_versions_follow(database: Resource, _: Plan) -> bool:
    return database.inputs["autoMinorVersionUpgrade"] is True


@check("CT.RDS.PR.7", type=DATABASE, iamDatabaseAuthenticationEnabled=False)
def database_knows_iam(database: Resource, _: Plan) -> bool:
    return database.inputs["iamDatabaseAuthenticationEnabled"] is True


@check("CT.RDS.PR.8", "AwsSolutions-RDS13", type=DATABASE, backupRetentionPeriod=6)
def database_is_backed_up(database: Resource, _: Plan) -> bool:
    return int(database.inputs["backupRetentionPeriod"]) >= 7


@check("CT.RDS.PR.10", type=DATABASE, copyTagsToSnapshot=False)
def snapshots_carry_tags(database: Resource, _: Plan) -> bool:
    return database.inputs["copyTagsToSnapshot"] is True


@check("CT.RDS.PR.11", type=DATABASE, dbSubnetGroupName="default")
def database_is_in_the_network(database: Resource, plan: Plan) -> bool:
    return database.inputs["dbSubnetGroupName"] == name_of(plan.find("aws:rds/subnetGroup:SubnetGroup"))


@check("CT.RDS.PR.13", "AwsSolutions-RDS10", type=DATABASE, deletionProtection=False)
def database_is_protected(database: Resource, _: Plan) -> bool:
    return database.inputs["deletionProtection"] is True


@check("CT.RDS.PR.14", type=DATABASE, enabledCloudwatchLogsExports=["upgrade"])
def database_exports_its_logs(database: Resource, _: Plan) -> bool:
    return set(database.inputs["enabledCloudwatchLogsExports"]) == {"postgresql", "upgrade"}


@check("CT.RDS.PR.15", type=DATABASE, securityGroupNames=["classic"])
def database_has_no_classic_group(database: Resource, _: Plan) -> bool:
    return "securityGroupNames" not in database.inputs


@check("CT.RDS.PR.22", type=DATABASE, username="postgres")
def administrator_has_a_name_of_its_own(database: Resource, _: Plan) -> bool:
    return database.inputs["username"] not in ("admin", "postgres")


@check("CT.RDS.PR.23", type=DATABASE, publiclyAccessible=True)
def database_is_private(database: Resource, _: Plan) -> bool:
    return database.inputs["publiclyAccessible"] is False


@check("CT.RDS.PR.24", "AwsSolutions-RDS2", type=DATABASE, storageEncrypted=False)
def database_is_encrypted(database: Resource, _: Plan) -> bool:
    return database.inputs["storageEncrypted"] is True


@check(
    "CT.RDS.PR.28", type="aws:rds/parameterGroup:ParameterGroup", parameters=[{"name": "rds.force_ssl", "value": "0"}]
)
def database_requires_tls(group: Resource, _: Plan) -> bool:
    return {each["name"]: each["value"] for each in group.inputs["parameters"]}["rds.force_ssl"] == "1"


@check("CT.S3.PR.1", "S3.2", "S3.3", "AwsSolutions-S2", type=BUCKET, id="open")
def bucket_is_closed(bucket: Resource, plan: Plan) -> bool:
    block = companion(plan, "PublicAccessBlock", bucket)
    settings = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    return block is not None and all(block.inputs[setting] is True for setting in settings)


@check("CT.S3.PR.6", type=BUCKET, id="grows")
def objects_expire(bucket: Resource, plan: Plan) -> bool:
    lifecycle = companion(plan, "LifecycleConfiguration", bucket)
    return lifecycle is not None and any(
        rule["status"] == "Enabled" and rule["expiration"]["days"] > 0 for rule in lifecycle.inputs["rules"]
    )


@check("CT.S3.PR.11", "S3.14", type=BUCKET, id="unversioned")
def bucket_is_versioned(bucket: Resource, plan: Plan) -> bool:
    versioning = companion(plan, "Versioning", bucket)
    return versioning is not None and versioning.inputs["versioningConfiguration"]["status"] == "Enabled"


@check("CT.S3.PR.3", type=BUCKET, id="grows")
def versions_expire(bucket: Resource, plan: Plan) -> bool:
    return bucket_is_versioned(bucket, plan) and objects_expire(bucket, plan)


@check("CT.S3.PR.5", type=BUCKET, id="shared")
def bucket_has_no_access_lists(bucket: Resource, plan: Plan) -> bool:
    controls = companion(plan, "OwnershipControls", bucket)
    return controls is not None and controls.inputs["rule"]["objectOwnership"] == "BucketOwnerEnforced"


@check("S3.5", "AwsSolutions-S10", type=BUCKET, id="plain")
def bucket_requires_tls(bucket: Resource, plan: Plan) -> bool:
    policy = companion(plan, "Policy", bucket)
    return policy is not None and denies_plain_text(policy, "s3:*")


@check("SNS.4", type=TOPIC, arn="arn:aws:sns:us-east-1:123456789012:open")
def topic_is_closed(topic: Resource, plan: Plan) -> bool:
    policy = topic_policy(topic, plan)
    return policy is not None and all(
        each["Principal"] != "*" and "aws:SourceAccount" in each["Condition"]["StringEquals"]
        for each in allowed(policy)
    )


@check("AwsSolutions-SNS3", type=TOPIC, arn="arn:aws:sns:us-east-1:123456789012:plain")
def topic_requires_tls(topic: Resource, plan: Plan) -> bool:
    policy = topic_policy(topic, plan)
    return policy is not None and denies_plain_text(policy, "sns:Publish")


@check("SecretsManager.3", type="aws:secretsmanager/secret:Secret", arn="arn:aws:secretsmanager:::secret:unused")
def secret_is_read(secret: Resource, plan: Plan) -> bool:
    read = [each["valueFrom"] for container in containers(plan.find(TASK)) for each in container["secrets"]]
    return any(reference.startswith(output(secret, "arn") + ":") for reference in read)


# What the checks look at


def output(resource: Resource, key: str) -> str:
    """What the resource would be known by; a broken resource says so in its inputs."""
    return str(resource.inputs.get(key) or resource.outputs[key])


def identity(resource: Resource) -> str:
    return output(resource, "id")


def name_of(resource: Resource) -> str:
    return output(resource, "name")


def open_to_world(rule: Resource) -> bool:
    return bool(WORLD & {rule.inputs.get("cidrIpv4"), rule.inputs.get("cidrIpv6")})


def containers(task: Resource) -> list[dict[str, Any]]:
    return list(json.loads(task.inputs["containerDefinitions"]))


def listeners(balancer: Resource, plan: Plan) -> list[Resource]:
    return [each for each in plan.all(LISTENER) if each.inputs["loadBalancerArn"] == output(balancer, "arn")]


def redirects_to_https(listener: Resource) -> bool:
    return [action.get("redirect", {}).get("protocol") for action in listener.inputs["defaultActions"]] == ["HTTPS"]


def companion(plan: Plan, kind: str, bucket: Resource) -> Resource | None:
    """The resource that sets one property of a bucket."""
    same_kind = plan.all(f"aws:s3/bucket{kind}:Bucket{kind}")
    return next((each for each in same_kind if each.inputs["bucket"] == identity(bucket)), None)


def topic_policy(topic: Resource, plan: Plan) -> Resource | None:
    policies = plan.all("aws:sns/topicPolicy:TopicPolicy")
    return next((each for each in policies if each.inputs["arn"] == output(topic, "arn")), None)


def statements(policy: Resource) -> list[dict[str, Any]]:
    return list(json.loads(policy.inputs["policy"])["Statement"])


def allowed(policy: Resource) -> list[dict[str, Any]]:
    return [each for each in statements(policy) if each["Effect"] == "Allow"]


def denies_plain_text(policy: Resource, action: str) -> bool:
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    denials = [each for each in statements(policy) if each["Effect"] == "Deny" and each.get("Condition") == condition]
    return any(each["Principal"] == "*" and action in actions(each) for each in denials)


def actions(statement: dict[str, Any]) -> list[str]:
    return as_list(statement["Action"])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Controls about one kind of a type that the plan has; every other control is about all resources of its type.
KINDS: dict[str, Callable[[Resource], bool]] = {
    "CT.ACM.PR.1": lambda certificate: "certificateAuthorityArn" in certificate.inputs,
    "ACM.1": lambda certificate: "privateKey" in certificate.inputs,
    "CT.ELASTICLOADBALANCING.PR.14": lambda balancer: balancer.inputs["loadBalancerType"] == "network",
}


def judged(row: Row, plan: Plan) -> list[Resource]:
    """The resources of the plan that a control is about."""
    kind = KINDS.get(row.control, lambda _: True)
    return [resource for resource in plan.all(row.type) if kind(resource)]


# The tests


@pytest.mark.parametrize("control", [row.control for row in ROWS.values() if row.verdict == SATISFIED])
def test_control_is_satisfied(prod: Plan, control: str) -> None:
    row, rule = ROWS[control], CHECKS[control]
    assert row.type == rule.type
    resources = judged(row, prod)
    assert resources
    assert [resource for resource in resources if not rule.holds(resource, prod)] == []


@pytest.mark.parametrize("control", CHECKS)
def test_check_notices_what_it_is_for(prod: Plan, control: str) -> None:
    rule = CHECKS[control]
    resource = prod.all(rule.type)[0]
    assert not rule.holds(with_inputs(resource, rule.broken), prod)


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.verdict == WAIVED], ids=lambda row: row.control)
def test_waiver_is_of_a_planned_resource_and_has_a_reason(prod: Plan, row: Row) -> None:
    assert judged(row, prod)
    assert len(row.explanation.split()) >= 2
    assert row.control not in CHECKS


@pytest.mark.parametrize(
    "row", [row for row in ROWS.values() if row.verdict == NOT_APPLICABLE], ids=lambda row: row.control
)
def test_control_that_is_not_applicable_finds_nothing_to_judge(prod: Plan, row: Row) -> None:
    assert judged(row, prod) == [], "the plan has gained what this control is about: satisfy it or waive it"
    assert row.explanation


def test_every_row_has_a_verdict() -> None:
    assert {row.verdict for row in ROWS.values()} == {SATISFIED, WAIVED, NOT_APPLICABLE}


def test_every_planned_type_is_on_the_page(prod: Plan) -> None:
    planned = {resource.type for resource in prod.resources if resource.custom}
    assert planned - {row.type for row in ROWS.values()} == UNJUDGED


def test_page_counts_its_verdicts() -> None:
    counts = [sum(row.verdict == verdict for row in ROWS.values()) for verdict in (SATISFIED, WAIVED, NOT_APPLICABLE)]
    text = " ".join(PAGE.split())
    assert "{} are satisfied, {} are waived with a reason, {} are not applicable".format(*counts) in text


def with_inputs(resource: Resource, changes: Mapping[str, Any]) -> Resource:
    """A resource like this one with other inputs."""
    inputs = type(resource.inputs)(resource.name, {**resource.inputs, **changes})
    return Resource(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        custom=True,
        inputs=inputs,
        outputs=resource.outputs,
    )
