from typing import Any

import pulumi_gcp as gcp
import pytest
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.gcp.network import ExistingVpcNetwork, VpcNetwork, VpcNetworkArgs
from pulumi_fastapi.plan import Plan, plan

NETWORK = "projects/p/global/networks/net"
SUBNETWORK = "projects/p/regions/europe-west1/subnetworks/sub"


def planned(name: str = "net", **args: Any) -> Plan:
    return plan(lambda: VpcNetwork(name, VpcNetworkArgs(**args)), preview=False)


@pytest.fixture(scope="module")
def default() -> Plan:
    return planned()


def test_it_has_no_subnetwork_but_its_own(default: Plan) -> None:
    assert default.find(gcp.compute.Network).inputs["autoCreateSubnetworks"] is False
    assert default.find(gcp.compute.Subnetwork).inputs["ipCidrRange"] == "10.0.0.0/24"


def test_google_s_apis_are_reached_without_public_addresses(default: Plan) -> None:
    assert default.find(gcp.compute.Subnetwork).inputs["privateIpGoogleAccess"] is True


def test_google_s_services_get_a_range_of_their_own(default: Plan) -> None:
    address = default.find(gcp.compute.GlobalAddress)
    assert (address.inputs["purpose"], address.inputs["prefixLength"]) == ("VPC_PEERING", 20)
    connection = default.find(gcp.servicenetworking.Connection)
    assert connection.inputs["reservedPeeringRanges"] == [address.outputs["name"]]


def test_the_connection_does_not_outlive_the_network(default: Plan) -> None:
    # ABANDON would leave a peering that keeps the network from being deleted.
    assert default.find(gcp.servicenetworking.Connection).inputs["deletionPolicy"] == "REMOVE_PEERING"


def test_flow_logs_are_off_by_default(default: Plan) -> None:
    assert "logConfig" not in default.find(gcp.compute.Subnetwork).inputs
    assert "logConfig" in planned(flow_logs=True).find(gcp.compute.Subnetwork).inputs


def test_the_region_is_the_provider_s_unless_given(default: Plan) -> None:
    assert "region" not in default.find(gcp.compute.Subnetwork).inputs
    assert planned(region="europe-west4").find(gcp.compute.Subnetwork).inputs["region"] == "europe-west4"


def test_names_are_in_lower_case_and_stay_different() -> None:
    def program() -> None:
        VpcNetwork("Api")
        VpcNetwork("api")

    names = {each.name for each in plan(program).all(gcp.compute.Network)}
    assert len(names) == 2
    assert all(name == name.lower() for name in names)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"ip_cidr_range": "10.0.0.0/27"}, "ip_cidr_range prefix: must be between 8 and 26, got 27"),
        ({"ip_cidr_range": "8.8.0.0/24"}, "ip_cidr_range: must be a private network such as 10.0.0.0/24"),
        ({"ip_cidr_range": "10.0.0.1/24"}, "ip_cidr_range: must be an IPv4 network such as 10.0.0.0/24"),
        ({"services_prefix": 25}, "services_prefix: must be between 16 and 24, got 25"),
    ],
)
def test_a_network_that_google_refuses_is_refused_first(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        VpcNetworkArgs(**args)
    assert message in str(error.value)


@pytest.mark.parametrize(("field", "value"), [("network_id", "default"), ("subnetwork_id", "projects/p/subnetworks/s")])
def test_an_existing_network_is_named_in_full(field: str, value: str) -> None:
    with pytest.raises(ArgumentError, match=field):
        ExistingVpcNetwork(**{"network_id": NETWORK, "subnetwork_id": SUBNETWORK, field: value})


def test_self_links_name_an_existing_network_too() -> None:
    link = f"https://www.googleapis.com/compute/v1/{NETWORK}"
    assert ExistingVpcNetwork(network_id=link, subnetwork_id=SUBNETWORK).network_id == link
