"""Operations of smaller services that moto lacks.

Imported only when moto is prepared, as it imports moto itself.
"""

# mypy: disable-error-code="method-assign, assignment, attr-defined, misc, no-untyped-call"
import datetime
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from moto.apigatewayv2 import urls as gateway_urls
from moto.apigatewayv2.models import ApiGatewayV2Backend, Stage
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse
from moto.cloudwatch.responses import CloudWatchResponse
from moto.codedeploy.models import CodeDeployBackend
from moto.codedeploy.responses import CodeDeployResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.responses import IamResponse
from moto.scheduler.responses import EventBridgeSchedulerResponse
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.wafv2.responses import WAFV2Response

Answer = tuple[int, dict[str, Any], str]
Operations = Mapping[str, Callable[[Any], Any]]


def install() -> None:
    """Put all of it into moto, in this process only."""
    for responses, operations in (
        (ApiGatewayV2Response, _GATEWAY),
        (BudgetsResponse, _BUDGETS),
        (CloudWatchResponse, {"put_composite_alarm": put_composite_alarm}),
        (CodeDeployResponse, _CODE_DEPLOY),
        (IamResponse, _IAM),
        (SecretsManagerResponse, {"rotate_secret": rotate_secret}),
    ):
        for name, operation in operations.items():
            setattr(responses, name, operation)
    _route_more_of_the_gateway()
    _create_quickly()
    _keep_deployment_groups()
    _keep_action_after_completion()
    _take_all_rules_away()
    _start_with_the_month()


def _body(response: Any) -> dict[str, Any]:
    return json.loads(response.body or "{}")  # type: ignore[no-any-return]


def _json(value: Any) -> Answer:
    return 200, {}, json.dumps(value)


# --------------------------------------------------------------------------------------------------------- API Gateway
# Hosted zones of the regional domains, for alias records; for a region that is not listed, Virginia's stands in.
_REGIONAL_ZONES = {
    "us-east-1": "Z1UJRXOUMOOFQ8",
    "us-east-2": "ZOJJZC49E0EPZ",
    "us-west-2": "Z2OJLYMUO9EFXC",
    "eu-west-1": "ZLY8HYME6SFDD",
    "eu-central-1": "Z1U9ULNL0V5AJ3",
}


def _route_more_of_the_gateway() -> None:
    stage = "{0}/v2/apis/(?P<api_id>[^/]+)/stages/(?P<stage_name>[^/]+)"
    tags = "{0}/v2/tags/(?P<resource_arn_pt1>[^/]+)"
    for path in (
        f"{stage}/accesslogsettings$",
        f"{tags}/apis/(?P<api_id>[^/]+)/stages/(?P<stage_name>[^/]+)$",
        f"{tags}/domainnames/(?P<domain_name>[^/]+)$",
    ):
        gateway_urls.url_paths[path] = ApiGatewayV2Response.dispatch


def _stage(response: Any, position: int) -> tuple[Any, str]:
    parts = [unquote(part) for part in response.path.split("/")]
    api = response.apigatewayv2_backend.get_api(parts[position - 2])
    api.get_stage(parts[position])  # raises when there is none
    return api, parts[position]


def _replace_stage(api: Any, name: str, config: dict[str, Any]) -> Any:
    old = api.stages[name]
    replaced = Stage(api, {**config, "stageName": name, "tags": old.tags})
    replaced.created = old.created
    api.stages[name] = replaced
    return replaced


def update_stage(self: Any) -> Answer:
    api, name = _stage(self, -1)
    return _json(_replace_stage(api, name, {**api.stages[name].config, **_body(self)}).to_json())


def delete_access_log_settings(self: Any) -> Answer:
    api, name = _stage(self, -2)
    rest = {key: value for key, value in api.stages[name].config.items() if key != "accessLogSettings"}
    _replace_stage(api, name, rest)
    return 204, {}, ""


def _tagged(response: Any) -> tuple[dict[str, str] | None, str]:
    """The tags of a stage or domain; None for an API, whose tags moto keeps apart."""
    arn = unquote(response.path.split("/tags/")[1])
    parts = arn.split("/")
    backend = response.apigatewayv2_backend
    if "stages" in parts:
        return backend.get_api(parts[-3]).get_stage(parts[-1]).tags, arn
    if "domainnames" in parts:
        domain = backend.get_domain_name(parts[-1])
        domain.tags = domain.tags or {}
        return domain.tags, arn
    return None, arn


def tag_in_gateway(self: Any) -> Answer:
    tags, arn = _tagged(self)
    if tags is None:
        self.apigatewayv2_backend.tag_resource(arn, _body(self)["tags"])
    else:
        tags.update(_body(self)["tags"])
    return 201, {}, "{}"


def untag_in_gateway(self: Any) -> Answer:
    tags, arn = _tagged(self)
    keys = self.querystring.get("tagKeys") or []
    if tags is None:
        self.apigatewayv2_backend.untag_resource(arn, keys)
    else:
        for key in keys:
            tags.pop(key, None)
    return 204, {}, ""


def create_domain_name(self: Any) -> Answer:
    body = _body(self)
    domain = self.apigatewayv2_backend.create_domain_name(
        domain_name=body["domainName"],
        domain_name_configurations=_configured(body, self.region),
        mutual_tls_authentication=body.get("mutualTlsAuthentication"),
        tags=body.get("tags"),
    )
    domain.routing_mode = body.get("routingMode", "API_MAPPING_ONLY")
    return _domain(domain)


def _configured(body: dict[str, Any], region: str) -> list[dict[str, Any]]:
    told = {
        "apiGatewayDomainName": f"d-{uuid.uuid4().hex[:10]}.execute-api.{region}.amazonaws.com",
        "domainNameStatus": "AVAILABLE",
        "hostedZoneId": _REGIONAL_ZONES.get(region, "Z1UJRXOUMOOFQ8"),
    }
    return [{**told, **each} for each in body.get("domainNameConfigurations", [])]


def _domain(domain: Any) -> Answer:
    return _json({**domain.to_json(), "routingMode": domain.routing_mode})


def get_domain_name(self: Any) -> Answer:
    return _domain(self.apigatewayv2_backend.get_domain_name(unquote(self.path.split("/")[-1])))


def update_domain_name(self: Any) -> Answer:
    domain = self.apigatewayv2_backend.get_domain_name(unquote(self.path.split("/")[-1]))
    body = _body(self)
    for old, new in zip(domain.domain_name_configurations, body.get("domainNameConfigurations", []), strict=False):
        old.update(new)
    if "mutualTlsAuthentication" in body:
        domain.mutual_tls_authentication = body["mutualTlsAuthentication"]
    domain.routing_mode = body.get("routingMode", domain.routing_mode)
    return _domain(domain)


def update_api_mapping(self: Any) -> Answer:
    *_, domain, _mappings, id = (unquote(part) for part in self.path.split("/"))
    mapping = self.apigatewayv2_backend.get_api_mapping(id, domain)
    body = _body(self)
    mapping.api_id = body.get("apiId", mapping.api_id)
    mapping.stage = body.get("stage", mapping.stage)
    mapping.api_mapping_key = body.get("apiMappingKey", mapping.api_mapping_key)
    return _json(mapping.to_json())


def _create_quickly() -> None:
    """An API with a target comes with an integration, a route and a stage that deploys by itself."""
    create = ApiGatewayV2Response.create_api
    delete = ApiGatewayV2Backend.delete_domain_name

    def create_api(self: Any) -> Any:
        status, headers, text = create(self)
        body = _body(self)
        if body.get("target"):
            api = self.apigatewayv2_backend.get_api(json.loads(text)["apiId"])
            of_lambda = ":lambda:" in body["target"]
            integration = api.create_integration(
                connection_type="INTERNET",
                description="",
                integration_method="POST" if of_lambda else "ANY",
                integration_type="AWS_PROXY" if of_lambda else "HTTP_PROXY",
                integration_uri=body["target"],
                credentials_arn=body.get("credentialsArn"),
                payload_format_version="2.0" if of_lambda else "1.0",
            )
            api.create_route(
                api_key_required=False,
                authorization_scopes=[],
                route_key=body.get("routeKey", "$default"),
                target=f"integrations/{integration.id}",
            )
            api.create_stage({"stageName": "$default", "autoDeploy": True})
        return status, headers, text

    def delete_domain_name(self: Any, domain_name: str) -> None:
        self.api_mappings = {id: each for id, each in self.api_mappings.items() if each.domain_name != domain_name}
        delete(self, domain_name)

    ApiGatewayV2Response.create_api = create_api
    ApiGatewayV2Backend.delete_domain_name = delete_domain_name


_GATEWAY: Operations = {
    "update_stage": update_stage,
    "delete_access_log_settings": delete_access_log_settings,
    "tag_resource": tag_in_gateway,
    "untag_resource": untag_in_gateway,
    "create_domain_name": create_domain_name,
    "get_domain_name": get_domain_name,
    "update_domain_name": update_domain_name,
    "update_api_mapping": update_api_mapping,
}


# -------------------------------------------------------------------------------------------------------------- Budgets
def _start_with_the_month() -> None:
    """A budget without a start begins with the month; moto sees to that only when the end is missing too."""
    initialise = Budget.__init__

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        initialise(self, *arguments, **named)
        month = datetime.datetime.now(datetime.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        self.budget["TimePeriod"].setdefault("Start", month.timestamp())

    Budget.__init__ = __init__


def _budget(response: Any) -> Any:
    body = _body(response)
    name = body.get("BudgetName") or body["NewBudget"]["BudgetName"]
    response.backend.describe_budget(body["AccountId"], name)  # raises when there is none
    return response.backend.budgets[body["AccountId"]][name]


def update_budget(self: Any) -> str:
    budget = _budget(self)
    budget.budget = Budget(_body(self)["NewBudget"], []).budget
    return "{}"


def _notification(response: Any) -> Any:
    wanted = _body(response)["Notification"]
    for each in _budget(response).notifications:
        if all(each.details.get(key) == value for key, value in wanted.items() if key != "NotificationState"):
            return each
    raise JsonRESTError("NotFoundException", "Unable to get notification - the notification doesn't exist.")


def describe_subscribers_for_notification(self: Any) -> str:
    return json.dumps({"Subscribers": _notification(self).subscribers, "NextToken": None})


def _budget_tags(response: Any) -> dict[str, str]:
    account, name = _body(response)["ResourceARN"].split(":")[4], _body(response)["ResourceARN"].split("budget/", 1)[1]
    response.backend.describe_budget(account, name)
    tags: dict[str, str] = response.backend.budgets[account][name].__dict__.setdefault("tags", {})
    return tags


def tag_budget(self: Any) -> str:
    _budget_tags(self).update({tag["Key"]: tag["Value"] for tag in _body(self)["ResourceTags"]})
    return "{}"


def untag_budget(self: Any) -> str:
    tags = _budget_tags(self)
    for key in _body(self)["ResourceTagKeys"]:
        tags.pop(key, None)
    return "{}"


def list_budget_tags(self: Any) -> str:
    return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in _budget_tags(self).items()]})


_BUDGETS: Operations = {
    "update_budget": update_budget,
    "describe_subscribers_for_notification": describe_subscribers_for_notification,
    "tag_resource": tag_budget,
    "untag_resource": untag_budget,
    "list_tags_for_resource": list_budget_tags,
}


# ----------------------------------------------------------------------------------------------------------- CloudWatch
def put_composite_alarm(self: Any) -> Any:
    self.put_metric_alarm()  # which knows the rule, and nothing of what follows
    alarm = self.cloudwatch_backend.alarms[self._get_param("AlarmName")]
    alarm.alarm_rule = alarm.rule
    for member, attribute in (
        ("ActionsSuppressor", "actions_suppressor"),
        ("ActionsSuppressorWaitPeriod", "actions_suppressor_wait_period"),
        ("ActionsSuppressorExtensionPeriod", "actions_suppressor_extension_period"),
    ):
        setattr(alarm, attribute, self._get_param(member))
    return EmptyResult()


# ----------------------------------------------------------------------------------------------------------- CodeDeploy
class _CodeDeployError(JsonRESTError):
    code = 400


_BUILT_IN_CONFIGS = (
    *(f"CodeDeployDefault.{kind}" for kind in ("AllAtOnce", "HalfAtATime", "OneAtATime")),
    *(
        f"CodeDeployDefault.{platform}{kind}"
        for platform in ("Lambda", "ECS")
        for kind in (
            "AllAtOnce",
            "Canary10Percent5Minutes",
            "Canary10Percent10Minutes",
            "Canary10Percent15Minutes",
            "Canary10Percent30Minutes",
            "Linear10PercentEvery1Minute",
            "Linear10PercentEvery1Minutes",
            "Linear10PercentEvery2Minutes",
            "Linear10PercentEvery3Minutes",
            "Linear10PercentEvery10Minutes",
        )
    ),
)


def _configs(response: Any) -> dict[str, dict[str, Any]]:
    backend = response.codedeploy_backend
    found: dict[str, dict[str, Any]] = backend.__dict__.setdefault("deployment_configs", {})
    return found


def create_deployment_config(self: Any) -> Any:
    body = _body(self)
    name = body["deploymentConfigName"]
    if name in _configs(self) or name in _BUILT_IN_CONFIGS:
        raise _CodeDeployError("DeploymentConfigAlreadyExistsException", f"Deployment config {name} already exists.")
    id = str(uuid.uuid4())
    _configs(self)[name] = {"computePlatform": "Server", **body, "deploymentConfigId": id, "createTime": time.time()}
    return ActionResult({"deploymentConfigId": id})


def _known_config(response: Any, name: str) -> dict[str, Any]:
    built_in = {"deploymentConfigName": name} if name in _BUILT_IN_CONFIGS else None
    found = _configs(response).get(name, built_in)
    if found is None:
        message = f"No Deployment Configuration found for name: {name}"
        raise _CodeDeployError("DeploymentConfigDoesNotExistException", message)
    return found


def get_deployment_config(self: Any) -> Any:
    found = _known_config(self, _body(self)["deploymentConfigName"])
    return ActionResult({"deploymentConfigInfo": {key: value for key, value in found.items() if key != "createTime"}})


def delete_deployment_config(self: Any) -> Any:
    name = _body(self)["deploymentConfigName"]
    groups = [group for each in self.codedeploy_backend.deployment_groups.values() for group in each.values()]
    if any(group.told.get("deploymentConfigName") == name for group in groups):
        raise _CodeDeployError("DeploymentConfigInUseException", f"The deployment configuration {name} is in use.")
    _configs(self).pop(name, None)
    return EmptyResult()


def delete_application(self: Any) -> Any:
    name = _body(self)["applicationName"]
    self.codedeploy_backend.applications.pop(name, None)
    self.codedeploy_backend.deployment_groups.pop(name, None)
    return EmptyResult()


def get_deployment_group(self: Any) -> Any:
    body = _body(self)
    group = self.codedeploy_backend.get_deployment_group(body["applicationName"], body["deploymentGroupName"])
    told = {key: value for key, value in group.told.items() if key != "tags"}
    platform = {
        "deploymentGroupId": group.deployment_group_id,
        "computePlatform": group.application.compute_platform or "Server",
    }
    return ActionResult({"deploymentGroupInfo": {**told, **platform}})


def update_deployment_group(self: Any) -> Any:
    body = _body(self)
    if "deploymentConfigName" in body:
        _known_config(self, body["deploymentConfigName"])
    group = self.codedeploy_backend.get_deployment_group(
        body.pop("applicationName"), body.pop("currentDeploymentGroupName")
    )
    group.told = {**group.told, **body}
    return ActionResult({"hooksNotCleanedUp": []})


def delete_deployment_group(self: Any) -> Any:
    body = _body(self)
    groups = self.codedeploy_backend.deployment_groups.get(body["applicationName"], {})
    groups.pop(body["deploymentGroupName"], None)
    return ActionResult({"hooksNotCleanedUp": []})


def _keep_deployment_groups() -> None:
    """A group tells what it was given; moto forgets alarms, and takes any configuration for known."""
    create = CodeDeployResponse.create_deployment_group

    def create_deployment_group(self: Any) -> Any:
        body = {"deploymentConfigName": "CodeDeployDefault.OneAtATime", **_body(self)}
        _known_config(self, body["deploymentConfigName"])
        answer = create(self)
        backend: CodeDeployBackend = self.codedeploy_backend
        backend.deployment_groups[body["applicationName"]][body["deploymentGroupName"]].told = body
        return answer

    CodeDeployResponse.create_deployment_group = create_deployment_group


_CODE_DEPLOY: Operations = {
    "create_deployment_config": create_deployment_config,
    "get_deployment_config": get_deployment_config,
    "delete_deployment_config": delete_deployment_config,
    "delete_application": delete_application,
    "get_deployment_group": get_deployment_group,
    "update_deployment_group": update_deployment_group,
    "delete_deployment_group": delete_deployment_group,
}


# ------------------------------------------------------------------------------------------------- IAM, secrets, timers
def add_client_id(self: Any) -> Any:
    provider = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
    provider.client_id_list = [*provider.client_id_list, self._get_param("ClientID")]
    return EmptyResult()


def remove_client_id(self: Any) -> Any:
    provider = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
    gone = self._get_param("ClientID")
    provider.client_id_list = [each for each in provider.client_id_list if each != gone]
    return EmptyResult()


_IAM: Operations = {
    "add_client_id_to_open_id_connect_provider": add_client_id,
    "remove_client_id_from_open_id_connect_provider": remove_client_id,
}


def rotate_secret(self: Any) -> str:
    """Switch rotation on. moto would run the function, which needs Docker; here none ever runs."""
    body = _body(self)
    secret = self.backend.describe_secret(body["SecretId"])
    secret.rotation_requested = secret.rotation_enabled = True
    secret.rotation_lambda_arn = body.get("RotationLambdaARN", secret.rotation_lambda_arn)
    rules = body.get("RotationRules", {})
    secret.auto_rotate_after_days = rules.get("AutomaticallyAfterDays", 0)
    tell = type(secret).to_dict

    def to_dict() -> dict[str, Any]:
        told = tell(secret)
        return {**told, "RotationRules": rules} if "RotationRules" in told else told

    secret.to_dict = to_dict
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": secret.default_version_id})


def _keep_action_after_completion() -> None:
    update = EventBridgeSchedulerResponse.update_schedule

    def update_schedule(self: Any) -> str:
        answer = update(self)
        name = self.uri.split("?")[0].split("/")[-1]
        schedule = self.scheduler_backend.get_schedule(self._get_param("GroupName"), name)
        schedule.action_after_completion = self._get_param("ActionAfterCompletion")
        return answer

    EventBridgeSchedulerResponse.update_schedule = update_schedule


def _take_all_rules_away() -> None:
    """An update of a web ACL to no rules leaves the old ones."""
    update = WAFV2Response.update_web_acl

    def update_web_acl(self: Any) -> Any:
        answer = update(self)
        body = _body(self)
        if not body.get("Rules"):
            self.wafv2_backend.get_web_acl(None, body["Name"], body["Id"]).rules = []
        return answer

    WAFV2Response.update_web_acl = update_web_acl
