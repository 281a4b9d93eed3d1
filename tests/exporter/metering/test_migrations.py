"""A ledger of an older schema is taken over with everything that is in it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from fractions import Fraction
from importlib import resources
from pathlib import Path

from support.metered import GPU0, price
from taximeter_exporter.metering.ledger import Advance, Cursor
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.quote import schedule_for

FIRST, SECOND, THIRD = (
    (resources.files("taximeter_exporter.metering.migrations") / f"{number:04}.sql").read_text(encoding="utf-8")
    for number in (1, 2, 3)
)


def test_schema_1_becomes_the_newest_and_keeps_its_rates_runs_and_usage(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "l.db")
    database.executescript(FIRST)
    database.executescript(
        "PRAGMA user_version = 1;"
        "INSERT INTO meta VALUES ('data', 'real');"
        "INSERT INTO device VALUES ('GPU-0', 'gpu', 'H100', 'boot', 30);"
        "INSERT INTO rate VALUES (7, 'acme', 'lab', 'box', 'on_demand', '7200', 2, 'USD');"
        "INSERT INTO run VALUES (3, 'a', 'p', '', '', '', '', NULL, 'l', 1, 'boot', 1, 2, 3, NULL, NULL, NULL,"
        " '{\"bytes\": 70}');"
        "INSERT INTO usage VALUES (0, 'GPU-0', 7, 3, 'compute', 'active', 30);"
    )
    database.close()
    ledger = SqliteLedger(tmp_path / "l.db")
    (run,) = ledger.runs()
    # what it had read when nobody metered that is not booked when it goes on
    assert (run.name, run.pids, run.bytes_reported, run.bytes_unbooked) == ("a", (), 70, 0)
    whole = schedule_for([price()], [GPU0]).at(0)
    assert whole is not None
    # the same rate is the same row still, and a part of a GPU at the same price is another
    part = replace(whole, part=Fraction(2, 7))
    rows = [Usage(0, "GPU-0", rate, "a", Category.COMPUTE, Share.ACTIVE, 10) for rate in (whole, part)]
    ledger.book(rows, [Advance(GPU0, Cursor("boot", 30), Cursor("boot", 50))], [replace(run, pids=(12, 13))])
    assert {row.rate: row.quantity for row in ledger.usage()} == {whole: 40, part: 10}
    assert ledger.runs()[0].pids == (12, 13)
    ledger.close()


def costs(path: Path) -> dict[str, Fraction]:
    """What each device or volume has cost, from the ledger at the newest schema."""
    ledger = SqliteLedger(path)
    rows = ledger.usage()
    ledger.close()
    return {row.uuid: row.rate.cost(row.quantity) for row in rows if row.rate}


def test_schema_2_keeps_its_sums_of_parts_of_a_gpu(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "l.db")
    database.executescript(FIRST + SECOND)
    database.executescript(
        "PRAGMA user_version = 2;"
        "INSERT INTO meta VALUES ('data', 'real');"
        "INSERT INTO device VALUES ('GPU-0', 'gpu', 'H100', 'boot', 30), ('MIG-0', 'gpu', 'H100', 'boot', 30);"
        "INSERT INTO rate VALUES (7, 'acme', 'lab', 'box', 'on_demand', '7200.07', 2, 'USD', '1'),"
        " (9, 'acme', 'lab', 'box', 'on_demand', '7200.07', 2, 'USD', '2/7');"
        "INSERT INTO usage VALUES (0, 'GPU-0', 7, 0, 'compute', 'idle', 3600000000000),"
        " (1, 'GPU-0', 7, 0, 'compute', 'idle', 3600000000000), (0, 'MIG-0', 9, 0, 'compute', 'idle', 3600000000000);"
    )
    database.close()
    hourly = Fraction("7200.07") / 2
    assert costs(tmp_path / "l.db") == {"GPU-0": 2 * hourly, "MIG-0": hourly * Fraction(2, 7)}


def test_schema_3_keeps_its_sums_of_storage(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "l.db")
    database.executescript(FIRST + SECOND + THIRD)
    database.executescript(
        "PRAGMA user_version = 3;"
        "INSERT INTO meta VALUES ('data', 'real');"
        "INSERT INTO device VALUES ('volume:a', 'volume', 'S3', 'boot', 30);"
        "INSERT INTO rate VALUES (7, 'aws', 'lab', 'S3', 'on_demand', '0.023', 'gb_month', 1, 'USD', '1/2');"
        "INSERT INTO usage VALUES (0, 'volume:a', 7, 0, 'storage', 'unattributed', 730 * 3600000000000);"
    )
    database.close()
    assert costs(tmp_path / "l.db") == {"volume:a": Fraction("0.0115")}
