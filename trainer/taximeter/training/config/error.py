"""A configuration that cannot be."""

from __future__ import annotations


class ConfigError(ValueError):
    """A setting that cannot be carried out: one line that says which, where it was set, and what would be right."""

    def __init__(self, field: str, remedy: str, *, file: str | None = None) -> None:
        """`field` as in the schema (`batch_size`); `file` if the value came from one, `field` with its section then."""
        self.field = field
        self.remedy = remedy
        self.file = file
        super().__init__(field, remedy, file)

    def __str__(self) -> str:
        where = f"--{self.field.replace('_', '-')}" if self.file is None else f"{self.file}: {self.field}"
        return f"{where}: {self.remedy}"
