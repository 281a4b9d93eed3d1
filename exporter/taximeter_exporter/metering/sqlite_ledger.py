"""The ledger in SQLite: what an exporter on one machine keeps."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from taximeter_exporter.metering.ledger import Advance, Cursor, LedgerConflictError, LedgerError
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.metering.run import Result, Run
from taximeter_exporter.metering.sqlite_file import Lock, connect, connect_readonly
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.price import Offer, PricingModel, Rate, Unit

_RUN_COLUMNS = (
    "name, project, team, user, model, dataset, devices, lease, start_time_ns, boot_id, start_ns, renewed_ns,"
    " renewed_time_ns, end_ns, end_time_ns, result, progress, pids, bytes_reported,"
    " bytes_before, bytes_unbooked"
)
_RUN_MARKS = ", ".join("?" for _ in _RUN_COLUMNS.split(","))
_RUN_UPDATES = ", ".join(f"{column.strip()} = excluded.{column.strip()}" for column in _RUN_COLUMNS.split(",")[1:])
_PUT_RUN = (
    f"INSERT INTO run ({_RUN_COLUMNS}) VALUES ({_RUN_MARKS})"  # noqa: S608 (constants of this file)
    f" ON CONFLICT (name) DO UPDATE SET {_RUN_UPDATES}"
)
_SELECT_RUNS = f"SELECT {_RUN_COLUMNS} FROM run"  # noqa: S608
_ADD_USAGE = (
    "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (quarter, uuid, rate, run, category, share) DO UPDATE SET quantity = quantity + excluded.quantity"
)


class SqliteLedger:
    """A `Ledger` in one SQLite file; `metering/migrations` has its tables."""

    def __init__(self, path: Path, *, simulated: bool = False, readonly: bool = False) -> None:
        """Open it, made if it is not there, for this writer alone; or `readonly`, beside whoever writes to it.

        Raises `LedgerError`; then nothing is left open or locked.
        """
        self._path = path
        self._thread_lock = threading.Lock()
        self._file_lock = None if readonly else Lock(path)
        try:
            self._connection = connect_readonly(path) if readonly else connect(path, simulated=simulated)
        except LedgerError:
            self._release()
            raise

    @contextmanager
    def _database(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; writing is all or nothing."""
        with self._thread_lock:
            try:
                if not write:
                    yield self._connection
                    return
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise LedgerError(f"{self._path}: {error}") from error
                raise

    def host_uuid(self) -> str:
        """See `Ledger.host_uuid`."""
        with self._database(write=True) as database:
            database.execute("INSERT OR IGNORE INTO meta VALUES ('host_uuid', ?)", (f"HOST-{uuid.uuid4()}",))
            (found,) = database.execute("SELECT value FROM meta WHERE key = 'host_uuid'").fetchone()
        return str(found)

    def cursors(self) -> Mapping[str, Cursor]:
        """See `Ledger.cursors`."""
        with self._database() as database:
            rows = database.execute("SELECT uuid, boot_id, booked_ns FROM device").fetchall()
        return {device: Cursor(boot_id, booked_ns) for device, boot_id, booked_ns in rows}

    def models(self) -> Mapping[str, str]:
        """See `Ledger.models`."""
        with self._database() as database:
            return dict(database.execute("SELECT uuid, model FROM device").fetchall())

    def runs(self) -> Sequence[Run]:
        """See `Ledger.runs`."""
        with self._database() as database:
            rows = database.execute(f"{_SELECT_RUNS} ORDER BY start_time_ns, name").fetchall()
        return [_to_run(row) for row in rows]

    def put_run(self, run: Run) -> None:
        """See `Ledger.put_run`."""
        with self._database(write=True) as database:
            database.execute(_PUT_RUN, _from_run(run))

    def book(self, usage: Iterable[Usage], advances: Iterable[Advance], runs: Iterable[Run]) -> None:
        """See `Ledger.book`."""
        with self._database(write=True) as database:
            database.executemany(_PUT_RUN, [_from_run(run) for run in runs])
            for advance in advances:
                self._advance(database, advance)
            rates: dict[Rate, int] = {}
            for row in usage:
                if row.rate is not None and row.rate not in rates:
                    rates[row.rate] = _rate_id(database, row.rate)
                database.execute(
                    _ADD_USAGE,
                    (
                        row.quarter_ns // QUARTER_HOUR_NS,
                        row.uuid,
                        rates[row.rate] if row.rate is not None else 0,
                        _run_id(database, row.run) if row.run else 0,
                        row.category,
                        row.share,
                        row.quantity,
                    ),
                )

    def _advance(self, database: sqlite3.Connection, advance: Advance) -> None:
        """Compare and set: moves a device's cursor only if it is where the writer believes."""
        device, before, after = advance.device, advance.before, advance.after
        if before is None:
            changed = database.execute(
                "INSERT OR IGNORE INTO device VALUES (?, ?, ?, ?, ?)",
                (device.uuid, device.kind, device.model, after.boot_id, after.booked_ns),
            )
        else:
            changed = database.execute(
                "UPDATE device SET boot_id = ?, booked_ns = ? WHERE uuid = ? AND boot_id = ? AND booked_ns = ?",
                (after.boot_id, after.booked_ns, device.uuid, before.boot_id, before.booked_ns),
            )
        if changed.rowcount != 1:
            raise LedgerConflictError(
                f"{self._path}: the time of {device.uuid} does not end where this exporter left it; another exporter"
                " has written to this ledger, stop one of the two"
            )

    def usage(self, *, start_ns: int = 0, end_ns: int | None = None, run: str | None = None) -> Sequence[Usage]:
        """See `Ledger.usage`."""
        where, values = ["usage.quarter >= ?"], [_first_quarter(start_ns)]
        if end_ns is not None:
            where.append("usage.quarter < ?")
            values.append(_first_quarter(end_ns))
        if run is not None:
            where.append("usage.run = (SELECT id FROM run WHERE name = ?)")
        query = (
            "SELECT uuid, rate, coalesce(run.name, ''), category, share, sum(quantity)"  # noqa: S608
            f" FROM usage LEFT JOIN run ON run.id = usage.run WHERE {' AND '.join(where)}"
            " GROUP BY uuid, rate, usage.run, category, share"
        )
        with self._database() as database:
            rates = {key: _to_rate(columns) for key, *columns in database.execute("SELECT * FROM rate")}
            rows = database.execute(query, [*values, run] if run is not None else values).fetchall()
        return [
            Usage(start_ns, device, rates.get(rate), name, Category(category), Share(share), quantity)
            for device, rate, name, category, share, quantity in rows
        ]

    def begun_ns(self) -> int | None:
        """See `Ledger.begun_ns`."""
        with self._database() as database:
            (quarter,) = database.execute("SELECT min(quarter) FROM usage").fetchone()
        return None if quarter is None else int(quarter) * QUARTER_HOUR_NS

    def close(self) -> None:
        """See `Ledger.close`."""
        with self._thread_lock:
            self._connection.close()
            self._release()

    def _release(self) -> None:
        if self._file_lock is not None:
            self._file_lock.release()


def _first_quarter(time_ns: int) -> int:
    """The first quarter hour that begins at or after a time of day."""
    return -(-time_ns // QUARTER_HOUR_NS)


def _rate_id(database: sqlite3.Connection, rate: Rate) -> int:
    offer = rate.offer
    columns = (
        offer.provider,
        offer.region,
        offer.instance_type,
        offer.pricing_model,
        str(rate.price),
        rate.unit,
        rate.devices,
        rate.currency,
        str(rate.part),
    )
    database.execute("INSERT OR IGNORE INTO rate VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", columns)
    where = (
        "provider = ? AND region = ? AND instance_type = ? AND pricing_model = ? AND price = ? AND unit = ?"
        " AND devices = ? AND currency = ? AND part = ?"
    )
    (key,) = database.execute(f"SELECT id FROM rate WHERE {where}", columns).fetchone()  # noqa: S608
    return int(key)


def _to_rate(columns: Sequence[Any]) -> Rate:
    provider, region, instance_type, pricing_model, price, unit, devices, currency, part = columns
    offer = Offer(
        provider=provider, region=region, instance_type=instance_type, pricing_model=PricingModel(pricing_model)
    )
    return Rate(
        offer=offer, price=Decimal(price), unit=Unit(unit), devices=devices, currency=currency, part=Fraction(part)
    )


def _run_id(database: sqlite3.Connection, name: str) -> int:
    (key,) = database.execute("SELECT id FROM run WHERE name = ?", (name,)).fetchone()
    return int(key)


def _from_run(run: Run) -> tuple[object, ...]:
    devices = None if run.devices is None else _json(run.devices)
    return (
        run.name,
        run.project,
        run.team,
        run.user,
        run.model,
        run.dataset,
        devices,
        run.lease,
        run.start_time_ns,
        run.boot_id,
        run.start_ns,
        run.renewed_ns,
        run.renewed_time_ns,
        run.end_ns,
        run.end_time_ns,
        run.result,
        _json(run.progress),
        _json(run.pids),
        run.bytes_reported,
        run.bytes_before,
        run.bytes_unbooked,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _to_run(row: Sequence[Any]) -> Run:
    columns = dict(zip((column.strip() for column in _RUN_COLUMNS.split(",")), row, strict=True))
    devices, result = columns.pop("devices"), columns.pop("result")
    progress, pids = msgspec.json.decode(columns.pop("progress")), msgspec.json.decode(columns.pop("pids"))
    return Run(
        **columns,
        devices=None if devices is None else tuple(msgspec.json.decode(devices)),
        result=None if result is None else Result(result),
        progress=progress,
        pids=tuple(pids),
    )
