"""Update the price tables from AWS's bulk price lists and Google's SKU list.

A list that cannot be fetched, or does not look as it should, changes nothing: its old prices stay.
"""

import csv
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Optional

import httpx

from .prices import PriceDataError, load

AWS_URL = "https://pricing.us-east-1.amazonaws.com"
GOOGLE_URL = "https://cloudbilling.googleapis.com"
_ON_DEMAND = "OnDemand"
_HOURS = frozenset({"hrs", "hours"})
_GB = frozenset({"gb"})
_GB_MONTHS = frozenset({"gb-mo"})

# What usage types of a region begin with, where the list does not leave it out.
_PREFIX = {
    "us-east-1": "USE1",
    "us-east-2": "USE2",
    "us-west-1": "USW1",
    "us-west-2": "USW2",
    "ca-central-1": "CAN1",
    "sa-east-1": "SAE1",
    "eu-west-1": "EU",
    "eu-west-2": "EUW2",
    "eu-west-3": "EUW3",
    "eu-central-1": "EUC1",
    "eu-north-1": "EUN1",
    "ap-south-1": "APS3",
    "ap-southeast-1": "APS1",
    "ap-southeast-2": "APS2",
    "ap-northeast-1": "APN1",
    "ap-northeast-2": "APN2",
}


class ListError(Exception):
    """A price list cannot be fetched or is not shaped as expected."""


class Rule(NamedTuple):
    """Which rows of a list give a price."""

    usage_type: str
    """The whole usage type without its region, as a regular expression; its groups fill `id`."""
    id: str
    units: frozenset[str]
    where: Mapping[str, str] = {}
    """What other columns must hold."""


_APPLICATION = {"product family": "Load Balancer-Application"}
_NETWORK = {"product family": "Load Balancer-Network"}
_POSTGRESQL = {"database engine": "PostgreSQL"}

RULES: dict[str, tuple[Rule, ...]] = {
    "AmazonECS": (
        Rule("Fargate-vCPU-Hours:perCPU", "fargate.linux.x86.vcpu", _HOURS),
        Rule("Fargate-GB-Hours", "fargate.linux.x86.gb", _HOURS),
        Rule("Fargate-ARM-vCPU-Hours:perCPU", "fargate.linux.arm64.vcpu", _HOURS),
        Rule("Fargate-ARM-GB-Hours", "fargate.linux.arm64.gb", _HOURS),
        Rule("Fargate-EphemeralStorage-GB-Hours", "fargate.ephemeral", frozenset({"gb-hours"})),
    ),
    "AWSELB": (
        Rule("LoadBalancerUsage", "alb.hour", _HOURS, _APPLICATION),
        Rule("LCUUsage", "alb.lcu", frozenset({"lcu-hrs"}), _APPLICATION),
        Rule("LoadBalancerUsage", "nlb.hour", _HOURS, _NETWORK),
        Rule("LCUUsage", "nlb.nlcu", frozenset({"lcu-hrs"}), _NETWORK),
    ),
    "AmazonEC2": (
        Rule("NatGateway-Hours", "nat.hour", _HOURS),
        Rule("NatGateway-Bytes", "nat.gb", _GB),
    ),
    "AmazonVPC": (
        Rule("PublicIPv4:InUseAddress", "ipv4.hour", _HOURS),
        Rule("VpcEndpoint-Hours", "vpce.hour", _HOURS),
        Rule("VpcEndpoint-Bytes", "vpce.gb", _GB),
    ),
    "AmazonRDS": (
        Rule(r"InstanceUsage:(db\.\w+\.\w+)", "rds.pg.{}.single", _HOURS, _POSTGRESQL),
        Rule(r"Multi-AZUsage:(db\.\w+\.\w+)", "rds.pg.{}.multi", _HOURS, _POSTGRESQL),
        Rule("RDS:GP3-Storage", "rds.gp3.single", _GB_MONTHS, _POSTGRESQL),
        Rule("RDS:Multi-AZ-GP3-Storage", "rds.gp3.multi", _GB_MONTHS, _POSTGRESQL),
        Rule("RDS:GP2-Storage", "rds.gp2.single", _GB_MONTHS, _POSTGRESQL),
        Rule("RDS:Multi-AZ-GP2-Storage", "rds.gp2.multi", _GB_MONTHS, _POSTGRESQL),
    ),
    "AWSLambda": (
        Rule("Request", "lambda.request", frozenset({"request", "requests"})),
        Rule("Lambda-GB-Second", "lambda.gbs.x86", frozenset({"lambda-gb-second", "second"})),
        Rule("Lambda-GB-Second-ARM", "lambda.gbs.arm64", frozenset({"lambda-gb-second", "second"})),
        Rule("Lambda-Provisioned-Concurrency", "lambda.pc.x86", frozenset({"lambda-gb-second", "second"})),
    ),
    "AWSDataTransfer": (Rule("DataTransfer-Out-Bytes", "dto.internet", _GB, {"to location": "External"}),),
    "AmazonCloudWatch": (
        Rule("DataProcessing-Bytes", "cw.logs.ingest", _GB),
        Rule("TimedStorage-ByteHrs", "cw.logs.store", _GB_MONTHS),
        Rule("CW:AlarmMonitorUsage", "cw.alarm.standard", frozenset({"alarms"})),
        Rule("CW:MetricMonitorUsage", "cw.metric", frozenset({"metrics"})),
    ),
    "AmazonElastiCache": (
        Rule(r"NodeUsage:(cache\.\w+\.\w+)", "elasticache.redis.{}", _HOURS, {"cache engine": "Redis"}),
        Rule(r"NodeUsage:(cache\.\w+\.\w+)", "elasticache.valkey.{}", _HOURS, {"cache engine": "Valkey"}),
    ),
}
"""Exact usage types: near ones are other products (Outposts, reserved or Windows capacity, extended support)."""


class GoogleRule(NamedTuple):
    """Which SKUs of a service give a price."""

    description: str
    id: str
    unit: str


GOOGLE_RULES: dict[str, tuple[GoogleRule, ...]] = {
    "152E-C115-5142": (
        GoogleRule(r"Services CPU(?: Tier 2)? \((Request|Instance)-based billing\)", "run.{}.vcpu", "s"),
        GoogleRule(r"Services Memory(?: Tier 2)? \((Request|Instance)-based billing\)", "run.{}.gib", "GiBy.s"),
        GoogleRule("Requests", "run.requests", "count"),
    ),
    "9662-B51E-5089": (
        GoogleRule(r"Cloud SQL for PostgreSQL: (Zonal|Regional) - vCPU in .+", "sql.pg.vcpu.{}", "h"),
        GoogleRule(r"Cloud SQL for PostgreSQL: (Zonal|Regional) - RAM in .+", "sql.pg.ram.{}", "GiBy.h"),
        GoogleRule(r"Cloud SQL for PostgreSQL: (Zonal|Regional) - Standard storage in .+", "sql.ssd.{}", "GiBy.mo"),
    ),
}


@dataclass(frozen=True)
class Found:
    """A price as a list states it."""

    tiers: tuple[tuple[Decimal, Decimal], ...]
    """From which quantity, and the price of a unit."""
    date: str


@dataclass(frozen=True, kw_only=True)
class Update:
    """A price that is other than before, or new."""

    provider: str
    region: str
    id: str
    old: Optional[Decimal]
    new: Decimal


@dataclass(kw_only=True)
class Refreshed:
    """What a refresh did."""

    updates: list[Update] = field(default_factory=list)
    confirmed: int = 0
    """Prices that are as they were."""
    failures: list[str] = field(default_factory=list)
    """Lists whose old prices stay, and why."""


def refresh(
    directory: Path,
    regions: Sequence[str],
    client: httpx.Client,
    *,
    google_key: Optional[str] = None,
) -> Refreshed:
    """Fetch the lists of these AWS regions, and Google's if there is a key, and replace the tables in `directory`.

    Raises:
        PriceDataError: the tables there are wrong, or cannot be written.
    """
    load(directory)
    result = Refreshed()
    found: dict[tuple[str, str, str], Found] = {}
    for region in regions:
        for offer in RULES:
            url = f"{AWS_URL}/offers/v1.0/aws/{offer}/current/{region}/index.csv"
            try:
                with client.stream("GET", url) as response:
                    response.raise_for_status()
                    prices = read_offer(offer, region, response.iter_lines())
            except (httpx.HTTPError, ListError) as error:
                result.failures.append(f"{offer} {region}: {error}")
                continue
            found |= {("aws", region, id_): price for id_, price in prices.items()}
    for service in GOOGLE_RULES if google_key else ():
        try:
            skus = list(_google_skus(client, f"{GOOGLE_URL}/v1/services/{service}/skus", google_key or ""))
            found |= {("gcp", region, id_): price for (region, id_), price in read_skus(service, skus).items()}
        except (httpx.HTTPError, ListError, ValueError) as error:
            result.failures.append(f"Google service {service}: {error}")
    _write(directory, found, result)
    return result


# Reading


def read_offer(offer: str, region: str, lines: Iterable[str]) -> dict[str, Found]:
    """The prices in one list of AWS, which is read row by row: that of EC2 has some 400 MB.

    Raises:
        ListError: it is cut off, lacks a column, or has none of the rows it should have.
    """
    rows = csv.reader(lines)
    date, header = "", []
    for row in rows:
        if row and row[0] == "Publication Date":
            date = row[1][:10]
        if row and row[0] == "SKU":
            header = [_column(name) for name in row]
            break
    needed = {"termtype", "startingrange", "priceperunit", "unit", "currency", "usagetype"}
    if missing := sorted(needed - {name.replace(" ", "") for name in header}):
        raise ListError(f"the list has no column {missing[0]}; its shape has changed")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        raise ListError("the list does not say when it was published")
    tiers: dict[str, dict[tuple[Decimal, Decimal], None]] = {}
    for row in rows:
        if len(row) != len(header):
            raise ListError("the list is cut off")
        values = dict(zip(header, row, strict=True))
        for id_ in _matching(offer, region, values):
            tier = (_decimal(values["startingrange"]), _decimal(values["priceperunit"]))
            tiers.setdefault(id_, {})[tier] = None
    prices = {id_: Found(tuple(sorted(each)), date) for id_, each in tiers.items()}
    for id_, price in prices.items():
        starts = [start for start, _ in price.tiers]
        if starts[0] != 0 or len(starts) != len(set(starts)) or not price.tiers[0][1]:
            raise ListError(
                f"{id_} has no single price: {', '.join(f'{each} from {start}' for start, each in price.tiers)}"
            )
    if not prices:
        raise ListError("the list has none of the rows it should have")
    return prices


def _column(name: str) -> str:
    """`PricePerUnit` and `Product Family` in one spelling."""
    return name.lower()


def _matching(offer: str, region: str, values: Mapping[str, str]) -> Iterator[str]:
    if values["termtype"] != _ON_DEMAND or values["currency"] != "USD":
        return
    if values.get("location type", "AWS Region") != "AWS Region":  # Outposts
        return
    usage_type = values["usagetype"]
    bare = usage_type.removeprefix(f"{_PREFIX[region]}-")
    if bare == usage_type and region != "us-east-1":
        return
    for rule in RULES[offer]:
        match = re.fullmatch(rule.usage_type, bare)
        if match and all(values.get(column) == value for column, value in rule.where.items()):
            if values["unit"].lower() not in rule.units:
                raise ListError(f"{rule.id} is now priced per {values['unit']}")
            yield rule.id.format(*match.groups())


def _google_skus(client: httpx.Client, url: str, key: str) -> Iterator[Mapping[str, Any]]:
    page = ""
    while True:
        # The key is a header, so that no message shows it.
        response = client.get(url, params={"pageToken": page} if page else {}, headers={"X-Goog-Api-Key": key})
        response.raise_for_status()
        document = response.json()
        if not isinstance(document, Mapping) or not isinstance(document.get("skus"), list):
            raise ListError("the answer holds no SKUs; its shape has changed")
        yield from document["skus"]
        page = document.get("nextPageToken", "")
        if not page:
            return


def read_skus(service: str, skus: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Found]:
    """The prices in one list of Google, by region and id; tiers that cost nothing are free tiers of the account.

    Raises:
        ListError: a SKU is not shaped as expected, or none is there.
    """
    prices: dict[tuple[str, str], Found] = {}
    for sku in skus:
        for rule in GOOGLE_RULES[service]:
            match = re.fullmatch(rule.description, str(sku.get("description")))
            if match is None:
                continue
            try:
                info = sku["pricingInfo"][0]
                expression = info["pricingExpression"]
                rates = [
                    (Decimal(str(rate["startUsageAmount"])), _google_price(rate["unitPrice"]))
                    for rate in expression["tieredRates"]
                ]
                date, unit, regions = info["effectiveTime"][:10], expression["usageUnit"], sku["serviceRegions"]
            except (KeyError, IndexError, TypeError, ArithmeticError) as error:
                raise ListError(f"{sku.get('skuId')} has another shape ({type(error).__name__}: {error})") from None
            paid = [(start, price) for start, price in rates if price]
            if unit != rule.unit or len(paid) != 1:
                raise ListError(f"{sku.get('skuId')} is priced per {unit} in {len(paid)} steps")
            id_ = rule.id.format(*(each.lower() for each in match.groups()))
            for region in regions:
                prices[region, id_] = Found(((Decimal(0), paid[0][1]),), date)
    if not prices:
        raise ListError("the list has none of the SKUs it should have")
    return prices


def _google_price(price: Mapping[str, Any]) -> Decimal:
    if price["currencyCode"] != "USD":
        raise ListError(f"prices are in {price['currencyCode']}")
    return Decimal(price["units"]) + Decimal(price["nanos"]) / 10**9


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ListError(f"{text!r} is no number") from None


# Writing


def _write(directory: Path, found: Mapping[tuple[str, str, str], Found], result: Refreshed) -> None:
    """Change copies, validate them as a whole, and only then put them in place of the tables."""
    documents = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(directory.rglob("*.json"))}
    units = {
        id_: entry["unit"]
        for document in documents.values()
        for id_, entry in document.get("prices", {}).items()
        if isinstance(entry, dict)
    }
    chosen: dict[tuple[Path, str], tuple[str, Found]] = {}
    disagreed: set[tuple[Path, str]] = set()
    for (provider, region, id_), price in found.items():
        path = _home(documents, provider, region, id_)
        if path is None or id_ not in units:
            continue
        place, other = chosen.setdefault((path, id_), (region, price))
        if other.tiers != price.tiers:
            disagreed.add((path, id_))
            result.failures.append(f"{id_}: {place} and {region} have one price here, and two in the list")
    for key in disagreed:
        del chosen[key]
    for (path, id_), (region, price) in chosen.items():
        _change(documents[path]["prices"], path.parent.name, region, id_, price, units[id_], result)
    touched = {path for path, _ in chosen}
    if not touched:
        return
    sources = directory / "sources.json"
    for provider, title in (("aws", "AWS Price List bulk API"), ("gcp", "Google Cloud Billing Catalog API")):
        dates = [price.date for (owner, _, _), price in found.items() if owner == provider]
        if dates:
            documents[sources][_source(provider)] = {"title": title, "date": max(dates), "confidence": "high"}
            touched.add(sources)
    try:
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".prices-") as copy:
            for path, document in documents.items():
                target = Path(copy) / path.relative_to(directory)
                target.parent.mkdir(exist_ok=True)
                target.write_text(_pretty(document), encoding="utf-8")
            load(Path(copy))
            for path in sorted(touched):
                os.replace(Path(copy) / path.relative_to(directory), path)
    except OSError as error:
        raise PriceDataError(
            f"{directory} cannot be written ({error}); set PULUMI_FASTAPI_PRICES to a copy of it that can"
        ) from None


def _home(documents: Mapping[Path, Any], provider: str, region: str, id_: str) -> Optional[Path]:
    """The table that has this price, else the region's own."""
    place = "*" if region == "global" else region
    tables = {
        path: each for path, each in documents.items() if path.parent.name == provider and place in each["regions"]
    }
    having = [path for path, each in tables.items() if id_ in each["prices"]]
    own = [path for path, each in tables.items() if len(each["regions"]) == 1]
    return next(iter([*having, *own]), None)


def _change(
    prices: dict[str, Any], provider: str, region: str, id_: str, price: Found, unit: str, result: Refreshed
) -> None:
    old = prices.get(id_)
    first = price.tiers[0][1]
    before = None if old is None else Decimal(old["price"])
    tiers = [{"from": _text(start), "price": _text(each)} for start, each in price.tiers]
    same_tiers = len(tiers) == 1 or (old is not None and old.get("tiers") == tiers)
    if before == first and same_tiers:
        result.confirmed += 1
    else:
        result.updates.append(Update(provider=provider, region=region, id=id_, old=before, new=first))
    prices[id_] = {
        "unit": unit,
        "price": _text(first),
        **({"tiers": tiers} if len(tiers) > 1 else {}),
        "status": "sourced",
        "confidence": "high",
        "date": price.date,
        "sources": [_source(provider)],
    }


def _source(provider: str) -> str:
    return {"aws": "AWS_BULK", "gcp": "GOOGLE_SKUS"}[provider]


def _text(number: Decimal) -> str:
    return format(number.normalize(), "f")


def _pretty(document: Mapping[str, Any]) -> str:
    """One entry a line, so that a change is one line of a diff."""
    if "prices" not in document:
        entries = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(document.items()))
        return f"{{\n{entries}\n}}\n"
    entries = ",\n".join(
        f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(document["prices"].items())
    )
    return f'{{\n  "regions": {json.dumps(document["regions"])},\n  "prices": {{\n{entries}\n  }}\n}}\n'
