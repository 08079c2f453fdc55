"""Numbers in the text format of Prometheus (0.0.4). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tapwater_server.ports.stats import upper_ms

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
# Every doubling from 0.08 ms to 21 s: each costs a series for each function.
BOUNDS: Sequence[int] = tuple(range(12, 88, 4))
_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One line. ``suffix`` is of histograms: ``_bucket``, ``_sum``, ``_count``."""

    value: float
    labels: Labels = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All lines of one name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    says: str
    samples: Sequence[Sample]


def one(name: str, kind: Literal["counter", "gauge"], says: str, value: float) -> Family:
    """A family of a single line."""
    return Family(name=name, kind=kind, says=says, samples=(Sample(value=value),))


def histogram(buckets: Mapping[int, int], *, total_ms: float, labels: Labels) -> list[Sample]:
    """Write a histogram of ``ports/stats.py``, its times in seconds.

    >>> samples = histogram({12: 3, 200: 1}, total_ms=1500.0, labels={})
    >>> [(one.suffix, one.labels.get("le"), one.value) for one in samples if one.value][-3:]
    [('_bucket', '+Inf', 4), ('_sum', None, 1.5), ('_count', None, 4)]
    """
    waiting = sorted(buckets.items(), reverse=True)
    samples: list[Sample] = []
    below = 0
    for bound in BOUNDS:
        while waiting and waiting[-1][0] <= bound:
            below += waiting.pop()[1]
        le = f"{upper_ms(bound) / 1e3:.6g}"
        samples.append(Sample(value=below, labels={**labels, "le": le}, suffix="_bucket"))
    count = sum(buckets.values())
    samples.append(Sample(value=count, labels={**labels, "le": "+Inf"}, suffix="_bucket"))
    samples.append(Sample(value=total_ms / 1e3, labels=labels, suffix="_sum"))
    samples.append(Sample(value=count, labels=labels, suffix="_count"))
    return samples


def written(families: Iterable[Family]) -> bytes:
    """Write all of them.

    >>> written([one("up", "gauge", "Whether.", 1)])
    b'# HELP up Whether.\\n# TYPE up gauge\\nup 1\\n'
    """
    page = Page()
    page.add(families)
    return page.whole()


class Page:
    """Written piece by piece: a family's lines stand together, whenever they came."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def add(self, families: Iterable[Family]) -> None:
        for family in families:
            if not family.samples:
                continue
            lines = self._lines.get(family.name)
            if lines is None:
                lines = self._lines[family.name] = [
                    f"# HELP {family.name} {family.says}\n",
                    f"# TYPE {family.name} {family.kind}\n",
                ]
            lines += [
                f"{family.name}{each.suffix}{_labels(each.labels)} {_number(each.value)}\n"
                for each in family.samples
            ]

    def whole(self) -> bytes:
        """Give all of it."""
        text = "".join(["".join(lines) for lines in self._lines.values()])
        return text.encode("utf-8", "replace")


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
