"""Where a service meets its database: a subnetwork for Direct VPC egress, and a range for Google's services."""

import ipaddress
from abc import ABC
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Union

import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from ..component import as_args
from ..errors import ArgumentError
from ..validation import check_fields, in_range, matches
from .apis import Apis
from .component import GoogleComponent

SMALLEST_SUBNETWORK = 26
"""Prefix of the smallest subnetwork that Direct VPC egress takes."""

_SERVICES = "servicenetworking.googleapis.com"


@dataclass(frozen=True, kw_only=True)
class VpcNetworkArgs:
    """Inputs of `VpcNetwork`."""

    ip_cidr_range: str = "10.0.0.0/24"
    """Addresses of the subnetwork, /8 to /26, private. Cloud Run takes about two per instance, and keeps those of an
    instance that stopped for some minutes. Default 10.0.0.0/24: about 120 instances."""
    services_prefix: int = 20
    """Size of the range that Google's services get, as a prefix, 16 to 24; each region with a Cloud SQL instance takes
    a /24 of it. Default 20."""
    region: Optional[Input[str]] = None
    """Region of the subnetwork. Default: the provider's."""
    enable_apis: bool = True
    """Enable the APIs that it needs in the project; they stay enabled afterwards. Default on; off where the deployer
    may not do that and they are enabled already."""
    flow_logs: bool = False
    """Record the connections of the subnetwork in Cloud Logging. Default off, it is billed by volume."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("services_prefix", self.services_prefix, 16, 24)
        try:
            network = ipaddress.IPv4Network(self.ip_cidr_range)
        except ValueError as error:
            raise ArgumentError(
                "ip_cidr_range", self.ip_cidr_range, f"must be an IPv4 network such as 10.0.0.0/24 ({str(error)[:80]})"
            ) from None
        in_range("ip_cidr_range prefix", network.prefixlen, 8, SMALLEST_SUBNETWORK)
        if not network.is_private:
            raise ArgumentError("ip_cidr_range", self.ip_cidr_range, "must be a private network such as 10.0.0.0/24")


@dataclass(frozen=True, kw_only=True)
class ExistingVpcNetwork(ABC):
    """A VPC network that exists already, for where a `VpcNetwork` would be made."""

    network_id: Input[str]
    """The network, as `projects/{project}/global/networks/{name}`. For a Cloud SQL instance it must be connected to
    Google's services already (private services access)."""
    subnetwork_id: Input[str]
    """Its subnetwork for the service, as `projects/{project}/regions/{region}/subnetworks/{name}`, /26 or larger."""

    def __post_init__(self) -> None:
        check_fields(self)
        matches(
            "network_id", self.network_id, r".*projects/[^/]+/global/networks/[^/]+", "projects/P/global/networks/N"
        )
        matches(
            "subnetwork_id",
            self.subnetwork_id,
            r".*projects/[^/]+/regions/[^/]+/subnetworks/[^/]+",
            "projects/P/regions/R/subnetworks/N",
        )

    connection = None


class VpcNetwork(GoogleComponent):
    """A VPC network with one subnetwork for a service's Direct VPC egress, connected to Google's own services.

    Creates a network without automatic subnetworks, a subnetwork that reaches Google's APIs without public addresses,
    a reserved range of addresses and the connection that gives a Cloud SQL instance a private address of it.
    Costs nothing by itself.

    Cloud Run gives its addresses back one to two hours after a service is deleted; until then the subnetwork cannot be,
    so a destroy of both together has to be run again later.
    """

    network_id: Output[str]
    """`projects/{project}/global/networks/{name}`."""
    subnetwork_id: Output[str]
    """`projects/{project}/regions/{region}/subnetworks/{name}`."""

    def __init__(
        self, name: str, args: Optional[VpcNetworkArgs] = None, opts: Optional[ResourceOptions] = None
    ) -> None:
        self.args = args = as_args(VpcNetworkArgs, args)
        super().__init__(name, args, opts)
        if args.enable_apis:
            self.wait_for(Apis(name, ("compute.googleapis.com", _SERVICES), opts=self.child).services)
        network = gcp.compute.Network(self.child_name("network"), auto_create_subnetworks=False, opts=self.child)
        subnetwork = gcp.compute.Subnetwork(
            self.child_name("subnetwork"),
            network=network.id,
            ip_cidr_range=args.ip_cidr_range,
            region=args.region,
            private_ip_google_access=True,
            log_config=gcp.compute.SubnetworkLogConfigArgs() if args.flow_logs else None,
            opts=self.child,
        )
        services = gcp.compute.GlobalAddress(
            self.child_name("services"),
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            prefix_length=args.services_prefix,
            network=network.id,
            opts=self.child,
        )
        # What gets a private address depends on it; no input says so.
        self.connection = gcp.servicenetworking.Connection(
            self.child_name("services"),
            network=network.id,
            service=_SERVICES,
            reserved_peering_ranges=[services.name],
            # Google keeps the connection "in use" for days after the last instance; the peering alone can go at once,
            # and the network with it.
            deletion_policy="REMOVE_PEERING",
            opts=self.child,
        )
        self.publish(network_id=network.id, subnetwork_id=subnetwork.id)


# A VpcNetwork can stand wherever an existing one can; the provider schema, read at run time, knows no unions.
ExistingVpcNetwork.register(VpcNetwork)
if TYPE_CHECKING:
    VpcNetworkLike = Union[VpcNetwork, ExistingVpcNetwork]
else:
    VpcNetworkLike = ExistingVpcNetwork
