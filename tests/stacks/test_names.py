"""Physical names fit AWS whatever project, stack and component are called.

The provider makes a physical name of the logical one, a hyphen and seven hexadecimal digits, and refuses one that is
too long. Lower case is its own doing for the types that need it.
"""

import re
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from planned_stacks import PlanStack
from pulumi_fastapi.plan import Plan, Resource, Secret

SUFFIX = "-0123abc"


class Rule(NamedTuple):
    """What AWS allows as the name of a type, from the API reference of each service."""

    limit: int
    pattern: str
    lower: bool = False


LETTERS = r"[A-Za-z0-9][A-Za-z0-9-]*"
BALANCER = r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
DATABASE = r"(?!.*--)[a-z][a-z0-9-]*[a-z0-9]"

NAMED = {
    "aws:appautoscaling/policy:Policy": Rule(256, r"\S+"),
    "aws:cloudwatch/logGroup:LogGroup": Rule(512, r"[A-Za-z0-9_/.#-]+"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Rule(512, r"[^:*]+"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Rule(255, r"[ -~]+"),
    "aws:ec2/securityGroup:SecurityGroup": Rule(255, r"(?!sg-)[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]+"),
    "aws:ecr/repository:Repository": Rule(256, r"[a-z][a-z0-9]*([._-][a-z0-9]+)*", lower=True),
    "aws:ecs/cluster:Cluster": Rule(255, r"[A-Za-z0-9_-]+"),
    "aws:ecs/service:Service": Rule(255, r"[A-Za-z0-9_-]+"),
    "aws:iam/role:Role": Rule(64, r"[A-Za-z0-9+=,.@_-]+"),
    "aws:iam/rolePolicy:RolePolicy": Rule(128, r"[A-Za-z0-9+=,.@_-]+"),
    "aws:lb/loadBalancer:LoadBalancer": Rule(32, BALANCER),
    "aws:lb/targetGroup:TargetGroup": Rule(32, BALANCER),
    "aws:rds/parameterGroup:ParameterGroup": Rule(255, DATABASE, lower=True),
    # 63, not 255: the instance is called like its subnet group.
    "aws:rds/subnetGroup:SubnetGroup": Rule(63, DATABASE, lower=True),
    "aws:s3/bucket:Bucket": Rule(63, r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]*[a-z0-9]", lower=True),
    "aws:secretsmanager/secret:Secret": Rule(512, r"[A-Za-z0-9/_+=.@-]+"),
    "aws:sns/topic:Topic": Rule(256, r"[A-Za-z0-9_-]+"),
}
# Named by something else that this module checks, or without a name.
UNNAMED = {
    "aws:acm/certificate:Certificate",
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:appautoscaling/target:Target",
    "aws:cloudwatch/dashboard:Dashboard",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/eip:Eip",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/route:Route",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
    "aws:ecs/taskDefinition:TaskDefinition",
    "aws:lb/listener:Listener",
    "aws:lb/listenerRule:ListenerRule",
    "aws:rds/instance:Instance",
    "aws:route53/record:Record",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "docker-build:index:Image",
}

TAG = re.compile(r"[A-Za-z0-9 _.:/=+@-]{0,256}")
RULE_DESCRIPTION = re.compile(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{0,255}")

# Pulumi's own rules for projects and stacks.
identifiers = st.text("abcXYZ019._-", min_size=1, max_size=100).map(lambda text: f"a{text}"[:100])


# A blank name is refused, which another test shows.
names = st.text(min_size=1, max_size=300).filter(str.strip)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(project=identifiers, stack=identifiers, name=st.none() | names)
@example(project="9-lives", stack="dev", name=None)
@example(project="snake_case.project", stack="Dev", name=None)
@example(project="p" * 100, stack="s" * 100, name=None)
@example(project="internal-tools", stack="dev", name=None)
@example(project="internal", stack="dev", name=None)
@example(project="sg-shop", stack="dev", name=None)
@example(project="shop--dev-", stack="-1", name=None)
@example(project="shop", stack="dev", name="Größe 服务 🚀")
@example(project="shop", stack="dev", name="n" * 300)
def test_names_fit_aws(plan_stack: PlanStack, project: str, stack: str, name: str | None) -> None:
    assert broken_names(prod_like(plan_stack, project, stack, name)) == []


def test_every_type_of_the_largest_stack_is_looked_at(plan_stack: PlanStack) -> None:
    types = {resource.type for resource in prod_like(plan_stack, "shop", "dev").resources if resource.custom}
    assert types == NAMED.keys() | UNNAMED


def test_two_stacks_share_no_name(plan_stack: PlanStack) -> None:
    """Also not where a name is given in full: a task family, a metric namespace."""
    first, second = (fixed_names(prod_like(plan_stack, "shop", stack, "api")) for stack in ("dev", "prod"))
    assert first
    assert first.isdisjoint(second)


def test_long_names_that_begin_alike_stay_different(plan_stack: PlanStack) -> None:
    first, second = (fixed_names(prod_like(plan_stack, "p" * 100, f"{'s' * 99}{end}")) for end in "ab")
    assert first.isdisjoint(second)


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("aws:lb/loadBalancer:LoadBalancer", "internal-shop-lb"),
        ("aws:lb/loadBalancer:LoadBalancer", "a" * 25),
        ("aws:ec2/securityGroup:SecurityGroup", "sg-shop"),
        ("aws:rds/subnetGroup:SubnetGroup", "9-db"),
        ("aws:s3/bucket:Bucket", "shop_logs"),
    ],
)
def test_rules_refuse_what_aws_refuses(type_: str, name: str) -> None:
    assert not fits(type_, name)


def prod_like(plan_stack: PlanStack, project: str, stack: str, name: str | None = None) -> Plan:
    """The stack with the most types of resources, under other names."""
    changes = {"app.secrets.API_KEY": Secret("a secret")} | ({"name": name} if name is not None else {})
    return plan_stack("prod", changes, project=project, as_stack=stack)


def broken_names(plan: Plan) -> list[str]:
    broken = []
    for resource in plan.resources:
        if resource.type in NAMED and not physical_name_fits(resource):
            broken.append(f"{resource.type} {resource.name}")
        tags = resource.inputs.get("tags") if resource.type.startswith("aws:") else None
        for key, value in (tags or {}).items():
            if not TAG.fullmatch(value):
                broken.append(f"{resource.type} {resource.name} tag {key}={value}")
        if resource.type.startswith("aws:vpc/") and not RULE_DESCRIPTION.fullmatch(resource.inputs["description"]):
            broken.append(f"{resource.type} {resource.name} {resource.inputs['description']}")
    family = plan.find("aws:ecs/taskDefinition:TaskDefinition").inputs["family"]
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", family):
        broken.append(f"task family {family}")
    if not re.fullmatch(r"(?!.*--)[a-z][a-z0-9-]{0,61}[a-z0-9]", instance_identifier(plan)):
        broken.append(f"database {instance_identifier(plan)}")
    return broken


def physical_name_fits(resource: Resource) -> bool:
    given = resource.inputs.get("name")  # the log groups of the database carry the name RDS expects
    return fits(resource.type, resource.name) if given is None else len(given) <= NAMED[resource.type].limit


def fits(type_: str, logical_name: str) -> bool:
    rule, name = NAMED[type_], logical_name + SUFFIX
    name = name.lower() if rule.lower else name
    return len(name) <= rule.limit and re.fullmatch(rule.pattern, name, re.ASCII) is not None


def instance_identifier(plan: Plan) -> str:
    return str(plan.find("aws:rds/instance:Instance").inputs["identifier"]).lower()


def fixed_names(plan: Plan) -> set[str]:
    """Names that get no random digits, so that nothing but the program keeps two stacks apart."""
    alarm = plan.find("aws:cloudwatch/logMetricFilter:LogMetricFilter").inputs["metricTransformation"]
    return {plan.find("aws:ecs/taskDefinition:TaskDefinition").inputs["family"], alarm["namespace"]}
