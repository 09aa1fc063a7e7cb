"""What each type of AWS resource costs, in cents, checked by hand."""

import json
from decimal import Decimal

import cost_programs as programs
import pytest
from cost_programs import (
    HOURS,
    at,
    balancer,
    cents,
    database,
    expected,
    items,
    nat,
    price,
    provisioned,
    resource,
    service,
)
from pulumi_fastapi.cost import UsageFile
from pulumi_fastapi.cost.prices import default_table
from pulumi_fastapi.cost.resources import HIDDEN


def usage(**values: float) -> UsageFile:
    return UsageFile.model_validate({"resources": {"*": {key: Decimal(str(each)) for key, each in values.items()}}})


# Fargate


def test_smallest_task_on_x86_and_on_arm():
    assert expected(price(service())) == "9.01"
    assert items(price(service(architecture="ARM64"))) == {"Fargate vCPU, ARM": "5.91", "Fargate memory, ARM": "1.30"}


@pytest.mark.parametrize(("cpu", "memory"), [("256", "512"), (".25 vCPU", "0.5 GB"), ("0.25vCPU", "0.5GB")])
def test_size_in_units_or_in_words(cpu, memory):
    assert expected(price(service(cpu=cpu, memory=memory))) == "9.01"


def test_scaling_target_gives_low_expected_and_high():
    assert [cents(each) for each in price(service(scaling=(2, 6))).total] == ["18.02", "18.02", "54.06"]


def test_expected_tasks_follow_what_one_serves():
    # Logs and data to the internet are not the tasks'; take them away.
    def of_tasks(rps: float) -> str:
        estimated = price(service(scaling=(2, 6)), usage=at(rps, requests_per_second_per_task=Decimal(10)))
        return cents(sum(line.cost.expected for line in estimated.lines if line.part == "compute"))

    assert [of_tasks(rps) for rps in (0, 20, 21, 60, 500)] == ["18.02", "18.02", "27.03", "54.06", "54.06"]


def test_target_of_another_service_does_not_count():
    assert expected(price(service("one"), service("two", scaling=(3, 3)))) == "36.04"


def test_spot_takes_its_share_above_the_base():
    strategies = [
        {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
    ]
    estimated = price(service(count=5, launchType=None, capacityProviderStrategies=strategies))

    # 1 + 4 x 1/4 = 2 on demand, 3 on Spot.
    assert items(estimated) == {
        "Fargate vCPU, x86": "14.78",
        "Fargate memory, x86": "3.24",
        "Fargate Spot vCPU, x86": "6.67",
        "Fargate Spot memory, x86": "1.47",
    }


def test_one_provider_alone_needs_no_weight():
    estimated = price(service(launchType=None, capacityProviderStrategies=[{"capacityProvider": "FARGATE"}]))

    assert expected(estimated) == "9.01"


def test_tasks_on_instances_of_a_mixed_strategy_are_not_fargates():
    strategies = [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "instances", "weight": 3}]

    assert expected(price(service(count=4, launchType=None, capacityProviderStrategies=strategies))) == "9.01"


def test_high_bound_of_spot_is_on_demand():
    strategies = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    estimated = price(service(launchType=None, capacityProviderStrategies=strategies))

    assert items(estimated, 2) == {"Fargate Spot vCPU, x86": "7.39", "Fargate Spot memory, x86": "1.62"}


def test_strategy_of_the_cluster_holds_for_its_services():
    cluster = resource("aws:ecs/cluster:Cluster")
    capacity = resource(
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        links={"clusterName": [cluster]},
        defaultCapacityProviderStrategies=[{"capacityProvider": "FARGATE", "weight": 1}],
    )
    task, made = service(launchType=None)
    made.links["cluster"] = (cluster.urn,)

    assert expected(price(cluster, capacity, task, made)) == "9.01"


@pytest.mark.parametrize("launch", [{"launchType": "EC2"}, {"launchType": None}])
def test_tasks_on_instances_are_not_priced_as_fargate(launch):
    assert price(service(**launch)).lines == ()


def test_storage_above_20_gb():
    task, made = service()
    task.inputs["ephemeralStorage"] = {"sizeInGib": 120}

    assert items(price(task, made))["Fargate storage above 20 GB"] == "8.10"


def test_each_running_task_pays_for_its_public_address():
    estimated = price(service(scaling=(1, 3), public=True))

    assert [items(estimated, bound)["public IPv4 of tasks"] for bound in range(3)] == ["3.65", "3.65", "10.95"]


def test_windows_task_is_not_priced_as_linux():
    task, made = service()
    task.inputs["runtimePlatform"] = {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}

    assert {line.price_id for line in price(task, made).missing} == {
        "fargate.windows.x86.vcpu",
        "fargate.windows.x86.gb",
    }


def test_service_without_its_task_definition_is_listed():
    _, made = service()
    made.inputs["taskDefinition"] = "arn:aws:ecs:us-east-1:1:task-definition/other:3"

    estimated = price(made)

    assert [each.reason for each in estimated.not_priced] == ["task definition 'other' is not part of this stack"]


def insights(mode: str):
    return resource("aws:ecs/cluster:Cluster", settings=[{"name": "containerInsights", "value": mode}])


def test_container_insights_makes_metrics_of_what_runs_in_the_cluster():
    cluster = insights("enabled")
    task, made = service()
    made.links["cluster"] = (cluster.urn,)

    assert items(price(cluster, task, made))["Container Insights metrics"] == f"{(10 + 13 + 8) * 0.3:.2f}"
    assert expected(price(cluster)) == "3.00"
    assert expected(price(cluster, usage=usage(metrics=20))) == "6.00"


def test_enhanced_container_insights_is_said_until_its_metrics_are_given():
    assert "metrics" in price(insights("enhanced")).not_priced[0].reason
    assert price(insights("enhanced"), usage=usage(metrics=20)).missing


def test_registry_keeps_what_its_rule_keeps():
    registry = resource("aws:ecr/repository:Repository")
    rules = [{"selection": {"countType": "imageCountMoreThan", "countNumber": 10}}]
    policy = resource(
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        links={"repository": [registry]},
        policy=json.dumps({"rules": rules}),
    )
    given = usage(image_gb=0.35, deploys_per_month=40)

    kept, growing = price(registry, policy, usage=given), price(registry, usage=given)

    assert (expected(kept), expected(growing)) == ("0.35", "16.80")
    assert "without the rule 168.00 GB after a year: 16.80 a month" in kept.lines[0].warning
    assert "168.00 GB after a year, and growing" in growing.lines[0].warning


# Network


def test_load_balancer_with_its_addresses():
    assert items(price(balancer())) == {"ALB hours": "16.43", "public IPv4 of the load balancer": "7.30"}


def test_internal_load_balancer_has_no_public_address():
    assert expected(price(balancer(internal=True))) == "16.43"


def test_addresses_that_are_resources_of_their_own_count_once():
    mappings = [{"subnetId": "a", "allocationId": "eip-1"}, {"subnetId": "b"}]

    assert items(price(balancer(subnetMappings=mappings)))["public IPv4 of the load balancer"] == "3.65"


def test_network_load_balancer_has_its_own_rate():
    assert items(price(balancer(loadBalancerType="network")))["NLB hours"] == "16.43"


def test_gateway_load_balancer_is_listed():
    assert price(balancer(loadBalancerType="gateway")).not_priced[0].reason == "gateway load balancers are not priced"


@pytest.mark.parametrize(
    ("traffic", "units"),
    [
        ({"requests_per_second": 50}, "2.00"),  # new connections
        ({"requests_per_second": 50, "requests_per_connection": 100, "latency_ms": 120_000}, "2.00"),  # active ones
        ({"requests_per_second": 1, "response_bytes": 596_523}, "2.00"),  # GB an hour
    ],
)
def test_capacity_units_are_the_largest_of_their_measures(traffic, units):
    estimated = price(balancer(), usage=UsageFile.model_validate({"traffic": traffic}))

    assert next(line.note for line in estimated.lines if line.item == "ALB capacity units") == f"{units} units"


def test_many_listener_rules_are_evaluated():
    lb, other = balancer(), balancer("other")
    listener = resource("aws:lb/listener:Listener", links={"loadBalancerArn": [lb]})
    links = {"listenerArn": [listener]}
    rules = [resource("aws:lb/listenerRule:ListenerRule", f"rule-{each}", links=links) for each in range(60)]
    estimated = price(lb, other, listener, rules, usage=at(200, requests_per_connection=1000))

    notes = {line.resource.name: line.note for line in estimated.lines if line.item == "ALB capacity units"}
    assert notes == {"lb": "5.00 units", "other": "1.68 units"}


def test_two_load_balancers_share_the_traffic():
    one, two = price(balancer("a"), usage=at(50)), price(balancer("a"), balancer("b"), usage=at(50))

    assert items(one)["ALB capacity units"] == items(two)["ALB capacity units"] == "11.68"


def test_nat_gateway_pays_its_address_once():
    assert expected(price(nat())) == "36.50"


def test_nat_gateway_pays_for_data():
    assert items(price(nat(), usage=usage(data_gb=100)))["NAT gateway data"] == "4.50"


def test_logs_of_private_tasks_go_through_the_nat_gateways():
    traffic = at(100, log_bytes=1000)
    gigabytes = 100 * 1000 * 2_628_000 / 2**30

    private = price(nat(2), service(), usage=traffic)
    public = price(nat(2), service(public=True), usage=traffic)

    assert items(private)["NAT gateway data"] == f"{gigabytes * 0.045:.2f}"
    assert "NAT gateway data" not in items(public)


def test_logs_go_through_the_logs_endpoint_where_there_is_one():
    endpoint = interface_endpoint("logs")
    estimated = price(nat(), endpoint, service(), usage=at(100, log_bytes=1000))

    assert "NAT gateway data" not in items(estimated)
    assert items(estimated)["interface endpoint data"] == f"{100 * 1000 * 2_628_000 / 2**30 * 0.01:.2f}"


def interface_endpoint(name: str, zones: int = 2):
    return resource(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        name,
        vpcEndpointType="Interface",
        serviceName=f"com.amazonaws.us-east-1.{name}",
        subnetIds=[f"subnet-{each}" for each in range(zones)],
    )


def test_interface_endpoint_is_billed_in_each_zone():
    assert expected(price(interface_endpoint("sqs", 3))) == "21.90"


def test_gateway_endpoint_is_free():
    assert price(resource("aws:ec2/vpcEndpoint:VpcEndpoint", vpcEndpointType="Gateway")).lines == ()


def test_answers_leave_through_the_load_balancer_once():
    estimated = price(balancer(), service(public=True), usage=at(10))

    egress = [line for line in estimated.lines if line.item == "data to the internet"]
    assert [line.resource.name for line in egress] == ["lb"]
    assert cents(egress[0].cost.expected) == "11.01"


def test_answers_of_a_service_without_a_load_balancer_leave_through_its_addresses():
    assert items(price(service(public=True), usage=at(10)))["data to the internet"] == "11.01"


def test_answers_behind_cloudfront_leave_through_it():
    estimated = price(balancer(), resource("aws:cloudfront/distribution:Distribution"), usage=at(10))

    assert "data to the internet" not in items(estimated)
    assert items(estimated)["CloudFront data"] == "10.40"
    assert items(estimated)["CloudFront HTTPS requests"] == "26.28"


# Data


def test_database_with_storage_and_the_secret_of_its_password():
    assert items(price(database(manageMasterUserPassword=True))) == {
        "db.t4g.micro, Single-AZ": "11.68",
        "gp3 storage, Single-AZ": "2.30",
        "secret of the master password": "0.40",
    }


def test_multi_az_database_doubles_storage_and_has_its_own_rate():
    assert items(price(database("db.t4g.medium", multiAz=True))) == {
        "db.t4g.medium, Multi-AZ": "94.17",
        "gp3 storage, Multi-AZ": "4.60",
    }


def test_storage_that_grows_is_a_range():
    estimated = price(database(maxAllocatedStorage=100))

    assert [items(estimated, bound)["gp3 storage, Single-AZ"] for bound in range(3)] == ["2.30", "2.30", "11.50"]


@pytest.mark.parametrize(
    ("storage", "iops", "billed"), [(20, 4000, "20.00"), (400, 14000, "40.00"), (400, 12000, None)]
)
def test_iops_above_what_gp3_includes(storage, iops, billed):
    assert items(price(database(storage=storage, iops=iops))).get("gp3 IOPS") == billed


def test_backups_beyond_the_size_of_the_storage():
    assert items(price(database(), usage=usage(backup_gb=120)))["backups beyond the size of the storage"] == "9.50"
    assert "backups beyond the size of the storage" not in items(price(database(), usage=usage(backup_gb=20)))


def test_public_database_pays_for_its_address():
    assert items(price(database(publiclyAccessible=True)))["public IPv4 of the database"] == "3.65"


def test_replica_is_priced_as_what_it_copies():
    source = database(storage=100)
    replica = resource(
        "aws:rds/instance:Instance", "replica", links={"replicateSourceDb": [source]}, instanceClass="db.t4g.micro"
    )

    lines = [line for line in price(source, replica).lines if line.resource is replica]

    assert [cents(line.cost.expected) for line in lines] == ["11.68", "11.50", "0.00"]


def test_database_without_an_engine_is_listed():
    assert price(database(engine=None)).not_priced[0].reason == "engine is not given"


def test_other_engine_is_not_priced_as_postgresql():
    assert {line.price_id for line in price(database(engine="mysql")).missing} == {"rds.mysql.db.t4g.micro.single"}


def test_tasks_in_other_zones_pay_for_what_they_exchange_with_the_database():
    estimated = price(database(), service(subnets=("a", "b", "c")), usage=at(100, database_bytes=3000))

    gigabytes = 100 * 3000 * 2_628_000 / 2**30 * 2 / 3
    assert items(estimated)["data between zones, app and database"] == f"{gigabytes * 0.01:.2f}"


def test_function_in_the_network_pays_for_what_it_exchanges_with_the_database_too():
    function = resource("aws:lambda/function:Function", vpcConfig={"subnetIds": ["a", "b"]})

    estimated = price(database(), function, usage=at(100, database_bytes=3000))

    gigabytes = 100 * 3000 * 2_628_000 / 2**30 / 2
    assert items(estimated)["data between zones, app and database"] == f"{gigabytes * 0.01:.2f}"


@pytest.mark.parametrize(("size", "cost"), [("db.t4g.micro", "21.90"), ("db.m7g.2xlarge", "87.60")])
def test_proxy_is_billed_by_the_vcpus_behind_it(size, cost):
    db = database(size)
    proxy = resource("aws:rds/proxy:Proxy")
    links = {"dbProxyName": [proxy], "dbInstanceIdentifier": [db]}
    target = resource("aws:rds/proxyTarget:ProxyTarget", links=links)

    assert items(price(db, proxy, target))["RDS Proxy"] == cost


def test_proxy_of_a_database_elsewhere_counts_two_vcpus():
    assert expected(price(resource("aws:rds/proxy:Proxy"))) == "21.90"


def test_aurora_serverless_between_its_capacities():
    scaling = {"minCapacity": 0.5, "maxCapacity": 4}
    cluster = resource("aws:rds/cluster:Cluster", serverlessv2ScalingConfiguration=scaling)
    links = {"clusterIdentifier": [cluster]}
    instance = resource("aws:rds/clusterInstance:ClusterInstance", links=links, instanceClass="db.serverless")

    assert [cents(each) for each in price(cluster, instance).total] == ["43.80", "43.80", "350.40"]


def test_cache_nodes():
    group = resource(
        "aws:elasticache/replicationGroup:ReplicationGroup",
        nodeType="cache.t4g.micro",
        engine="redis",
        numNodeGroups=2,
        replicasPerNodeGroup=1,
    )
    assert expected(price(group)) == "46.72"


def test_bucket_holds_what_is_said():
    assert expected(price(resource("aws:s3/bucket:Bucket"), usage=usage(storage_gb=100))) == "2.30"


# Functions


def test_function_requests_and_duration():
    function = resource("aws:lambda/function:Function", memorySize=512, architectures=["arm64"])
    api = resource("aws:apigatewayv2/api:Api")
    estimated = price(function, api, usage=usage(requests=1_000_000))

    assert items(estimated) == {
        "Lambda requests": "0.20",
        "Lambda duration, arm64": "0.67",
        "HTTP API requests": "1.00",
    }


def test_large_answers_count_as_several_requests():
    given = UsageFile.model_validate({"resources": {"*": {"requests": 1_000_000, "response_bytes": 600 * 1024}}})

    assert items(price(resource("aws:apigatewayv2/api:Api"), usage=given))["HTTP API requests"] == "2.00"


def test_provisioned_concurrency_is_billed_all_month_and_lowers_the_rate_within_it():
    within = items(price(provisioned(), usage=at(10, latency_ms=100)))
    beyond = items(price(provisioned(), usage=at(100, latency_ms=100)))

    assert within["Lambda provisioned concurrency, arm64"] == "17.52"
    assert within["Lambda duration within provisioned concurrency, arm64"] == "20.44"
    assert "Lambda duration, arm64" not in within
    # 10 busy on average, 2 of them provisioned.
    assert beyond["Lambda duration within provisioned concurrency, arm64"] == "40.88"
    assert beyond["Lambda duration, arm64"] == f"{8 * 2_628_000 * 0.0000133334:.2f}"


def test_provisioned_concurrency_of_an_alias_scales_with_its_target():
    function, config = provisioned()
    alias = resource("aws:lambda/alias:Alias", links={"functionName": [function]})
    config.links.update(functionName=(alias.urn,), qualifier=(alias.urn,))
    target = resource("aws:appautoscaling/target:Target", links={"resourceId": [alias]}, minCapacity=2, maxCapacity=6)

    low, expected_, high = price(function, config, alias, target).total

    assert (cents(low), cents(expected_), cents(high)) == ("17.52", "17.52", "52.56")


def test_scaling_of_another_alias_does_not_count():
    target = resource("aws:appautoscaling/target:Target", resourceId="function:other:live", maxCapacity=6)

    assert cents(price(provisioned(), target).total.high) == "17.52"


@pytest.mark.parametrize("principal", ["apigateway.amazonaws.com", "elasticloadbalancing.amazonaws.com", "*"])
def test_traffic_goes_to_the_functions_that_an_entry_may_call(principal):
    called, other = (resource("aws:lambda/function:Function", name) for name in ("called", "other"))
    alias = resource("aws:lambda/alias:Alias", links={"functionName": [called]})
    entry = resource("aws:lambda/permission:Permission", links={"function": [alias]}, principal=principal)
    timer = resource("aws:lambda/permission:Permission", "timer", links={"function": [other]}, principal="events")

    estimated = price(called, other, alias, entry, timer, usage=at(10))

    requests = {line.resource.name: line.cost.expected for line in estimated.lines if line.item == "Lambda requests"}
    assert (cents(requests["called"]), requests["other"]) == ("5.26", 0)


def test_functions_share_the_traffic_where_no_entry_is_known():
    two = [resource("aws:lambda/function:Function", name) for name in ("one", "other")]

    estimated = price(two, usage=at(10))

    assert {cents(line.cost.expected) for line in estimated.lines if line.item == "Lambda requests"} == {"2.63"}


def test_access_log_of_an_http_api_has_a_line_for_each_request():
    api, group = resource("aws:apigatewayv2/api:Api"), resource("aws:cloudwatch/logGroup:LogGroup", retentionInDays=30)
    stage = resource("aws:apigatewayv2/stage:Stage", links={"apiId": [api], "accessLogSettings": [group]})

    assert items(price(api, group, stage, usage=at(10)))["logs written"] == "3.67"


def test_storage_of_a_function_above_512_mb():
    function = resource("aws:lambda/function:Function", memorySize=1024, ephemeralStorage={"size": 1536})

    assert items(price(function, usage=at(100, latency_ms=1000)))["Lambda storage above 512 MB"] == "8.12"


@pytest.mark.parametrize(("rps", "cost"), [("0.5", "6.57"), ("1", "13.14"), ("101", "78.84")])
def test_traces_are_one_a_second_and_five_percent_of_the_rest(rps, cost):
    traced = resource("aws:lambda/function:Function", tracingConfig={"mode": "Active"})

    assert items(price(traced, usage=at(rps)))["X-Ray traces"] == cost
    assert "X-Ray traces" not in items(price(resource("aws:lambda/function:Function"), usage=at(rps)))


def test_functions_behind_a_load_balancer_fill_its_units_sooner():
    group = resource("aws:lb/targetGroup:TargetGroup", targetType="lambda")
    given = at(100, response_bytes=30_000, requests_per_connection=100)

    units = [
        price(*each, usage=given).lines[1].quantity.expected / HOURS for each in ([balancer()], [balancer(), group])
    ]

    assert units[1] == units[0] * Decimal("2.5")


@pytest.mark.parametrize(
    ("expression", "calls"),
    [("rate(5 minutes)", 8760), ("rate(1 hour)", 730), ("at(2027-01-01T00:00:00)", 1), ("cron(0 1 * * ? *)", 43800)],
)
def test_schedule_runs_as_often_as_it_says(expression, calls):
    estimated = price(resource("aws:scheduler/schedule:Schedule", scheduleExpression=expression))

    assert estimated.lines[0].quantity.expected * 1_000_000 == calls
    assert cents(estimated.total.expected * 100) == cents(Decimal(calls) / 10_000)


def test_schedule_by_cron_is_counted_at_its_most_and_says_so():
    estimated = price(resource("aws:scheduler/schedule:Schedule", scheduleExpression="cron(0 1 * * ? *)"))

    assert "cron(0 1 * * ? *), counted as if it ran each minute" in estimated.lines[0].note


# Security and observability


@pytest.mark.parametrize(
    ("type_", "inputs", "cost"),
    [
        ("secretsmanager/secret:Secret", {}, "0.40"),
        ("kms/key:Key", {}, "1.00"),
        ("route53/zone:Zone", {}, "0.50"),
        ("wafv2/webAcl:WebAcl", {"rules": [{}, {}]}, "7.00"),
        ("cloudwatch/dashboard:Dashboard", {}, "3.00"),
        ("cloudwatch/compositeAlarm:CompositeAlarm", {}, "0.50"),
        ("cloudwatch/metricAlarm:MetricAlarm", {"period": 60}, "0.10"),
        ("cloudwatch/metricAlarm:MetricAlarm", {"period": 10}, "0.30"),
        ("cloudwatch/logMetricFilter:LogMetricFilter", {}, "0.30"),
        ("ssm/parameter:Parameter", {"tier": "Advanced"}, "0.05"),
        ("ssm/parameter:Parameter", {}, "0.00"),
        ("ec2/eip:Eip", {}, "3.65"),
    ],
)
def test_fixed_price(type_, inputs, cost):
    assert expected(price(resource(f"aws:{type_}", **inputs))) == cost


def test_alarm_counts_its_metrics_not_its_expressions():
    queries = [{"metric": {"period": 60}}, {"metric": {"period": 60}}, {"expression": "m1 / m2"}]

    assert expected(price(resource("aws:cloudwatch/metricAlarm:MetricAlarm", metricQueries=queries))) == "0.20"


def test_anomaly_alarm_counts_three_metrics():
    queries = [{"expression": "ANOMALY_DETECTION_BAND(m1)"}, {"metric": {"period": 30}}]

    assert expected(price(resource("aws:cloudwatch/metricAlarm:MetricAlarm", metricQueries=queries))) == "0.90"


def log_group(days: int | None):
    return resource(
        "aws:cloudwatch/logGroup:LogGroup", name="/aws/lambda/x", **({"retentionInDays": days} if days else {})
    )


def test_logs_are_written_once_and_kept_as_long_as_the_retention_says():
    assert items(price(log_group(73), usage=usage(ingest_gb=100))) == {"logs written": "50.00", "logs kept": "7.20"}


def test_logs_that_never_expire_are_those_of_a_year():
    assert items(price(log_group(None), usage=usage(ingest_gb=100)))["logs kept"] == "36.00"


def test_traffic_writes_into_the_log_groups_of_the_tasks():
    group = resource("aws:cloudwatch/logGroup:LogGroup", "app", retentionInDays=7)
    other = resource("aws:cloudwatch/logGroup:LogGroup", "flow", retentionInDays=7)
    task, made = service()
    task.links["containerDefinitions"] = (group.urn,)

    written = [line for line in price(task, made, group, other, usage=at(10)).lines if line.item == "logs written"]

    assert {line.resource.name: cents(line.cost.expected) for line in written} == {"app": "3.67", "flow": "0.00"}


def test_logs_of_a_function_without_a_log_group_are_counted_with_it():
    function = resource("aws:lambda/function:Function")

    assert items(price(function, usage=at(10)))["logs written"] == "3.67"


# What is not known


def test_unknown_type_is_listed_by_name():
    estimated = price(resource("aws:gamelift/fleet:Fleet", "arena"))

    assert [(each.resource.name, each.reason) for each in estimated.not_priced] == [
        ("arena", "resources of this type are not priced")
    ]
    assert estimated.at_least


def test_free_types_are_counted_and_nothing_more():
    estimated = price(
        resource("aws:ec2/vpc:Vpc"), resource("aws:iam/role:Role"), resource("random:index/pet:RandomPet")
    )

    assert (estimated.free, estimated.lines, estimated.at_least) == (3, (), False)


def test_input_that_only_a_deployment_knows_leaves_the_rest_priced():
    unknown = programs.resource("aws:rds/instance:Instance", engine="postgres", instanceClass=HIDDEN)

    estimated = price(unknown, balancer())

    assert expected(estimated) == "23.73"
    assert estimated.not_priced[0].reason == "instanceClass is known only after a deployment"


def test_input_of_an_unexpected_shape_is_listed():
    estimated = price(database(allocatedStorage="much"), balancer())

    assert "an input has an unexpected shape" in estimated.not_priced[0].reason
    assert estimated.total.expected > 23


def test_price_that_is_not_known_is_no_saving():
    known = price(service())
    table = default_table().without("fargate.linux.arm64.vcpu", "fargate.linux.arm64.gb")

    assert [each.change for each in known.savings] == ["x86: run on ARM64"]
    assert price(service(), table=table).savings == ()


def test_price_that_is_missing_adds_nothing_and_is_said():
    table = default_table().without("alb.hour")
    estimated = price(balancer(), table=table)

    assert expected(estimated) == "7.30"
    assert estimated.at_least
    assert [line.item for line in estimated.missing] == ["ALB hours"]
