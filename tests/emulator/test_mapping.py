import boto3
import pytest
from pulumi_fastapi.emulator.mapping import (
    Field,
    Flatten,
    Mapper,
    Request,
    dig,
    match_member,
    reconcile,
    validate,
)
from pulumi_fastapi.emulator.schema import Property, PropertyType, schema_of
from pulumi_fastapi.emulator.values import UNKNOWN

STRING = PropertyType("string")


@pytest.fixture(scope="module")
def shape_of():
    """Input shape of an operation."""
    clients = {}

    def shape(service, operation):
        if service not in clients:
            clients[service] = boto3.client(service, region_name="us-east-1")
        return clients[service].meta.service_model.operation_model(operation).input_shape

    return shape


@pytest.mark.parametrize(
    ("name", "members", "nouns", "member"),
    [
        ("cidrBlock", ("CidrBlock", "VpcId"), (), "CidrBlock"),
        ("capacityProviderStrategies", ("capacityProviderStrategy",), (), "capacityProviderStrategy"),
        ("thumbprintLists", ("ThumbprintList",), (), "ThumbprintList"),
        ("loadBalancerAddress", ("LoadBalancerAddresses",), (), None),
        ("name", ("TargetGroupName",), ("TargetGroup",), "TargetGroupName"),
        ("name", ("TargetGroupName",), (), None),
    ],
)
def test_input_finds_its_member(name, members, nouns, member):
    assert match_member(name, members, nouns) == member


def test_request_is_built_by_name(shape_of):
    request = Mapper({}).request(shape_of("ec2", "CreateSubnet"), {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24"})

    assert request.params == {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}
    assert request.problems == []


def test_counted_list_is_written_with_its_length(shape_of):
    mapper = Mapper({"methods": "DistributionConfig.DefaultCacheBehavior.AllowedMethods"})

    request = mapper.request(shape_of("cloudfront", "CreateDistribution"), {"methods": ["GET", "HEAD"]})

    behavior = request.params["DistributionConfig"]["DefaultCacheBehavior"]
    assert behavior["AllowedMethods"] == {"Quantity": 2, "Items": ["GET", "HEAD"]}


def test_counted_list_may_be_an_object_with_items(shape_of):
    mapper = Mapper({"headers": "CachePolicyConfig.ParametersInCacheKeyAndForwardedToOrigin.HeadersConfig.Headers"})

    request = mapper.request(shape_of("cloudfront", "CreateCachePolicy"), {"headers": {"items": ["Accept"]}})

    parameters = request.params["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    assert parameters["HeadersConfig"]["Headers"] == {"Quantity": 1, "Items": ["Accept"]}


@pytest.mark.parametrize(
    ("told", "methods"),
    [({"Quantity": 2, "Items": ["GET", "HEAD"]}, ["GET", "HEAD"]), ({"Quantity": 0}, [])],
    ids=["some", "none"],
)
def test_counted_list_is_read_without_its_length(told, methods):
    properties = {"allowedMethods": Property(PropertyType("list", element=STRING), required=False)}

    assert Mapper({}).inputs_from(properties, {"AllowedMethods": told}) == {"allowedMethods": methods}


def test_field_goes_to_a_nested_place(shape_of):
    mapper = Mapper({"maximum": "deploymentConfiguration.maximumPercent"})

    request = mapper.request(shape_of("ecs", "CreateService"), {"maximum": 200.0})

    assert request.params == {"deploymentConfiguration": {"maximumPercent": 200}}
    assert request.pulumi_path(("deploymentConfiguration", "maximumPercent")) == "maximum"


def test_flattened_object_goes_into_its_holder(shape_of):
    mapper = Mapper({"healthCheck": Flatten({"path": "HealthCheckPath", "matcher": "Matcher.HttpCode"})})

    request = mapper.request(
        shape_of("elbv2", "CreateTargetGroup"), {"healthCheck": {"path": "/ready", "matcher": "200"}}
    )

    assert request.params == {"HealthCheckPath": "/ready", "Matcher": {"HttpCode": "200"}}


def test_map_becomes_pairs(shape_of):
    request = Mapper({}).request(shape_of("cloudwatch", "PutMetricAlarm"), {"dimensions": {"Cluster": "c"}})

    assert request.params == {"Dimensions": [{"Name": "Cluster", "Value": "c"}]}


def test_member_that_does_not_exist_is_a_problem(shape_of):
    request = Mapper({}).request(shape_of("ec2", "CreateVpc"), {"cidrBloc": "10.0.0.0/16"})

    assert [problem.path for problem in request.problems] == ["cidrBloc"]


def test_wrong_type_is_a_problem_at_its_place(shape_of):
    request = Mapper({"containers": "containerDefinitions"}).request(
        shape_of("ecs", "RegisterTaskDefinition"), {"containers": [{"cpu": "many"}]}
    )

    assert [problem.path for problem in request.problems] == ["containers[0].cpu"]


def test_unknown_value_is_taken_as_right(shape_of):
    shape = shape_of("ec2", "CreateVpc")
    request = Mapper({}).request(shape, {"cidrBlock": UNKNOWN, "instanceTenancy": UNKNOWN})

    assert validate(shape, request) == []


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"logGroupName": "/a b"}, "logGroupName"),
        ({"logGroupName": ""}, "logGroupName"),
        ({"logGroupName": "a" * 513}, "logGroupName"),
        ({}, "logGroupName"),
        ({"logGroupName": "a", "logGroupClass": "X"}, "logGroupClass"),
        ({"logGroupName": "a", "colour": "red"}, "colour"),
    ],
    ids=["pattern", "too-short", "too-long", "missing", "enum", "member"],
)
def test_model_violation_is_found(shape_of, params, path):
    problems = validate(shape_of("logs", "CreateLogGroup"), Request(params=params))

    assert {problem.path for problem in problems} == {path}


def test_answer_is_read_into_inputs():
    mapper = Mapper(
        {
            "internal": Field("Scheme", encode=str, decode=lambda scheme: scheme == "internal"),
            "check": Flatten({"path": "HealthCheckPath"}),
            "zone": Field("ZoneId", read="Place.Zone"),
            "secret": None,
        }
    )
    declared = {
        "internal": Property(PropertyType("boolean"), False),
        "check": Property(PropertyType("object", properties={"path": Property(STRING, False)}), False),
        "zone": Property(STRING, False),
        "secret": Property(STRING, False),
        "dimensions": Property(PropertyType("map", element=STRING), False),
        "port": Property(PropertyType("number"), False),
    }

    inputs = mapper.inputs_from(
        declared,
        {
            "Scheme": "internal",
            "HealthCheckPath": "/ready",
            "Place": {"Zone": "a"},
            "Secret": "x",
            "Dimensions": [{"Name": "a", "Value": "b"}],
            "Port": "80",
        },
    )

    assert inputs == {
        "internal": True,
        "check": {"path": "/ready"},
        "zone": "a",
        "dimensions": {"a": "b"},
        "port": 80.0,
    }


def test_path_ends_where_nothing_is():
    assert dig({"a": [{"b": 1}]}, "a[0].b") == 1
    assert dig({"a": [{"b": 1}]}, "a[1].b") is None
    assert dig({"a": 1}, "a.b") is None


OBJECT = PropertyType("object", properties={"path": Property(STRING, False), "port": Property(STRING, False)})


def test_default_that_the_program_did_not_say_is_no_drift():
    assert reconcile({"path": "/"}, {"path": "/", "port": "traffic-port"}, OBJECT) == {"path": "/"}


def test_drift_is_told():
    assert reconcile({"path": "/"}, {"path": "/other"}, OBJECT) == {"path": "/other"}


def test_other_order_is_no_drift():
    strings = PropertyType("list", element=STRING)

    assert reconcile(["a", "b"], ["b", "a"], strings) == ["a", "b"]
    assert reconcile(["a", "b"], ["b", "c"], strings) == ["b", "c"]


def test_entry_of_a_map_that_came_along_is_drift():
    assert reconcile({"a": "1"}, {"a": "1", "b": "2"}, PropertyType("map", element=STRING)) == {"a": "1", "b": "2"}


def test_schema_comes_from_the_installed_sdk():
    schema = schema_of("aws:lb/targetGroup:TargetGroup")

    assert schema.inputs["healthCheck"].type.properties["interval"].type.kind == "number"
    assert not schema.inputs["port"].required
    assert "arnSuffix" in schema.outputs


def test_schema_of_a_resource_named_like_a_nested_type():
    schema = schema_of("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")

    assert schema.inputs["bucket"].required
