"""Runs each night at three: turns the day's uploaded sales files into one report."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from tapwater import Event, blobs, docs, on

WRONG_MAX = 20  # What a report tells of rows that it could not use.


@on.schedule("0 3 * * *", tz="Europe/Berlin", missed="once", overlap="skip", retries=3)
def report(event: Event) -> str:
    """Extract, transform, load. Killed in the middle and begun again, it gives the same report:
    files first move into this night's own folder, and the report counts all that lie there.
    """
    day, night = event.time[:10], f"done/{event.id}/"
    for one in blobs.list("incoming/"):
        if one.key.endswith(".csv"):
            blobs.copy(one.path, night + one.key)
            blobs.delete(one.path, if_match=one.etag)
    files = [one.path for one in blobs.list(night)]
    if not files:
        return "nothing came"
    cents: Counter[str] = Counter()
    wrong: list[str] = []
    for path in files:
        for product, amount in rows(path, wrong):
            cents[product] += amount
    write(day, cents, files=files, wrong=wrong)
    return f"{len(files)} files, {sum(cents.values()) / 100:.2f} €"


def rows(path: str, wrong: list[str]) -> Iterator[tuple[str, int]]:
    """Read a file line by line, however large it is; say which lines cannot be used."""
    with blobs.open(path) as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, "utf-8", newline="")):
            try:
                yield row["product"].strip(), int(Decimal(row["euros"]) * 100)
            except (KeyError, TypeError, AttributeError, InvalidOperation):
                wrong.append(f"{path}: {row}")


def write(day: str, cents: Counter[str], *, files: list[str], wrong: list[str]) -> None:
    """Store the report twice: as a table to download, and as a document to ask for."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["product", "euros"])
    table.writerows([product, f"{sum / 100:.2f}"] for product, sum in cents.most_common())
    blobs.put(f"reports/{day}.csv", out.getvalue(), content_type="text/csv")
    facts = {
        "day": day,
        "files": files,
        "cents": sum(cents.values()),
        "best": cents.most_common(1)[0][0] if cents else None,
        "wrong": wrong[:WRONG_MAX],
        "wrong_count": len(wrong),
    }
    docs.set(f"reports/{day}", facts)
