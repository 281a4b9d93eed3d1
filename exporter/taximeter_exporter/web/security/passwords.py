"""Passwords by their bcrypt hashes. A hash takes tens of milliseconds on purpose, so verdicts are remembered."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping

import bcrypt

HASH = re.compile(r"^\$2[aby]?\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}\Z")
_REMEMBERED = 100
_USED_BYTES = 72
"""So much of a password bcrypt looks at."""


class Passwords:
    """Who may ask, by user and password; safe to call from any thread."""

    def __init__(self, users: Mapping[str, str]) -> None:
        """`users` has the bcrypt hash of each one's password."""
        self._users = {name.encode(): bcrypt_hash.encode() for name, bcrypt_hash in users.items()}
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        # Apart, so that whoever guesses cannot make it forget those who may.
        self._verdicts: dict[bool, OrderedDict[bytes, None]] = {True: OrderedDict(), False: OrderedDict()}

    def remembered(self, name: bytes, password: bytes) -> bool | None:
        """Whether they may, if that was asked before; answers at once."""
        key = self._key(name, password)
        with self._lock:
            for verdict, keys in self._verdicts.items():
                if key in keys:
                    keys.move_to_end(key)
                    return verdict
        return None

    def check(self, name: bytes, password: bytes) -> bool:
        """Whether they may. Takes the time of one hash, also for a user that there is not."""
        known = self._users.get(name)
        try:
            fits = bcrypt.checkpw(password[:_USED_BYTES], known or next(iter(self._users.values())))
        except ValueError:
            fits = False
        verdict = fits and known is not None
        with self._lock:
            keys = self._verdicts[verdict]
            keys[self._key(name, password)] = None
            if len(keys) > _REMEMBERED:
                keys.popitem(last=False)
        return verdict

    def _key(self, name: bytes, password: bytes) -> bytes:
        """By which a verdict is found again, and from which nobody finds the password."""
        return hashlib.blake2b(len(name).to_bytes(8, "big") + name + password, key=self._secret).digest()
