"""Every entry of a function, its alarms and its schedules on the real engine, against the emulated AWS."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws import (
    CloudFront,
    CloudFrontArgs,
    Dashboard,
    DeadLetters,
    EntryAlarms,
    ExistingNetwork,
    FunctionTarget,
    FunctionTargetArgs,
    FunctionUrl,
    HttpApi,
    HttpApiArgs,
    JwtAuthorizer,
    LambdaAlarms,
    LoadBalancer,
    LoadBalancerArgs,
    ReleaseAlarms,
    Schedule,
    ScheduleArgs,
    WebAcl,
)
from pulumi_fastapi.aws.lambda_alarms import entry_graphs, function_graphs, http_api_metrics
from pulumi_fastapi.aws.schedule import keep_warm
from pulumi_fastapi.emulated_cloud import Deployment

pytestmark = pytest.mark.engine

SECRET = "4f" * 32
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def image(emulated_cloud) -> str:
    client = emulated_cloud.client("ecr")
    client.create_repository(repositoryName="shop")
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": {}, "layers": []})
    pushed = client.put_image(repositoryName="shop", imageManifest=manifest, imageManifestMediaType=kind, imageTag="1")
    return f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@{pushed['image']['imageId']['imageDigest']}"


class Released:
    """A function whose alias moves once the alarms of its version are there."""

    def __init__(self, image: str, memory: int) -> None:
        self.logs = aws.cloudwatch.LogGroup("logs", retention_in_days=7)
        self.role = aws.iam.Role("shop", assume_role_policy=json.dumps(TRUST))
        self.function = aws.lambda_.Function(
            "shop",
            package_type="Image",
            image_uri=image,
            role=self.role.arn,
            memory_size=memory,
            timeout=30,
            publish=True,
            logging_config={"log_format": "Text", "log_group": self.logs.name},
        )
        self.topic = aws.sns.Topic("pager")
        named: dict[str, Any] = {"function": self.function.name, "alias": "live", "log_group": self.logs.name}
        LambdaAlarms("shop", timeout=30, topic_arn=self.topic.arn, dead_letter_queue="dead", **named)
        alarms = ReleaseAlarms("shop", version=self.function.version, topic_arn=self.topic.arn, **named)
        self.alias = aws.lambda_.Alias(
            "live",
            name="live",
            function_name=self.function.name,
            function_version=self.function.version,
            opts=pulumi.ResourceOptions(depends_on=[alarms]),
        )
        pulumi.export("function", self.function.name)
        pulumi.export("version", self.function.version)
        pulumi.export("alarms", pulumi.Output.all(*alarms.alarm_names))


@pytest.fixture
def everything(emulated_cloud, image: str, account_network: ExistingNetwork) -> Callable[[], None]:
    """A program with a function and all that can stand around it."""
    zone = emulated_cloud.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
    zone_id = zone["HostedZone"]["Id"].rpartition("/")[2]

    def program() -> None:
        shop = Released(image, 512)
        of: dict[str, Any] = {"function_name": shop.function.name, "qualifier": shop.alias.name}
        cdn = CloudFront(
            "shop",
            CloudFrontArgs(
                host=FunctionUrl("shop", **of).host,
                domain="shop.example.com",
                zone_id=zone_id,
                origin_headers={"X-Origin-Secret": pulumi.Output.secret(SECRET)},
                caching=True,
                web_acl_arn=WebAcl("shop").arn,
                **of,
            ),
        )
        api = HttpApi(
            "shop",
            HttpApiArgs(
                invoke_arn=shop.alias.invoke_arn,
                domain="api.example.com",
                zone_id=zone_id,
                jwt=JwtAuthorizer(issuer="https://login.example.com/", audiences=["shop"]),
                **of,
            ),
        )
        balancer = LoadBalancer("shop", LoadBalancerArgs(network=account_network, deletion_protection=False))
        FunctionTarget(
            "shop", FunctionTargetArgs(load_balancer=balancer, alias_arn=shop.alias.arn, paths=["/reports/*"], **of)
        )
        dead = DeadLetters("shop", function_role_name=shop.role.name, **of)
        Schedule("warm", keep_warm(), shop.alias.arn, dead.arn)
        nightly = ScheduleArgs(expression="cron(0 3 * * ? *)", path="/jobs/clean-up?days=30", timezone="Europe/Berlin")
        Schedule("job", nightly, shop.alias.arn, dead.arn)
        entry = http_api_metrics(api.api_id)
        EntryAlarms("shop", entry, shop.topic.arn)
        graphs = function_graphs(shop.function.name, "live", shop.logs.name)
        Dashboard("shop", shop.function.name, [*entry_graphs(entry), *graphs])
        pulumi.export("cdn", cdn.distribution_id)
        pulumi.export("cdn_url", cdn.url)
        pulumi.export("api_url", api.url)

    return program


def test_all_entries_come_up_stay_and_go(emulated_cloud, everything) -> None:
    first = emulated_cloud.up(everything)
    second = emulated_cloud.up(everything)
    refreshed = emulated_cloud.refresh()

    assert first.outputs["cdn_url"] == "https://shop.example.com"
    assert first.outputs["api_url"] == "https://api.example.com"
    assert not second.changed
    assert not refreshed.changed
    assert_permissions(emulated_cloud, first)
    assert_the_secret_is_only_where_it_must_be(emulated_cloud, first)
    emulated_cloud.destroy()
    left = {each["type"] for each in emulated_cloud.resources()}
    assert left == {"internet-gateway", "repository"}  # of the fixtures


def assert_permissions(emulated_cloud, deployment: Deployment) -> None:
    """As AWS has them: on the alias alone, and for whom they are."""
    client = emulated_cloud.client("lambda")
    policy = client.get_policy(FunctionName=deployment.outputs["function"], Qualifier="live")["Policy"]
    granted = sorted(
        (
            statement["Principal"] if isinstance(statement["Principal"], str) else statement["Principal"]["Service"],
            statement["Action"],
            next(iter(statement["Condition"])),
        )
        for statement in json.loads(policy)["Statement"]
        if statement["Sid"] != "FunctionURLAllowPublicAccess"  # what the provider adds, the same once more
    )
    assert granted == [
        ("*", "lambda:InvokeFunction", "Bool"),
        ("*", "lambda:InvokeFunctionUrl", "StringEquals"),
        ("apigateway.amazonaws.com", "lambda:InvokeFunction", "ArnLike"),
        ("elasticloadbalancing.amazonaws.com", "lambda:InvokeFunction", "ArnLike"),
    ]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_policy(FunctionName=deployment.outputs["function"])


def assert_the_secret_is_only_where_it_must_be(emulated_cloud, deployment: Deployment) -> None:
    config = emulated_cloud.client("cloudfront").get_distribution_config(Id=deployment.outputs["cdn"])
    (origin,) = config["DistributionConfig"]["Origins"]["Items"]
    headers = {each["HeaderName"]: each["HeaderValue"] for each in origin["CustomHeaders"]["Items"]}
    assert headers == {"X-Origin-Secret": SECRET, "X-Forwarded-Host": "shop.example.com"}
    (state,) = (emulated_cloud.folder / "state" / ".pulumi" / "stacks").rglob("test.json")
    assert SECRET not in state.read_text()


def test_a_new_version_gets_alarms_of_its_own_before_it_gets_traffic(emulated_cloud, image: str) -> None:
    before = emulated_cloud.up(partial(Released, image, 512))
    after = emulated_cloud.up(partial(Released, image, 1024))

    assert (before.outputs["version"], after.outputs["version"]) == ("1", "2")
    assert not set(before.outputs["alarms"]) & set(after.outputs["alarms"])
    found = emulated_cloud.client("cloudwatch").describe_alarms(AlarmNames=after.outputs["alarms"])["MetricAlarms"]
    named = [each for alarm in found for each in alarm.get("Dimensions", [])]
    named += [
        each
        for alarm in found
        for query in alarm.get("Metrics", [])
        for each in query.get("MetricStat", {}).get("Metric", {}).get("Dimensions", [])
    ]
    watched = {each["Value"] for each in named if each["Name"] in ("ExecutedVersion", "Version")}
    assert (len(found), watched) == (3, {"2"})
    steps = [(step.kind, step.urn.rpartition("::")[2]) for step in after.operations]
    moved = steps.index(("update", "live"))
    for label in ("failures", "errors", "latency"):
        assert steps.index(("create-replacement", f"shop-release-{label}")) < moved
        assert steps.index(("delete-replaced", f"shop-release-{label}")) > moved
