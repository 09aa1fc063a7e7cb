"""Each type from creation to deletion: second `up`, change, drift, import; the provider is asked as the engine does."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

ACCOUNT = "123456789012"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app@sha256:"


def trust(service: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    )


def manifest(content: str) -> str:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"digest": f"sha256:{content * 64}", "size": 1},
            "layers": [],
        }
    )


class Account:
    """What the types under test need around them, made when first asked for."""

    def __init__(self, deploy: Any) -> None:
        self.deploy = deploy
        self.client = deploy.client
        self._made: dict[str, Any] = {}

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def role(self, service: str = "lambda") -> str:
        return self._once(
            f"role-{service}",
            lambda: self.deploy.create("aws:iam/role:Role", name=service, assumeRolePolicy=trust(service)).outputs[
                "arn"
            ],
        )

    def image(self, content: str = "1") -> str:
        """A pushed image."""

        def push() -> str:
            digest = f"sha256:{content * 64}"
            self.client("ecr").put_image(
                repositoryName=self.repository(), imageManifest=manifest(content), imageDigest=digest
            )
            return f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app@{digest}"

        return self._once(f"image-{content}", push)

    def repository(self) -> str:
        return self._once("repository", lambda: self.deploy.create("aws:ecr/repository:Repository", name="app").id)

    def function(self) -> Any:
        """A function with two versions."""

        def make() -> Any:
            made = self.deploy.create("aws:lambda/function:Function", **function(self), publish=True)
            self.client("lambda").update_function_configuration(FunctionName=made.id, Timeout=4)
            self.client("lambda").publish_version(FunctionName=made.id)
            return made

        return self._once("function", make)

    def alias(self) -> Any:
        return self._once(
            "alias",
            lambda: self.deploy.create(
                "aws:lambda/alias:Alias", name="live", functionName=self.function().id, functionVersion="1"
            ),
        )


def function(account: Account) -> dict[str, Any]:
    return {
        "name": "api",
        "packageType": "Image",
        "imageUri": account.image(),
        "role": account.role(),
        "memorySize": 512,
        "environment": {"variables": {"STAGE": "test", "WORKERS": "1"}},
        "imageConfig": {"commands": ["handler"]},
        "ephemeralStorage": {"size": 1024},
        "loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/api"},
        "tracingConfig": {"mode": "Active"},
        "architectures": ["arm64"],
        "tags": {"team": "shop"},
    }


@dataclass(frozen=True)
class Case:
    type: str
    inputs: Callable[[Account], dict[str, Any]]
    change: dict[str, Any] | Callable[[Account], dict[str, Any]]
    drift: Callable[[Account, str], object] | None
    """Change it behind Pulumi's back, given its ID; None when AWS has no way to."""
    change_is: str = "update"
    import_id: str | Callable[[Account, str], str] = field(default="{id}")

    @property
    def token(self) -> str:
        return f"aws:{self.type}"

    def changed(self, account: Account) -> dict[str, Any]:
        return {**self.inputs(account), **(self.change(account) if callable(self.change) else self.change)}


CASES = [
    Case(
        "lambda/function:Function",
        function,
        {"memorySize": 1024, "environment": {"variables": {"STAGE": "live"}}, "tracingConfig": {"mode": "PassThrough"}},
        lambda account, id: account.client("lambda").update_function_configuration(FunctionName=id, Timeout=9),
    ),
    Case(
        "lambda/alias:Alias",
        lambda account: {
            "name": "live",
            "functionName": account.function().id,
            "functionVersion": "1",
            "routingConfig": {"additionalVersionWeights": {"2": 0.1}},
        },
        {"routingConfig": {"additionalVersionWeights": {"2": 0.5}}},
        lambda account, _id: account.client("lambda").update_alias(
            FunctionName="api", Name="live", RoutingConfig={"AdditionalVersionWeights": {}}
        ),
        import_id="api/live",
    ),
    Case(
        "lambda/permission:Permission",
        lambda account: {
            "statementId": "gateway",
            "action": "lambda:InvokeFunction",
            "function": account.function().id,
            "qualifier": account.alias().outputs["name"],
            "principal": "apigateway.amazonaws.com",
            "sourceArn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:api/*/*",
        },
        {"sourceArn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:other/*/*"},
        lambda account, id: account.client("lambda").remove_permission(
            FunctionName="api", StatementId=id, Qualifier="live"
        ),
        change_is="replace",
        import_id="api:live/gateway",
    ),
    Case(
        "lambda/functionUrl:FunctionUrl",
        lambda account: {
            "functionName": account.function().id,
            "qualifier": account.alias().outputs["name"],
            "authorizationType": "AWS_IAM",
            "cors": {"allowOrigins": ["https://shop.test"], "maxAge": 60},
        },
        {"authorizationType": "NONE"},
        lambda account, _id: account.client("lambda").update_function_url_config(
            FunctionName="api", Qualifier="live", InvokeMode="RESPONSE_STREAM"
        ),
        import_id="api/live",
    ),
    Case(
        "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        lambda account: {"functionName": account.function().id, "maximumEventAgeInSeconds": 60},
        {"maximumRetryAttempts": 0},
        lambda account, _id: account.client("lambda").put_function_event_invoke_config(
            FunctionName="api", MaximumRetryAttempts=1
        ),
    ),
    Case(
        "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        lambda account: {
            "functionName": account.function().id,
            "qualifier": account.alias().outputs["name"],
            "provisionedConcurrentExecutions": 2,
        },
        {"provisionedConcurrentExecutions": 3},
        lambda account, _id: account.client("lambda").put_provisioned_concurrency_config(
            FunctionName="api", Qualifier="live", ProvisionedConcurrentExecutions=9
        ),
    ),
]


@pytest.fixture
def account(deploy) -> Account:
    return Account(deploy)


each_type = pytest.mark.parametrize("case", CASES, ids=lambda case: case.type.split(":")[1])


@each_type
def test_created_as_written(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))

    assert made.id
    assert deploy.changes(made, case.inputs(account)) == "same"


@each_type
def test_refresh_after_creation_sees_nothing(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))

    refreshed = deploy.refresh(made)

    assert (refreshed.inputs, refreshed.outputs) == (made.inputs, made.outputs)


@each_type
def test_change_is_made(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))
    news = case.changed(account)
    assert deploy.changes(made, news) == case.change_is
    if case.change_is == "replace":
        deploy.delete(made)
        after = deploy.create(case.token, **news)
    else:
        after = deploy.update(made, news)

    live = deploy.refresh(after)

    assert live.inputs == after.inputs
    assert deploy.changes(live, news) == "same"
    assert deploy.changes(live, case.inputs(account)) == case.change_is


@pytest.mark.parametrize("case", [case for case in CASES if case.drift], ids=lambda case: case.type.split(":")[1])
def test_refresh_sees_what_was_changed_behind_pulumis_back(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))
    case.drift(account, made.id)

    live = deploy.refresh(made)

    assert live is None or deploy.changes(live, case.inputs(account)) == "update"


@each_type
def test_adopted_without_a_change(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))
    id = case.import_id(account, made.id) if callable(case.import_id) else case.import_id.format(id=made.id)

    adopted = deploy.adopt(case.token, id)

    assert adopted.id == made.id
    assert deploy.changes(adopted, case.inputs(account)) == "same"


@each_type
def test_deleted_is_gone(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))
    deploy.delete(made)

    assert deploy.refresh(made) is None
    deploy.delete(made)  # what is gone already is no error
