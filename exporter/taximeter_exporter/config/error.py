"""What reading a configuration can raise: `Refused` within it, `ConfigError` to whoever asked for it."""

from __future__ import annotations


class ConfigError(ValueError):
    """One line for a person: where (a file, an environment variable), which field, what is wrong and what is right."""

    def __init__(self, where: str, field: str, message: str) -> None:
        text = ": ".join(part for part in (where, field, message) if part)
        # Whatever was written in the file, this is one line.
        super().__init__("".join(char if char.isprintable() else ascii(char)[1:-1] for char in text))
        self.field = field


class Refused(ValueError):
    """A field's value cannot be."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
