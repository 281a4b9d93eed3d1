"""The metrics that docs/metrics.md and docs/architecture.md promise, read from their tables."""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ARCHITECTURE = REPOSITORY / "docs" / "architecture.md"
METRICS = REPOSITORY / "docs" / "metrics.md"

EVERYWHERE = frozenset({"job", "instance", "simulated"})
TRAINER = frozenset({"run", "rank"})

ALERT = EVERYWHERE | {"alertname", "severity", "budget", "period", "threshold", "run"}

PROMETHEUS = {"up": EVERYWHERE, "ALERTS": ALERT | {"alertstate"}, "ALERTS_FOR_STATE": ALERT}
"""What Prometheus itself adds."""

_ROW = re.compile(r"^\| (?P<names>`taximeter_[^|]+) \| (?P<type>gauge|counter|histogram) \|(?P<labels>[^|]*)\|$")
_GENERATED_ROW = re.compile(
    r"^\| (?P<names>`taximeter_\w+`) \| (?P<type>gauge|counter|histogram) \|[^|]*\|(?P<labels>[^|]*)\|[^|]*\|[^|]*\|$"
)


@dataclass(frozen=True)
class Table:
    """The tables of metrics.

    Attributes:
        labels: for each series' name (a histogram's with their suffixes) the labels that it may have.
        text: the whole of both pages.
    """

    labels: dict[str, frozenset[str]]
    text: str


def read_table() -> Table:
    """All metrics of both pages.

    A name that starts with an underscore goes on from the first two words of the row's first name.
    """
    text = METRICS.read_text(encoding="utf-8") + ARCHITECTURE.read_text(encoding="utf-8")
    trainer_from = text.index("### Trainer")
    labels: dict[str, frozenset[str]] = {}
    position = 0
    for line in text.splitlines(keepends=True):
        if match := _ROW.match(line.rstrip("\n")) or _GENERATED_ROW.match(line.rstrip("\n")):
            names = re.findall(r"`(\w+)`", match["names"])
            stem = "_".join(names[0].split("_")[:2])
            own = set(re.findall(r"[a-z_]+", re.sub(r"\(.*\)|:.*", "", match["labels"])))
            common = EVERYWHERE | (TRAINER if position > trainer_from else set())
            for name in names:
                full = stem + name if name.startswith("_") else name
                if match["type"] == "histogram":
                    labels |= {f"{full}_{suffix}": frozenset(own | common) for suffix in ("sum", "count")}
                    labels[f"{full}_bucket"] = frozenset(own | common | {"le"})
                else:
                    labels[full] = frozenset(own | common)
        position += len(line)
    return Table(labels=labels, text=text)
