"""Opens the SQLite file of a ledger: alone, in WAL mode, at the newest schema, and of the right sort."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from pathlib import Path

from taximeter_exporter.metering.ledger import LedgerError

_MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATION_NAME = re.compile(r"^(\d{4})\.sql$")


class Lock:
    """Keeps a second exporter off a ledger. It goes with the process, however that ends."""

    def __init__(self, ledger: Path) -> None:
        """Raises `LedgerError` if another process holds it, or its file cannot be made."""
        path = ledger.with_name(f"{ledger.name}.lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LedgerError(
                f"{ledger}: cannot be opened ({error.strerror}); its folder must exist and be writable"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode("ascii", "replace") or "unknown"
            os.close(self._file)
            raise LedgerError(
                f"{ledger}: another exporter (process {holder}) writes to it; stop that one, or choose another ledger"
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode("ascii"))

    def release(self) -> None:
        """Let the next one in. The file stays: taking it away would let two in at once."""
        os.close(self._file)


def connect(path: Path, *, simulated: bool) -> sqlite3.Connection:
    """Open a ledger, made or migrated if need be. Use it from one thread at a time.

    Raises `LedgerError` if it is not a ledger, is damaged, has a schema from the future, or holds simulated data where
    real data is to be kept, or the other way round.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    except sqlite3.Error as error:
        raise LedgerError(f"{path}: cannot be opened ({error}); give a path that can be written") from error
    try:
        # NORMAL: a commit survives the process; only a crash of the machine may take the last ones, never half of one.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
        _keep_sort(connection, path, simulated=simulated)
    except sqlite3.Error as error:
        connection.close()
        raise LedgerError(f"{path}: not a ledger that can be used ({error}); {_remedy(error)}") from error
    except LedgerError:
        connection.close()
        raise
    return connection


def _remedy(error: sqlite3.Error) -> str:
    # Extended codes have the primary one in their lowest byte. None at all: what is in the file is not a ledger's.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return "restore a copy, or move it away to begin a new one"
    return "see that it and its folder can be written, that the disk has room, and that nobody else holds it"


def connect_readonly(path: Path) -> sqlite3.Connection:
    """Open a ledger only to read it, also while an exporter writes to it.

    Raises `LedgerError` if it is not there, is not a ledger, or does not have the newest schema.
    """
    if not path.is_file():
        raise LedgerError(f"{path}: there is no ledger; name the one that the exporter writes, or start the exporter")
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=5
        )
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise LedgerError(f"{path}: not a ledger that can be read ({error})") from error
    newest = max(_migrations())
    if version != newest:
        connection.close()
        wanted = "start this exporter on it once" if version < newest else "use the exporter that wrote it"
        raise LedgerError(f"{path}: has schema {version}, and this is for schema {newest}; {wanted}")
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    migrations = _migrations()
    newest = max(migrations)
    if version > newest:
        raise LedgerError(
            f"{path}: has schema {version}, and this exporter knows up to {newest}; use the exporter that wrote it"
        )
    for number in range(version + 1, newest + 1):
        connection.executescript(f"BEGIN;\n{migrations[number]}\nPRAGMA user_version = {number};\nCOMMIT;")


def _migrations() -> dict[int, str]:
    named = ((_MIGRATION_NAME.match(entry.name), entry) for entry in _MIGRATIONS.iterdir())
    return {int(match[1]): entry.read_text(encoding="utf-8") for match, entry in named if match}


def _keep_sort(connection: sqlite3.Connection, path: Path, *, simulated: bool) -> None:
    wanted = "simulated" if simulated else "real"
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('data', ?)", (wanted,))
    (found,) = connection.execute("SELECT value FROM meta WHERE key = 'data'").fetchone()
    if found != wanted:
        raise LedgerError(f"{path}: holds {found} data, and this is {wanted} data; choose another ledger for it")
