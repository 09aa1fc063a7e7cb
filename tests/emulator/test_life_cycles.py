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
            lambda: self.deploy.create(
                "aws:iam/role:Role",
                name=service,
                assumeRolePolicy=trust(service),
                managedPolicyArns=["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"],
            ).outputs["arn"],
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
            self.client("lambda").add_permission(
                FunctionName=made.id,
                StatementId="rotation",
                Action="lambda:InvokeFunction",
                Principal="secretsmanager.amazonaws.com",
            )
            return made

        return self._once("function", make)

    def alias(self) -> Any:
        return self._once(
            "alias",
            lambda: self.deploy.create(
                "aws:lambda/alias:Alias", name="live", functionName=self.function().id, functionVersion="1"
            ),
        )

    def api(self) -> Any:
        return self._once(
            "api",
            lambda: self.deploy.create("aws:apigatewayv2/api:Api", name="gateway", protocolType="HTTP"),
        )

    def integration(self) -> Any:
        return self._once(
            "integration",
            lambda: self.deploy.create("aws:apigatewayv2/integration:Integration", **integration(self)),
        )

    def stage(self) -> Any:
        return self._once("stage", lambda: self.deploy.create("aws:apigatewayv2/stage:Stage", **stage(self)))

    def domain(self) -> Any:
        return self._once(
            "domain", lambda: self.deploy.create("aws:apigatewayv2/domainName:DomainName", **domain(self))
        )

    def certificate(self, name: str = "api.example.com") -> str:
        return self._once(
            f"certificate-{name}",
            lambda: self.deploy.create(
                "aws:acm/certificate:Certificate", domainName=name, validationMethod="DNS"
            ).outputs["arn"],
        )

    def log_group(self, name: str = "access") -> str:
        return self._once(
            f"logs-{name}",
            lambda: self.deploy.create("aws:cloudwatch/logGroup:LogGroup", name=name).outputs["arn"],
        )

    def topic(self) -> str:
        return self._once("topic", lambda: self.deploy.create("aws:sns/topic:Topic", name="alarms").outputs["arn"])

    def secret(self) -> str:
        return self._once("secret", lambda: self.deploy.create("aws:secretsmanager/secret:Secret", name="secret").id)

    def alarm(self, name: str) -> str:
        return self._once(
            f"alarm-{name}",
            lambda: (
                self.deploy.create(
                    "aws:cloudwatch/metricAlarm:MetricAlarm",
                    name=name,
                    comparisonOperator="GreaterThanThreshold",
                    evaluationPeriods=1,
                    metricName="Errors",
                    namespace="AWS/Lambda",
                    period=60,
                    statistic="Sum",
                    threshold=1,
                ).id
            ),
        )

    def acl(self, name: str = "acl") -> Any:
        return self._once(
            f"acl-{name}", lambda: self.deploy.create("aws:wafv2/webAcl:WebAcl", **{**acl(self), "name": name})
        )

    def queue_url(self) -> str:
        return self._once("queue-url", lambda: self.client("sqs").create_queue(QueueName="jobs")["QueueUrl"])

    def queue(self) -> str:
        wanted = {"QueueUrl": self.queue_url(), "AttributeNames": ["QueueArn"]}
        return self._once("queue", lambda: self.client("sqs").get_queue_attributes(**wanted)["Attributes"]["QueueArn"])

    def control(self) -> str:
        return self._once(
            "control",
            lambda: self.deploy.create("aws:cloudfront/originAccessControl:OriginAccessControl", **control()).id,
        )

    def function_targets(self) -> str:
        """A target group that may call the function."""

        def make() -> str:
            for qualifier in ({}, {"Qualifier": "2"}):
                self.client("lambda").add_permission(
                    FunctionName=self.function().id,
                    StatementId="balancer",
                    Action="lambda:InvokeFunction",
                    Principal="elasticloadbalancing.amazonaws.com",
                    **qualifier,
                )
            made = self.deploy.create("aws:lb/targetGroup:TargetGroup", name="function", targetType="lambda")
            return made.outputs["arn"]

        return self._once("function-targets", make)

    def subnets(self) -> list[str]:
        """Two of the account's own."""
        return [each["SubnetId"] for each in self.client("ec2").describe_subnets()["Subnets"]][:2]

    def groups(self) -> list[str]:
        return [each["GroupId"] for each in self.client("ec2").describe_security_groups()["SecurityGroups"]]

    def balancer(self) -> str:
        def make() -> str:
            ec2 = self.client("ec2")
            vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
            gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
            ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
            made = self.deploy.create("aws:lb/loadBalancer:LoadBalancer", name="balancer", subnets=self.subnets())
            return made.outputs["arn"]

        return self._once("balancer", make)

    def application(self) -> Any:
        return self._once(
            "application",
            lambda: self.deploy.create("aws:codedeploy/application:Application", name="app", computePlatform="Lambda"),
        )


def control(name: str = "origin") -> dict[str, Any]:
    return {
        "name": name,
        "originAccessControlOriginType": "lambda",
        "signingBehavior": "always",
        "signingProtocol": "sigv4",
    }


def distribution(account: Account, retention: int = 60) -> dict[str, Any]:
    behavior = {
        "allowedMethods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        "cachedMethods": ["GET", "HEAD"],
        "targetOriginId": "url",
        "viewerProtocolPolicy": "redirect-to-https",
        "cachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "originRequestPolicyId": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        "compress": True,
    }
    return {
        "enabled": True,
        "aliases": ["api.example.com"],
        "comment": "shop",
        "isIpv6Enabled": True,
        "origins": [
            {
                "originId": "url",
                "domainName": "abc.lambda-url.us-east-1.on.aws",
                "originAccessControlId": account.control(),
                "customHeaders": [{"name": "X-Origin", "value": "cloudfront"}],
                "customOriginConfig": {
                    "httpPort": 80,
                    "httpsPort": 443,
                    "originProtocolPolicy": "https-only",
                    "originSslProtocols": ["TLSv1.2"],
                    "originReadTimeout": retention,
                },
            }
        ],
        "defaultCacheBehavior": behavior,
        "orderedCacheBehaviors": [
            {
                **behavior,
                "pathPattern": "/static/*",
                "cachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
                "allowedMethods": ["GET", "HEAD"],
            }
        ],
        "restrictions": {"geoRestriction": {"restrictionType": "blacklist", "locations": ["KP"]}},
        "viewerCertificate": {
            "acmCertificateArn": account.certificate(),
            "minimumProtocolVersion": "TLSv1.2_2021",
            "sslSupportMethod": "sni-only",
        },
        "tags": {"team": "shop"},
    }


def change_distribution(account: Account, id: str) -> None:
    client = account.client("cloudfront")
    told = client.get_distribution_config(Id=id)
    client.update_distribution(
        Id=id, IfMatch=told["ETag"], DistributionConfig={**told["DistributionConfig"], "Comment": "drifted"}
    )


def cache_policy() -> dict[str, Any]:
    return {
        "name": "cache",
        "minTtl": 0,
        "defaultTtl": 0,
        "maxTtl": 3600,
        "parametersInCacheKeyAndForwardedToOrigin": {
            "enableAcceptEncodingBrotli": True,
            "enableAcceptEncodingGzip": True,
            "cookiesConfig": {"cookieBehavior": "all"},
            "headersConfig": {"headerBehavior": "whitelist", "headers": {"items": ["Accept", "Authorization"]}},
            "queryStringsConfig": {"queryStringBehavior": "all"},
        },
    }


def change_cache_policy(account: Account, id: str) -> None:
    client = account.client("cloudfront")
    told = client.get_cache_policy(Id=id)
    config = {**told["CachePolicy"]["CachePolicyConfig"], "DefaultTTL": 60}
    client.update_cache_policy(Id=id, IfMatch=told["ETag"], CachePolicyConfig=config)


def redrive(account: Account, count: int) -> str:
    return json.dumps({"deadLetterTargetArn": account.queue(), "maxReceiveCount": count})


def policy(action: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def repository_policy(action: str) -> str:
    statement = {
        "Sid": "pull",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": action,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def integration(account: Account) -> dict[str, Any]:
    return {
        "apiId": account.api().id,
        "integrationType": "AWS_PROXY",
        "integrationUri": account.function().outputs["arn"],
        "payloadFormatVersion": "2.0",
        "timeoutMilliseconds": 29000,
    }


def stage(account: Account) -> dict[str, Any]:
    return {
        "apiId": account.api().id,
        "name": "$default",
        "autoDeploy": True,
        "accessLogSettings": {"destinationArn": account.log_group(), "format": "$context.requestId"},
        "defaultRouteSettings": {"throttlingBurstLimit": 100, "throttlingRateLimit": 50},
        "routeSettings": [{"routeKey": "GET /", "throttlingBurstLimit": 5, "throttlingRateLimit": 2.5}],
        "stageVariables": {"colour": "blue"},
        "tags": {"team": "shop"},
    }


def domain(account: Account) -> dict[str, Any]:
    return {
        "domainName": "api.example.com",
        "domainNameConfiguration": {
            "certificateArn": account.certificate(),
            "endpointType": "REGIONAL",
            "securityPolicy": "TLS_1_2",
        },
        "tags": {"team": "shop"},
    }


def acl(_account: Account, limit: int = 1000) -> dict[str, Any]:
    def visible(name: str) -> dict[str, Any]:
        return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": True}

    managed = {"vendorName": "AWS", "name": "AWSManagedRulesCommonRuleSet"}
    return {
        "name": "acl",
        "scope": "REGIONAL",
        "defaultAction": {"allow": {}},
        "visibilityConfig": visible("acl"),
        "rules": [
            {
                "name": "rate",
                "priority": 1,
                "action": {"block": {}},
                "statement": {"rateBasedStatement": {"limit": limit, "aggregateKeyType": "IP"}},
                "visibilityConfig": visible("rate"),
            },
            {
                "name": "common",
                "priority": 2,
                "overrideAction": {"none": {}},
                "statement": {"managedRuleGroupStatement": managed},
                "visibilityConfig": visible("common"),
            },
        ],
        "tags": {"team": "shop"},
    }


def budget(account: Account) -> dict[str, Any]:
    return {
        "name": "monthly",
        "budgetType": "COST",
        "timeUnit": "MONTHLY",
        "limitAmount": "100",
        "limitUnit": "USD",
        "timePeriodStart": "2026-01-01_00:00",
        "costFilters": [{"name": "TagKeyValue", "values": ["user:app$shop"]}],
        "notifications": [
            {
                "comparisonOperator": "GREATER_THAN",
                "threshold": 80,
                "thresholdType": "PERCENTAGE",
                "notificationType": "ACTUAL",
                "subscriberEmailAddresses": ["me@example.com"],
                "subscriberSnsTopicArns": [account.topic()],
            }
        ],
        "tags": {"team": "shop"},
    }


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

    def imported(self, account: Account, id: str) -> str:
        return self.import_id(account, id) if callable(self.import_id) else self.import_id.format(id=id)

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
    Case(
        "appautoscaling/target:Target",
        lambda account: {
            "serviceNamespace": "lambda",
            "resourceId": f"function:{account.function().id}:{account.alias().inputs['name']}",
            "scalableDimension": "lambda:function:ProvisionedConcurrency",
            "minCapacity": 1,
            "maxCapacity": 5,
        },
        {"maxCapacity": 10},
        lambda account, id: account.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="lambda",
            ResourceId=id,
            ScalableDimension="lambda:function:ProvisionedConcurrency",
            MinCapacity=2,
        ),
        import_id="lambda/{id}/lambda:function:ProvisionedConcurrency",
    ),
    Case(
        "lb/targetGroupAttachment:TargetGroupAttachment",
        lambda account: {
            "targetGroupArn": account.function_targets(),
            "targetId": account.function().outputs["arn"],
        },
        lambda account: {"targetId": account.function().outputs["arn"] + ":2"},
        lambda account, _id: account.client("elbv2").deregister_targets(
            TargetGroupArn=account.function_targets(), Targets=[{"Id": account.function().outputs["arn"]}]
        ),
        change_is="replace",
    ),
    Case(
        "cloudfront/originAccessControl:OriginAccessControl",
        lambda _account: control(),
        {"signingBehavior": "no-override", "description": "of the shop"},
        lambda account, id: account.client("cloudfront").update_origin_access_control(
            Id=id,
            IfMatch="any",
            OriginAccessControlConfig={
                "Name": "origin",
                "SigningProtocol": "sigv4",
                "SigningBehavior": "never",
                "OriginAccessControlOriginType": "lambda",
            },
        ),
    ),
    Case(
        "cloudfront/distribution:Distribution",
        distribution,
        lambda account: {
            "origins": distribution(account, retention=30)["origins"],
            "priceClass": "PriceClass_100",
            "tags": {"team": "shoes"},
        },
        change_distribution,
    ),
    Case(
        "sqs/queue:Queue",
        lambda account: {
            "name": "dead",
            "messageRetentionSeconds": 1209600,
            "sqsManagedSseEnabled": True,
            "redrivePolicy": redrive(account, 3),
            "tags": {"team": "shop"},
        },
        lambda account: {"visibilityTimeoutSeconds": 60, "redrivePolicy": redrive(account, 5), "tags": {"team": "a"}},
        lambda account, id: account.client("sqs").set_queue_attributes(QueueUrl=id, Attributes={"DelaySeconds": "5"}),
    ),
    Case(
        "sqs/queuePolicy:QueuePolicy",
        lambda account: {"queueUrl": account.queue_url(), "policy": policy("sqs:SendMessage")},
        {"policy": policy("sqs:*")},
        lambda account, id: account.client("sqs").set_queue_attributes(QueueUrl=id, Attributes={"Policy": ""}),
    ),
    Case(
        "cloudfront/cachePolicy:CachePolicy",
        lambda _account: cache_policy(),
        {"maxTtl": 600, "comment": "of the shop"},
        change_cache_policy,
    ),
    Case(
        "lambda/eventSourceMapping:EventSourceMapping",
        lambda account: {
            "functionName": account.function().id,
            "eventSourceArn": account.queue(),
            "batchSize": 5,
            "maximumBatchingWindowInSeconds": 10,
            "functionResponseTypes": ["ReportBatchItemFailures"],
        },
        {"batchSize": 7, "enabled": False},
        lambda account, id: account.client("lambda").update_event_source_mapping(UUID=id, BatchSize=1),
    ),
    Case(
        "apigatewayv2/authorizer:Authorizer",
        lambda account: {
            "apiId": account.api().id,
            "name": "users",
            "authorizerType": "JWT",
            "identitySources": ["$request.header.Authorization"],
            "jwtConfiguration": {"audiences": ["shop"], "issuer": "https://login.example.com"},
        },
        {"jwtConfiguration": {"audiences": ["shoes"], "issuer": "https://login.example.com"}},
        lambda account, id: account.client("apigatewayv2").update_authorizer(
            ApiId=account.api().id, AuthorizerId=id, Name="drifted"
        ),
        import_id=lambda account, id: f"{account.api().id}/{id}",
    ),
    Case(
        "apigatewayv2/vpcLink:VpcLink",
        lambda account: {
            "name": "link",
            "subnetIds": account.subnets(),
            "securityGroupIds": account.groups(),
            "tags": {"team": "shop"},
        },
        {"name": "other", "tags": {"team": "shoes"}},
        lambda account, id: account.client("apigatewayv2").update_vpc_link(VpcLinkId=id, Name="drifted"),
    ),
    Case(
        "apigatewayv2/api:Api",
        lambda _account: {
            "name": "gateway",
            "protocolType": "HTTP",
            "corsConfiguration": {"allowOrigins": ["https://shop.test"], "maxAge": 60},
            "tags": {"team": "shop"},
        },
        {"name": "other", "corsConfiguration": None, "tags": {"team": "shoes", "app": "api"}},
        lambda account, id: account.client("apigatewayv2").update_api(ApiId=id, Name="drifted"),
    ),
    Case(
        "apigatewayv2/integration:Integration",
        integration,
        {"timeoutMilliseconds": 5000},
        lambda account, id: account.client("apigatewayv2").update_integration(
            ApiId=account.api().id, IntegrationId=id, TimeoutInMillis=1000
        ),
        import_id=lambda account, id: f"{account.api().id}/{id}",
    ),
    Case(
        "apigatewayv2/route:Route",
        lambda account: {
            "apiId": account.api().id,
            "routeKey": "GET /items",
            "target": f"integrations/{account.integration().id}",
        },
        {"routeKey": "$default"},
        lambda account, id: account.client("apigatewayv2").update_route(
            ApiId=account.api().id, RouteId=id, AuthorizationType="AWS_IAM"
        ),
        import_id=lambda account, id: f"{account.api().id}/{id}",
    ),
    Case(
        "apigatewayv2/stage:Stage",
        stage,
        {"accessLogSettings": None, "routeSettings": [{"routeKey": "GET /", "throttlingBurstLimit": 7}]},
        lambda account, id: account.client("apigatewayv2").update_stage(
            ApiId=account.api().id, StageName=id, DefaultRouteSettings={"ThrottlingBurstLimit": 1}
        ),
        import_id=lambda account, id: f"{account.api().id}/{id}",
    ),
    Case(
        "apigatewayv2/domainName:DomainName",
        domain,
        lambda account: {
            "domainNameConfiguration": {
                "certificateArn": account.certificate("*.example.com"),
                "endpointType": "REGIONAL",
                "securityPolicy": "TLS_1_2",
            },
            "tags": {"team": "shoes"},
        },
        lambda account, id: account.client("apigatewayv2").update_domain_name(
            DomainName=id, DomainNameConfigurations=[{"CertificateArn": account.certificate("*.example.com")}]
        ),
    ),
    Case(
        "apigatewayv2/apiMapping:ApiMapping",
        lambda account: {
            "apiId": account.api().id,
            "domainName": account.domain().id,
            "stage": account.stage().id,
            "apiMappingKey": "v1",
        },
        {"apiMappingKey": "v2"},
        lambda account, id: account.client("apigatewayv2").update_api_mapping(
            ApiId=account.api().id, DomainName="api.example.com", ApiMappingId=id, ApiMappingKey="v9"
        ),
        import_id="{id}/api.example.com",
    ),
    Case(
        "scheduler/schedule:Schedule",
        lambda account: {
            "name": "nightly",
            "scheduleExpression": "cron(0 3 * * ? *)",
            "scheduleExpressionTimezone": "Europe/Berlin",
            "flexibleTimeWindow": {"mode": "OFF"},
            "target": {
                "arn": account.function().outputs["arn"],
                "roleArn": account.role("scheduler"),
                "input": "{}",
                "retryPolicy": {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": 60},
            },
        },
        {"scheduleExpression": "rate(5 minutes)", "actionAfterCompletion": "DELETE"},
        lambda account, _id: account.client("scheduler").update_schedule(
            Name="nightly",
            GroupName="default",
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": account.function().outputs["arn"], "RoleArn": account.role("scheduler")},
        ),
    ),
    Case(
        "wafv2/webAcl:WebAcl",
        acl,
        lambda account: {"rules": acl(account, limit=500)["rules"][:1], "tags": {"team": "shoes"}},
        lambda account, id: account.client("wafv2").update_web_acl(
            Name="acl",
            Scope="REGIONAL",
            Id=id,
            LockToken=account.client("wafv2").get_web_acl(Name="acl", Scope="REGIONAL", Id=id)["LockToken"],
            DefaultAction={"Block": {}},
            Rules=[],
            VisibilityConfig={"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "acl"},
        ),
        import_id="{id}/acl/REGIONAL",
    ),
    Case(
        "wafv2/webAclAssociation:WebAclAssociation",
        lambda account: {"webAclArn": account.acl().outputs["arn"], "resourceArn": account.balancer()},
        lambda account: {"webAclArn": account.acl("other").outputs["arn"]},
        lambda account, _id: account.client("wafv2").disassociate_web_acl(ResourceArn=account.balancer()),
        change_is="replace",
    ),
    Case(
        "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        lambda account: {
            "resourceArn": account.acl().outputs["arn"],
            "logDestinationConfigs": [account.log_group("aws-waf-logs-acl")],
            "redactedFields": [{"singleHeader": {"name": "authorization"}}],
        },
        {"redactedFields": [{"uriPath": {}}]},
        lambda account, id: account.client("wafv2").delete_logging_configuration(ResourceArn=id),
    ),
    Case(
        "budgets/budget:Budget",
        budget,
        {
            "limitAmount": "200",
            "notifications": [
                {
                    "comparisonOperator": "GREATER_THAN",
                    "threshold": 100,
                    "thresholdType": "PERCENTAGE",
                    "notificationType": "FORECASTED",
                    "subscriberEmailAddresses": ["you@example.com"],
                }
            ],
            "tags": {"app": "shop"},
        },
        lambda account, _id: account.client("budgets").create_notification(
            AccountId=ACCOUNT,
            BudgetName="monthly",
            Notification={"NotificationType": "ACTUAL", "ComparisonOperator": "LESS_THAN", "Threshold": 1},
            Subscribers=[{"SubscriptionType": "EMAIL", "Address": "you@example.com"}],
        ),
    ),
    Case(
        "codedeploy/application:Application",
        lambda _account: {"name": "app", "computePlatform": "Lambda", "tags": {"team": "shop"}},
        {"tags": {"team": "shoes"}},
        lambda account, _id: account.client("codedeploy").delete_application(applicationName="app"),
        import_id="app",
    ),
    Case(
        "codedeploy/deploymentGroup:DeploymentGroup",
        lambda account: {
            "appName": account.application().outputs["name"],
            "deploymentGroupName": "group",
            "serviceRoleArn": account.role("codedeploy"),
            "deploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
            "deploymentStyle": {"deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN"},
            "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
            "alarmConfiguration": {"enabled": True, "alarms": [account.alarm("errors")]},
            "tags": {"team": "shop"},
        },
        lambda account: {
            "alarmConfiguration": {"enabled": True, "alarms": [account.alarm("errors"), account.alarm("slow")]}
        },
        lambda account, _id: account.client("codedeploy").update_deployment_group(
            applicationName="app",
            currentDeploymentGroupName="group",
            deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce",
        ),
        import_id="app:group",
    ),
    Case(
        "codedeploy/deploymentConfig:DeploymentConfig",
        lambda _account: {
            "deploymentConfigName": "slow",
            "computePlatform": "Lambda",
            "trafficRoutingConfig": {"type": "TimeBasedCanary", "timeBasedCanary": {"interval": 5, "percentage": 10}},
        },
        {"trafficRoutingConfig": {"type": "TimeBasedLinear", "timeBasedLinear": {"interval": 1, "percentage": 20}}},
        lambda account, id: account.client("codedeploy").delete_deployment_config(deploymentConfigName=id),
        change_is="replace",
    ),
    Case(
        "cloudwatch/compositeAlarm:CompositeAlarm",
        lambda account: {
            "alarmName": "all",
            "alarmRule": f"ALARM({account.alarm('errors')}) OR ALARM({account.alarm('slow')})",
            "alarmActions": [account.topic()],
            "actionsSuppressor": {"alarm": account.alarm("deploying"), "extensionPeriod": 10, "waitPeriod": 20},
            "tags": {"team": "shop"},
        },
        {"alarmRule": "ALARM(errors)", "alarmDescription": "errors only"},
        lambda account, id: account.client("cloudwatch").put_composite_alarm(AlarmName=id, AlarmRule="ALARM(slow)"),
    ),
    Case(
        "ecr/repositoryPolicy:RepositoryPolicy",
        lambda account: {"repository": account.repository(), "policy": repository_policy("ecr:BatchGetImage")},
        {"policy": repository_policy("ecr:*")},
        lambda account, id: account.client("ecr").set_repository_policy(
            repositoryName=id, policyText=repository_policy("ecr:DescribeImages")
        ),
    ),
    Case(
        "iam/openIdConnectProvider:OpenIdConnectProvider",
        lambda _account: {
            "url": "https://token.actions.githubusercontent.com",
            "clientIdLists": ["sts.amazonaws.com"],
            "thumbprintLists": ["a" * 40],
            "tags": {"team": "shop"},
        },
        {"clientIdLists": ["other"], "thumbprintLists": ["b" * 40], "tags": {"team": "shoes"}},
        lambda account, id: account.client("iam").update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=id, ThumbprintList=["c" * 40]
        ),
    ),
    Case(
        "secretsmanager/secretPolicy:SecretPolicy",
        lambda account: {"secretArn": account.secret(), "policy": policy("secretsmanager:GetSecretValue")},
        {"policy": policy("secretsmanager:*")},
        lambda account, id: account.client("secretsmanager").put_resource_policy(
            SecretId=id, ResourcePolicy=policy("secretsmanager:DescribeSecret")
        ),
    ),
    Case(
        "secretsmanager/secretRotation:SecretRotation",
        lambda account: {
            "secretId": account.secret(),
            "rotationLambdaArn": account.function().outputs["arn"],
            "rotationRules": {"automaticallyAfterDays": 30},
        },
        {"rotationRules": {"scheduleExpression": "rate(10 days)", "duration": "2h"}},
        lambda account, id: account.client("secretsmanager").rotate_secret(
            SecretId=id, RotationRules={"AutomaticallyAfterDays": 1}
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


@pytest.mark.parametrize(
    ("type_", "names"),
    [
        ("lambda/function:Function", ("environment", "imageConfig")),
        ("lambda/alias:Alias", ("routingConfig",)),
        ("cloudfront/distribution:Distribution", ("orderedCacheBehaviors", "aliases")),
        ("sqs/queue:Queue", ("redrivePolicy",)),
        ("apigatewayv2/api:Api", ("corsConfiguration",)),
        ("apigatewayv2/stage:Stage", ("accessLogSettings",)),
        ("wafv2/webAcl:WebAcl", ("rules",)),
        ("budgets/budget:Budget", ("notifications",)),
        ("cloudwatch/compositeAlarm:CompositeAlarm", ("actionsSuppressor", "alarmActions")),
    ],
)
def test_what_the_program_takes_out_is_taken_away(account, deploy, type_, names):
    (case,) = [case for case in CASES if case.type == type_]
    made = deploy.create(case.token, **case.inputs(account))
    news = {name: value for name, value in case.inputs(account).items() if name not in names}
    assert deploy.changes(made, news) == "update"

    deploy.update(made, news)

    live = deploy.adopt(case.token, case.imported(account, made.id))
    assert [name for name in names if live.inputs.get(name)] == []


@pytest.mark.parametrize("case", [case for case in CASES if case.drift], ids=lambda case: case.type.split(":")[1])
def test_refresh_sees_what_was_changed_behind_pulumis_back(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))
    case.drift(account, made.id)

    live = deploy.refresh(made)

    assert live is None or deploy.changes(live, case.inputs(account)) == "update"


@each_type
def test_adopted_without_a_change(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))

    adopted = deploy.adopt(case.token, case.imported(account, made.id))

    assert adopted.id == made.id
    assert deploy.changes(adopted, case.inputs(account)) == "same"


@each_type
def test_deleted_is_gone(account, deploy, case):
    made = deploy.create(case.token, **case.inputs(account))
    deploy.delete(made)

    assert deploy.refresh(made) is None
    deploy.delete(made)  # what is gone already is no error


@pytest.mark.parametrize(
    ("type_", "service", "kind"),
    [
        ("lambda/function:Function", "lambda", "function"),
        ("appautoscaling/target:Target", "application-autoscaling", "scalable-target"),
        ("cloudfront/cachePolicy:CachePolicy", "cloudfront", "cache-policy"),
        ("cloudfront/distribution:Distribution", "cloudfront", "distribution"),
        ("cloudfront/originAccessControl:OriginAccessControl", "cloudfront", "origin-access-control"),
        ("sqs/queue:Queue", "sqs", "queue"),
    ],
)
def test_what_is_alive_is_told(account, deploy, emulator, type_, service, kind):
    (case,) = [case for case in CASES if case.type == type_]
    inputs = case.inputs(account)

    def told() -> set[str]:
        resources = emulator.control.resources()
        return {each["id"] for each in resources if (each["service"], each["type"]) == (service, kind)}

    made = deploy.create(case.token, **inputs)
    assert made.id in told()
    deploy.delete(made)
    assert made.id not in told()
