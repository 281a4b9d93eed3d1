"""Which currencies there are."""

from __future__ import annotations

from collections.abc import Iterator

from taximeter_exporter.config.error import Refused
from taximeter_exporter.config.schema import ConfigFile

_CODES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS
    INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV
    WST XAF XCD XOF XPF YER ZAR ZMW
"""
ISO_4217 = frozenset(_CODES.split())
"""The codes of currencies in use as money (ISO 4217, without funds, metals and test codes)."""


def check_currencies(file: ConfigFile) -> None:
    """Raises `Refused` for the first code that is no currency."""
    for field, code in _codes(file):
        if code not in ISO_4217:
            raise Refused(field, f"{code} is not a currency in use; write its ISO 4217 code, for instance USD")


def _codes(file: ConfigFile) -> Iterator[tuple[str, str]]:
    for place, price in enumerate(file.prices):
        yield f"prices[{place}].currency", price.currency
    for place, volume in enumerate(file.storage):
        if volume.currency is not None:
            yield f"storage[{place}].currency", volume.currency
    if file.transfer is not None and file.transfer.currency is not None:
        yield "transfer.currency", file.transfer.currency
    for place, budget in enumerate(file.budgets):
        yield f"budgets[{place}].currency", budget.currency
    for place, rate in enumerate(file.exchange_rates):
        yield f"exchange_rates[{place}].currency", rate.currency
        yield f"exchange_rates[{place}].into", rate.into
