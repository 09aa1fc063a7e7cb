"""Web ACLs."""

from typing import NoReturn

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.preconditions.cloudfront import distributions
from pulumi_fastapi.emulator.values import Properties


@before("wafv2:CreateWebACL")
def _scope(_api: Api, region: str, params: Properties) -> None:
    if params["Scope"] == "CLOUDFRONT" and region != "us-east-1":
        raise ApiError(
            "wafv2", "CreateWebACL", "WAFInvalidParameterException", "The scope is not valid., field: SCOPE_VALUE"
        )


@before("wafv2:AssociateWebACL")
def _protectable(api: Api, region: str, params: Properties) -> None:
    arn = params["ResourceArn"]
    balancers = find(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region, LoadBalancerArns=[arn])
    if ":elasticloadbalancing:" in arn and balancers:
        return
    code = "WAFInvalidParameterException" if ":apigateway:" in arn else "WAFUnavailableEntityException"
    text = (
        "The ARN isn't valid. A valid ARN begins with arn: and is of a load balancer or REST API., field: RESOURCE_ARN"
    )
    raise ApiError("wafv2", "AssociateWebACL", code, f"{text}, parameter: {arn}")


@before("wafv2:DeleteWebACL")
def _acl_in_use(api: Api, region: str, params: Properties) -> None:
    if any(f"/{params['Id']}" in each["WebACLId"] for each in distributions(api, region)):
        _acl_is_in_use()
    for balancer in find(api, "elbv2", "DescribeLoadBalancers", "LoadBalancers", region):
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
