"""The dashboard "Taximeter itself": whether what the others show is scraped, booked, judged and delivered."""

from dashboards_src.itself.dashboard import itself

__all__ = ["itself"]
