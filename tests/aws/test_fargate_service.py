import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import Output, ResourceOptions, ResourceTransformArgs, ResourceTransformResult
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.aws import (
    Database,
    DatabaseArgs,
    ExistingDatabase,
    ExistingLoadBalancer,
    ExistingNetwork,
    FargateFastAPIService,
    FargateFastAPIServiceArgs,
    LoadBalancer,
    LoadBalancerArgs,
    Network,
    NetworkArgs,
    Outbound,
)
from pulumi_fastapi.component import fitting_name
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, Resource, plan
from pulumi_fastapi.rollout import worst_case_seconds
from pulumi_fastapi.timeouts import Timeouts, ladder
from reading import IMAGE, PlanService, container

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"  # noqa: S105
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/shared"
RUNGS = ladder(Timeouts())


def ecs(result: Plan) -> dict[str, Any]:
    return result.find(aws.ecs.Service).inputs


# The deploy


def test_a_failed_deploy_is_rolled_back(full: Plan) -> None:
    assert ecs(full)["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}


def test_a_rollback_is_reported(full: Plan) -> None:
    """The provider calls a rolled-back deployment a success unless it knows the controller and waits."""
    assert ecs(full)["deploymentController"] == {"type": "ECS"}
    assert ecs(full)["waitForSteadyState"] is True


def test_a_deploy_never_has_fewer_tasks_than_before(full: Plan) -> None:
    assert (ecs(full)["deploymentMinimumHealthyPercent"], ecs(full)["deploymentMaximumPercent"]) == (100, 200)
    assert ecs(full)["deploymentConfiguration"]["strategy"] == "ROLLING"


@pytest.mark.parametrize("startup", [60, 900])
def test_a_slow_start_is_not_taken_for_a_failure(startup: int, service: PlanService) -> None:
    app = FastAPIApp(image=IMAGE, timeouts=Timeouts(startup=startup))
    assert ecs(service(app=app))["healthCheckGracePeriodSeconds"] == ladder(app.timeouts).grace > startup


@pytest.mark.parametrize("tasks", [1, 4, 40])
def test_pulumi_waits_longer_than_a_deploy_can_take(tasks: int, service: PlanService) -> None:
    result = service(tasks_min=1, tasks_max=tasks)
    timeouts = result.find(aws.ecs.Service).options.custom_timeouts
    worst = worst_case_seconds(RUNGS, tasks=tasks).total
    assert set(timeouts) == {"create", "update", "delete"}
    assert all(seconds(text) >= worst for text in timeouts.values())
    assert result.find(FargateFastAPIService).outputs["deploymentSeconds"]["total"] == worst


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text[:-1])


def test_the_number_of_tasks_is_left_to_autoscaling(service: PlanService) -> None:
    assert service(tasks_min=2, tasks_max=4).find(aws.ecs.Service).options.ignore_changes == ("desiredCount",)


def test_without_autoscaling_a_changed_number_of_tasks_is_seen(service: PlanService) -> None:
    result = service(tasks_min=2, tasks_max=2)
    assert result.find(aws.ecs.Service).options.ignore_changes == ()
    assert ecs(result)["desiredCount"] == 2


def test_it_waits_for_the_listener_rule_and_the_permissions(full: Plan) -> None:
    """Without the rule ECS refuses the target group; without the policy a task neither starts nor stops."""
    before = set(full.find(aws.ecs.Service).dependencies)
    assert full.find(aws.lb.ListenerRule) in before
    assert set(full.all(aws.iam.RolePolicy)) <= before


def test_it_waits_for_the_capacity_of_the_cluster(full: Plan) -> None:
    service, providers = full.find(aws.ecs.Service), full.find(aws.ecs.ClusterCapacityProviders)
    assert providers in service.property_dependencies["cluster"]
    assert providers.inputs["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_the_spread_over_zones_is_kept(full: Plan) -> None:
    assert ecs(full)["availabilityZoneRebalancing"] == "ENABLED"


def test_tasks_carry_the_tags_of_the_service(full: Plan) -> None:
    assert ecs(full)["propagateTags"] == "SERVICE"
    assert ecs(full)["enableEcsManagedTags"] is True


def test_all_tasks_are_on_demand_by_default(full: Plan) -> None:
    assert ecs(full)["capacityProviderStrategies"] == [{"base": 1, "capacityProvider": "FARGATE", "weight": 100}]
    assert "launchType" not in ecs(full)


def test_one_task_is_on_demand_however_much_is_spot(service: PlanService) -> None:
    assert ecs(service(spot_percent=100))["capacityProviderStrategies"] == [
        {"base": 1, "capacityProvider": "FARGATE", "weight": 0},
        {"capacityProvider": "FARGATE_SPOT", "weight": 100},
    ]


def test_a_changed_capacity_is_deployed_and_not_refused(full: Plan) -> None:
    assert ecs(full)["forceNewDeployment"] is True


@pytest.mark.parametrize("on", [True, False])
def test_a_shell_is_a_choice(on: bool, service: PlanService) -> None:
    result = service(enable_execute_command=on)
    assert ecs(result)["enableExecuteCommand"] is on
    assert container(result)["readonlyRootFilesystem"] is not on  # its agent writes into the container


# The network


def test_only_the_web_ports_of_the_load_balancer_are_open_to_the_world(full: Plan) -> None:
    rules = full.all(aws.vpc.SecurityGroupIngressRule)
    open_to_all = [rule for rule in rules if "referencedSecurityGroupId" not in rule.inputs]
    assert {rule.inputs["fromPort"] for rule in open_to_all} == {80, 443}
    balancer = full.find(aws.ec2.SecurityGroup, "api-lb").outputs["id"]
    assert {rule.inputs["securityGroupId"] for rule in open_to_all} == {balancer}


def test_groups_have_no_rules_of_their_own(full: Plan) -> None:
    """Rules inside a group and beside it overwrite each other."""
    assert not any({"ingress", "egress"} & set(group.inputs) for group in full.all(aws.ec2.SecurityGroup))


def reaches(result: Plan) -> set[tuple[str, str, int, str]]:
    names = {group.outputs["id"]: group.name for group in result.all(aws.ec2.SecurityGroup)}
    return {
        (
            names[rule.inputs["referencedSecurityGroupId"]],
            names[rule.inputs["securityGroupId"]],
            rule.inputs["fromPort"],
            rule.inputs["ipProtocol"],
        )
        for rule in result.all(aws.vpc.SecurityGroupIngressRule)
        if "referencedSecurityGroupId" in rule.inputs
    }


def test_the_load_balancer_reaches_the_tasks_and_they_the_database(full: Plan) -> None:
    assert reaches(full) == {("api-lb", "api-tasks", 8000, "tcp"), ("api-tasks", "db-db", 5432, "tcp")}


def test_the_load_balancer_reaches_nothing_but_the_tasks(full: Plan) -> None:
    balancer = full.find(aws.ec2.SecurityGroup, "api-lb").outputs["id"]
    (out,) = [r for r in full.all(aws.vpc.SecurityGroupEgressRule) if r.inputs["securityGroupId"] == balancer]
    assert out.inputs["referencedSecurityGroupId"] == full.find(aws.ec2.SecurityGroup, "api-tasks").outputs["id"]


def test_the_port_is_the_same_everywhere(service: PlanService) -> None:
    result = service(app=FastAPIApp(image=IMAGE, port=9000))
    assert ecs(result)["loadBalancers"][0]["containerPort"] == 9000
    assert container(result)["portMappings"][0]["containerPort"] == 9000
    assert {v["name"]: v["value"] for v in container(result)["environment"]}["PORT"] == "9000"
    (into_tasks,) = [
        rule for rule in result.all(aws.vpc.SecurityGroupIngressRule) if "referencedSecurityGroupId" in rule.inputs
    ]
    assert into_tasks.inputs["fromPort"] == 9000


def test_the_load_balancer_asks_for_readiness_and_ecs_for_liveness(full: Plan) -> None:
    assert full.find(aws.lb.TargetGroup, "api-tg").inputs["healthCheck"]["path"] == "/-/ready"
    assert "/-/healthy" in container(full)["healthCheck"]["command"][3]


def test_tasks_run_where_the_network_says(full: Plan) -> None:
    network = full.find(Network).outputs
    placed = ecs(full)["networkConfiguration"]
    assert placed["subnets"] == network["taskSubnetIds"]
    assert placed["assignPublicIp"] is True
    assert placed["securityGroups"] == [full.find(aws.ec2.SecurityGroup, "api-tasks").outputs["id"]]


# Logs, image, outputs


def test_the_log_group_expires(full: Plan) -> None:
    assert full.find(aws.cloudwatch.LogGroup, "api-logs").inputs["retentionInDays"] == 30


def test_what_was_built_is_what_runs(full: Plan) -> None:
    digest = full.find("docker-build:index:Image").outputs["digest"]
    assert container(full)["image"].endswith(f"@{digest}")
    assert full.find(FargateFastAPIService).outputs["image"] == container(full)["image"]


def test_it_publishes_what_a_user_needs(full: Plan) -> None:
    outputs = full.find(FargateFastAPIService).outputs
    assert outputs["url"] == full.outputs["url"] == "https://api.example.com"
    assert outputs["serviceName"] == full.find(aws.ecs.Service).outputs["name"]
    assert outputs["clusterName"] == full.find(aws.ecs.Cluster).outputs["name"]
    assert outputs["logGroupName"] == full.find(aws.cloudwatch.LogGroup, "api-logs").outputs["name"]
    assert outputs["databaseEndpoint"] == f"{full.find(aws.rds.Instance).outputs['address']}:5432"
    assert outputs["databaseSecretArn"] == full.find(aws.rds.Instance).outputs["masterUserSecrets"][0]["secretArn"]
    assert outputs["workers"] == 1
    assert outputs["timeouts"] == RUNGS.as_dict()


def test_it_records_its_inputs(full: Plan) -> None:
    """The engine compares a component by them."""
    inputs = full.find(FargateFastAPIService).inputs
    assert (inputs["domain"], inputs["tasksMin"], inputs["cpu"]) == ("api.example.com", 2, 512)
    assert inputs["app"]["pool"] == {"size": 5, "maxOverflow": 0, "timeout": 3}


# Whose child everything is


def test_every_resource_belongs_to_a_component(full: Plan) -> None:
    roots = {(resource.type, resource.name) for resource in full.roots()}
    assert roots == {
        ("pulumi-fastapi:index:Network", "net"),
        ("pulumi-fastapi:index:Database", "db"),
        ("pulumi-fastapi:index:FargateFastAPIService", "api"),
    }


def test_every_component_publishes_its_outputs(full: Plan) -> None:
    """Hooks on a component run only when it has done so."""
    silent = {"ServiceAlarms", "DatabaseAlarms", "LoadBalancerAlarms", "Autoscaling"}
    components = [resource for resource in full.resources if not resource.custom]
    assert {c.type for c in components if not c.outputs} == {f"pulumi-fastapi:index:{name}" for name in silent}


def tagging(args: ResourceTransformArgs) -> Optional[ResourceTransformResult]:
    if not args.custom:
        return None
    return ResourceTransformResult(props={**args.props, "touched": args.name}, opts=args.opts)


def test_a_transform_reaches_every_child(existing_network: ExistingNetwork) -> None:
    def program() -> None:
        FargateFastAPIService(
            "api",
            FargateFastAPIServiceArgs(network=existing_network),
            opts=ResourceOptions(transforms=[tagging]),
        )

    untouched = [r for r in plan(program).resources if r.custom and r.inputs.get("touched") != r.name]
    assert untouched == []


def test_protection_of_the_component_protects_every_child(existing_network: ExistingNetwork) -> None:
    def program() -> None:
        args = FargateFastAPIServiceArgs(
            network=existing_network, app=FastAPIApp(image=IMAGE), deletion_protection=False
        )
        FargateFastAPIService("api", args, opts=ResourceOptions(protect=True))

    assert [resource for resource in plan(program).resources if not resource.options.protect] == []


def in_region(region: str) -> Callable[[], None]:
    def program() -> None:
        provider = aws.Provider(region, region=region)  # type: ignore[arg-type]
        options = ResourceOptions(providers=[provider])
        network = Network(f"net-{region}", NetworkArgs(outbound=Outbound.ENDPOINTS, flow_logs=True), opts=options)
        database = Database(
            f"db-{region}",
            DatabaseArgs(network=network, instance_class="db.t4g.medium", proxy=True),
            opts=options,
        )
        args = FargateFastAPIServiceArgs(
            app=FastAPIApp(secrets={"TOKEN": "t"}),
            network=network,
            database=database,
            domain="api.example.com",
            zone_id="Z1",
            access_logs=True,
            requests_per_target=600,
            alarm_emails=["a@example.com"],
        )
        FargateFastAPIService(f"api-{region}", args, opts=options)

    return program


@pytest.fixture(scope="module")
def two_regions(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    def program() -> None:
        in_region("eu-west-1")()
        in_region("us-west-2")()

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("regions"))
        return plan(program, preview=False, config={"aws:region": "ap-south-1"})


def test_the_provider_of_a_component_reaches_every_child(two_regions: Plan) -> None:
    for resource in two_regions.resources:
        if resource.custom and resource.type.startswith("aws:"):
            top = [resource, *resource.ancestors()][-1]
            assert resource.provider is not None, resource
            assert top.name.endswith(resource.provider.name), resource


def test_the_provider_of_a_component_reaches_every_lookup(two_regions: Plan) -> None:
    """Whatever names a region names its own: zones, endpoints, log drivers, dashboards, registries."""
    assert "ap-south-1" not in json.dumps(two_regions.to_dict()["resources"])
    for subnet in two_regions.all(aws.ec2.Subnet):
        region = [*subnet.ancestors()][-1].name.removeprefix("net-")
        assert subnet.inputs["availabilityZone"].startswith(region)


def test_no_component_takes_a_region_that_could_reach_some_children_only() -> None:
    for args in (FargateFastAPIServiceArgs, NetworkArgs, DatabaseArgs, LoadBalancerArgs):
        assert "region" not in args.__dataclass_fields__


# Sharing


@pytest.fixture(scope="module")
def shared() -> Plan:
    """Two services on one network, cluster, load balancer and database."""

    def program() -> None:
        network = Network("net")
        balancer = LoadBalancer("lb", LoadBalancerArgs(network=network, certificate_arn=CERTIFICATE))
        database = Database("db", DatabaseArgs(network=network, instance_class="db.t4g.medium"))

        def serve(name: str, cluster_arn: Optional[Output[str]] = None) -> FargateFastAPIService:
            args = FargateFastAPIServiceArgs(
                app=FastAPIApp(image=IMAGE),
                network=network,
                load_balancer=balancer,
                database=database,
                cluster_arn=cluster_arn,
                domain=f"{name}.example.com",
                zone_id="Z1",
            )
            return FargateFastAPIService(name, args)

        serve("b", serve("a").cluster_arn)

    return plan(program, preview=False)


@pytest.mark.parametrize(
    "kind",
    [aws.ec2.Vpc, aws.lb.LoadBalancer, aws.ecs.Cluster, aws.rds.Instance, aws.ecs.ClusterCapacityProviders],
)
def test_what_is_shared_is_made_once(kind: type[pulumi.Resource], shared: Plan) -> None:
    shared.find(kind)


def test_one_https_listener_serves_both(shared: Plan) -> None:
    (listener,) = [each for each in shared.all(aws.lb.Listener) if each.inputs["port"] == 443]
    rules = shared.all(aws.lb.ListenerRule)
    assert {rule.inputs["listenerArn"] for rule in rules} == {listener.outputs["arn"]}
    assert len({rule.inputs["priority"] for rule in rules}) == 2


def test_the_second_service_waits_for_the_capacity_of_the_first_ones_cluster(shared: Plan) -> None:
    second = shared.find(aws.ecs.Service, "b-service")
    assert shared.find(aws.ecs.ClusterCapacityProviders) in second.property_dependencies["cluster"]


def test_each_name_gets_its_certificate_on_the_shared_listener(shared: Plan) -> None:
    names = {certificate.inputs["domainName"] for certificate in shared.all(aws.acm.Certificate)}
    assert names == {"a.example.com", "b.example.com"}
    assert len(shared.all(aws.lb.ListenerCertificate)) == 2


def test_services_that_share_a_domain_by_path_share_its_record_and_certificate() -> None:
    def program() -> None:
        network = Network("net")
        balancer = LoadBalancer("lb", LoadBalancerArgs(network=network, certificate_arn=CERTIFICATE))
        for name, paths in (("web", None), ("api", ["/api/*"])):
            FargateFastAPIService(
                name,
                FargateFastAPIServiceArgs(
                    app=FastAPIApp(image=IMAGE),
                    network=network,
                    load_balancer=balancer,
                    domain="shop.example.com",
                    zone_id="Z1",
                    paths=paths,
                ),
            )

    result = plan(program, preview=False)
    records = [record for record in result.all(aws.route53.Record) if record.inputs["type"] == "A"]
    assert [record.name for record in records] == ["web-alias"]
    assert len(result.all(aws.acm.Certificate)) == 1


def test_a_service_needs_no_certificate_where_the_load_balancer_brings_it() -> None:
    def program() -> None:
        network = Network("net")
        balancer = LoadBalancer("lb", LoadBalancerArgs(network=network, domain="shop.example.com", zone_id="Z1"))
        args = {"network": network, "load_balancer": balancer, "domain": "shop.example.com", "zone_id": "Z1"}
        FargateFastAPIService("web", FargateFastAPIServiceArgs(app=FastAPIApp(image=IMAGE), **args))

    result = plan(program)
    assert len(result.all(aws.acm.Certificate)) == 1
    assert result.all(aws.lb.ListenerCertificate) == []


def test_one_alarm_watches_a_shared_load_balancer(shared: Plan) -> None:
    names = [
        alarm.inputs["metricName"] for alarm in shared.all(aws.cloudwatch.MetricAlarm) if "metricName" in alarm.inputs
    ]
    assert names.count("HTTPCode_ELB_5XX_Count") == 1


@pytest.mark.parametrize(
    ("args", "endpoint"),
    [
        ({"enable_execute_command": True}, "ssmmessages"),
        ({"app": FastAPIApp(secret_arns={"T": "arn:aws:ssm:us-east-1:123456789012:parameter/t"})}, "ssm"),
    ],
)
def test_what_a_network_without_internet_lacks_is_named(args: dict[str, Any], endpoint: str) -> None:
    def program(*extra: str) -> None:
        network = Network("net", NetworkArgs(outbound=Outbound.ENDPOINTS, extra_endpoints=[*extra, "sqs"]))
        FargateFastAPIService("api", FargateFastAPIServiceArgs(network=network, **args))

    with pytest.raises(ArgumentError, match=f"extra_endpoints=.'{endpoint}'."):
        plan(program)
    plan(lambda: program(endpoint))


def test_the_services_reach_the_database_and_not_each_other(shared: Plan) -> None:
    assert reaches(shared) == {
        ("lb-lb", "a-tasks", 8000, "tcp"),
        ("lb-lb", "b-tasks", 8000, "tcp"),
        ("a-tasks", "db-db", 5432, "tcp"),
        ("b-tasks", "db-db", 5432, "tcp"),
    }


def test_the_budget_is_shared(shared: Plan) -> None:
    budget = shared.find(FargateFastAPIService, "b").outputs["connectionBudget"]
    assert [demand["client"] for demand in budget["demands"]] == ["a", "b"]


def test_their_alarms_go_to_one_topic(shared: Plan) -> None:
    topic = shared.find(aws.sns.Topic).outputs["arn"]
    assert {tuple(alarm.inputs["alarmActions"]) for alarm in shared.all(aws.cloudwatch.MetricAlarm)} == {(topic,)}


def test_nothing_shared_hangs_on_a_service(shared: Plan) -> None:
    """Destroying one service must not touch what the other one uses."""
    for kind in (aws.ec2.Vpc, aws.lb.LoadBalancer, aws.lb.Listener, aws.rds.Instance):
        for resource in shared.all(kind):
            assert not any(above.type.endswith("FargateFastAPIService") for above in resource.ancestors())


# Existing parts


def test_nothing_is_made_that_is_given(existing_network: ExistingNetwork) -> None:
    def program() -> None:
        args = FargateFastAPIServiceArgs(
            app=FastAPIApp(image=IMAGE),
            network=existing_network,
            cluster_arn=CLUSTER,
            load_balancer=ExistingLoadBalancer(
                listener_arn="arn:listener",
                security_group_id="sg-lb",
                dns_name="shared.elb.amazonaws.com",
                hosted_zone_id="Z2",
                arn_suffix="app/shared/1",
            ),
            database=ExistingDatabase(host="db", secret_arn=SECRET, security_group_id="sg-db", max_connections=100),
            domain="api.example.com",
            zone_id="Z1",
            certificate_arn=CERTIFICATE,
            alarm_topic_arn="arn:aws:sns:us-east-1:123456789012:pager",
        )
        FargateFastAPIService("api", args)

    result = plan(program, preview=False)
    made = {resource.type.rpartition(":")[2] for resource in result.resources if resource.custom}
    assert not made & {
        *("Vpc", "Subnet", "Cluster", "LoadBalancer", "Listener", "Certificate", "Zone", "Instance", "Repository"),
        *("Image", "Topic", "Secret"),
    }
    assert ecs(result)["cluster"] == CLUSTER
    assert result.find(FargateFastAPIService).outputs["clusterName"] == "shared"
    assert container(result)["image"] == IMAGE


def test_a_certificate_that_exists_serves_https_without_a_zone(service: PlanService) -> None:
    result = service(domain="api.example.com", certificate_arn=CERTIFICATE)
    assert result.all(aws.acm.Certificate) == result.all(aws.route53.Record) == []
    assert result.find(FargateFastAPIService).outputs["url"] == "https://api.example.com"


# Wrong arguments


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"cpu": 300}, "cpu: must be one of 256, 512"),
        ({"cpu": 256, "memory": 4096}, "memory: must be one of 512, 1024, 2048 MiB with cpu=256"),
        ({"cpu": "512"}, "cpu: must be a whole number, got '512'"),
        ({"architecture": "arm64"}, "architecture: must be one of ARM64, X86_64, did you mean 'ARM64'"),
        ({"tasks_min": 0}, "tasks_min: must be between 1"),
        ({"tasks_min": 5}, "tasks_max: must be between 5"),
        ({"workers": 0}, "workers: must be between 1 and 64"),
        ({"target_cpu": 95}, "target_cpu: must be between 10 and 90 %"),
        ({"spot_percent": 101}, "spot_percent: must be between 0 and 100 %"),
        ({"container_insights": "on"}, "container_insights: must be one of"),
        ({"log_retention_days": 31}, "log_retention_days: must be one of"),
        ({"keep_images": 1}, "keep_images: must be between 5 and 1000"),
        ({"domain": "api.example.com"}, "zone_id: HTTPS for api.example.com needs"),
        ({"zone_id": "Z1"}, "domain: zone_id and certificate_arn are of use only with a domain"),
        ({"paths": ["/api/*"]}, "paths: is of use only with a shared load_balancer"),
        ({"priority": 5}, "priority: is of use only with a shared load_balancer"),
        ({"requests_per_target": 5, "tasks_max": 2}, "requests_per_target: is of use only with tasks_max above"),
        ({"cluster_arn": CLUSTER, "container_insights": "enabled"}, "container_insights: is decided by"),
        ({"cluster_arn": ""}, "cluster_arn: must not be empty"),
        ({"alarm_latency": 0}, "alarm_latency: must be between"),
        ({"alarm_emails": ["nobody"]}, "alarm_emails: must be an e-mail address"),
        ({"network": "vpc-1"}, "network: must be Network or ExistingNetwork"),
        ({"network": {"vpcId": "vpc-1"}}, "network.private_subnet_ids: give public_subnet_ids"),
        ({"app": {"port": 80}}, "app.port: must be between 1024 and 65535"),
        ({"app": {"pool": {"sizze": 3}}}, "app.pool.sizze: unknown argument .* did you mean 'size'"),
        ({"app": {"source": "no/such/place"}}, "app.source: does not exist"),
        ({"deletion_protection": None}, "deletion_protection: a value is required"),
        ({"load_balancer": True}, "load_balancer: must be LoadBalancer or ExistingLoadBalancer, got True"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_made(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        FargateFastAPIServiceArgs(**args)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"internal": True}, "internal: is decided by the load_balancer that is given"),
        ({"access_logs": True}, "access_logs: is decided by the load_balancer that is given"),
        ({"priority": 50001}, "priority: must be between 1 and 50000"),
        ({"paths": ["api"]}, "paths: must be a path pattern"),
        ({"app": FastAPIApp(timeouts=Timeouts(idle=120))}, "load_balancer.idle_timeout: must be 120, .*got 60"),
        ({"network": None}, "network: is needed with a load_balancer that exists already"),
    ],
)
def test_what_does_not_go_with_a_shared_load_balancer_is_refused(
    args: dict[str, Any], problem: str, existing_network: ExistingNetwork
) -> None:
    balancer = ExistingLoadBalancer(
        listener_arn="arn:listener", security_group_id="sg", dns_name="lb", hosted_zone_id="Z", arn_suffix="app/lb/1"
    )
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        FargateFastAPIServiceArgs(**{"load_balancer": balancer, "network": existing_network, **args})


def test_an_internet_facing_service_needs_public_subnets() -> None:
    network = ExistingNetwork(vpc_id="v", private_subnet_ids=["a", "b"], outbound=Outbound.NAT)
    with pytest.raises(ArgumentError, match="internal: an internet-facing load balancer needs public_subnet_ids"):
        FargateFastAPIServiceArgs(network=network, internal=False)


@pytest.mark.parametrize(
    ("variable", "argument"),
    [
        ("DATABASE_POOL_SIZE", "app.pool"),
        ("DATABASE_MAX_OVERFLOW", "app.pool"),
        ("DATABASE_POOL_TIMEOUT", "app.pool"),
        ("DATABASE_PEAK_TASKS", "tasks_max"),
        ("DATABASE_POOLER", "proxy of the database"),
    ],
)
def test_a_pool_that_the_budget_does_not_know_is_refused(
    variable: str, argument: str, existing_network: ExistingNetwork
) -> None:
    database = ExistingDatabase(host="db", secret_arn=SECRET, security_group_id="sg-db")
    app = FastAPIApp(image=IMAGE, environment={variable: "50"})
    with pytest.raises(ArgumentError, match=rf"^app.environment\['{variable}'\]: is derived, .* set {argument}"):
        FargateFastAPIServiceArgs(app=app, network=existing_network, database=database)
    FargateFastAPIServiceArgs(app=app)  # without a database of ours the variable is the app's


@pytest.mark.parametrize(("proxy", "pooler"), [(False, None), (True, "1")])
def test_the_runtime_knows_how_many_tasks_share_the_database(proxy: bool, pooler: str | None) -> None:
    """It refuses to start with pools that do not fit; behind a proxy there is nothing to fit into."""

    def program() -> None:
        network = Network("net")
        database = Database("db", DatabaseArgs(network=network, proxy=proxy))
        args = FargateFastAPIServiceArgs(app=FastAPIApp(image=IMAGE), network=network, database=database, tasks_max=3)
        FargateFastAPIService("api", args)

    variables = {each["name"]: each["value"] for each in container(plan(program, preview=False))["environment"]}
    assert variables["DATABASE_PEAK_TASKS"] == "6"
    assert variables.get("DATABASE_POOLER") == pooler


def test_more_tasks_are_no_other_image() -> None:
    """It would be built, pushed and migrated for."""

    def tags(tasks_max: int) -> list[str]:
        def program() -> None:
            network = Network("net")
            args = FargateFastAPIServiceArgs(
                network=network, database=Database("db", DatabaseArgs(network=network)), tasks_max=tasks_max
            )
            FargateFastAPIService("api", args)

        found: list[str] = plan(program, preview=False).find("docker-build:index:Image").inputs["tags"]
        return found

    assert tags(3) == tags(4)


@pytest.mark.parametrize("name", ["", " ", None, 7])
def test_a_name_is_needed(name: Any, service: PlanService) -> None:
    with pytest.raises(ArgumentError, match=r"^name: must be text"):
        service(name)


def test_a_taken_priority_is_refused_before_anything_is_made(existing_network: ExistingNetwork) -> None:
    def program() -> None:
        balancer = LoadBalancer("lb", LoadBalancerArgs(network=existing_network))
        args: dict[str, Any] = {"app": FastAPIApp(image=IMAGE), "network": existing_network, "load_balancer": balancer}
        FargateFastAPIService("a", FargateFastAPIServiceArgs(**args, paths=["/a"], priority=7))
        with pytest.raises(ArgumentError, match="priority: a has this listener rule priority; give b another, got 7"):
            FargateFastAPIService("b", FargateFastAPIServiceArgs(**args, paths=["/b"], priority=7))

    assert {resource.name for resource in plan(program).all(FargateFastAPIService)} == {"a"}


def test_arguments_may_be_a_mapping(existing_network: ExistingNetwork) -> None:
    args = {"app": {"image": IMAGE, "port": 9000.0}, "network": existing_network, "tasksMin": 1.0, "tasks_max": 3}
    result = plan(lambda: FargateFastAPIService("api", args))  # type: ignore[arg-type]
    target = result.find(aws.appautoscaling.Target).inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (1, 3)
    assert ecs(result)["loadBalancers"][0]["containerPort"] == 9000


# Names


def test_names_and_parents_are_kept(full: Plan) -> None:
    """Another name or parent replaces the resource in each stack: it needs an alias. `UPDATE_SNAPSHOTS=1` renews it."""
    snapshot = Path(__file__).parent / "resource_names.txt"
    names = "\n".join(sorted(resource.urn.partition("::project::")[2] for resource in full.resources)) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(names)
    assert names == snapshot.read_text()


@pytest.mark.parametrize("name", ["x" * 120, "Payments API (v2)/eu", "1st", "ünïcode"])
def test_any_name_makes_valid_physical_names(name: str, service: PlanService) -> None:
    limits = {"aws:lb/loadBalancer": 32, "aws:lb/targetGroup": 32, "aws:iam/role:": 64}
    result = service(name, domain="api.example.com", zone_id="Z1")
    for resource in result.resources:
        if resource.custom:
            limit = next((limit for kind, limit in limits.items() if resource.type.startswith(kind)), 63)
            assert len(resource.name) + 8 <= limit, resource
            assert resource.name.replace("-", "").isalnum(), resource
            assert resource.name.isascii(), resource


def test_names_that_look_alike_stay_apart() -> None:
    assert len({fitting_name(name, "lb", 32) for name in ("a b", "a-b", "a_b", "a.b", "x" * 50, "x" * 51)}) == 6


def test_no_replaceable_resource_has_a_fixed_name(full: Plan) -> None:
    """A replacement is made before the old one is deleted, and two cannot have one name."""
    named: list[Resource] = [
        resource
        for resource in full.resources
        if resource.custom and isinstance(resource.inputs.get("name"), str) and resource.type.startswith("aws:")
    ]
    assert {resource.type.rpartition(":")[2] for resource in named} == {"Record", "LogGroup"}
    assert all("/" in group.inputs["name"] for group in named if group.type.endswith("LogGroup"))  # RDS decides these


def test_json_documents_are_json(full: Plan) -> None:
    for resource in full.resources:
        for key in ("policy", "assumeRolePolicy", "containerDefinitions", "dashboardBody"):
            if isinstance(resource.inputs.get(key), str):
                json.loads(resource.inputs[key])


def test_a_request_that_the_balancer_would_cut_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^app\.timeouts\.idle: must be more than request=90"):
        FargateFastAPIServiceArgs(app=FastAPIApp(timeouts=Timeouts(request=90)))
