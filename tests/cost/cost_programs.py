"""Resources to price, written down by hand, and short ways to read an estimate."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Optional

from pulumi_fastapi.cost import Estimate, Resource, Traffic, UsageFile, estimate
from pulumi_fastapi.cost.prices import PriceTable

HOURS = Decimal(730)


def resource(
    type_: str, name: str = "it", *, region: str = "", links: Optional[Mapping[str, Any]] = None, **inputs: Any
) -> Resource:
    """One resource; `links` maps an input to the resources it is made from."""
    provider = type_.partition(":")[0]
    return Resource(
        urn=urn(type_, name),
        type=type_,
        name=name,
        provider=provider,
        region=region or {"aws": "us-east-1", "gcp": "us-central1"}.get(provider, ""),
        inputs=inputs,
        links={key: tuple(each.urn for each in value) for key, value in (links or {}).items()},
    )


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:test::project::{type_}::{name}"


def service(
    name: str = "api",
    *,
    cpu: int = 256,
    memory: int = 512,
    count: int = 1,
    scaling: Optional[tuple[int, int]] = None,
    public: bool = False,
    architecture: str = "X86_64",
    region: str = "us-east-1",
    subnets: Sequence[str] = ("a", "b"),
    **inputs: Any,
) -> list[Resource]:
    """A Fargate service with its task definition, and its scaling target if it has one."""
    task = resource(
        "aws:ecs/taskDefinition:TaskDefinition",
        name,
        region=region,
        cpu=str(cpu),
        memory=str(memory),
        runtimePlatform={"cpuArchitecture": architecture},
        requiresCompatibilities=["FARGATE"],
    )
    made = resource(
        "aws:ecs/service:Service",
        name,
        region=region,
        links={"taskDefinition": [task]},
        **{
            "launchType": "FARGATE",
            "desiredCount": count,
            "networkConfiguration": {"assignPublicIp": public, "subnets": list(subnets)},
        }
        | inputs,
    )
    if scaling is None:
        return [task, made]
    low, high = scaling
    target = resource(
        "aws:appautoscaling/target:Target",
        name,
        region=region,
        links={"resourceId": [made]},
        minCapacity=low,
        maxCapacity=high,
    )
    return [task, made, target]


def balancer(name: str = "lb", *, subnets: int = 2, region: str = "us-east-1", **inputs: Any) -> Resource:
    return resource(
        "aws:lb/loadBalancer:LoadBalancer",
        name,
        region=region,
        **{"loadBalancerType": "application", "subnets": [f"subnet-{each}" for each in range(subnets)]} | inputs,
    )


def nat(count: int = 1, *, region: str = "us-east-1") -> list[Resource]:
    """NAT gateways, each with its address."""
    made = []
    for index in range(count):
        address = resource("aws:ec2/eip:Eip", f"nat-{index}", region=region)
        links = {"allocationId": [address]}
        made += [address, resource("aws:ec2/natGateway:NatGateway", f"nat-{index}", region=region, links=links)]
    return made


def database(size: str = "db.t4g.micro", *, storage: int = 20, region: str = "us-east-1", **inputs: Any) -> Resource:
    return resource(
        "aws:rds/instance:Instance",
        "db",
        region=region,
        **{"engine": "postgres", "instanceClass": size, "allocatedStorage": storage, "storageType": "gp3"} | inputs,
    )


def provisioned(chip: str = "arm64", *, count: int = 2, region: str = "us-east-1") -> list[Resource]:
    """A function of 1 GB with environments that are kept ready."""
    function = resource(
        "aws:lambda/function:Function", f"kept-{chip}", region=region, memorySize=1024, architectures=[chip]
    )
    config = resource(
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        f"kept-{chip}",
        region=region,
        links={"functionName": [function]},
        provisionedConcurrentExecutions=count,
    )
    return [function, config]


def cloud_run(
    name: str = "run",
    *,
    cpu: str = "1",
    memory: str = "512Mi",
    minimum: int = 0,
    maximum: Optional[int] = 10,
    by_request: bool = True,
    region: str = "us-central1",
    concurrency: int = 80,
) -> Resource:
    scaling = {"minInstanceCount": minimum} | ({"maxInstanceCount": maximum} if maximum is not None else {})
    container = {"image": "x", "resources": {"limits": {"cpu": cpu, "memory": memory}, "cpuIdle": by_request}}
    return resource(
        "gcp:cloudrunv2/service:Service",
        name,
        region=region,
        location=region,
        template={"containers": [container], "scaling": scaling, "maxInstanceRequestConcurrency": concurrency},
    )


def cloud_sql(tier: str = "db-f1-micro", version: str = "POSTGRES_18", **settings: Any) -> Resource:
    return resource(
        "gcp:sql/databaseInstance:DatabaseInstance",
        "sql",
        databaseVersion=version,
        settings={"tier": tier, "diskSize": 10} | settings,
    )


def at(rps: float | int | str, **traffic: Any) -> UsageFile:
    """Usage with that many requests per second."""
    return UsageFile(traffic=Traffic(requests_per_second=Decimal(str(rps)), **traffic))


def price(
    *resources: Resource | Sequence[Resource], usage: Optional[UsageFile] = None, table: Optional[PriceTable] = None
) -> Estimate:
    flat = [each for group in resources for each in ([group] if isinstance(group, Resource) else group)]
    return estimate(flat, usage=usage, table=table)


def cents(amount: Decimal) -> str:
    return f"{round_half_up(amount):.2f}"


def round_half_up(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def expected(estimated: Estimate) -> str:
    """The expected total in cents."""
    return cents(estimated.total.expected)


def items(estimated: Estimate, which: int = 1) -> dict[str, str]:
    """Cost by item, in cents: low (0), expected (1) or high (2); what costs nothing is left out."""
    sums: dict[str, Decimal] = {}
    for line in estimated.lines:
        sums[line.item] = sums.get(line.item, Decimal(0)) + line.cost[which]
    return {item: cents(cost) for item, cost in sums.items() if cost}
