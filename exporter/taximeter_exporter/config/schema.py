"""The shape of the configuration file, field by field, as it is written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from taximeter_exporter.config.dcgm_names import DcgmNames
from taximeter_exporter.devices.open import DeviceChoice
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.policy import SplitPolicy
from taximeter_exporter.pricing.price import PricingModel

Label = Annotated[str, Meta(min_length=1, max_length=128)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@+=-]{0,127}$")]


class HostSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is being paid for."""

    provider: Label
    region: Label
    instance_type: Label
    pricing_model: PricingModel = PricingModel.ON_DEMAND


class OwnedSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """A machine of one's own: `pricing/owned.py` has the formula."""

    purchase_price: Decimal
    purchased_on: date
    useful_life_years: Decimal
    power_watts: Decimal
    electricity_per_kwh: Decimal
    pue: Decimal


class BillingSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """In which steps a provider bills time."""

    increment_seconds: Annotated[int, Meta(ge=1, le=366 * 86400)] | None = None
    minimum_seconds: Annotated[int, Meta(ge=1, le=366 * 86400)] | None = None


class PriceSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """What an instance type costs."""

    provider: Label
    region: Label
    instance_type: Label
    pricing_model: PricingModel | None = None
    per_hour: Decimal | None = None
    owned: OwnedSection | None = None
    currency: Currency
    gpus: Annotated[int, Meta(ge=0, le=1024)] = 0
    gpu_model: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
    hours: str | None = None
    weekdays: Annotated[list[Weekday], Meta(min_length=1)] | None = None
    timezone: str | None = None
    as_of: date | None = None
    source: Annotated[str, Meta(max_length=256)] = ""
    billing: BillingSection | None = None


class DiscountSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is taken off the prices of the catalog; a field left out stands for all."""

    provider: Label
    region: Label | None = None
    instance_type: Label | None = None
    pricing_model: PricingModel | None = None
    percent: Decimal


class VolumeSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """Storage that is paid for by its size: at a price of its own, or at the catalog's."""

    name: Name
    gb: Decimal
    per_gb_month: Decimal | None = None
    currency: Currency | None = None
    provider: Label | None = None
    class_: Label | None = field(default=None, name="class")


class TransferSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """What runs pay for the data that they read: a price of its own, or the catalog's."""

    per_gb: Decimal | None = None
    currency: Currency | None = None
    provider: Label | None = None
    class_: Label | None = field(default=None, name="class")


class ScopeSection(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Which runs a budget counts; all of what is given must hold."""

    project: Label | None = None
    team: Label | None = None
    user: Label | None = None
    run: Name | None = None
    model: Label | None = None
    host: Label | None = None


class BudgetSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """What may be spent in each period."""

    name: Name
    period: Period
    timezone: str = "UTC"
    limit: Decimal
    currency: Currency
    scope: ScopeSection = ScopeSection()
    thresholds: tuple[Decimal, ...] = (Decimal("0.5"), Decimal("0.8"), Decimal("1.0"))


class ExchangeRateSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """From a day on, one unit of `currency` is `rate` units of `into`."""

    currency: Currency
    into: Currency
    rate: Decimal
    effective_from: date | None = None


class ConfigFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    listen: str = "127.0.0.1:9877"
    sample_interval: str = "1s"
    ledger: str = "ledger.db"
    gap_policy: Literal["bill", "skip"] = "bill"
    split_policy: SplitPolicy = SplitPolicy.EQUAL
    devices: DeviceChoice = DeviceChoice.AUTO
    process_metrics: bool = False
    dcgm_metrics: DcgmNames = DcgmNames.NONE
    write_token_file: Annotated[str, Meta(min_length=1)] | None = None
    host: HostSection | Literal["auto"]
    prices: list[PriceSection] = []
    discounts: list[DiscountSection] = []
    catalog: str | None = None
    price_max_age: str = "180d"
    storage: list[VolumeSection] = []
    transfer: TransferSection | None = None
    budgets: list[BudgetSection] = []
    exchange_rates: list[ExchangeRateSection] = []
