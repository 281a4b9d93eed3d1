"""The notes below a table of prices: where each was read."""

from __future__ import annotations

from taximeter_exporter.pricing.price import Price


class Footnotes:
    """Numbered as they are first needed."""

    def __init__(self) -> None:
        self._notes: dict[str, int] = {}

    def mark(self, price: Price) -> str:
        """The mark of a price's note."""
        source = f"{price.origin}: {price.source}" if price.source else price.origin
        less = f"less {price.discount_percent:f}%" if price.discount_percent is not None else ""
        text = "; ".join(filter(None, (source, less, price.note)))
        return f"[{self._notes.setdefault(text, len(self._notes) + 1)}]"

    def __str__(self) -> str:
        return "\n".join(f"[{number}] {text}" for text, number in self._notes.items())
