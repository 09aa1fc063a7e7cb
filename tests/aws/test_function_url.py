from typing import Any

import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws import ExistingLoadBalancer, Target, TargetArgs
from pulumi_fastapi.aws.function_target import FunctionTarget, FunctionTargetArgs
from pulumi_fastapi.aws.function_url import FunctionUrl, host_of
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan
from pulumi_fastapi.timeouts import Timeouts, ladder

ALIAS = "arn:aws:lambda:us-east-1:123456789012:function:shop:live"


def permissions(result: Plan) -> list[dict[str, Any]]:
    """Most specific action first."""
    found = [dict(each.inputs) for each in result.all(aws.lambda_.Permission)]
    return sorted(found, key=lambda each: each["action"], reverse=True)


def planned(**args: Any) -> Plan:
    return plan(lambda: FunctionUrl("api", "shop", "live", **args), preview=False)


# Its own URL


def test_a_public_url_has_both_permissions_and_no_other() -> None:
    of_alias = {"function": "shop", "qualifier": "live", "principal": "*"}
    assert permissions(planned()) == [
        {**of_alias, "action": "lambda:InvokeFunctionUrl", "functionUrlAuthType": "NONE"},
        {**of_alias, "action": "lambda:InvokeFunction", "invokedViaFunctionUrl": True},
    ]


def test_the_url_is_of_the_alias() -> None:
    url = planned().find(aws.lambda_.FunctionUrl).inputs
    assert (url["functionName"], url["qualifier"], url["authorizationType"]) == ("shop", "live", "NONE")


def test_a_url_for_signed_requests_lets_nobody_in_by_itself() -> None:
    result = planned(authorization_type="AWS_IAM")
    assert result.find(aws.lambda_.FunctionUrl).inputs["authorizationType"] == "AWS_IAM"
    assert permissions(result) == []


def test_the_app_alone_answers_cors() -> None:
    """A URL that answers it too makes two headers of it, which browsers refuse."""
    assert "cors" not in planned().find(aws.lambda_.FunctionUrl).inputs


def test_answers_are_not_streamed_as_the_runtime_cannot() -> None:
    assert planned().find(aws.lambda_.FunctionUrl).inputs["invokeMode"] == "BUFFERED"


def test_the_host_is_the_name_in_the_url() -> None:
    assert host_of("https://abc.lambda-url.eu-west-1.on.aws/") == "abc.lambda-url.eu-west-1.on.aws"


def test_another_authorization_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^authorization_type: must be one of NONE, AWS_IAM.*got 'PUBLIC'"):
        FunctionUrl("api", "shop", "live", authorization_type="PUBLIC")


# A share of a load balancer


def balancer() -> ExistingLoadBalancer:
    return ExistingLoadBalancer(
        listener_arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shared/1/2",
        security_group_id="sg-1",
        dns_name="shared.elb.amazonaws.com",
        hosted_zone_id="Z1",
        arn_suffix="app/shared/1",
    )


def share(load_balancer: ExistingLoadBalancer, **args: Any) -> FunctionTargetArgs:
    given = {"function_name": "shop", "qualifier": "live", "alias_arn": ALIAS, **args}
    return FunctionTargetArgs(load_balancer=load_balancer, **given)


def planned_target(**args: Any) -> Plan:
    return plan(lambda: FunctionTarget("api", share(balancer(), **args)), preview=False)


def test_the_load_balancer_may_call_the_alias_for_this_target_group_only() -> None:
    result = planned_target()
    assert permissions(result) == [
        {
            "function": "shop",
            "qualifier": "live",
            "action": "lambda:InvokeFunction",
            "principal": "elasticloadbalancing.amazonaws.com",
            "sourceArn": result.find(aws.lb.TargetGroup).outputs["arn"],
        }
    ]


def test_the_alias_is_attached_once_it_may_be_called() -> None:
    result = planned_target()
    attached = result.find(aws.lb.TargetGroupAttachment)
    assert attached.inputs["targetId"] == ALIAS
    assert result.find(aws.lambda_.Permission) in attached.dependencies


def test_several_cookies_pass() -> None:
    group = planned_target().find(aws.lb.TargetGroup).inputs
    assert (group["targetType"], group["lambdaMultiValueHeadersEnabled"]) == ("lambda", True)
    assert not {"port", "protocol", "vpcId", "name"} & set(group)


def test_health_checks_are_billed_so_they_are_off() -> None:
    assert planned_target().find(aws.lb.TargetGroup).inputs["healthCheck"] == {"enabled": False}


def test_health_checks_can_be_wanted() -> None:
    check = planned_target(health_path="/-/ready").find(aws.lb.TargetGroup).inputs["healthCheck"]
    assert check == {"enabled": True, "path": "/-/ready", "matcher": "200"}


def test_it_gets_the_requests_it_asks_for() -> None:
    rule = planned_target(domain="a.example.com", paths=["/api/*"]).find(aws.lb.ListenerRule)
    assert rule.inputs["conditions"] == [
        {"hostHeader": {"values": ["a.example.com"]}},
        {"pathPattern": {"values": ["/api/*"]}},
    ]
    assert [action["type"] for action in rule.inputs["actions"]] == ["forward"]


def test_a_domain_in_a_zone_gets_a_certificate_and_a_name() -> None:
    result = planned_target(domain="a.example.com", zone_id="Z9")
    assert result.find(aws.lb.ListenerCertificate)
    assert result.find(aws.route53.Record, "api-alias").inputs["name"] == "a.example.com"
    assert result.find(FunctionTarget).outputs["url"] == "https://a.example.com"


def test_it_shares_the_listener_with_services() -> None:
    def program() -> None:
        shared = balancer()
        Target("tasks", TargetArgs(load_balancer=shared, vpc_id="vpc-1", health_path="/", ladder=ladder(Timeouts())))
        FunctionTarget("function", share(shared, paths=["/reports/*"]))

    tasks, function = (rule.inputs["priority"] for rule in plan(program, preview=False).all(aws.lb.ListenerRule))
    assert function < tasks  # the more specific one is asked first


def test_requests_that_a_service_takes_are_refused() -> None:
    def program() -> None:
        shared = balancer()
        Target("tasks", TargetArgs(load_balancer=shared, vpc_id="vpc-1", health_path="/", ladder=ladder(Timeouts())))
        FunctionTarget("function", share(shared))

    with pytest.raises(ArgumentError, match="domain: tasks takes the same requests of this load balancer"):
        plan(program)


@pytest.mark.parametrize("name", ["x" * 100, "My_Project.With/Everything", "internal-api", "1", "---", "ü"])
def test_physical_names_fit_whatever_the_component_is_called(name: str) -> None:
    result = plan(lambda: FunctionTarget(name, share(balancer())))
    logical = result.find(aws.lb.TargetGroup).name
    assert len(logical) + 8 <= 32
    assert logical.replace("-", "").isalnum()
    assert logical.isascii()


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"priority": 50001}, "priority: must be between 1 and 50000"),
        ({"paths": ["reports"]}, "paths: must be a path pattern"),
        ({"domain": "A.example.com"}, "domain: must be a DNS name in lower case"),
    ],
)
def test_wrong_shares_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        share(balancer(), **args)
