"""Rules about the state of the account that AWS enforces and our users are burnt by."""

import json
from contextlib import nullcontext

import pytest
from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.faults import Faults
from pulumi_fastapi.emulator.preconditions import PRECONDITIONS

REGION = "us-east-1"


class Account:
    """The emulated account with a network in it, called as the provider calls it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.vpc = self("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        gateway = self("ec2", "CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
        self("ec2", "AttachInternetGateway", InternetGatewayId=gateway, VpcId=self.vpc)
        self.subnets = [self.subnet(index, zone) for index, zone in enumerate("ab")]

    def __call__(self, service: str, operation: str, /, **params):
        return self._api.call(service, operation, params, REGION)

    def subnet(self, index: int, zone: str) -> str:
        block = f"10.0.{index}.0/24"
        answer = self("ec2", "CreateSubnet", VpcId=self.vpc, CidrBlock=block, AvailabilityZone=f"{REGION}{zone}")
        return answer["Subnet"]["SubnetId"]

    def group(self, name: str = "group") -> str:
        return self("ec2", "CreateSecurityGroup", GroupName=name, Description="d", VpcId=self.vpc)["GroupId"]

    def balancer(self, name: str = "balancer", **more) -> str:
        answer = self("elbv2", "CreateLoadBalancer", **{"Name": name, "Subnets": self.subnets, **more})
        return answer["LoadBalancers"][0]["LoadBalancerArn"]

    def target_group(self, name: str = "targets") -> str:
        answer = self(
            "elbv2", "CreateTargetGroup", Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="ip"
        )
        return answer["TargetGroups"][0]["TargetGroupArn"]

    def listener(self, balancer: str, targets: str, port: int = 80) -> str:
        answer = self(
            "elbv2",
            "CreateListener",
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
        )
        return answer["Listeners"][0]["ListenerArn"]

    def task_definition(self) -> str:
        answer = self(
            "ecs",
            "RegisterTaskDefinition",
            family="app",
            networkMode="awsvpc",
            containerDefinitions=[
                {"name": "app", "image": "busybox", "memory": 128, "portMappings": [{"containerPort": 8000}]}
            ],
        )
        return answer["taskDefinition"]["taskDefinitionArn"]

    def service(self, **more) -> str:
        params = {
            "cluster": "cluster",
            "serviceName": "service",
            "taskDefinition": "app",
            "desiredCount": 1,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": self.subnets}},
        }
        return self("ecs", "CreateService", **{**params, **more})["service"]["serviceArn"]

    def database(self, name: str = "db", **more) -> None:
        params = {
            "DBInstanceIdentifier": name,
            "DBInstanceClass": "db.t4g.micro",
            "Engine": "postgres",
            "AllocatedStorage": 20,
            "MasterUsername": "app",
            "MasterUserPassword": "abcdefgh1",
        }
        self("rds", "CreateDBInstance", **{**params, **more})

    def image(self, manifests: str | None = None) -> str:
        self("ecr", "CreateRepository", repositoryName="team/app")
        image = self("ecr", "PutImage", repositoryName="team/app", imageManifest=manifests or manifest("1"))["image"]
        return f"123456789012.dkr.ecr.{REGION}.amazonaws.com/team/app@{image['imageId']['imageDigest']}"

    def role(self, service: str = "lambda") -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return self("iam", "CreateRole", RoleName=service, AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    def allow(self, *actions: str, role: str = "lambda") -> None:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self("iam", "PutRolePolicy", RoleName=role, PolicyName="policy", PolicyDocument=document)

    def function(self, image: str | None = None, **more) -> str:
        role = more.pop("Role", None) or self.role()
        params = {**self.wanted(role, image or self.image()), **more}
        return self("lambda", "CreateFunction", **params)["FunctionArn"]

    def wanted(self, role: str, image: str) -> dict:
        return {
            "FunctionName": "api",
            "PackageType": "Image",
            "Code": {"ImageUri": image},
            "Role": role,
            "Publish": True,
        }


@pytest.fixture(scope="module")
def api(emulator) -> Api:
    return Api(emulator.endpoint, Faults(), PRECONDITIONS)


@pytest.fixture
def account(emulator, api) -> Account:
    emulator.control.reset()
    return Account(api)


def manifest(digit: str) -> str:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"digest": f"sha256:{digit * 64}"},
            "layers": [{"digest": f"sha256:{digit * 64}"}],
        }
    )


def refused(code: str):
    return pytest.raises(ApiError, match=f"api error {code}: ")


def test_two_load_balancers_cannot_have_one_name(account):
    account.balancer()

    with refused("DuplicateLoadBalancerName"):
        account.balancer()


def test_load_balancer_needs_two_zones(account):
    with refused("ValidationError"):
        account.balancer(Subnets=[account.subnets[0], account.subnet(2, "a")])


def test_load_balancer_needs_existing_groups(account):
    with refused("InvalidSecurityGroup"):
        account.balancer(SecurityGroups=["sg-0123456789abcdef0"])


def test_public_load_balancer_needs_an_internet_gateway(account):
    other = account("ec2", "CreateVpc", CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    account.vpc = other
    subnets = [
        account("ec2", "CreateSubnet", VpcId=other, CidrBlock=f"10.1.{i}.0/24", AvailabilityZone=f"{REGION}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for i, zone in enumerate("ab")
    ]

    with refused("InvalidSubnet"):
        account.balancer(Subnets=subnets)

    assert account.balancer(Subnets=subnets, Scheme="internal")


def test_protected_load_balancer_cannot_be_deleted(account):
    balancer = account.balancer()
    protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    account("elbv2", "ModifyLoadBalancerAttributes", LoadBalancerArn=balancer, Attributes=protect)

    with refused("OperationNotPermitted"):
        account("elbv2", "DeleteLoadBalancer", LoadBalancerArn=balancer)


def test_two_listeners_cannot_share_a_port(account):
    balancer, targets = account.balancer(), account.target_group()
    account.listener(balancer, targets)

    with refused("DuplicateListener"):
        account.listener(balancer, targets)


def test_two_rules_cannot_share_a_priority(account):
    targets = account.target_group()
    listener = account.listener(account.balancer(), targets)
    rule = {
        "ListenerArn": listener,
        "Priority": 1,
        "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}}],
        "Actions": [{"Type": "forward", "TargetGroupArn": targets}],
    }
    account("elbv2", "CreateRule", **rule)

    with refused("PriorityInUse"):
        account("elbv2", "CreateRule", **rule)


def test_two_target_groups_cannot_have_one_name(account):
    account.target_group()

    with refused("DuplicateTargetGroupName"):
        account.target_group()


def test_target_group_of_a_listener_cannot_be_deleted(account):
    targets = account.target_group()
    account.listener(account.balancer(), targets)

    with refused("ResourceInUse"):
        account("elbv2", "DeleteTargetGroup", TargetGroupArn=targets)


def test_target_group_of_a_weighted_rule_cannot_be_deleted(account):
    listener = account.listener(account.balancer(), account.target_group())
    green = account.target_group("green")
    account(
        "elbv2",
        "CreateRule",
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}}],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": green, "Weight": 1}]}}],
    )

    with refused("ResourceInUse"):
        account("elbv2", "DeleteTargetGroup", TargetGroupArn=green)


def test_service_needs_its_target_group_on_a_listener(account):
    account("ecs", "CreateCluster", clusterName="cluster")
    account.task_definition()
    balancer = {"targetGroupArn": account.target_group(), "containerName": "app", "containerPort": 8000}

    with refused("InvalidParameterException"):
        account.service(loadBalancers=[balancer])

    account.listener(account.balancer(), balancer["targetGroupArn"])
    assert account.service(loadBalancers=[balancer])


@pytest.mark.parametrize("container", [{"containerName": "web"}, {"containerPort": 9000}])
def test_service_needs_the_container_and_port_of_its_task(account, container):
    account("ecs", "CreateCluster", clusterName="cluster")
    account.task_definition()
    targets = account.target_group()
    account.listener(account.balancer(), targets)

    with refused("InvalidParameterException"):
        account.service(
            loadBalancers=[{"targetGroupArn": targets, "containerName": "app", "containerPort": 8000, **container}]
        )


def test_two_services_cannot_have_one_name(account):
    account("ecs", "CreateCluster", clusterName="cluster")
    account.task_definition()
    account.service()

    with refused("InvalidParameterException"):
        account.service()


def test_task_of_its_own_network_needs_a_configuration(account):
    account("ecs", "CreateCluster", clusterName="cluster")
    account.task_definition()

    with refused("InvalidParameterException"):
        account.service(networkConfiguration={})


def test_cluster_with_a_service_cannot_be_deleted(account):
    account("ecs", "CreateCluster", clusterName="cluster")
    account.task_definition()
    service = account.service()

    with refused("ClusterContainsServicesException"):
        account("ecs", "DeleteCluster", cluster="cluster")

    account("ecs", "DeleteService", cluster="cluster", service=service, force=True)
    account("ecs", "DeleteCluster", cluster="cluster")


def test_deleted_database_needs_a_final_snapshot_with_a_new_name(account):
    account.database()
    with refused("InvalidParameterCombination"):
        account("rds", "DeleteDBInstance", DBInstanceIdentifier="db")
    account("rds", "DeleteDBInstance", DBInstanceIdentifier="db", FinalDBSnapshotIdentifier="last")
    account.database()

    with refused("DBSnapshotAlreadyExists"):
        account("rds", "DeleteDBInstance", DBInstanceIdentifier="db", FinalDBSnapshotIdentifier="last")


def test_protected_database_cannot_be_deleted(account):
    account.database(DeletionProtection=True)

    with refused("InvalidParameterCombination"):
        account("rds", "DeleteDBInstance", DBInstanceIdentifier="db", SkipFinalSnapshot=True)


def test_database_needs_existing_groups(account):
    with refused("InvalidParameterValue"):
        account.database(VpcSecurityGroupIds=["sg-0123456789abcdef0"])


def test_parameter_group_has_to_be_of_the_databases_version(account):
    account(
        "rds",
        "CreateDBParameterGroup",
        DBParameterGroupName="parameters",
        DBParameterGroupFamily="postgres15",
        Description="d",
    )

    with refused("InvalidParameterCombination"):
        account.database(DBParameterGroupName="parameters", EngineVersion="16.4")

    account.database(DBParameterGroupName="parameters", EngineVersion="15.8")


def test_subnet_group_needs_two_zones(account):
    with refused("DBSubnetGroupDoesNotCoverEnoughAZs"):
        account(
            "rds",
            "CreateDBSubnetGroup",
            DBSubnetGroupName="group",
            DBSubnetGroupDescription="d",
            SubnetIds=account.subnets[:1],
        )


def test_groups_of_a_database_cannot_be_deleted(account):
    account(
        "rds",
        "CreateDBSubnetGroup",
        DBSubnetGroupName="group",
        DBSubnetGroupDescription="d",
        SubnetIds=account.subnets,
    )
    account(
        "rds",
        "CreateDBParameterGroup",
        DBParameterGroupName="parameters",
        DBParameterGroupFamily="postgres16",
        Description="d",
    )
    account.database(DBSubnetGroupName="group", DBParameterGroupName="parameters")

    with refused("InvalidDBSubnetGroupStateFault"):
        account("rds", "DeleteDBSubnetGroup", DBSubnetGroupName="group")
    with refused("InvalidDBParameterGroupState"):
        account("rds", "DeleteDBParameterGroup", DBParameterGroupName="parameters")


def test_security_group_in_use_cannot_be_deleted(account):
    used, named = account.group("used"), account.group("named")
    account.balancer(SecurityGroups=[used])
    account(
        "ec2",
        "AuthorizeSecurityGroupIngress",
        GroupId=used,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": named}]}],
    )

    for group in (used, named):
        with refused("DependencyViolation"):
            account("ec2", "DeleteSecurityGroup", GroupId=group)


def test_subnet_of_a_load_balancer_cannot_be_deleted(account):
    account.balancer()

    with refused("DependencyViolation"):
        account("ec2", "DeleteSubnet", SubnetId=account.subnets[0])


def test_address_of_a_nat_gateway_cannot_be_released(account):
    address = account("ec2", "AllocateAddress", Domain="vpc")["AllocationId"]
    gateway = account("ec2", "CreateNatGateway", SubnetId=account.subnets[0], AllocationId=address)
    with refused("InvalidIPAddress.InUse"):
        account("ec2", "ReleaseAddress", AllocationId=address)
    with refused("DependencyViolation"):
        account("ec2", "DeleteSubnet", SubnetId=account.subnets[0])

    account("ec2", "DeleteNatGateway", NatGatewayId=gateway["NatGateway"]["NatGatewayId"])
    account("ec2", "ReleaseAddress", AllocationId=address)


def test_public_nat_gateway_needs_an_address(account):
    with refused("MissingParameter"):
        account("ec2", "CreateNatGateway", SubnetId=account.subnets[0])


def test_subnet_has_one_route_table(account):
    tables = [account("ec2", "CreateRouteTable", VpcId=account.vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    account("ec2", "AssociateRouteTable", SubnetId=account.subnets[0], RouteTableId=tables[0])

    with refused("Resource.AlreadyAssociated"):
        account("ec2", "AssociateRouteTable", SubnetId=account.subnets[0], RouteTableId=tables[1])


def test_route_needs_its_nat_gateway(account):
    table = account("ec2", "CreateRouteTable", VpcId=account.vpc)["RouteTable"]["RouteTableId"]

    with refused("InvalidNatGatewayID.NotFound"):
        account(
            "ec2",
            "CreateRoute",
            RouteTableId=table,
            DestinationCidrBlock="0.0.0.0/0",
            NatGatewayId="nat-0123456789abcdef0",
        )


def test_name_of_a_secret_on_its_way_out_is_taken(account):
    account("secretsmanager", "CreateSecret", Name="secret")
    account("secretsmanager", "DeleteSecret", SecretId="secret", RecoveryWindowInDays=7)

    with refused("InvalidRequestException"):
        account("secretsmanager", "CreateSecret", Name="secret")


def test_tag_of_an_immutable_repository_is_final(account):
    account("ecr", "CreateRepository", repositoryName="app", imageTagMutability="IMMUTABLE")
    manifests = [manifest(digit) for digit in "12"]
    account("ecr", "PutImage", repositoryName="app", imageManifest=manifests[0], imageTag="v1")

    with refused("ImageTagAlreadyExistsException"):
        account("ecr", "PutImage", repositoryName="app", imageManifest=manifests[1], imageTag="v1")


@pytest.mark.parametrize(
    ("mutability", "tag", "final"),
    [
        ("IMMUTABLE_WITH_EXCLUSION", "img-1", True),
        ("IMMUTABLE_WITH_EXCLUSION", "cache-arm64", False),
        ("MUTABLE_WITH_EXCLUSION", "img-1", False),
        ("MUTABLE_WITH_EXCLUSION", "cache-arm64", True),
    ],
)
def test_excluded_tags_behave_the_other_way(account, mutability, tag, final):
    filters = [{"filter": "cache-*", "filterType": "WILDCARD"}]
    account(
        "ecr",
        "CreateRepository",
        repositoryName="app",
        imageTagMutability=mutability,
        imageTagMutabilityExclusionFilters=filters,
    )
    account("ecr", "PutImage", repositoryName="app", imageManifest=manifest("1"), imageTag=tag)

    with refused("ImageTagAlreadyExistsException") if final else nullcontext():
        account("ecr", "PutImage", repositoryName="app", imageManifest=manifest("2"), imageTag=tag)


def test_repository_with_images_goes_only_by_force(account):
    account("ecr", "CreateRepository", repositoryName="app")
    account("ecr", "PutImage", repositoryName="app", imageManifest=manifest("1"), imageTag="v1")

    with refused("RepositoryNotEmptyException"):
        account("ecr", "DeleteRepository", repositoryName="app")

    account("ecr", "DeleteRepository", repositoryName="app", force=True)


def test_scaling_policy_needs_its_target(account):
    with refused("ObjectNotFoundException"):
        account(
            "application-autoscaling",
            "PutScalingPolicy",
            PolicyName="cpu",
            ServiceNamespace="ecs",
            ResourceId="service/cluster/service",
            ScalableDimension="ecs:service:DesiredCount",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 50.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            },
        )


def test_proxy_needs_an_existing_database(account):
    account(
        "rds",
        "CreateDBProxy",
        DBProxyName="proxy",
        EngineFamily="POSTGRESQL",
        RoleArn=account.role("rds"),
        Auth=[{"AuthScheme": "SECRETS"}],
        VpcSubnetIds=account.subnets,
    )

    with refused("DBInstanceNotFoundFault"):
        account(
            "rds",
            "RegisterDBProxyTargets",
            DBProxyName="proxy",
            TargetGroupName="default",
            DBInstanceIdentifiers=["nope"],
        )


def test_certificate_of_a_listener_cannot_be_deleted(account):
    certificate = account("acm", "RequestCertificate", DomainName="a.example.com", ValidationMethod="DNS")[
        "CertificateArn"
    ]
    account(
        "elbv2",
        "CreateListener",
        LoadBalancerArn=account.balancer(),
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": account.target_group()}],
    )

    with refused("ResourceInUseException"):
        account("acm", "DeleteCertificate", CertificateArn=certificate)


def test_operation_that_moto_lacks_is_named(account):
    with pytest.raises(Exception, match="ecs:UpdateClusterSettings is not emulated"):
        account("ecs", "UpdateClusterSettings", cluster="cluster", settings=[])


def test_function_needs_a_pushed_image(account):
    with refused("InvalidParameterValueException"):
        account.function(account.image().replace("sha256:", "sha256:0")[:-1])


def test_function_needs_an_image_of_its_region(account):
    with refused("InvalidParameterValueException"):
        account.function(account.image().replace(REGION, "eu-west-1"))


def test_function_takes_no_image_index(account):
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}

    with refused("InvalidParameterValueException"):
        account.function(account.image(json.dumps(index)))


def test_function_needs_a_role_that_lambda_may_assume(account):
    with refused("InvalidParameterValueException"):
        account.function(Role=account.role("ecs-tasks"))


@pytest.mark.parametrize(
    "network",
    [
        {"SubnetIds": ["subnet-0123456789abcdef0"], "SecurityGroupIds": []},
        {"SubnetIds": [], "SecurityGroupIds": ["sg-0123456789abcdef0"]},
    ],
)
def test_function_needs_an_existing_network(account, network):
    with refused("InvalidParameterValueException"):
        account.function(VpcConfig=network)


@pytest.mark.parametrize(
    ("setting", "action"),
    [
        ({"TracingConfig": {"Mode": "Active"}}, "xray:PutTraceSegments"),
        ({"DeadLetterConfig": {"TargetArn": f"arn:aws:sqs:{REGION}:123456789012:dead"}}, "sqs:SendMessage"),
        ({"DeadLetterConfig": {"TargetArn": f"arn:aws:sns:{REGION}:123456789012:dead"}}, "sns:Publish"),
    ],
    ids=["traces", "queue", "topic"],
)
def test_role_of_a_function_has_to_suffice_before_the_function_is_made(account, setting, action):
    wanted = {**account.wanted(account.role(), account.image()), **setting}
    with refused("InvalidParameterValueException"):
        account("lambda", "CreateFunction", **wanted)

    account.allow(action)
    account("lambda", "CreateFunction", **wanted)
    account("lambda", "UpdateFunctionConfiguration", FunctionName="api", **setting)


def test_role_of_a_function_in_a_network_has_to_let_it_in(account):
    role = account.role()
    account.allow("logs:*")

    with refused("InvalidParameterValueException"):
        account.function(Role=role, VpcConfig={"SubnetIds": account.subnets, "SecurityGroupIds": [account.group()]})


def test_managed_policy_lets_a_function_into_a_network(account):
    role = account.role()
    managed = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
    account("iam", "AttachRolePolicy", RoleName="lambda", PolicyArn=managed)

    account.function(Role=role, VpcConfig={"SubnetIds": account.subnets, "SecurityGroupIds": [account.group()]})


def test_destination_of_events_needs_a_role_that_may_send(account):
    account.function()
    queue = f"arn:aws:sqs:{REGION}:123456789012:failed"
    config = {"FunctionName": "api", "DestinationConfig": {"OnFailure": {"Destination": queue}}}

    with refused("InvalidParameterValueException"):
        account("lambda", "PutFunctionEventInvokeConfig", **config)
    account.allow("sqs:SendMessage")
    account("lambda", "PutFunctionEventInvokeConfig", **config)


def test_function_is_a_target_once_the_balancer_may_call_it(account):
    arn = account.function()
    group = account("elbv2", "CreateTargetGroup", Name="function", TargetType="lambda")["TargetGroups"][0]
    target = {"TargetGroupArn": group["TargetGroupArn"], "Targets": [{"Id": f"{arn}:1"}]}

    with refused("AccessDenied"):
        account("elbv2", "RegisterTargets", **target)
    account(
        "lambda",
        "AddPermission",
        FunctionName="api",
        Qualifier="1",
        StatementId="balancer",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
    )
    account("elbv2", "RegisterTargets", **target)


def test_scalable_target_needs_the_alias(account):
    account.function()
    target = {
        "ServiceNamespace": "lambda",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
        "MinCapacity": 1,
        "MaxCapacity": 2,
    }

    with refused("ValidationException"):
        account("application-autoscaling", "RegisterScalableTarget", ResourceId="function:api:live", **target)
    account("lambda", "CreateAlias", FunctionName="api", Name="live", FunctionVersion="1")
    account("application-autoscaling", "RegisterScalableTarget", ResourceId="function:api:live", **target)


# ----------------------------------------------------------------------------------------------- queues and CloudFront
def test_dead_letters_need_a_queue(account):
    redrive = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:123456789012:dead", "maxReceiveCount": 3})

    with refused("InvalidParameterValue"):
        account("sqs", "CreateQueue", QueueName="jobs", Attributes={"RedrivePolicy": redrive})
    account("sqs", "CreateQueue", QueueName="dead")
    account("sqs", "CreateQueue", QueueName="jobs", Attributes={"RedrivePolicy": redrive})


def distribution(**changes) -> dict:
    return {
        "CallerReference": changes.pop("reference", "1"),
        "Comment": "",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": "url",
                    "DomainName": "abc.lambda-url.us-east-1.on.aws",
                    "CustomOriginConfig": {
                        "HTTPPort": 80,
                        "HTTPSPort": 443,
                        "OriginProtocolPolicy": "https-only",
                    },
                    **changes.pop("origin", {}),
                }
            ],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "url",
            "ViewerProtocolPolicy": "https-only",
            "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            **changes.pop("behavior", {}),
        },
        **changes,
    }


NOBODY = "11111111-1111-1111-1111-111111111111"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"origin": {"OriginAccessControlId": "E1"}}, "InvalidOriginAccessControl"),
        ({"behavior": {"CachePolicyId": NOBODY}}, "NoSuchCachePolicy"),
        ({"behavior": {"OriginRequestPolicyId": NOBODY}}, "NoSuchOriginRequestPolicy"),
        ({"behavior": {"ResponseHeadersPolicyId": NOBODY}}, "NoSuchResponseHeadersPolicy"),
        ({"WebACLId": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/acl/1"}, "InvalidWebACLId"),
        (
            {"Logging": {"Enabled": True, "Bucket": "logs.s3.amazonaws.com", "Prefix": "", "IncludeCookies": False}},
            "InvalidArgument",
        ),
    ],
    ids=["access control", "cache policy", "request policy", "headers policy", "web ACL", "log bucket"],
)
def test_distribution_names_what_exists(account, changes, code):
    account("s3", "CreateBucket", Bucket="logs")

    with refused(code):
        account("cloudfront", "CreateDistribution", DistributionConfig=distribution(**changes))


def test_certificate_of_a_distribution_lies_in_virginia_and_covers_its_names(account, api):
    def attempt(certificate: str, name: str) -> None:
        config = distribution(
            Aliases={"Quantity": 1, "Items": [name]},
            ViewerCertificate={"ACMCertificateArn": certificate, "SSLSupportMethod": "sni-only"},
        )
        account("cloudfront", "CreateDistribution", DistributionConfig=config)

    request = {"DomainName": "*.example.com", "ValidationMethod": "DNS"}
    elsewhere = api.call("acm", "RequestCertificate", request, "eu-west-1")["CertificateArn"]
    right = account("acm", "RequestCertificate", **request)["CertificateArn"]

    for certificate, name in ((elsewhere, "api.example.com"), (f"{right}0", "api.example.com"), (right, "example.com")):
        with refused("InvalidViewerCertificate"):
            attempt(certificate, name)
    attempt(right, "api.example.com")
    with refused("ResourceInUseException"):
        account("acm", "DeleteCertificate", CertificateArn=right)


def test_name_belongs_to_one_distribution(account):
    names = {"Aliases": {"Quantity": 1, "Items": ["api.example.com"]}}
    account("cloudfront", "CreateDistribution", DistributionConfig=distribution(**names))

    with refused("CNAMEAlreadyExists"):
        account("cloudfront", "CreateDistribution", DistributionConfig=distribution(reference="2", **names))


def test_distribution_is_switched_off_before_it_is_deleted(account):
    made = account("cloudfront", "CreateDistribution", DistributionConfig=distribution())
    id, tag = made["Distribution"]["Id"], made["ETag"]

    with refused("DistributionNotDisabled"):
        account("cloudfront", "DeleteDistribution", Id=id, IfMatch=tag)
    with refused("PreconditionFailed"):
        account("cloudfront", "UpdateDistribution", Id=id, IfMatch="E1", DistributionConfig=distribution())
    off = distribution(Enabled=False)
    tag = account("cloudfront", "UpdateDistribution", Id=id, IfMatch=tag, DistributionConfig=off)["ETag"]
    account("cloudfront", "DeleteDistribution", Id=id, IfMatch=tag)


def test_origin_access_control_in_use_cannot_be_deleted(account):
    control = {
        "Name": "origin",
        "SigningProtocol": "sigv4",
        "SigningBehavior": "always",
        "OriginAccessControlOriginType": "lambda",
    }
    made = account("cloudfront", "CreateOriginAccessControl", OriginAccessControlConfig=control)
    id = made["OriginAccessControl"]["Id"]
    account(
        "cloudfront",
        "CreateDistribution",
        DistributionConfig=distribution(origin={"OriginAccessControlId": id}),
    )

    with refused("OriginAccessControlInUse"):
        account("cloudfront", "DeleteOriginAccessControl", Id=id, IfMatch=made["ETag"])
    with refused("OriginAccessControlAlreadyExists"):
        account("cloudfront", "CreateOriginAccessControl", OriginAccessControlConfig=control)


def test_web_acl_of_a_distribution_cannot_be_deleted(account):
    acl = {"Name": "acl", "Scope": "CLOUDFRONT"}
    visible = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "acl"}
    made = account("wafv2", "CreateWebACL", **acl, DefaultAction={"Allow": {}}, VisibilityConfig=visible)["Summary"]
    account("cloudfront", "CreateDistribution", DistributionConfig=distribution(WebACLId=made["ARN"]))

    with refused("WAFAssociatedItemException"):
        account("wafv2", "DeleteWebACL", **acl, Id=made["Id"], LockToken=made["LockToken"])


# ----------------------------------------------------------------------------------------------- networks of functions
def test_network_of_a_function_cannot_be_deleted(account):
    group, role = account.group(), account.role()
    account.allow("ec2:*NetworkInterface*")
    account.function(Role=role, VpcConfig={"SubnetIds": account.subnets, "SecurityGroupIds": [group]})

    with refused("DependencyViolation"):
        account("ec2", "DeleteSecurityGroup", GroupId=group)
    with refused("DependencyViolation"):
        account("ec2", "DeleteSubnet", SubnetId=account.subnets[0])


def test_alias_shares_traffic_with_existing_versions_only(account):
    account.function()

    with refused("ResourceNotFoundException"):
        account(
            "lambda",
            "CreateAlias",
            FunctionName="api",
            Name="live",
            FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
        )


def test_alias_of_an_unknown_version_is_refused(account):
    account.function()

    with refused("ResourceNotFoundException"):
        account("lambda", "CreateAlias", FunctionName="api", Name="live", FunctionVersion="2")


def test_two_permissions_cannot_have_one_statement_id(account):
    account.function()
    permission = {
        "FunctionName": "api",
        "StatementId": "gateway",
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
    }
    account("lambda", "AddPermission", **permission)

    with refused("ResourceConflictException"):
        account("lambda", "AddPermission", **permission)
    account("lambda", "AddPermission", **permission, Qualifier="1")


def test_function_has_one_url(account):
    account.function()
    account("lambda", "CreateFunctionUrlConfig", FunctionName="api", AuthType="NONE")

    with refused("ResourceConflictException"):
        account("lambda", "CreateFunctionUrlConfig", FunctionName="api", AuthType="NONE")


def test_provisioned_concurrency_needs_a_published_version(account):
    account.function()
    wanted = {"FunctionName": "api", "ProvisionedConcurrentExecutions": 1}

    with refused("InvalidParameterValueException"):
        account("lambda", "PutProvisionedConcurrencyConfig", **wanted, Qualifier="$LATEST")
    account("lambda", "PutProvisionedConcurrencyConfig", **wanted, Qualifier="1")


def test_provisioned_concurrency_stays_within_the_reserved(account):
    account.function()
    account("lambda", "PutFunctionConcurrency", FunctionName="api", ReservedConcurrentExecutions=5)

    with refused("InvalidParameterValueException"):
        account(
            "lambda",
            "PutProvisionedConcurrencyConfig",
            FunctionName="api",
            Qualifier="1",
            ProvisionedConcurrentExecutions=6,
        )


@pytest.fixture
def gateway(account) -> str:
    return account("apigatewayv2", "CreateApi", Name="api", ProtocolType="HTTP")["ApiId"]


def test_two_routes_cannot_have_one_key(account, gateway):
    account("apigatewayv2", "CreateRoute", ApiId=gateway, RouteKey="GET /")

    with refused("ConflictException"):
        account("apigatewayv2", "CreateRoute", ApiId=gateway, RouteKey="GET /")


def test_route_of_an_http_api_is_a_method_and_a_path(account, gateway):
    with refused("BadRequestException"):
        account("apigatewayv2", "CreateRoute", ApiId=gateway, RouteKey="/items")


def test_route_needs_an_existing_integration(account, gateway):
    with refused("BadRequestException"):
        account("apigatewayv2", "CreateRoute", ApiId=gateway, RouteKey="GET /", Target="integrations/none")


def test_route_needs_an_existing_authorizer(account, gateway):
    with refused("BadRequestException"):
        account(
            "apigatewayv2",
            "CreateRoute",
            ApiId=gateway,
            RouteKey="GET /",
            AuthorizationType="JWT",
            AuthorizerId="none",
        )


def test_two_stages_cannot_have_one_name(account, gateway):
    account("apigatewayv2", "CreateStage", ApiId=gateway, StageName="$default")

    with refused("ConflictException"):
        account("apigatewayv2", "CreateStage", ApiId=gateway, StageName="$default")


def test_quickly_created_api_serves_its_target(account):
    target = f"arn:aws:lambda:{REGION}:123456789012:function:api"
    api = account("apigatewayv2", "CreateApi", Name="api", ProtocolType="HTTP", Target=target)["ApiId"]

    (integration,) = account("apigatewayv2", "GetIntegrations", ApiId=api)["Items"]
    (route,) = account("apigatewayv2", "GetRoutes", ApiId=api)["Items"]
    (stage,) = account("apigatewayv2", "GetStages", ApiId=api)["Items"]
    assert integration["IntegrationUri"] == target
    assert (route["RouteKey"], route["Target"]) == ("$default", f"integrations/{integration['IntegrationId']}")
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)


def custom_domain(account, name: str = "api.example.com") -> str:
    certificate = account("acm", "RequestCertificate", DomainName=name, ValidationMethod="DNS")["CertificateArn"]
    account(
        "apigatewayv2",
        "CreateDomainName",
        DomainName=name,
        DomainNameConfigurations=[{"CertificateArn": certificate, "EndpointType": "REGIONAL"}],
    )
    return certificate


def test_custom_domain_needs_a_certificate_of_its_region(account):
    with refused("BadRequestException"):
        account(
            "apigatewayv2",
            "CreateDomainName",
            DomainName="api.example.com",
            DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/c"}],
        )


def test_certificate_of_a_custom_domain_cannot_be_deleted(account):
    certificate = custom_domain(account)

    with refused("ResourceInUseException"):
        account("acm", "DeleteCertificate", CertificateArn=certificate)


def test_custom_domain_maps_existing_stages_once(account, gateway):
    custom_domain(account)
    mapping = {"DomainName": "api.example.com", "ApiId": gateway, "Stage": "$default", "ApiMappingKey": "v1"}
    with refused("BadRequestException"):
        account("apigatewayv2", "CreateApiMapping", **mapping)

    account("apigatewayv2", "CreateStage", ApiId=gateway, StageName="$default")
    account("apigatewayv2", "CreateApiMapping", **mapping)

    with refused("ConflictException"):
        account("apigatewayv2", "CreateApiMapping", **mapping)


def web_acl(account, **changes) -> dict:
    params = {
        "Name": "acl",
        "Scope": "REGIONAL",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "acl"},
    }
    return account("wafv2", "CreateWebACL", **{**params, **changes})["Summary"]


def test_web_acl_protects_existing_balancers_only(account):
    acl = web_acl(account)
    balancer = f"arn:aws:elasticloadbalancing:{REGION}:123456789012:loadbalancer/app/none/0123456789abcdef"

    with refused("WAFUnavailableEntityException"):
        account("wafv2", "AssociateWebACL", WebACLArn=acl["ARN"], ResourceArn=balancer)


def test_web_acl_does_not_protect_http_apis(account, gateway):
    acl = web_acl(account)
    stage = f"arn:aws:apigateway:{REGION}::/apis/{gateway}/stages/$default"

    with refused("WAFInvalidParameterException"):
        account("wafv2", "AssociateWebACL", WebACLArn=acl["ARN"], ResourceArn=stage)


def test_web_acl_of_a_balancer_cannot_be_deleted(account):
    acl, balancer = web_acl(account), account.balancer()
    account("wafv2", "AssociateWebACL", WebACLArn=acl["ARN"], ResourceArn=balancer)

    with refused("WAFAssociatedItemException"):
        account("wafv2", "DeleteWebACL", Name="acl", Scope="REGIONAL", Id=acl["Id"], LockToken=acl["LockToken"])


def test_web_acl_of_cloudfront_lives_in_virginia(account, api):
    with refused("WAFInvalidParameterException"):
        api.call(
            "wafv2",
            "CreateWebACL",
            {
                "Name": "acl",
                "Scope": "CLOUDFRONT",
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": {
                    "SampledRequestsEnabled": True,
                    "CloudWatchMetricsEnabled": True,
                    "MetricName": "acl",
                },
            },
            "eu-west-1",
        )
    assert web_acl(account, Scope="CLOUDFRONT")


def test_schedule_needs_a_role_that_the_scheduler_may_assume(account):
    schedule = {"Name": "nightly", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    target = f"arn:aws:lambda:{REGION}:123456789012:function:api"

    with refused("ValidationException"):
        account("scheduler", "CreateSchedule", **schedule, Target={"Arn": target, "RoleArn": account.role("lambda")})
    account("scheduler", "CreateSchedule", **schedule, Target={"Arn": target, "RoleArn": account.role("scheduler")})


def deployment_group(account, **changes) -> dict:
    params = {
        "applicationName": "app",
        "deploymentGroupName": "group",
        "serviceRoleArn": "",
        "deploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce",
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
    }
    return account("codedeploy", "CreateDeploymentGroup", **{**params, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"serviceRoleArn": "arn:aws:iam::123456789012:role/none"}, "InvalidRoleException"),
        ({"deploymentConfigName": "slow"}, "DeploymentConfigDoesNotExistException"),
        ({"deploymentStyle": {"deploymentType": "IN_PLACE"}}, "InvalidDeploymentStyleException"),
        ({"applicationName": "none"}, "ApplicationDoesNotExistException"),
    ],
)
def test_deployment_group_that_codedeploy_refuses(account, changes, code):
    account("codedeploy", "CreateApplication", applicationName="app", computePlatform="Lambda")
    role = account.role("codedeploy")

    with refused(code):
        deployment_group(account, **{"serviceRoleArn": role, **changes})
    assert deployment_group(account, serviceRoleArn=role)


def test_deployment_configuration_of_a_group_cannot_be_deleted(account):
    account("codedeploy", "CreateApplication", applicationName="app", computePlatform="Lambda")
    routing = {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryInterval": 5, "canaryPercentage": 10}}
    account(
        "codedeploy",
        "CreateDeploymentConfig",
        deploymentConfigName="slow",
        computePlatform="Lambda",
        trafficRoutingConfig=routing,
    )
    deployment_group(account, serviceRoleArn=account.role("codedeploy"), deploymentConfigName="slow")

    with refused("DeploymentConfigInUseException"):
        account("codedeploy", "DeleteDeploymentConfig", deploymentConfigName="slow")


def test_composite_alarm_needs_the_alarms_of_its_rule(account):
    with refused("ValidationError"):
        account("cloudwatch", "PutCompositeAlarm", AlarmName="all", AlarmRule='ALARM("errors") AND NOT OK("slow")')


def test_rotation_needs_a_function_that_secrets_manager_may_call(account):
    account("secretsmanager", "CreateSecret", Name="secret")
    rotation = {
        "SecretId": "secret",
        "RotationLambdaARN": account.function(),
        "RotationRules": {"AutomaticallyAfterDays": 30},
    }
    with refused("AccessDeniedException"):
        account("secretsmanager", "RotateSecret", **rotation)

    account(
        "lambda",
        "AddPermission",
        FunctionName="api",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    account("secretsmanager", "RotateSecret", **rotation)
    assert account("secretsmanager", "DescribeSecret", SecretId="secret")["RotationEnabled"]


def test_function_needs_its_object(account):
    account("s3", "CreateBucket", Bucket="code-of-the-shop")

    with refused("InvalidParameterValueException"):
        account.function(
            PackageType="Zip",
            Code={"S3Bucket": "code-of-the-shop", "S3Key": "app.zip"},
            Runtime="python3.13",
            Handler="main.handler",
        )


def test_load_balancer_needs_groups_of_its_network(account):
    other = account("ec2", "CreateVpc", CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    group = account("ec2", "CreateSecurityGroup", GroupName="other", Description="d", VpcId=other)["GroupId"]

    with refused("InvalidConfigurationRequest"):
        account.balancer(SecurityGroups=[group])


def bucket_policy(bucket: str, principal: object, **more) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_access_logs_need_a_bucket_that_lets_the_balancer_write(account):
    balancer = account.balancer()

    def switch_on() -> None:
        attributes = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs-of-the-shop"}
        account(
            "elbv2",
            "ModifyLoadBalancerAttributes",
            LoadBalancerArn=balancer,
            Attributes=[{"Key": key, "Value": value} for key, value in attributes.items()],
        )

    with refused("InvalidConfigurationRequest"):
        switch_on()
    account("s3", "CreateBucket", Bucket="logs-of-the-shop")
    with refused("InvalidConfigurationRequest"):
        switch_on()
    writer = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    account("s3", "PutBucketPolicy", Bucket="logs-of-the-shop", Policy=bucket_policy("logs-of-the-shop", writer))
    switch_on()


def test_bucket_policy_is_about_its_bucket(account):
    account("s3", "CreateBucket", Bucket="logs-of-the-shop")

    with refused("MalformedPolicy"):
        account("s3", "PutBucketPolicy", Bucket="logs-of-the-shop", Policy=bucket_policy("other", {"AWS": "1" * 12}))


def test_bucket_that_blocks_public_policies_refuses_one(account):
    account("s3", "CreateBucket", Bucket="logs-of-the-shop")
    public = bucket_policy("logs-of-the-shop", "*")
    account("s3", "PutBucketPolicy", Bucket="logs-of-the-shop", Policy=public)
    blocked = {"BlockPublicPolicy": True}
    account("s3", "PutPublicAccessBlock", Bucket="logs-of-the-shop", PublicAccessBlockConfiguration=blocked)

    with refused("AccessDenied"):
        account("s3", "PutBucketPolicy", Bucket="logs-of-the-shop", Policy=public)
    within = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}
    conditional = bucket_policy("logs-of-the-shop", "*", **within)
    account("s3", "PutBucketPolicy", Bucket="logs-of-the-shop", Policy=conditional)


def test_private_names_of_an_endpoint_need_the_names_of_the_network(account):
    endpoint = {
        "VpcId": account.vpc,
        "ServiceName": f"com.amazonaws.{REGION}.logs",
        "VpcEndpointType": "Interface",
        "PrivateDnsEnabled": True,
    }
    with refused("InvalidParameter"):
        account("ec2", "CreateVpcEndpoint", **endpoint)

    account("ec2", "ModifyVpcAttribute", VpcId=account.vpc, EnableDnsHostnames={"Value": True})
    account("ec2", "CreateVpcEndpoint", **endpoint)


def test_database_needs_a_role_that_monitoring_may_assume(account):
    with refused("InvalidParameterValue"):
        account.database(MonitoringInterval=60, MonitoringRoleArn=account.role("rds"))

    account.database(MonitoringInterval=60, MonitoringRoleArn=account.role("monitoring.rds"))


def test_proxy_needs_a_role_that_rds_may_assume(account):
    with refused("InvalidParameterValue"):
        account(
            "rds",
            "CreateDBProxy",
            DBProxyName="proxy",
            EngineFamily="POSTGRESQL",
            RoleArn=account.role("lambda"),
            VpcSubnetIds=account.subnets,
        )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a.example.com", "A", "1.2.3.4"), ("a.example.com", "CNAME", "b.example.com")),
        (("a.example.com", "CNAME", "b.example.com"), ("a.example.com", "TXT", '"x"')),
        (None, ("example.com", "CNAME", "b.example.com")),
    ],
)
def test_cname_stands_alone(account, first, second):
    zone = account("route53", "CreateHostedZone", Name="example.com", CallerReference="test")["HostedZone"]["Id"]
    zone = zone.removeprefix("/hostedzone/")

    def put(name: str, kind: str, value: str) -> None:
        record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
        changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        account("route53", "ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch=changes)

    if first is not None:
        put(*first)
    with refused("InvalidChangeBatch"):
        put(*second)


def test_custom_domain_needs_a_certificate_for_its_name(account):
    certificate = account("acm", "RequestCertificate", DomainName="*.example.com", ValidationMethod="DNS")
    configuration = {"CertificateArn": certificate["CertificateArn"], "EndpointType": "REGIONAL"}

    with refused("BadRequestException"):
        account(
            "apigatewayv2",
            "CreateDomainName",
            DomainName="deep.api.example.com",
            DomainNameConfigurations=[configuration],
        )
    account("apigatewayv2", "CreateDomainName", DomainName="api.example.com", DomainNameConfigurations=[configuration])
