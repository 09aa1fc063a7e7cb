import asyncio
import contextlib
import contextvars
import gc
import json
import threading
import warnings
from collections.abc import Callable
from typing import Any, Optional

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import Output, ResourceOptions
from pulumi_fastapi.plan import (
    PlanError,
    ResourceLookupError,
    Secret,
    Unknown,
    UnknownValueError,
    is_unknown,
    plan,
)


class Group(pulumi.ComponentResource):
    """A component with one child."""

    def __init__(self, name: str, opts: Optional[ResourceOptions] = None) -> None:
        super().__init__("test:index:Group", name, {"size": 1}, opts)
        self.topic = aws.sns.Topic(f"{name}-topic", opts=ResourceOptions(parent=self))
        self.register_outputs({"topicName": self.topic.name})


def a_queue_for_a_topic() -> None:
    topic = aws.sns.Topic("news", display_name="News")
    aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="a@example.com")
    pulumi.export("topic", topic.arn)
    pulumi.export("shown", topic.display_name)


# What is recorded


def test_inputs_have_their_pulumi_names_and_plain_types() -> None:
    def program() -> None:
        aws.lb.TargetGroup("api", port=8000, health_check={"healthy_threshold": 2, "path": "/-/ready"}, tags={"a": "b"})

    inputs = plan(program).find(aws.lb.TargetGroup).inputs
    assert inputs == {
        "port": 8000,
        "healthCheck": {"healthyThreshold": 2, "path": "/-/ready"},
        "tags": {"a": "b"},
    }
    assert type(inputs["port"]) is int


def test_exports_are_the_plans_outputs() -> None:
    result = plan(a_queue_for_a_topic)
    assert result.outputs["shown"] == "News"
    assert is_unknown(result.outputs["topic"])


def test_dependencies_are_known_although_values_are_not() -> None:
    result = plan(a_queue_for_a_topic)
    topic, mail = result.find(aws.sns.Topic), result.find(aws.sns.TopicSubscription)
    assert mail.dependencies == (topic,)
    assert mail.property_dependencies["topic"] == (topic,)
    assert mail.property_dependencies["protocol"] == ()


def test_depends_on_a_component_means_its_children() -> None:
    def program() -> None:
        group = Group("g")
        aws.sns.Topic("after", opts=ResourceOptions(depends_on=[group]))

    result = plan(program)
    assert result.find(aws.sns.Topic, "after").dependencies == (result.find(aws.sns.Topic, "g-topic"),)


def test_children_know_their_parent_and_the_urn_names_every_ancestor() -> None:
    class Outer(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("test:index:Outer", "outer")
            Group("inner", ResourceOptions(parent=self))
            self.register_outputs({})

    result = plan(Outer, project="shop", stack="dev")
    topic = result.find(aws.sns.Topic)
    assert [above.name for above in topic.ancestors()] == ["inner", "outer"]
    assert topic.urn == "urn:pulumi:dev::shop::test:index:Outer$test:index:Group$aws:sns/topic:Topic::inner-topic"
    assert result.roots() == [result.find("test:index:Outer")]
    assert result.tree() == ("test:index:Outer outer\n  test:index:Group inner\n    aws:sns/topic:Topic inner-topic")


def test_a_components_inputs_and_outputs_are_recorded() -> None:
    group = plan(lambda: Group("g")).find("test:index:Group")
    assert not group.custom
    assert group.inputs == {"size": 1}
    assert list(group.outputs) == ["topicName"]


def test_options_are_recorded() -> None:
    def noop(_: pulumi.ResourceHookArgs) -> None: ...

    def program() -> None:
        hook = pulumi.ResourceHook("check", noop)
        options = ResourceOptions(
            protect=True,
            retain_on_delete=True,
            delete_before_replace=True,
            ignore_changes=["display_name"],
            replace_on_changes=["name"],
            additional_secret_outputs=["arn"],
            aliases=["urn:pulumi:s::p::aws:sns/topic:Topic::old", pulumi.Alias(name="older")],
            custom_timeouts=pulumi.CustomTimeouts(create="5m"),
            hooks=pulumi.ResourceHookBinding(after_update=[hook]),
            import_="arn:aws:sns:us-east-1:123456789012:news",
        )
        aws.sns.Topic("t", opts=options)

    options = plan(program).find(aws.sns.Topic).options
    assert options.protect
    assert options.retain_on_delete
    assert options.delete_before_replace is True
    assert options.ignore_changes == ("displayName",)
    assert options.replace_on_changes == ("name",)
    assert options.additional_secret_outputs == ("arn",)
    assert options.aliases == ("urn:pulumi:s::p::aws:sns/topic:Topic::old", {"name": "older"})
    assert options.custom_timeouts == {"create": "5m"}
    assert options.hooks == {"after_update": ("check",)}
    assert options.import_ == "arn:aws:sns:us-east-1:123456789012:news"


def test_children_inherit_what_the_engine_hands_down() -> None:
    def program() -> None:
        provider = aws.Provider("ireland", region="eu-west-1")
        Group("g", ResourceOptions(protect=True, retain_on_delete=True, ignore_changes=["size"], providers=[provider]))

    result = plan(program)
    topic = result.find(aws.sns.Topic)
    assert topic.options.protect
    assert topic.options.retain_on_delete
    assert topic.options.ignore_changes == ()
    assert topic.provider is result.find("pulumi:providers:aws", "ireland")


def test_transforms_reach_every_child_of_a_component() -> None:
    def tag(args: pulumi.ResourceTransformArgs) -> Optional[pulumi.ResourceTransformResult]:
        if args.type_ != "aws:sns/topic:Topic":
            return None
        return pulumi.ResourceTransformResult({**args.props, "tags": {"team": "a"}}, args.opts)

    result = plan(lambda: Group("g", ResourceOptions(transforms=[tag])))
    assert result.find(aws.sns.Topic).inputs["tags"] == {"team": "a"}


def test_stack_transforms_can_set_options() -> None:
    def protect(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        options = ResourceOptions.merge(args.opts, ResourceOptions(protect=True))
        return pulumi.ResourceTransformResult(args.props, options)

    def program() -> None:
        pulumi.runtime.register_resource_transform(protect)
        aws.sns.Topic("t")

    assert plan(program).find(aws.sns.Topic).options.protect


def test_children_inherit_what_a_transform_sets_on_their_component() -> None:
    def protect(args: pulumi.ResourceTransformArgs) -> Optional[pulumi.ResourceTransformResult]:
        if args.type_ != "test:index:Group":
            return None
        options = ResourceOptions.merge(args.opts, ResourceOptions(protect=True))
        return pulumi.ResourceTransformResult(args.props, options)

    result = plan(lambda: Group("g", ResourceOptions(transforms=[protect])))
    assert result.find(aws.sns.Topic).options.protect


def test_a_resource_as_input_is_its_id() -> None:
    def program() -> None:
        role = aws.iam.Role("r", name="reader", assume_role_policy={"Version": "2012-10-17"})
        aws.iam.RolePolicy("p", role=role, policy="{}")

    result = plan(program, preview=False)
    assert result.find(aws.iam.RolePolicy).inputs["role"] == "reader"
    assert result.find(aws.iam.RolePolicy).dependencies == (result.find(aws.iam.Role),)


def test_a_read_resource_is_marked_and_has_its_id() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc.get("existing", "vpc-1")
        pulumi.export("id", vpc.id)

    result = plan(program)
    assert result.find(aws.ec2.Vpc).read
    assert result.outputs["id"] == "vpc-1"


def test_log_messages_are_kept_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    result = plan(lambda: pulumi.warn("mind the gap"))
    assert [(message.severity, message.text) for message in result.messages] == [("warning", "mind the gap")]
    assert capsys.readouterr() == ("", "")


# Finding


def test_find_lists_the_names_there_are() -> None:
    with pytest.raises(ResourceLookupError, match="of that type there are: Topic 'news'"):
        plan(a_queue_for_a_topic).find(aws.sns.Topic, "olds")


def test_find_wants_a_name_where_there_are_several() -> None:
    def program() -> None:
        aws.sns.Topic("a")
        aws.sns.Topic("b")

    with pytest.raises(ResourceLookupError, match="2 resources are aws:sns/topic:Topic, give a name"):
        plan(program).find(aws.sns.Topic)


def test_find_suggests_the_nearest_types() -> None:
    with pytest.raises(ResourceLookupError, match="these types: aws:sns/topic:Topic"):
        plan(a_queue_for_a_topic).find("aws:sns/topics:Topic")


def test_an_absent_input_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="Topic 'news' has no 'policy'; it has: displayName"):
        plan(a_queue_for_a_topic).find(aws.sns.Topic).inputs["policy"]


# Unknown values (a test that concludes something from one would pass whatever the program does)


USES: dict[str, Callable[[Any], Any]] = {
    "==": lambda value: value == "arn",
    "!=": lambda value: value != "arn",
    "<": lambda value: value < "arn",
    "str": str,
    "format": lambda value: f"{value}",
    "bool": bool,
    "len": len,
    "iterate": list,
    "in": lambda value: "a" in value,
    "member of": lambda value: value in ["a"],
    "hash": lambda value: {value},
    "index": lambda value: value[0],
    "int": int,
    "add": lambda value: value + "x",
    "add to": lambda value: 1 + value,
    "attribute": lambda value: value.startswith("arn"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_using_an_unknown_value_raises(use: Callable[[Any], Any]) -> None:
    value = plan(a_queue_for_a_topic).find(aws.sns.TopicSubscription).inputs["topic"]
    with pytest.raises(UnknownValueError, match="TopicSubscription 'mail' topic"):
        use(value)


def test_an_unknown_value_says_what_it_is_made_from() -> None:
    value = plan(a_queue_for_a_topic).find(aws.sns.TopicSubscription).inputs["topic"]
    assert repr(value) == "<unknown: aws:sns/topicSubscription:TopicSubscription 'mail' topic (made from Topic 'news')>"


def test_comparing_inputs_that_contain_an_unknown_value_raises() -> None:
    with pytest.raises(UnknownValueError):
        _ = plan(a_queue_for_a_topic).find(aws.sns.TopicSubscription).inputs == {
            "topic": "arn",
            "protocol": "email",
            "endpoint": "a@example.com",
        }


@pytest.mark.parametrize("preview", [True, False])
def test_a_false_assertion_inside_apply_fails_the_plan(preview: bool) -> None:
    def program() -> None:
        topic = aws.sns.Topic("t", display_name="News")

        def check(name: str) -> None:
            assert name == "Olds"

        topic.display_name.apply(check)

    with pytest.raises(AssertionError, match="News"):
        plan(program, preview=preview)


def test_a_false_assertion_in_a_task_nobody_awaits_fails_the_plan() -> None:
    async def check() -> None:
        await asyncio.sleep(0)
        assert 1 == 2

    def program() -> None:
        asyncio.ensure_future(check())  # noqa: RUF006  that it is dropped is the point

    with pytest.raises(AssertionError):
        plan(program)


def test_apply_on_an_unknown_value_does_not_run_in_preview_and_runs_otherwise() -> None:
    seen: list[str] = []

    def program() -> None:
        aws.sns.Topic("t").arn.apply(seen.append)

    plan(program)
    assert seen == []
    plan(program, preview=False)
    assert len(seen) == 1


WRONG: dict[str, Callable[[Any], bool]] = {
    "value": lambda result: result.find(aws.sns.TopicSubscription).inputs["protocol"] == "sqs",
    "unknown value": lambda result: result.find(aws.sns.TopicSubscription).inputs["topic"] == "arn",
    "name": lambda result: result.find(aws.sns.Topic, "olds").custom,
    "type": lambda result: result.find(aws.sqs.Queue).custom,
    "count": lambda result: len(result.all(aws.sns.Topic)) == 2,
    "parent": lambda result: result.find(aws.sns.Topic).parent is not None,
    "dependency": lambda result: result.find(aws.sns.TopicSubscription).dependencies == (),
    "property": lambda result: result.find(aws.sns.TopicSubscription).inputs["display"] is None,
    "protect": lambda result: result.find(aws.sns.Topic).options.protect,
    "export": lambda result: result.outputs["shown"] == "Olds",
    "unknown export": lambda result: result.outputs["topic"] == "arn",
}


@pytest.mark.parametrize("expectation", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("preview", [True, False])
def test_a_wrong_expectation_never_passes(expectation: Callable[[Any], bool], preview: bool) -> None:
    result = plan(a_queue_for_a_topic, preview=preview)
    with contextlib.suppress(UnknownValueError, LookupError):
        assert not expectation(result)


# As if deployed


def test_ids_and_arns_have_the_shape_of_their_service() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("v", cidr_block="10.0.0.0/16")
        role = aws.iam.Role("r", name="reader", assume_role_policy="{}")
        balancer = aws.lb.LoadBalancer("lb", name="front")
        pulumi.export("vpc", vpc.id)
        pulumi.export("role", role.arn)
        pulumi.export("balancer", balancer.id)
        pulumi.export("suffix", balancer.arn_suffix)

    outputs = plan(program, preview=False, config={"aws:region": "eu-west-1"}).outputs
    assert outputs["vpc"].startswith("vpc-")
    assert outputs["role"] == "arn:aws:iam::123456789012:role/reader"
    assert outputs["balancer"].startswith("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/front/")
    assert outputs["balancer"].endswith(outputs["suffix"])


def test_attributes_without_a_stand_in_stay_unknown() -> None:
    def program() -> None:
        pulumi.export("caa", aws.rds.Instance("db", instance_class="db.t4g.micro").ca_cert_identifier)

    assert is_unknown(plan(program, preview=False).outputs["caa"])


def test_a_json_document_built_from_stand_ins_can_be_read() -> None:
    def program() -> None:
        database = aws.rds.Instance(
            "db", instance_class="db.t4g.micro", engine="postgres", manage_master_user_password=True
        )
        secret = database.master_user_secrets[0].secret_arn
        aws.ecs.TaskDefinition(
            "task",
            family="api",
            container_definitions=Output.json_dumps([{"host": database.address, "secret": secret}]),
        )

    text = plan(program, preview=False).find(aws.ecs.TaskDefinition).inputs["containerDefinitions"]
    container = json.loads(text)[0]
    assert container["host"].endswith(".us-east-1.rds.amazonaws.com")
    assert container["secret"].startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-")


def test_arns_follow_the_explicit_provider() -> None:
    def program() -> None:
        provider = aws.Provider("china", region="cn-north-1")
        pulumi.export("arn", aws.sns.Topic("t", name="t", opts=ResourceOptions(provider=provider)).arn)

    assert plan(program, preview=False).outputs["arn"] == "arn:aws-cn:sns:cn-north-1:123456789012:t"


# Secrets


def keep_a_password() -> None:
    password = pulumi.Config().require_secret("password")
    secret = aws.secretsmanager.Secret("db")
    aws.secretsmanager.SecretVersion("db", secret_id=secret.id, secret_string=password)
    pulumi.export("password", password)


def test_a_secret_is_marked_and_its_value_can_be_read_on_purpose() -> None:
    result = plan(keep_a_password, secret_config={"password": "hunter2hunter2"})
    value = result.find(aws.secretsmanager.SecretVersion).inputs["secretString"]
    assert value == Secret("hunter2hunter2")
    assert value.value == "hunter2hunter2"


def test_secrets_are_never_shown() -> None:
    result = plan(keep_a_password, config={"password": Secret("hunter2hunter2")})
    version = result.find(aws.secretsmanager.SecretVersion)
    value = version.inputs["secretString"]
    shown = f"{result!r} {version!r} {version.inputs!r} {value} {result.outputs} {result.to_json()}"
    assert "hunter2" not in shown
    assert "[secret]" in shown


def test_a_secret_inside_a_mapping_makes_its_key_secret() -> None:
    def program() -> None:
        pulumi.export("all", pulumi.Config().require_secret_object("app"))

    result = plan(program, config={"app": {"name": "shop", "key": Secret("k3yk3yk3y")}})
    assert result.outputs["all"] == Secret({"name": "shop", "key": "k3yk3yk3y"})
    assert result.secrets == {"k3yk3yk3y"}


def test_a_secret_that_is_not_known_yet_is_unknown() -> None:
    def program() -> None:
        pulumi.export("arn", Output.secret(aws.sns.Topic("t").arn))

    value = plan(program).outputs["arn"]
    assert isinstance(value, Secret)
    assert is_unknown(value)


# Configuration


def test_config_takes_plain_values_of_any_kind() -> None:
    def program() -> None:
        config = pulumi.Config()
        pulumi.export("text", config.require("text"))
        pulumi.export("number", config.require_int("number"))
        pulumi.export("flag", config.require_bool("flag"))
        pulumi.export("list", config.require_object("list"))
        pulumi.export("other", pulumi.Config("other").require("key"))

    config = {"text": "a", "number": 3, "flag": True, "list": [1, 2], "other:key": "b"}
    assert plan(program, config=config).outputs == {
        "text": "a",
        "number": 3,
        "flag": True,
        "list": [1, 2],
        "other": "b",
    }


def test_missing_config_raises_the_sdks_own_error() -> None:
    with pytest.raises(pulumi.ConfigMissingError, match="shop:size"):
        plan(lambda: pulumi.Config().require("size"), project="shop")


# Stack references


def test_a_stack_reference_gives_plain_and_secret_outputs() -> None:
    def program() -> None:
        network = pulumi.StackReference("org/net/dev")
        aws.ec2.Subnet("s", vpc_id=network.require_output("vpc_id"), tags={"key": network.require_output("key")})

    outputs = {"vpc_id": "vpc-1", "key": Secret("k3yk3yk3y")}
    result = plan(program, stack_references={"org/net/dev": outputs})
    inputs = result.find(aws.ec2.Subnet).inputs
    assert inputs["vpcId"] == "vpc-1"
    assert inputs["tags"]["key"] == Secret("k3yk3yk3y")


def test_a_missing_stack_is_named() -> None:
    with pytest.raises(PlanError, match=r"'org/net/dev'.*given: org/net/prod"):
        plan(lambda: pulumi.StackReference("org/net/dev"), stack_references={"org/net/prod": {}})


def test_a_missing_output_is_named() -> None:
    def program() -> None:
        vpc = pulumi.StackReference("org/net/dev").require_output("vpc")
        aws.ec2.Subnet("s", vpc_id=vpc)

    with pytest.raises(PlanError, match="stack reference 'org/net/dev' has no output 'vpc'; given: vpc_id"):
        plan(program, stack_references={"org/net/dev": {"vpc_id": "vpc-1"}, "org/net/prod": {"other": 1}})


@pytest.mark.parametrize("given", [{}, {"org/net/dev": {"vpc_id": "vpc-1"}}], ids=["stack", "output"])
def test_a_missing_reference_leaves_no_coroutines_behind(given: dict[str, Any]) -> None:
    def program() -> None:
        network = pulumi.StackReference("org/net/dev")
        for index in range(3):
            aws.ec2.Subnet(f"s{index}", vpc_id=network.require_output("vpc"), cidr_block=network.get_output("cidr"))

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(PlanError):
            plan(program, stack_references=given)
        gc.collect()
    assert [str(warning.message) for warning in seen] == []


def test_an_optional_output_that_is_missing_is_none() -> None:
    def program() -> None:
        vpc = pulumi.StackReference("org/net/dev").get_output("vpc")
        pulumi.export("none", vpc.apply(lambda value: value is None))

    assert plan(program, stack_references={"org/net/dev": {}}).outputs["none"] is True


# Provider functions


def test_lookups_without_an_account_are_answered() -> None:
    def program() -> None:
        pulumi.export("region", aws.get_region_output().region)
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("partition", aws.get_partition().partition)
        pulumi.export("zones", aws.get_availability_zones(state="available").names)
        pulumi.export("zone", aws.route53.get_zone(name="example.com").zone_id)

    outputs = plan(program, config={"aws:region": "eu-west-1"}).outputs
    assert outputs["region"] == "eu-west-1"
    assert outputs["account"] == "123456789012"
    assert outputs["partition"] == "aws"
    assert outputs["zones"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert outputs["zone"].startswith("Z")


def test_a_lookup_follows_the_explicit_provider() -> None:
    def program() -> None:
        provider = aws.Provider("frankfurt", region="eu-central-1")
        zones = aws.get_availability_zones(opts=pulumi.InvokeOptions(provider=provider))
        pulumi.export("zones", zones.names)

    assert plan(program).outputs["zones"][0] == "eu-central-1a"


def test_registry_credentials_are_secret() -> None:
    def program() -> None:
        token = aws.ecr.get_authorization_token_output()
        pulumi.export("user", token.user_name)
        pulumi.export("password", token.password)

    outputs = plan(program).outputs
    assert isinstance(outputs["password"], Secret)


def test_a_policy_document_is_the_providers() -> None:
    def program() -> None:
        document = aws.iam.get_policy_document(
            statements=[
                {
                    "sid": "Read",
                    "actions": ["s3:GetObject", "s3:ListBucket"],
                    "resources": ["arn:aws:s3:::data"],
                    "principals": [{"type": "AWS", "identifiers": ["arn:aws:iam::1:root"]}],
                    "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}],
                }
            ]
        )
        pulumi.export("json", document.json)

    assert json.loads(plan(program).outputs["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": "arn:aws:s3:::data",
                "Principal": {"AWS": "arn:aws:iam::1:root"},
                "Condition": {"Bool": {"aws:SecureTransport": "true"}},
            }
        ],
    }


def test_other_lookups_are_given() -> None:
    def program() -> None:
        pulumi.export("cidr", aws.ec2.get_vpc(id="vpc-1").cidr_block)

    answers = {"aws:ec2/getVpc:getVpc": lambda args: {"id": args["id"], "cidrBlock": "10.1.0.0/16"}}
    assert plan(program, invokes=answers).outputs["cidr"] == "10.1.0.0/16"


def test_a_lookup_without_an_answer_is_named() -> None:
    with pytest.raises(PlanError, match="aws:ec2/getVpc:getVpc, which only a cloud can answer"):
        plan(lambda: aws.ec2.get_vpc(default=True))


# Failures


def test_the_programs_own_error_is_raised() -> None:
    def program() -> None:
        aws.sns.Topic("t")
        raise LookupError("no such size")

    with pytest.raises(LookupError, match=r"^no such size$"):
        plan(program)


def test_an_error_inside_apply_is_raised_unwrapped() -> None:
    class SizeError(ValueError):
        pass

    def refuse(_: str) -> str:
        raise SizeError("too big")

    def program() -> None:
        topic = aws.sns.Topic("a", display_name="News")
        aws.sns.Topic("b", display_name=topic.display_name.apply(refuse))
        aws.sns.Topic("c", display_name=topic.display_name.apply(refuse))

    with pytest.raises(SizeError, match=r"^too big$"):
        plan(program)


def test_a_value_of_the_wrong_kind_names_the_resource() -> None:
    with pytest.raises(ValueError, match=r"(?s)While processing resource: 't'.*display_name"):
        plan(lambda: aws.sns.Topic("t", display_name=object()))  # type: ignore[call-overload]


def test_a_failing_program_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    def program() -> None:
        for index in range(20):
            topic = aws.sns.Topic(f"t{index}")
            aws.sns.TopicSubscription(f"s{index}", topic=topic.arn, protocol="email", endpoint="a@example.com")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        plan(program)
    assert capfd.readouterr() == ("", "")


def test_two_resources_of_the_same_name_are_refused() -> None:
    def program() -> None:
        aws.sns.Topic("t")
        aws.sns.Topic("t")

    with pytest.raises(PlanError, match="two resources are aws:sns/topic:Topic 't'"):
        plan(program)


def test_two_hooks_of_the_same_name_are_refused() -> None:
    def noop(_: pulumi.ResourceHookArgs) -> None: ...

    def program() -> None:
        for name in ("a", "b"):
            hooks = pulumi.ResourceHookBinding(after_create=[pulumi.ResourceHook("check", noop)])
            aws.sns.Topic(name, opts=ResourceOptions(hooks=hooks))

    with pytest.raises(PlanError, match="two resource hooks are called 'check'"):
        plan(program)


def test_a_value_that_never_comes_is_an_error_not_a_hang() -> None:
    def program() -> None:
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        aws.sns.Topic("t", display_name=never)

    with pytest.raises(PlanError, match="waits for a value that never comes"):
        plan(program)


# Isolation


def test_a_second_plan_knows_nothing_of_the_first() -> None:
    first = plan(lambda: aws.sns.Topic("a"), project="one", stack="x", config={"size": "1"})
    second = plan(lambda: pulumi.export("size", str(pulumi.Config("one").get("size"))), project="two", stack="y")
    assert [resource.name for resource in first.resources] == ["a"]
    assert second.resources == []
    assert second.outputs["size"] == "None"


def test_a_plan_leaves_the_sdk_as_it_was() -> None:
    def state() -> tuple[Any, ...]:
        """As a new thread sees it, which has no context of its own."""
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.append(pulumi.runtime.settings.get_monitor()))
        thread.start()
        thread.join()
        return pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.get_root_resource(), *seen

    before = state()
    plan(lambda: aws.sns.Topic("a"), project="one", stack="x")
    assert state() == before


def test_a_stack_of_the_sdk_that_is_active_does_not_get_in_the_way() -> None:
    def run() -> int:
        pulumi.runtime.settings.ROOT.set(object())  # type: ignore[arg-type]
        return len(plan(a_queue_for_a_topic).resources)

    assert contextvars.copy_context().run(run) == 2


def test_a_plan_leaves_no_threads() -> None:
    before = threading.active_count()
    plan(a_queue_for_a_topic)
    assert threading.active_count() == before


def test_a_plan_can_be_made_inside_a_coroutine() -> None:
    async def test() -> int:
        return len(plan(a_queue_for_a_topic).resources)

    assert asyncio.run(test()) == 2


def test_async_programs_are_awaited() -> None:
    async def program() -> None:
        await asyncio.sleep(0)
        aws.sns.Topic("t")

    assert len(plan(program).resources) == 1


def test_an_async_entry_point_is_run() -> None:
    async def main() -> dict[str, Any]:
        return {"name": aws.sns.Topic("t", name="news").name}

    assert plan(lambda: pulumi.run(main)).outputs["name"] == "news"


def test_plans_in_several_threads_do_not_mix() -> None:
    found: dict[int, list[str]] = {}

    def run(number: int) -> None:
        def program() -> None:
            for index in range(number):
                aws.sns.Topic(f"t{index}")

        found[number] = [resource.name for resource in plan(program).resources]

    threads = [threading.Thread(target=run, args=(number,)) for number in (3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: len(names) for number, names in found.items()} == {3: 3, 5: 5, 7: 7}


# As data


def test_json_is_the_same_every_time() -> None:
    def program() -> None:
        for name in ("b", "a"):
            Group(name)

    assert plan(program).to_json() == plan(program).to_json()


def test_json_lists_resources_by_urn_whatever_their_order() -> None:
    def program() -> None:
        for name in ("b", "a"):
            aws.sns.Topic(name)

    assert [resource["name"] for resource in plan(program).to_dict()["resources"]] == ["a", "b"]


def test_json_shows_unknown_values_and_dependencies() -> None:
    resources = json.loads(plan(a_queue_for_a_topic).to_json())["resources"]
    mail = next(resource for resource in resources if resource["name"] == "mail")
    topic = "urn:pulumi:stack::project::aws:sns/topic:Topic::news"
    assert mail["inputs"] == {"endpoint": "a@example.com", "protocol": "email", "topic": "[unknown]"}
    assert mail["propertyDependencies"] == {"topic": [topic]}
    assert mail["dependencies"] == [topic]


def test_unknown_is_not_a_value_anyone_can_make_equal() -> None:
    assert not isinstance(Unknown("x"), str)
    assert is_unknown(Unknown("x"))
    assert not is_unknown("x")
