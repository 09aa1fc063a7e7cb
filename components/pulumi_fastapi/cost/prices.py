"""Price tables: data files, one per region or group of regions, each entry with unit, source, date and confidence.

And the free tiers of an account, which only count when they are asked for.
"""

import datetime
import functools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Optional, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

DATA = Path(__file__).parent / "data"
OLD_AFTER_DAYS = 90
EVERYWHERE = "*"
_OTHER_PRICE_LISTS = ("cn-", "us-gov-", "us-iso")

Provider = Literal["aws", "gcp"]
Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]


_Model = TypeVar("_Model", bound=BaseModel)


class PriceDataError(Exception):
    """A price table is missing or wrong; the message says which file and what."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tier(_Strict):
    """From this quantity a month on, a unit costs this."""

    from_: Amount = Field(alias="from")
    price: Amount


class Price(_Strict):
    """What one unit costs in US dollars, on demand, without tax."""

    unit: str = Field(min_length=1)
    price: Amount
    tiers: tuple[Tier, ...] = ()
    status: Literal["sourced", "derived"]
    """`derived`: computed from sourced prices by the rule in `note`."""
    confidence: Literal["high", "medium-high", "medium", "low-medium", "low"]
    date: Optional[Day]
    """When the newest of its sources was read; None when no source has a date."""
    sources: tuple[str, ...] = Field(min_length=1)
    note: str = ""

    @model_validator(mode="after")
    def _tiers_rise(self) -> "Price":
        starts = [tier.from_ for tier in self.tiers]
        if self.tiers and (starts != sorted(set(starts)) or starts[0] != 0 or self.tiers[0].price != self.price):
            raise ValueError("tiers must start at 0 with the entry's own price and rise")
        return self

    def cost(self, quantity: Decimal) -> Decimal:
        """What `quantity` units cost a month, each tier at its own price."""
        if not self.tiers:
            return quantity * self.price
        ends = [*(tier.from_ for tier in self.tiers[1:]), None]
        total = Decimal(0)
        for tier, end in zip(self.tiers, ends, strict=True):
            units = (quantity if end is None else min(quantity, end)) - tier.from_
            if units <= 0:
                break
            total += units * tier.price
        return total

    def is_old(self, today: datetime.date) -> bool:
        """Whether its newest source is older than 90 days, or has no date."""
        return self.date is None or (today - first_day(self.date)).days > OLD_AFTER_DAYS


class Source(_Strict):
    """Where a price was read."""

    title: str
    date: str
    confidence: str


class FreeTier(_Strict):
    """What an account gets free each month, in all regions together."""

    provider: Provider
    prices: tuple[str, ...] = Field(min_length=1)
    """Ids of the prices that share it."""
    unit: str
    quantity: Amount
    sources: tuple[str, ...] = Field(min_length=1)


class _File(_Strict):
    regions: tuple[str, ...] = Field(min_length=1)
    prices: dict[str, Price]


class PriceTable:
    """All prices, by provider, region and id."""

    def __init__(
        self,
        entries: Mapping[tuple[str, str, str], Price],
        sources: Mapping[str, Source] | None = None,
        free_tiers: Iterable[FreeTier] = (),
    ) -> None:
        self.entries = dict(entries)
        self.sources = dict(sources or {})
        self.free_tiers = tuple(free_tiers)

    def find(self, provider: Provider, region: str, id_: str) -> Optional[Price]:
        """The price in that region; None when it is not known. Never another region's."""
        price = self.entries.get((provider, region, id_))
        if price is None and not region.startswith(_OTHER_PRICE_LISTS):
            price = self.entries.get((provider, EVERYWHERE, id_))
        return price

    def without(self, *ids: str) -> "PriceTable":
        """A table that does not know these prices."""
        left = {key: price for key, price in self.entries.items() if key[2] not in ids}
        return PriceTable(left, self.sources, self.free_tiers)

    def source(self, price: Price) -> str:
        """Where a price is from, as one line."""
        titles = [self.sources[each].title for each in price.sources if each in self.sources]
        return "; ".join(titles or price.sources)


def directory() -> Path:
    """Where the tables are: PULUMI_FASTAPI_PRICES, or the package."""
    return Path(os.environ.get("PULUMI_FASTAPI_PRICES") or DATA)


def default_table() -> PriceTable:
    """The tables that come with the package, or those in the folder that PULUMI_FASTAPI_PRICES names."""
    return _loaded(directory())


@functools.cache
def _loaded(folder: Path) -> PriceTable:
    return load(folder)


def load(folder: Path) -> PriceTable:
    """Read and validate a folder of price tables: `aws/*.json`, `gcp/*.json`, `sources.json`, `free_tiers.json`.

    Raises:
        PriceDataError: a file is missing, not JSON, not of this shape, or says something twice.
    """
    sources = {key: _parsed(Source, value, f"sources.json {key}") for key, value in _read(folder / "sources.json")}
    entries: dict[tuple[str, str, str], Price] = {}
    units: dict[str, str] = {}
    for provider in ("aws", "gcp"):
        files = sorted((folder / provider).glob("*.json"))
        if not files:
            raise PriceDataError(f"{folder / provider} has no price tables")
        for file in files:
            table = _parsed(_File, dict(_read(file)), str(file))
            for id_, price in table.prices.items():
                if units.setdefault(id_, price.unit) != price.unit:
                    raise PriceDataError(f"{file}: {id_} is per {price.unit}, elsewhere per {units[id_]}")
                _check_sources(price.sources, sources, f"{file}: {id_}")
                for region in table.regions:
                    if (provider, region, id_) in entries:
                        raise PriceDataError(f"{file}: {id_} has a second price in {region}")
                    entries[provider, region, id_] = price
    tiers = []
    for item, value in _read(folder / "free_tiers.json"):
        tier, where = _parsed(FreeTier, value, f"free_tiers.json {item}"), f"free_tiers.json: {item}"
        _check_sources(tier.sources, sources, where)
        for id_ in tier.prices:
            if units.get(id_) != tier.unit:
                raise PriceDataError(f"{where}: {id_} is per {units.get(id_)}, not per {tier.unit}")
        tiers.append(tier)
    return PriceTable(entries, sources, tiers)


def _check_sources(named: Iterable[str], known: Mapping[str, Source], where: str) -> None:
    if unknown := [each for each in named if each not in known]:
        raise PriceDataError(f"{where} names source {unknown[0]!r}, which sources.json does not have")


def first_day(date: str) -> datetime.date:
    """The first day a date such as 2026, 2026-07 or 2026-07-03 can mean."""
    year, month, day = ([int(each) for each in date.split("-")] + [1, 1])[:3]
    return datetime.date(year, month, day)


def age_note(prices: Iterable[Price], today: datetime.date) -> str:
    """One sentence about prices older than 90 days; empty when there are none."""
    used = list({id(price): price for price in prices}.values())
    old = [price for price in used if price.is_old(today)]
    if not old:
        return ""
    dates = sorted(price.date for price in old if price.date)
    oldest = f"the oldest of {dates[0]}" if dates else "none with a date"
    return (
        f"{len(old)} of {len(used)} prices are older than {OLD_AFTER_DAYS} days or undated, {oldest};"
        " `pulumi-fastapi prices refresh` updates them."
    )


def _read(file: Path) -> Sequence[tuple[str, object]]:
    try:
        # Numbers stay text or Decimal: a float would round prices of a millionth of a dollar.
        document = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise PriceDataError(f"{file} cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise PriceDataError(f"{file} must hold a mapping")
    return list(document.items())


def _parsed(model: type[_Model], value: object, where: str) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"])
        raise PriceDataError(f"{where}: {place}: {first['msg']}") from None
