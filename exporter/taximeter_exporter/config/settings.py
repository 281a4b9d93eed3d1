"""The configuration as the program uses it, checked for what its shape alone cannot tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.config.budgets import read_budgets
from taximeter_exporter.config.currencies import check_currencies
from taximeter_exporter.config.data import read_transfer, read_volumes
from taximeter_exporter.config.dcgm_names import DcgmNames
from taximeter_exporter.config.error import ConfigError, Refused
from taximeter_exporter.config.prices import PriceBook, read_prices
from taximeter_exporter.config.schema import ConfigFile, HostSection
from taximeter_exporter.config.source import read
from taximeter_exporter.devices.open import DeviceChoice
from taximeter_exporter.metering.budgets import Budget
from taximeter_exporter.metering.policy import SplitPolicy
from taximeter_exporter.metering.storage import Volume
from taximeter_exporter.pricing.price import Offer, Price, Rate
from taximeter_exporter.pricing.quote import PriceError

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m)$")
_UNIT_NS = {"ms": NS_PER_SECOND // 1000, "s": NS_PER_SECOND, "m": 60 * NS_PER_SECOND}
METADATA_ADDRESS = "169.254.169.254"
"""Link-local, and the same in all clouds that have one."""
_LISTEN = re.compile(r"^(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that `serve` needs to know."""

    path: Path
    listen: tuple[str, int]
    sample_interval_ns: int
    ledger: Path
    bill_gaps: bool
    split_policy: SplitPolicy
    devices: DeviceChoice
    process_metrics: bool
    """Whether `/metrics` has series of each process."""
    dcgm_metrics: DcgmNames
    """By which of dcgm-exporter's names `/metrics` says everything once more."""
    write_token_file: Path | None
    """Has the token that the writing calls ask for; `None`: they ask for none."""
    offer: Offer
    metadata_address: str
    """Where the cloud's metadata service is."""
    detected: bool
    """Whether the cloud's metadata service said what this machine is; else the configuration did."""
    book: PriceBook
    prices: tuple[Price, ...]
    """Of `offer`, by the day from which they hold; at least one."""
    volumes: tuple[Volume, ...]
    transfer: Rate | None
    """What a GB costs that a run reads; `None`: that is not metered."""
    budgets: tuple[Budget, ...]


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check the whole configuration. Raises `ConfigError`."""
    file, overridden = read(path, environ)

    def folder_of(field: str) -> Path:
        """A path in the file is relative to the file; one in the environment to where the program was started."""
        return Path() if field in overridden else path.parent

    try:
        check_currencies(file)
        book = read_prices(file, where=path)
        metadata_address = environ.get("TAXIMETER_METADATA_ADDRESS", METADATA_ADDRESS)
        offer = _offer(file, metadata_address)
        prices = _prices_of(offer, book, detected=file.host == "auto")
        volumes = tuple(read_volumes(file.storage, host=offer, providers=book.providers))
        transfer = read_transfer(file.transfer, host=offer, providers=book.providers)
        rates = [volume.rate for volume in volumes] + ([transfer] if transfer else [])
        settings = Settings(
            path=path,
            listen=_listen(file.listen),
            sample_interval_ns=_interval_ns(file.sample_interval),
            ledger=folder_of("ledger") / file.ledger,
            bill_gaps=file.gap_policy == "bill",
            split_policy=file.split_policy,
            devices=file.devices,
            process_metrics=file.process_metrics,
            dcgm_metrics=file.dcgm_metrics,
            write_token_file=folder_of("write_token_file") / file.write_token_file if file.write_token_file else None,
            offer=offer,
            metadata_address=metadata_address,
            detected=file.host == "auto",
            book=book,
            volumes=volumes,
            transfer=transfer,
            prices=prices,
            budgets=tuple(
                read_budgets(
                    file,
                    currencies={price.currency for price in prices} | {rate.currency for rate in rates},
                )
            ),
        )
    except (Refused, PriceError) as error:
        variable = overridden.get(error.field)
        where = f"environment variable {variable}" if variable else str(path)
        raise ConfigError(where, error.field, str(error)) from error
    return settings


def _offer(file: ConfigFile, metadata_address: str) -> Offer:
    if isinstance(file.host, HostSection):
        return Offer(
            provider=file.host.provider,
            region=file.host.region,
            instance_type=file.host.instance_type,
            pricing_model=file.host.pricing_model,
        )
    # An exporter that is told what its machine is shall not carry what only asking takes.
    from taximeter_exporter.pricing.metadata import NoCloudError, detect  # noqa: PLC0415

    try:
        return detect(metadata_address)
    except NoCloudError as error:
        raise Refused(
            "host",
            f"auto: no cloud says what this machine is ({error}); write its provider, region and instance_type",
        ) from error


def _prices_of(offer: Offer, book: PriceBook, *, detected: bool) -> tuple[Price, ...]:
    try:
        return book.of(offer)
    except PriceError as error:
        if detected:
            raise Refused("host", f"auto found {offer}: {error}") from error
        raise


def _listen(text: str) -> tuple[str, int]:
    match = _LISTEN.match(text)
    if not match or int(match["port"]) > 65535:
        raise Refused("listen", f"{text!r} is not an address; write host:port, for instance 127.0.0.1:9877")
    return match["v6"] or match["host"], int(match["port"])


def _interval_ns(text: str) -> int:
    match = _DURATION.match(text)
    ns = int(Decimal(match[1]) * _UNIT_NS[match[2]]) if match else 0
    if not _UNIT_NS["ms"] * 100 <= ns <= _UNIT_NS["m"]:
        raise Refused("sample_interval", f"{text!r} is not a time from 100ms to 1m; write for instance 1s")
    return ns
