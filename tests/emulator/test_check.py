"""What Check makes of right inputs: defaults, names and tags."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2
from pulumi_fastapi.emulator.provider import covers, differences
from pulumi_fastapi.emulator.rules import broken_rules
from pulumi_fastapi.emulator.values import UNKNOWN, Secret
from pulumi_fastapi.sizing import FARGATE_MEMORY

AUTONAMING = provider_pb2.CheckRequest.AutonamingOptions
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
SUBNETS = {"subnets": ["subnet-1", "subnet-2"]}


def test_name_is_made_of_the_logical_name_and_seven_digits(check):
    assert check(LOG_GROUP, {}, name="app").inputs["name"] == "app-0123456"


def test_made_name_is_kept_over_updates(check):
    before = check(LOG_GROUP, {}, name="app").inputs

    after = check(LOG_GROUP, {}, {**before, "name": "app-7777777"}, name="app").inputs

    assert after["name"] == "app-7777777"


def test_name_the_program_gave_up_is_not_kept(check):
    after = check(LOG_GROUP, {}, {"name": "mine"}, name="app").inputs

    assert after["name"] == "app-0123456"


def test_name_that_does_not_fit_is_an_error_and_never_cut(check):
    reasons = check(BALANCER, SUBNETS, name="a-service-with-a-long-name").reasons

    assert len(reasons) == 1
    assert "plus 7 random chars is longer than maximum length 32" in reasons[0]


@pytest.mark.parametrize(
    ("type_", "news", "input_", "name"),
    [
        ("aws:ecr/repository:Repository", {}, "name", "app-0123456"),
        ("aws:kms/alias:Alias", {"targetKeyId": "key"}, "name", "alias/App-0123456"),
        ("aws:s3/bucket:Bucket", {}, "bucket", "app-0123456"),
    ],
)
def test_name_follows_the_rules_of_its_type(check, type_, news, input_, name):
    assert check(type_, news, name="App").inputs[input_] == name


def test_prefix_is_used(check):
    assert check(LOG_GROUP, {"namePrefix": "mine-"}).inputs["name"].startswith("mine-0123456789abcdef")


def test_engine_may_set_the_name(check):
    proposal = AUTONAMING(mode=AUTONAMING.ENFORCE, proposed_name="exactly-this")

    assert check(LOG_GROUP, {}, autonaming=proposal).inputs["name"] == "exactly-this"


def test_engine_may_forbid_automatic_names(check):
    reasons = check(LOG_GROUP, {}, autonaming=AUTONAMING(mode=AUTONAMING.DISABLE)).reasons

    assert "automatic naming is disabled" in reasons[0]


def test_defaults_are_filled_in(check):
    inputs = check("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}).inputs

    assert inputs["enableDnsSupport"] is True


def test_default_tags_are_merged_per_provider_instance(check, connect):
    tagged, plain = connect("one"), connect("two")
    check.configure(tagged, defaultTags=json.dumps({"tags": {"team": "shop", "app": "no"}}))
    news = {"cidrBlock": "10.0.0.0/16", "tags": {"app": "api"}}

    assert check("aws:ec2/vpc:Vpc", news, connection=tagged).inputs["tagsAll"] == {"team": "shop", "app": "api"}
    assert check("aws:ec2/vpc:Vpc", news, connection=plain).inputs["tagsAll"] == {"app": "api"}


def test_unknown_tag_makes_all_tags_unknown(check):
    news = {"cidrBlock": "10.0.0.0/16", "tags": {"app": UNKNOWN}}

    assert check("aws:ec2/vpc:Vpc", news).inputs["tagsAll"] is UNKNOWN


def test_secret_stays_secret(check):
    news = {"secretId": "secret", "secretString": Secret("hunter2")}

    assert check("aws:secretsmanager/secretVersion:SecretVersion", news).inputs["secretString"] == Secret("hunter2")


def test_secret_tag_stays_secret_among_all_tags(check):
    news = {"cidrBlock": "10.0.0.0/16", "tags": {"token": Secret("hunter2")}}

    assert check("aws:ec2/vpc:Vpc", news).inputs["tagsAll"] in (
        {"token": Secret("hunter2")},
        Secret({"token": "hunter2"}),
    )


def test_rule_without_priority_passes(check):
    news = {
        "listenerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/1/2",
        "actions": [{"type": "forward", "targetGroupArn": "arn:target"}],
        "conditions": [{"pathPattern": {"values": ["/api/*"]}}],
    }

    assert check("aws:lb/listenerRule:ListenerRule", news).reasons == []


@given(
    cpu=st.sampled_from([*FARGATE_MEMORY, 128, 300, 32768]),
    memory=st.one_of(st.integers(1, 250).map(lambda half: half * 512), st.integers(1, 130000)),
)
def test_task_size_passes_exactly_when_the_component_takes_it(cpu, memory):
    """Two tables of Fargate sizes, written apart: the emulator's and the component's."""
    inputs = {"requiresCompatibilities": ["FARGATE"], "cpu": str(cpu), "memory": str(memory), "networkMode": "awsvpc"}
    problems = list(broken_rules("aws:ecs/taskDefinition:TaskDefinition", inputs))

    assert (problems == []) == (memory in FARGATE_MEMORY.get(cpu, ()))


def test_what_is_live_decides_whether_something_changed():
    """The engine has the new task definition as input, and ECS went back to the old one."""
    assert differences(
        {"taskDefinition": "app:1"}, {"taskDefinition": "app:2"}, {"taskDefinition": "app:2"}, set()
    ) == ["taskDefinition"]


def test_removed_input_is_a_difference():
    assert differences({"description": "x"}, {}, {"description": "x"}, set()) == ["description"]


def test_ignored_input_is_no_difference():
    assert differences({"desiredCount": 4}, {"desiredCount": 1}, {"desiredCount": 1}, {"desiredCount"}) == []


def test_member_that_only_aws_computes_is_no_difference():
    assert covers({"certificate": "c"}, {"certificate": "c", "target": "computed"}, {"certificate": "c"})
    assert not covers({"certificate": "c"}, {"certificate": "c", "policy": "p"}, {"certificate": "c", "policy": "p"})
