"""Wrong inputs are refused in Check, so that previews fail too: with AWS's error code and the property path."""

import json
from typing import Any

import pytest

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
TWO_SUBNETS = ["subnet-1", "subnet-2"]
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
ROLE = "arn:aws:iam::123456789012:role/role"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
CONTAINER = {"name": "app", "image": "busybox", "essential": True}


def containers(**changes: Any) -> str:
    return json.dumps([{**CONTAINER, **changes}])


RESOURCE_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
        ],
    }
)
REPOSITORY_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
    }
)
VISIBLE = {"cloudwatchMetricsEnabled": True, "metricName": "acl", "sampledRequestsEnabled": True}


def waf_rule(**changes: Any) -> dict[str, Any]:
    rule = {
        "name": "rate",
        "priority": 1,
        "action": {"block": {}},
        "statement": {"rateBasedStatement": {"limit": 1000, "aggregateKeyType": "IP"}},
        "visibilityConfig": VISIBLE,
    }
    return {name: value for name, value in {**rule, **changes}.items() if value is not None}


MANAGED = {"managedRuleGroupStatement": {"vendorName": "AWS", "name": "AWSManagedRulesCommonRuleSet"}}

BEHAVIOR = {
    "allowedMethods": ["GET", "HEAD", "OPTIONS"],
    "cachedMethods": ["GET", "HEAD"],
    "targetOriginId": "url",
    "viewerProtocolPolicy": "https-only",
    "cachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
}
ORIGIN = {
    "originId": "url",
    "domainName": "abc.lambda-url.us-east-1.on.aws",
    "customOriginConfig": {
        "httpPort": 80,
        "httpsPort": 443,
        "originProtocolPolicy": "https-only",
        "originSslProtocols": ["TLSv1.2"],
    },
}
CACHE_KEY = {
    "cookiesConfig": {"cookieBehavior": "none"},
    "headersConfig": {"headerBehavior": "whitelist", "headers": {"items": ["Accept"]}},
    "queryStringsConfig": {"queryStringBehavior": "all"},
}


def behavior(**changes: Any) -> dict[str, Any]:
    return {"defaultCacheBehavior": {name: item for name, item in {**BEHAVIOR, **changes}.items() if item is not None}}


def origin(**changes: Any) -> dict[str, Any]:
    return {"origins": [{name: item for name, item in {**ORIGIN, **changes}.items() if item is not None}]}


GOOD: dict[str, dict[str, Any]] = {
    "cloudfront/cachePolicy:CachePolicy": {"parametersInCacheKeyAndForwardedToOrigin": CACHE_KEY},
    "cloudfront/distribution:Distribution": {
        "enabled": True,
        "origins": [ORIGIN],
        "defaultCacheBehavior": BEHAVIOR,
        "restrictions": {"geoRestriction": {"restrictionType": "none"}},
        "viewerCertificate": {"cloudfrontDefaultCertificate": True},
    },
    "cloudfront/originAccessControl:OriginAccessControl": {
        "originAccessControlOriginType": "lambda",
        "signingBehavior": "always",
        "signingProtocol": "sigv4",
    },
    "lb/targetGroupAttachment:TargetGroupAttachment": {
        "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/app/1",
        "targetId": "arn:aws:lambda:us-east-1:123456789012:function:api:live",
    },
    "sqs/queue:Queue": {"messageRetentionSeconds": 1209600, "sqsManagedSseEnabled": True},
    "sqs/queuePolicy:QueuePolicy": {
        "queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
        "policy": RESOURCE_POLICY,
    },
    "apigatewayv2/api:Api": {"protocolType": "HTTP"},
    "apigatewayv2/apiMapping:ApiMapping": {"apiId": "a", "domainName": "api.example.com", "stage": "$default"},
    "apigatewayv2/authorizer:Authorizer": {
        "apiId": "a",
        "authorizerType": "JWT",
        "identitySources": ["$request.header.Authorization"],
        "jwtConfiguration": {"audiences": ["shop"], "issuer": "https://login.example.com"},
    },
    "apigatewayv2/vpcLink:VpcLink": {"subnetIds": TWO_SUBNETS, "securityGroupIds": ["sg-1"]},
    "apigatewayv2/domainName:DomainName": {
        "domainName": "api.example.com",
        "domainNameConfiguration": {
            "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/c",
            "endpointType": "REGIONAL",
            "securityPolicy": "TLS_1_2",
        },
    },
    "apigatewayv2/integration:Integration": {
        "apiId": "a",
        "integrationType": "AWS_PROXY",
        "integrationUri": "arn:aws:lambda:us-east-1:123456789012:function:api",
        "payloadFormatVersion": "2.0",
    },
    "apigatewayv2/route:Route": {"apiId": "a", "routeKey": "$default"},
    "apigatewayv2/stage:Stage": {"apiId": "a", "name": "$default", "autoDeploy": True},
    "budgets/budget:Budget": {"budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "100", "limitUnit": "USD"},
    "cloudwatch/compositeAlarm:CompositeAlarm": {"alarmName": "all", "alarmRule": "ALARM(errors)"},
    "cloudwatch/dashboard:Dashboard": {"dashboardName": "shop", "dashboardBody": "{}"},
    "codedeploy/application:Application": {"computePlatform": "Lambda"},
    "codedeploy/deploymentConfig:DeploymentConfig": {
        "computePlatform": "Lambda",
        "trafficRoutingConfig": {"type": "TimeBasedCanary", "timeBasedCanary": {"interval": 5, "percentage": 10}},
    },
    "codedeploy/deploymentGroup:DeploymentGroup": {
        "appName": "app",
        "deploymentGroupName": "group",
        "serviceRoleArn": ROLE,
    },
    "ec2/eip:Eip": {"domain": "vpc"},
    "ecr/repositoryPolicy:RepositoryPolicy": {"repository": "app", "policy": REPOSITORY_POLICY},
    "iam/openIdConnectProvider:OpenIdConnectProvider": {
        "url": "https://token.actions.githubusercontent.com",
        "clientIdLists": ["sts.amazonaws.com"],
        "thumbprintLists": ["a" * 40],
    },
    "iam/rolePolicyAttachment:RolePolicyAttachment": {
        "role": "role",
        "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    },
    "kms/alias:Alias": {"name": "alias/shop", "targetKeyId": "key"},
    "lb/listenerRule:ListenerRule": {
        "listenerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/1/2",
        "priority": 1,
        "conditions": [{"pathPattern": {"values": ["/a"]}}],
        "actions": [{"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}],
    },
    "s3/bucketPolicy:BucketPolicy": {"bucket": "logs", "policy": RESOURCE_POLICY},
    "s3/bucketVersioning:BucketVersioning": {"bucket": "logs", "versioningConfiguration": {"status": "Enabled"}},
    "scheduler/schedule:Schedule": {
        "scheduleExpression": "rate(5 minutes)",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {"arn": "arn:aws:lambda:us-east-1:123456789012:function:api", "roleArn": ROLE},
    },
    "secretsmanager/secretPolicy:SecretPolicy": {"secretArn": "secret", "policy": RESOURCE_POLICY},
    "secretsmanager/secretRotation:SecretRotation": {
        "secretId": "secret",
        "rotationRules": {"automaticallyAfterDays": 30},
    },
    "sns/topic:Topic": {"name": "alarms"},
    "sns/topicPolicy:TopicPolicy": {"arn": TOPIC, "policy": RESOURCE_POLICY},
    "wafv2/webAcl:WebAcl": {
        "scope": "REGIONAL",
        "defaultAction": {"allow": {}},
        "visibilityConfig": VISIBLE,
        "rules": [waf_rule()],
    },
    "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": {
        "resourceArn": "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/acl/1",
        "logDestinationConfigs": ["arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-acl"],
    },
    "acm/certificate:Certificate": {"domainName": "api.example.com", "validationMethod": "DNS"},
    "appautoscaling/policy:Policy": {
        "policyType": "TargetTrackingScaling",
        "resourceId": "service/cluster/service",
        "scalableDimension": "ecs:service:DesiredCount",
        "serviceNamespace": "ecs",
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 50,
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    },
    "appautoscaling/target:Target": {
        "minCapacity": 1,
        "maxCapacity": 4,
        "resourceId": "service/cluster/service",
        "scalableDimension": "ecs:service:DesiredCount",
        "serviceNamespace": "ecs",
    },
    "cloudwatch/logGroup:LogGroup": {"retentionInDays": 30},
    "cloudwatch/metricAlarm:MetricAlarm": {
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 1,
        "metricName": "CPUUtilization",
        "namespace": "AWS/ECS",
        "period": 60,
        "statistic": "Sum",
        "threshold": 1,
    },
    "ec2/flowLog:FlowLog": {
        "vpcId": "vpc-1",
        "trafficType": "ALL",
        "logDestination": "arn:aws:logs:us-east-1:123456789012:log-group:flow",
        "iamRoleArn": ROLE,
    },
    "ec2/natGateway:NatGateway": {"subnetId": "subnet-1", "allocationId": "eipalloc-1"},
    "ec2/securityGroup:SecurityGroup": {"vpcId": "vpc-1"},
    "ec2/subnet:Subnet": {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24"},
    "ec2/vpc:Vpc": {"cidrBlock": "10.0.0.0/16"},
    "ec2/vpcEndpoint:VpcEndpoint": {"vpcId": "vpc-1", "serviceName": "com.amazonaws.us-east-1.s3"},
    "ecr/lifecyclePolicy:LifecyclePolicy": {
        "repository": "app",
        "policy": json.dumps(
            {
                "rules": [
                    {
                        "rulePriority": 1,
                        "selection": {
                            "tagStatus": "untagged",
                            "countType": "sinceImagePushed",
                            "countUnit": "days",
                            "countNumber": 7,
                        },
                        "action": {"type": "expire"},
                    }
                ]
            }
        ),
    },
    "ecr/repository:Repository": {"imageTagMutability": "IMMUTABLE"},
    "ecs/service:Service": {
        "cluster": "cluster",
        "taskDefinition": "app:1",
        "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": {"subnets": TWO_SUBNETS},
    },
    "ecs/taskDefinition:TaskDefinition": {
        "family": "app",
        "containerDefinitions": containers(),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
    },
    "iam/role:Role": {"assumeRolePolicy": TRUST},
    "iam/rolePolicy:RolePolicy": {"role": "role", "policy": POLICY},
    "kms/key:Key": {"deletionWindowInDays": 7},
    "lambda/alias:Alias": {"functionName": "api", "functionVersion": "1"},
    "lambda/function:Function": {"packageType": "Image", "role": ROLE, "imageUri": f"{REGISTRY}/app:1"},
    "lambda/eventSourceMapping:EventSourceMapping": {
        "functionName": "api",
        "eventSourceArn": "arn:aws:sqs:us-east-1:123456789012:jobs",
    },
    "lambda/functionUrl:FunctionUrl": {"functionName": "api", "authorizationType": "AWS_IAM"},
    "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": {"functionName": "api", "maximumRetryAttempts": 0},
    "lambda/permission:Permission": {
        "action": "lambda:InvokeFunction",
        "function": "api",
        "principal": "apigateway.amazonaws.com",
    },
    "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": {
        "functionName": "api",
        "qualifier": "live",
        "provisionedConcurrentExecutions": 1,
    },
    "lb/listener:Listener": {
        "loadBalancerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1",
        "port": 80,
        "protocol": "HTTP",
        "defaultActions": [
            {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
        ],
    },
    "lb/loadBalancer:LoadBalancer": {"subnets": TWO_SUBNETS},
    "lb/targetGroup:TargetGroup": {"port": 8000, "protocol": "HTTP", "targetType": "ip", "vpcId": "vpc-1"},
    "rds/instance:Instance": {
        "allocatedStorage": 20,
        "engine": "postgres",
        "instanceClass": "db.t4g.micro",
        "username": "app",
        "password": "abcdefgh1",
        "skipFinalSnapshot": True,
    },
    "rds/parameterGroup:ParameterGroup": {"family": "postgres16", "parameters": [{"name": "a", "value": "1"}]},
    "rds/subnetGroup:SubnetGroup": {"subnetIds": TWO_SUBNETS},
    "rds/proxy:Proxy": {
        "engineFamily": "POSTGRESQL",
        "roleArn": ROLE,
        "vpcSubnetIds": TWO_SUBNETS,
        "auths": [{"authScheme": "SECRETS", "secretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"}],
    },
    "route53/record:Record": {"zoneId": "Z1", "name": "a.example.com", "type": "A", "ttl": 60, "records": ["1.2.3.4"]},
    "s3/bucket:Bucket": {},
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
        "bucket": "logs",
        "rules": [{"id": "old", "status": "Enabled", "expiration": {"days": 30}}],
    },
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
        "bucket": "logs",
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
    },
    "secretsmanager/secret:Secret": {"recoveryWindowInDays": 7},
    "sns/topicSubscription:TopicSubscription": {"topic": TOPIC, "protocol": "email", "endpoint": "me@example.com"},
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "securityGroupId": "sg-1",
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "0.0.0.0/0",
    },
}

ACL = "wafv2/webAcl:WebAcl"
ALARM = "cloudwatch/metricAlarm:MetricAlarm"
AUTHORIZER = "apigatewayv2/authorizer:Authorizer"
BALANCER = "lb/loadBalancer:LoadBalancer"
CDN = "cloudfront/distribution:Distribution"
CONTROL = "cloudfront/originAccessControl:OriginAccessControl"
DATABASE = "rds/instance:Instance"
FUNCTION = "lambda/function:Function"
QUEUE = "sqs/queue:Queue"
SCALABLE = "appautoscaling/target:Target"
WARM = {
    "serviceNamespace": "lambda",
    "scalableDimension": "lambda:function:ProvisionedConcurrency",
    "resourceId": "function:api:live",
}
FIREWALL = "ec2/securityGroup:SecurityGroup"
GROUP = "lb/targetGroup:TargetGroup"
LISTENER = "lb/listener:Listener"
RULE = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
SERVICE = "ecs/service:Service"
TASK = "ecs/taskDefinition:TaskDefinition"


def health(**values: Any) -> dict[str, Any]:
    return {"healthCheck": values}


def ingress(**values: Any) -> dict[str, Any]:
    return {"ingress": [{"protocol": "tcp", "fromPort": 1, "toPort": 2, "cidrBlocks": ["10.0.0.0/8"], **values}]}


def canary(**values: Any) -> dict[str, Any]:
    return {"deploymentConfiguration": {"strategy": "CANARY", "canaryConfiguration": values}}


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    # type, what is changed (None: left out), AWS's error code, property path
    ("sns/topicSubscription:TopicSubscription", {"protocol": "emial"}, "InvalidParameter", "protocol"),
    ("sns/topicSubscription:TopicSubscription", {"endpoint": "nobody"}, "InvalidParameter", ""),
    (ALARM, {"comparisonOperator": "Bigger"}, "ValidationError", "comparisonOperator"),
    (ALARM, {"statistic": "Mean"}, "ValidationError", "statistic"),
    (ALARM, {"treatMissingData": "notBreachin"}, "ValidationError", "treatMissingData"),
    (ALARM, {"period": 61}, "ValidationError", "period"),
    (ALARM, {"metricName": None}, "ValidationError", ""),
    (ALARM, {"datapointsToAlarm": 2}, "ValidationError", ""),
    (ALARM, {"period": 3600, "evaluationPeriods": 200}, "ValidationError", ""),
    ("cloudwatch/logGroup:LogGroup", {"retentionInDays": 15}, "InvalidParameterException", "retentionInDays"),
    ("cloudwatch/logGroup:LogGroup", {"name": "/a b"}, "InvalidParameterException", "name"),
    ("cloudwatch/logGroup:LogGroup", {"logGroupClass": "INFREQUENT"}, "InvalidParameterException", "logGroupClass"),
    (BALANCER, {"name": "l" * 40}, "ValidationError", "name"),
    (BALANCER, {"name": "a_b"}, "ValidationError", "name"),
    (BALANCER, {"name": "internal-a"}, "ValidationError", "name"),
    (BALANCER, {"subnets": ["subnet-1"]}, "ValidationError", ""),
    (BALANCER, {"ipAddressType": "ipv5"}, "ValidationError", "ipAddressType"),
    (BALANCER, {"loadBalancerType": "app"}, "ValidationError", "loadBalancerType"),
    (BALANCER, {"idleTimeout": 5000}, "ValidationError", "idleTimeout"),
    (GROUP, health(healthyThreshold=11), "ValidationError", "healthCheck.healthyThreshold"),
    (GROUP, health(interval=1000), "ValidationError", "healthCheck.interval"),
    (GROUP, health(timeout=10, interval=10), "ValidationError", "healthCheck"),
    (GROUP, {"port": 70000}, "ValidationError", "port"),
    (GROUP, {"targetType": "ips"}, "ValidationError", "targetType"),
    (GROUP, health(path="health"), "ValidationError", "healthCheck.path"),
    (GROUP, {"deregistrationDelay": 4000}, "ValidationError", "deregistrationDelay"),
    (LISTENER, {"protocol": "HTTPS"}, "ValidationError", ""),
    (
        LISTENER,
        {"protocol": "HTTPS", "certificateArn": "arn:c", "sslPolicy": "TLS13"},
        "SSLPolicyNotFound",
        "sslPolicy",
    ),
    (LISTENER, {"defaultActions": [{"type": "forwad"}]}, "ValidationError", "defaultActions[0].type"),
    (SERVICE, {"launchType": "FARGAT"}, "InvalidParameterException", "launchType"),
    (
        SERVICE,
        {"deploymentConfiguration": {"strategy": "CANARYY"}},
        "InvalidParameterException",
        "deploymentConfiguration.strategy",
    ),
    (SERVICE, {"deploymentController": {"type": "X"}}, "InvalidParameterException", "deploymentController.type"),
    (
        SERVICE,
        canary(canaryPercent=150, canaryBakeTimeInMinutes="5"),
        "InvalidParameterException",
        "deploymentConfiguration.canaryConfiguration.canaryPercent",
    ),
    (SERVICE, {"desiredCount": -1}, "InvalidParameterException", "desiredCount"),
    (
        SERVICE,
        {"deploymentConfiguration": {"bakeTimeInMinutes": "5000"}},
        "InvalidParameterException",
        "deploymentConfiguration.bakeTimeInMinutes",
    ),
    (
        SERVICE,
        {"capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}]},
        "InvalidParameterException",
        "",
    ),
    (SERVICE, {"deploymentMaximumPercent": 100}, "InvalidParameterException", ""),
    (TASK, {"networkMode": "vpc"}, "InvalidParameterException", "networkMode"),
    (
        TASK,
        {"runtimePlatform": {"cpuArchitecture": "ARM"}},
        "InvalidParameterException",
        "runtimePlatform.cpuArchitecture",
    ),
    (TASK, {"cpu": "300"}, "ClientException", ""),
    (TASK, {"memory": "4096"}, "ClientException", ""),
    (TASK, {"memory": None}, "ClientException", ""),
    (TASK, {"networkMode": "bridge"}, "ClientException", ""),
    (
        TASK,
        {"containerDefinitions": containers(portMapping=[])},
        "InvalidParameterException",
        "containerDefinitions[0].portMapping",
    ),
    (TASK, {"containerDefinitions": "nope"}, "ClientException", "containerDefinitions"),
    (TASK, {"containerDefinitions": containers(image=None)}, "ClientException", "containerDefinitions"),
    (
        TASK,
        {"containerDefinitions": containers(logConfiguration={"logDriver": "cloudwatch"})},
        "InvalidParameterException",
        "containerDefinitions[0].logConfiguration.logDriver",
    ),
    (
        TASK,
        {"containerDefinitions": containers(mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}])},
        "ClientException",
        "",
    ),
    ("iam/role:Role", {"name": "q" * 65}, "ValidationError", "name"),
    ("iam/role:Role", {"assumeRolePolicy": "nope"}, "MalformedPolicyDocument", "assumeRolePolicy"),
    ("iam/role:Role", {"maxSessionDuration": 99999}, "ValidationError", "maxSessionDuration"),
    ("iam/role:Role", {"path": "nopath"}, "ValidationError", "path"),
    ("iam/rolePolicy:RolePolicy", {"policy": '{"Statement": []}'}, "MalformedPolicyDocument", "policy"),
    (DATABASE, {"instanceClass": "db.nope"}, "InvalidParameterValue", "instanceClass"),
    (DATABASE, {"allocatedStorage": 1}, "InvalidParameterValue", ""),
    (DATABASE, {"backupRetentionPeriod": 99}, "InvalidParameterValue", "backupRetentionPeriod"),
    (DATABASE, {"password": "x"}, "InvalidParameterValue", "password"),
    (DATABASE, {"password": None}, "InvalidParameterValue", ""),
    (DATABASE, {"identifier": "A_b"}, "InvalidParameterValue", "identifier"),
    (DATABASE, {"skipFinalSnapshot": False}, "InvalidParameterCombination", ""),
    (DATABASE, {"maxAllocatedStorage": 10}, "InvalidParameterCombination", ""),
    (DATABASE, {"username": "admin"}, "InvalidParameterValue", "username"),
    (DATABASE, {"engineVersion": "99"}, "InvalidParameterCombination", ""),
    ("rds/parameterGroup:ParameterGroup", {"name": "two--hyphens"}, "InvalidParameterValue", "name"),
    ("rds/parameterGroup:ParameterGroup", {"family": "postgrez16"}, "InvalidParameterValue", "family"),
    (
        "rds/parameterGroup:ParameterGroup",
        {"parameters": [{"name": "a", "value": "1", "applyMethod": "reboot"}]},
        "InvalidParameterValue",
        "parameters[0].applyMethod",
    ),
    ("rds/subnetGroup:SubnetGroup", {"name": "default"}, "InvalidParameterValue", "name"),
    (SERVICE, {"healthCheckGracePeriodSeconds": 30}, "InvalidParameterException", ""),
    (DATABASE, {"backupWindow": "3am"}, "InvalidParameterValue", "backupWindow"),
    ("rds/proxy:Proxy", {"engineFamily": "PG"}, "InvalidParameterValue", "engineFamily"),
    (FIREWALL, ingress(protocol="tpc"), "InvalidParameterValue", "ingress[0].protocol"),
    (FIREWALL, ingress(toPort=70000), "InvalidParameterValue", "ingress[0].toPort"),
    (FIREWALL, ingress(cidrBlocks=["10.0.0.0/33"]), "InvalidParameterValue", "ingress[0].cidrBlocks[0]"),
    (FIREWALL, {"description": "bad é <>"}, "InvalidParameterValue", "description"),
    (FIREWALL, {"name": "sg-x"}, "InvalidParameterValue", "name"),
    (RULE, {"ipProtocol": "tpc"}, "InvalidParameterValue", "ipProtocol"),
    (RULE, {"cidrIpv6": "::/0"}, "InvalidParameterCombination", ""),
    ("ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Iface"}, "InvalidParameterValue", "vpcEndpointType"),
    ("ec2/vpcEndpoint:VpcEndpoint", {"serviceName": "s3"}, "InvalidServiceName", "serviceName"),
    ("ec2/flowLog:FlowLog", {"trafficType": "ALLL"}, "InvalidParameterValue", "trafficType"),
    ("ec2/vpc:Vpc", {"instanceTenancy": "shared"}, "InvalidParameterValue", "instanceTenancy"),
    ("ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/8"}, "InvalidVpc.Range", "cidrBlock"),
    ("ec2/vpc:Vpc", {"tags": {"aws:mine": "x"}}, "InvalidTag", "tags"),
    ("ec2/subnet:Subnet", {"cidrBlock": "10.0.0.1/24"}, "InvalidSubnet.Range", "cidrBlock"),
    ("ec2/natGateway:NatGateway", {"allocationId": None}, "MissingParameter", ""),
    ("acm/certificate:Certificate", {"validationMethod": "DNSS"}, "ValidationException", "validationMethod"),
    ("acm/certificate:Certificate", {"domainName": "not a domain"}, "ValidationException", "domainName"),
    ("ecr/repository:Repository", {"imageTagMutability": "X"}, "InvalidParameterException", "imageTagMutability"),
    ("ecr/repository:Repository", {"name": "App"}, "InvalidParameterException", "name"),
    ("ecr/lifecyclePolicy:LifecyclePolicy", {"policy": "{}"}, "InvalidParameterException", "policy"),
    (
        "secretsmanager/secret:Secret",
        {"recoveryWindowInDays": 3},
        "InvalidParameterException",
        "recoveryWindowInDays",
    ),
    ("secretsmanager/secret:Secret", {"name": "a b*"}, "ValidationException", "name"),
    ("kms/key:Key", {"keyUsage": "ENCRYPT"}, "ValidationException", "keyUsage"),
    ("kms/key:Key", {"deletionWindowInDays": 3}, "ValidationException", "deletionWindowInDays"),
    ("route53/record:Record", {"type": "QQ"}, "InvalidInput", "type"),
    ("route53/record:Record", {"records": ["one"]}, "InvalidChangeBatch", ""),
    ("route53/record:Record", {"ttl": None}, "InvalidChangeBatch", ""),
    ("appautoscaling/target:Target", {"scalableDimension": "ecs:Nope"}, "ValidationException", "scalableDimension"),
    ("appautoscaling/target:Target", {"minCapacity": 5}, "ValidationException", ""),
    (
        "appautoscaling/policy:Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "predefinedMetricSpecification": {"predefinedMetricType": "CPU"},
            }
        },
        "ValidationException",
        "targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification.predefinedMetricType",
    ),
    ("s3/bucket:Bucket", {"bucket": "My_Bkt"}, "InvalidBucketName", "bucket"),
    (
        "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES"}}]},
        "InvalidArgument",
        "rules[0].applyServerSideEncryptionByDefault.sseAlgorithm",
    ),
    (
        "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {"rules": [{"id": "x", "status": "On"}]},
        "InvalidArgument",
        "rules[0].status",
    ),
    (FUNCTION, {"imageUri": None}, "ValidationException", "code"),
    (FUNCTION, {"s3Bucket": "code", "s3Key": "app.zip"}, "InvalidParameterValueException", ""),
    (FUNCTION, {"imageUri": "docker.io/app:1"}, "InvalidParameterValueException", "imageUri"),
    (FUNCTION, {"handler": "main.handler"}, "InvalidParameterValueException", ""),
    (FUNCTION, {"packageType": "Zip"}, "InvalidParameterValueException", ""),
    (FUNCTION, {"packageType": "Docker"}, "ValidationException", "packageType"),
    (FUNCTION, {"timeout": 901}, "ValidationException", "timeout"),
    (FUNCTION, {"memorySize": 64}, "ValidationException", "memorySize"),
    (FUNCTION, {"memorySize": 200000}, "ValidationException", "memorySize"),
    (FUNCTION, {"architectures": ["ARM64"]}, "ValidationException", "architectures[0]"),
    (FUNCTION, {"ephemeralStorage": {"size": 100}}, "ValidationException", "ephemeralStorage.size"),
    (FUNCTION, {"tracingConfig": {"mode": "On"}}, "ValidationException", "tracingConfig.mode"),
    (FUNCTION, {"role": "role"}, "ValidationException", "role"),
    (FUNCTION, {"name": "my api"}, "ValidationException", "name"),
    (FUNCTION, {"reservedConcurrentExecutions": -5}, "ValidationException", "reservedConcurrentExecutions"),
    (
        FUNCTION,
        {"environment": {"variables": {"AWS_REGION": "eu-west-1"}}},
        "InvalidParameterValueException",
        "environment.variables",
    ),
    (
        FUNCTION,
        {"environment": {"variables": {"LONG": "x" * 4096}}},
        "InvalidParameterValueException",
        "environment.variables",
    ),
    (
        FUNCTION,
        {"environment": {"variables": {"with-hyphen": "x"}}},
        "ValidationException",
        "environment.variables.with-hyphen",
    ),
    (
        "lambda/alias:Alias",
        {"routingConfig": {"additionalVersionWeights": {"2": 0.1, "3": 0.1}}},
        "InvalidParameterValueException",
        "routingConfig.additionalVersionWeights",
    ),
    (
        "lambda/alias:Alias",
        {"functionVersion": "$LATEST", "routingConfig": {"additionalVersionWeights": {"2": 0.1}}},
        "InvalidParameterValueException",
        "routingConfig.additionalVersionWeights",
    ),
    (
        "lambda/alias:Alias",
        {"routingConfig": {"additionalVersionWeights": {"2": 10}}},
        "ValidationException",
        "routingConfig.additionalVersionWeights.2",
    ),
    ("lambda/functionUrl:FunctionUrl", {"authorizationType": "OPEN"}, "ValidationException", "authorizationType"),
    ("lambda/functionUrl:FunctionUrl", {"qualifier": "1"}, "ValidationException", "qualifier"),
    ("lambda/functionUrl:FunctionUrl", {"cors": {"maxAge": 90000}}, "ValidationException", "cors.maxAge"),
    ("lambda/permission:Permission", {"action": "invoke"}, "ValidationException", "action"),
    (
        "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        {"provisionedConcurrentExecutions": 0},
        "ValidationException",
        "provisionedConcurrentExecutions",
    ),
    (
        "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        {"maximumRetryAttempts": 3},
        "ValidationException",
        "maximumRetryAttempts",
    ),
    ("apigatewayv2/api:Api", {"protocolType": "REST"}, "BadRequestException", "protocolType"),
    ("apigatewayv2/api:Api", {"name": "n" * 129}, "BadRequestException", "name"),
    ("apigatewayv2/api:Api", {"body": "openapi: 3.0.1"}, "BadRequestException", "body"),
    ("apigatewayv2/integration:Integration", {"integrationUri": None}, "BadRequestException", ""),
    (
        "apigatewayv2/integration:Integration",
        {"timeoutMilliseconds": 31000},
        "BadRequestException",
        "timeoutMilliseconds",
    ),
    (
        "apigatewayv2/integration:Integration",
        {"payloadFormatVersion": "3.0"},
        "BadRequestException",
        "payloadFormatVersion",
    ),
    ("apigatewayv2/route:Route", {"authorizationType": "OAUTH"}, "BadRequestException", "authorizationType"),
    ("apigatewayv2/authorizer:Authorizer", {"authorizerType": "OIDC"}, "BadRequestException", "authorizerType"),
    ("apigatewayv2/authorizer:Authorizer", {"identitySources": None}, "BadRequestException", "identitySource"),
    ("apigatewayv2/vpcLink:VpcLink", {"name": "n" * 200}, "BadRequestException", "name"),
    ("lambda/eventSourceMapping:EventSourceMapping", {"batchSize": 0}, "ValidationException", "batchSize"),
    (
        "lambda/eventSourceMapping:EventSourceMapping",
        {"functionResponseTypes": ["ReportFailures"]},
        "ValidationException",
        "functionResponseTypes[0]",
    ),
    ("apigatewayv2/stage:Stage", {"name": "my stage"}, "BadRequestException", "name"),
    (
        "apigatewayv2/stage:Stage",
        {"defaultRouteSettings": {"throttlingBurstLimit": "many"}},
        "BadRequestException",
        "defaultRouteSettings.throttlingBurstLimit",
    ),
    ("apigatewayv2/domainName:DomainName", {"domainName": "no domain"}, "BadRequestException", "domainName"),
    (
        "apigatewayv2/domainName:DomainName",
        {"domainNameConfiguration": {"certificateArn": "c", "endpointType": "EDGE", "securityPolicy": "TLS_1_2"}},
        "BadRequestException",
        "domainNameConfiguration.endpointType",
    ),
    ("apigatewayv2/apiMapping:ApiMapping", {"stage": None}, "MissingParameter", "stage"),
    (ACL, {"scope": "GLOBAL"}, "WAFInvalidParameterException", "scope"),
    (ACL, {"defaultAction": {}}, "WAFInvalidParameterException", "defaultAction"),
    (ACL, {"rules": [waf_rule(), waf_rule(name="b")]}, "WAFInvalidParameterException", "rules"),
    (ACL, {"rules": [waf_rule(statement=MANAGED)]}, "WAFInvalidParameterException", "rules[0]"),
    (ACL, {"rules": [waf_rule(action=None)]}, "WAFInvalidParameterException", "rules[0]"),
    (
        ACL,
        {"rules": [waf_rule(statement={"rateBasedStatement": {"limit": 1, "aggregateKeyType": "IP"}})]},
        "WAFInvalidParameterException",
        "rules[0].statement.rateBasedStatement.limit",
    ),
    (
        "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        {"logDestinationConfigs": ["arn:aws:logs:us-east-1:123456789012:log-group:acl"]},
        "WAFInvalidParameterException",
        "logDestinationConfigs[0]",
    ),
    ("scheduler/schedule:Schedule", {"scheduleExpression": "every day"}, "ValidationException", "scheduleExpression"),
    (
        "scheduler/schedule:Schedule",
        {"scheduleExpressionTimezone": "Mars/Base"},
        "ValidationException",
        "scheduleExpressionTimezone",
    ),
    (
        "scheduler/schedule:Schedule",
        {"flexibleTimeWindow": {"mode": "FLEXIBLE"}},
        "ValidationException",
        "flexibleTimeWindow",
    ),
    ("scheduler/schedule:Schedule", {"state": "ON"}, "ValidationException", "state"),
    (
        "codedeploy/deploymentConfig:DeploymentConfig",
        {"trafficRoutingConfig": {"type": "TimeBasedCanary"}},
        "InvalidTrafficRoutingConfigurationException",
        "trafficRoutingConfig",
    ),
    (
        "codedeploy/deploymentConfig:DeploymentConfig",
        {"trafficRoutingConfig": {"type": "TimeBasedCanary", "timeBasedCanary": {"interval": 5, "percentage": 100}}},
        "InvalidTrafficRoutingConfigurationException",
        "trafficRoutingConfig.timeBasedCanary.percentage",
    ),
    (
        "codedeploy/application:Application",
        {"computePlatform": "Fargate"},
        "InvalidParameterException",
        "computePlatform",
    ),
    (
        "codedeploy/deploymentGroup:DeploymentGroup",
        {"autoRollbackConfiguration": {"enabled": True, "events": ["FAILURE"]}},
        "InvalidParameterException",
        "autoRollbackConfiguration.events[0]",
    ),
    ("budgets/budget:Budget", {"timeUnit": "WEEKLY"}, "InvalidParameterException", "timeUnit"),
    ("budgets/budget:Budget", {"limitAmount": None, "limitUnit": None}, "InvalidParameterException", ""),
    ("budgets/budget:Budget", {"limitAmount": "much"}, "InvalidParameterException", "limitAmount"),
    (
        "budgets/budget:Budget",
        {
            "notifications": [
                {
                    "comparisonOperator": "MORE_THAN",
                    "threshold": 80,
                    "thresholdType": "PERCENTAGE",
                    "notificationType": "ACTUAL",
                    "subscriberEmailAddresses": ["me@example.com"],
                }
            ]
        },
        "InvalidParameterException",
        "notifications[0].notification.comparisonOperator",
    ),
    ("cloudwatch/compositeAlarm:CompositeAlarm", {"alarmRule": ""}, "ValidationError", "alarmRule"),
    ("cloudwatch/dashboard:Dashboard", {"dashboardBody": "{"}, "InvalidParameterInput", "dashboardBody"),
    (
        "ecr/repositoryPolicy:RepositoryPolicy",
        {"policy": RESOURCE_POLICY},
        "InvalidParameterException",
        "policy",
    ),
    ("secretsmanager/secretPolicy:SecretPolicy", {"policy": POLICY}, "MalformedPolicyDocumentException", "policy"),
    (
        "secretsmanager/secretRotation:SecretRotation",
        {"rotationRules": {"automaticallyAfterDays": 1, "scheduleExpression": "rate(1 day)"}},
        "InvalidParameterException",
        "rotationRules",
    ),
    (
        "secretsmanager/secretRotation:SecretRotation",
        {"rotationRules": {"automaticallyAfterDays": 2000}},
        "InvalidParameterException",
        "rotationRules.automaticallyAfterDays",
    ),
    (
        "iam/openIdConnectProvider:OpenIdConnectProvider",
        {"url": "token.actions.githubusercontent.com"},
        "ValidationError",
        "url",
    ),
    (
        "iam/openIdConnectProvider:OpenIdConnectProvider",
        {"thumbprintLists": ["abc"]},
        "ValidationError",
        "thumbprintLists[0]",
    ),
    # caught for long, now shown to be
    ("ec2/flowLog:FlowLog", {"maxAggregationInterval": 300}, "InvalidParameter", "maxAggregationInterval"),
    ("lb/listenerRule:ListenerRule", {"priority": 0}, "ValidationError", "priority"),
    ("lb/listenerRule:ListenerRule", {"actions": [{"type": "deny"}]}, "ValidationError", "actions[0].type"),
    (RULE, {"toPort": 70000}, "InvalidParameterValue", "toPort"),
    (RULE, {"cidrIpv4": None}, "InvalidParameterCombination", ""),
    (FIREWALL, ingress(fromPort=9, toPort=8), "InvalidParameterValue", "ingress[0]"),
    (DATABASE, {"monitoringInterval": 60}, "InvalidParameterCombination", ""),
    (DATABASE, {"monitoringInterval": 45, "monitoringRoleArn": ROLE}, "InvalidParameterValue", "monitoringInterval"),
    (DATABASE, {"port": 80}, "InvalidParameterValue", "port"),
    (DATABASE, {"storageType": "gp4"}, "InvalidParameterValue", "storageType"),
    (DATABASE, {"dbName": "my-db"}, "InvalidParameterValue", "dbName"),
    (DATABASE, {"maintenanceWindow": "sunday"}, "InvalidParameterValue", "maintenanceWindow"),
    (
        DATABASE,
        {"performanceInsightsRetentionPeriod": 30},
        "InvalidParameterValue",
        "performanceInsightsRetentionPeriod",
    ),
    ("rds/subnetGroup:SubnetGroup", {"subnetIds": None}, "MissingParameter", "subnetIds"),
    ("ec2/subnet:Subnet", {"vpcId": None}, "MissingParameter", "vpcId"),
    (GROUP, {"vpcId": None}, "ValidationError", ""),
    (GROUP, health(matcher="2xx"), "ValidationError", "healthCheck.matcher"),
    (GROUP, health(unhealthyThreshold=1), "ValidationError", "healthCheck.unhealthyThreshold"),
    (GROUP, {"name": "-targets"}, "ValidationError", "name"),
    (LISTENER, {"port": 0}, "ValidationError", "port"),
    (LISTENER, {"certificateArn": "arn:c"}, "ValidationError", ""),
    (BALANCER, {"clientKeepAlive": 30}, "ValidationError", "clientKeepAlive"),
    (BALANCER, {"desyncMitigationMode": "off"}, "ValidationError", "desyncMitigationMode"),
    ("sns/topic:Topic", {"name": "my alarms"}, "InvalidParameter", "name"),
    ("sns/topicPolicy:TopicPolicy", {"policy": POLICY}, "InvalidParameter", "policy"),
    (TASK, {"ephemeralStorage": {"sizeInGib": 20}}, "ClientException", "ephemeralStorage.sizeInGib"),
    (TASK, {"requiresCompatibilities": ["FARGAT"]}, "ClientException", "requiresCompatibilities[0]"),
    (TASK, {"family": "my app"}, "ClientException", "family"),
    (TASK, {"containerDefinitions": containers(stopTimeout=300)}, "ClientException", ""),
    (TASK, {"containerDefinitions": containers(privileged=True)}, "ClientException", ""),
    (TASK, {"containerDefinitions": containers(memory=1024)}, "ClientException", ""),
    (
        TASK,
        {"containerDefinitions": containers(portMappings=[{"containerPort": 80, "hostPort": 8080}])},
        "ClientException",
        "",
    ),
    (
        TASK,
        {"containerDefinitions": containers(dependsOn=[{"containerName": "db", "condition": "HEALTHY"}])},
        "ClientException",
        "",
    ),
    (
        TASK,
        {
            "executionRoleArn": ROLE,
            "containerDefinitions": containers(
                logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "app"}}
            ),
        },
        "ClientException",
        "",
    ),
    (
        "appautoscaling/policy:Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1000,
                "predefinedMetricSpecification": {"predefinedMetricType": "ALBRequestCountPerTarget"},
            }
        },
        "ValidationException",
        "targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification",
    ),
    (ALARM, {"alarmActions": ["me@example.com"]}, "ValidationError", "alarmActions[0]"),
    (
        "rds/parameterGroup:ParameterGroup",
        {"parameters": [{"name": "max_connections", "value": "100"}]},
        "InvalidParameterCombination",
        "parameters[0]",
    ),
    (
        DATABASE,
        {"enabledCloudwatchLogsExports": ["slowquery"]},
        "InvalidParameterCombination",
        "enabledCloudwatchLogsExports[0]",
    ),
    (
        "apigatewayv2/integration:Integration",
        {"integrationUri": "api.internal"},
        "BadRequestException",
        "integrationUri",
    ),
    (
        "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {"rules": [{"id": "x", "status": "Enabled", "transitions": [{"days": 5, "storageClass": "STANDARD_IA"}]}]},
        "InvalidArgument",
        "rules[0]",
    ),
    ("iam/role:Role", {"name": "my role"}, "ValidationError", "name"),
    (
        "iam/rolePolicyAttachment:RolePolicyAttachment",
        {"policyArn": "ReadOnlyAccess"},
        "InvalidInput",
        "policyArn",
    ),
    ("kms/key:Key", {"policy": "nope"}, "MalformedPolicyDocumentException", "policy"),
    ("kms/alias:Alias", {"name": "shop"}, "ValidationException", "name"),
    ("route53/record:Record", {"type": "AAAA"}, "InvalidChangeBatch", ""),
    (
        "s3/bucketVersioning:BucketVersioning",
        {"versioningConfiguration": {"status": "On"}},
        "InvalidArgument",
        "versioningConfiguration.status",
    ),
    ("s3/bucketPolicy:BucketPolicy", {"policy": POLICY}, "MalformedPolicy", "policy"),
    # CloudFront
    (CDN, behavior(allowedMethods=["GET", "POST"]), "InvalidArgument", "defaultCacheBehavior"),
    (CDN, behavior(cachedMethods=["GET"]), "InvalidArgument", "defaultCacheBehavior"),
    (CDN, behavior(cachePolicyId=None), "InvalidArgument", "defaultCacheBehavior"),
    (CDN, behavior(maxTtl=60), "InvalidArgument", "defaultCacheBehavior"),
    (
        CDN,
        behavior(forwardedValues={"queryString": True, "cookies": {"forward": "all"}}),
        "InvalidArgument",
        "defaultCacheBehavior",
    ),
    (CDN, behavior(targetOriginId="api"), "NoSuchOrigin", "defaultCacheBehavior"),
    (
        CDN,
        behavior(viewerProtocolPolicy="https"),
        "InvalidArgument",
        "defaultCacheBehavior.viewerProtocolPolicy",
    ),
    (
        CDN,
        {"orderedCacheBehaviors": [{**BEHAVIOR, "pathPattern": "/static/*", "targetOriginId": "s3"}]},
        "NoSuchOrigin",
        "orderedCacheBehaviors[0]",
    ),
    (CDN, {"origins": [ORIGIN, ORIGIN]}, "InvalidArgument", "origins"),
    (CDN, origin(customOriginConfig=None), "InvalidArgument", "origins[0]"),
    (CDN, origin(s3OriginConfig={"originAccessIdentity": ""}), "InvalidArgument", "origins[0]"),
    (CDN, origin(domainName="https://abc.lambda-url.us-east-1.on.aws/"), "InvalidArgument", "origins[0].domainName"),
    (CDN, origin(originPath="static/"), "InvalidArgument", "origins[0].originPath"),
    (
        CDN,
        origin(customOriginConfig={**ORIGIN["customOriginConfig"], "originReadTimeout": 900}),
        "InvalidOriginReadTimeout",
        "origins[0].customOriginConfig.originReadTimeout",
    ),
    (
        CDN,
        origin(customOriginConfig={**ORIGIN["customOriginConfig"], "originProtocolPolicy": "https"}),
        "InvalidArgument",
        "origins[0].customOriginConfig.originProtocolPolicy",
    ),
    (CDN, {"aliases": ["api.example.com"]}, "InvalidViewerCertificate", ""),
    (
        CDN,
        {"viewerCertificate": {"acmCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/c"}},
        "InvalidViewerCertificate",
        "",
    ),
    (
        CDN,
        {"viewerCertificate": {"cloudfrontDefaultCertificate": True, "minimumProtocolVersion": "TLSv1.2_2021"}},
        "InvalidViewerCertificate",
        "",
    ),
    (
        CDN,
        {"restrictions": {"geoRestriction": {"restrictionType": "whitelist"}}},
        "InvalidGeoRestrictionParameter",
        "restrictions.geoRestriction",
    ),
    (CDN, {"priceClass": "PriceClass_50"}, "InvalidArgument", "priceClass"),
    (CDN, {"httpVersion": "http3only"}, "InvalidArgument", "httpVersion"),
    (CDN, {"comment": "x" * 129}, "InvalidArgument", "comment"),
    (CDN, {"loggingConfig": {"bucket": "logs"}}, "InvalidArgument", "loggingConfig.bucket"),
    (CDN, {"webAclId": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/1"}, "InvalidWebACLId", "webAclId"),
    (CDN, {"originShield": True}, "InvalidArgument", "originShield"),
    (CONTROL, {"signingBehavior": "sometimes"}, "InvalidArgument", "signingBehavior"),
    (CONTROL, {"originAccessControlOriginType": "ecs"}, "InvalidArgument", "originAccessControlOriginType"),
    (CONTROL, {"name": "x" * 65}, "InvalidArgument", "name"),
    ("cloudfront/cachePolicy:CachePolicy", {"minTtl": 60, "defaultTtl": 0}, "InvalidArgument", ""),
    ("cloudfront/cachePolicy:CachePolicy", {"name": "my cache"}, "InvalidArgument", "name"),
    (
        "cloudfront/cachePolicy:CachePolicy",
        {
            "parametersInCacheKeyAndForwardedToOrigin": {
                **CACHE_KEY,
                "headersConfig": {"headerBehavior": "whitelist"},
            }
        },
        "InvalidArgument",
        "parametersInCacheKeyAndForwardedToOrigin",
    ),
    # queues
    (QUEUE, {"name": "my queue"}, "InvalidParameterValue", "name"),
    (QUEUE, {"name": "jobs", "fifoQueue": True}, "InvalidParameterValue", ""),
    (QUEUE, {"name": "jobs.fifo"}, "InvalidParameterValue", ""),
    (QUEUE, {"kmsMasterKeyId": "alias/aws/sqs"}, "InvalidAttributeValue", ""),
    (QUEUE, {"messageRetentionSeconds": 30}, "InvalidAttributeValue", "messageRetentionSeconds"),
    (QUEUE, {"visibilityTimeoutSeconds": 50000}, "InvalidAttributeValue", "visibilityTimeoutSeconds"),
    (QUEUE, {"delaySeconds": 1000}, "InvalidAttributeValue", "delaySeconds"),
    (QUEUE, {"receiveWaitTimeSeconds": 21}, "InvalidAttributeValue", "receiveWaitTimeSeconds"),
    (QUEUE, {"maxMessageSize": 100}, "InvalidAttributeValue", "maxMessageSize"),
    (QUEUE, {"redrivePolicy": "dead"}, "InvalidParameterValue", "redrivePolicy"),
    (QUEUE, {"redrivePolicy": '{"maxReceiveCount": 3}'}, "InvalidParameterValue", "redrivePolicy"),
    (
        QUEUE,
        {"redrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:1:d", "maxReceiveCount": 0}'},
        "InvalidParameterValue",
        "redrivePolicy",
    ),
    ("sqs/queuePolicy:QueuePolicy", {"policy": POLICY}, "InvalidAttributeValue", "policy"),
    # functions behind something
    (AUTHORIZER, {"jwtConfiguration": None}, "BadRequestException", ""),
    (AUTHORIZER, {"jwtConfiguration": {"issuer": "https://a.example"}}, "BadRequestException", "jwtConfiguration"),
    (
        AUTHORIZER,
        {"jwtConfiguration": {"audiences": ["shop"], "issuer": "login.example.com"}},
        "BadRequestException",
        "jwtConfiguration.issuer",
    ),
    (AUTHORIZER, {"identitySources": ["$request.header.A", "$request.header.B"]}, "BadRequestException", ""),
    (AUTHORIZER, {"authorizerType": "REQUEST"}, "BadRequestException", ""),
    (
        "apigatewayv2/api:Api",
        {"corsConfiguration": {"allowCredentials": True, "allowOrigins": ["*"]}},
        "BadRequestException",
        "corsConfiguration",
    ),
    ("apigatewayv2/route:Route", {"authorizationType": "JWT"}, "BadRequestException", ""),
    ("apigatewayv2/route:Route", {"authorizerId": "a"}, "BadRequestException", ""),
    (
        "apigatewayv2/stage:Stage",
        {"defaultRouteSettings": {"throttlingRateLimit": -1}},
        "BadRequestException",
        "defaultRouteSettings.throttlingRateLimit",
    ),
    (FUNCTION, {"snapStart": {"applyOn": "PublishedVersions"}}, "InvalidParameterValueException", ""),
    ("lambda/permission:Permission", {"principal": "apigateway"}, "InvalidParameterValueException", "principal"),
    (
        FUNCTION,
        {"vpcConfig": {"subnetIds": ["subnet-1"], "securityGroupIds": []}},
        "InvalidParameterValueException",
        "vpcConfig",
    ),
    (
        FUNCTION,
        {"loggingConfig": {"logFormat": "Text", "systemLogLevel": "WARN"}},
        "InvalidParameterValueException",
        "loggingConfig",
    ),
    (
        FUNCTION,
        {"deadLetterConfig": {"targetArn": "arn:aws:lambda:us-east-1:123456789012:function:dead"}},
        "InvalidParameterValueException",
        "deadLetterConfig.targetArn",
    ),
    (
        "lambda/alias:Alias",
        {"routingConfig": {"additionalVersionWeights": {"1": 0.1}}},
        "InvalidParameterValueException",
        "routingConfig.additionalVersionWeights",
    ),
    ("lambda/permission:Permission", {"functionUrlAuthType": "NONE"}, "InvalidParameterValueException", ""),
    (
        "lambda/permission:Permission",
        {"action": "lambda:InvokeFunctionUrl", "invokedViaFunctionUrl": True},
        "InvalidParameterValueException",
        "",
    ),
    (GROUP, {"targetType": "lambda"}, "ValidationError", ""),
    ("lb/targetGroupAttachment:TargetGroupAttachment", {"port": 70000}, "ValidationError", "port"),
    (SCALABLE, {**WARM, "scalableDimension": "ecs:service:DesiredCount"}, "ValidationException", ""),
    (SCALABLE, {**WARM, "resourceId": "api:live"}, "ValidationException", ""),
    (SCALABLE, {**WARM, "resourceId": "function:api:$LATEST"}, "ValidationException", ""),
    (
        "appautoscaling/policy:Policy",
        {
            **WARM,
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 70,
                "predefinedMetricSpecification": {"predefinedMetricType": "LambdaProvisionedConcurrencyUtilization"},
            },
        },
        "ValidationException",
        "targetTrackingScalingPolicyConfiguration",
    ),
    # of no service in particular
    ("ec2/vpc:Vpc", {"cidrBloc": "10.0.0.0/16"}, "InvalidParameterValue", "cidrBloc"),
    (GROUP, {"port": "many"}, "ValidationError", "port"),
    (TASK, {"family": None}, "MissingParameter", "family"),
    (BALANCER, {"subnets": {"a": "b"}}, "ValidationError", "subnets"),
]


def changed(type_: str, changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**GOOD[type_], **changes}.items() if value is not None}


@pytest.mark.parametrize("type_", GOOD)
def test_right_inputs_pass(check, type_):
    assert check(f"aws:{type_}", GOOD[type_]).reasons == []


@pytest.mark.parametrize(
    ("type_", "changes", "code", "path"), BAD, ids=[f"{b[0].split(':')[1]}-{b[1]}"[:70] for b in BAD]
)
def test_wrong_input_is_refused(check, type_, changes, code, path):
    reasons = check(f"aws:{type_}", changed(type_, changes)).reasons

    assert len(reasons) == 1
    assert reasons[0].startswith(f"{code}: ")
    place = f" Examine values at 'thing.{path}'." if path else "."
    assert reasons[0].endswith(place)


def test_unknown_type_is_named(check):
    reasons = check("aws:eks/cluster:Cluster", {}).reasons

    assert reasons == ["aws:eks/cluster:Cluster is not emulated"]
