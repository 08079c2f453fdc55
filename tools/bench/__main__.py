"""Runs the rows that were asked for, all if none, and writes the table."""

import argparse
import datetime
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping

from tools.bench import (
    aws_cold,
    aws_invoke,
    aws_peers,
    blobs,
    budgets,
    cold,
    documents,
    events,
    idle,
    machine,
    parts,
    records,
    schedules,
    table,
    warm,
)
from tools.bench.results import Result, unmeasured
from tools.bench.servers import CannotMeasure

Row = Callable[[], Result]


def rows(*, quick: bool) -> Mapping[str, Row]:
    """Give every row; quick ones are for trying the harness, not for the table."""
    return {
        "warm": lambda: warm.measure(rounds=1 if quick else 5, seconds=2 if quick else 5),
        "cold": lambda: cold.measure(calls=20 if quick else 200, restarts=2 if quick else 7),
        "aws-cold": lambda: aws_cold.measure(calls=20 if quick else 100),
        "aws-invoke": lambda: aws_invoke.measure(
            rounds=1 if quick else 5, turns=5 if quick else 20
        ),
        "aws-sqs": lambda: aws_peers.sqs(rounds=1 if quick else 7, count=50 if quick else 300),
        "aws-s3": lambda: aws_peers.s3(rounds=1 if quick else 7, count=50 if quick else 200),
        "burst": lambda: cold.burst(rounds=2 if quick else 5),
        "many": lambda: idle.many(functions=100 if quick else 1000, sample=20 if quick else 200),
        "start": lambda: idle.start(rounds=2 if quick else 5),
        "edit": lambda: idle.edit(rounds=3 if quick else 15),
        "events": lambda: events.measure(
            events=2_000 if quick else 20_000, rounds=1 if quick else 5
        ),
        "blobs": lambda: blobs.measure(rounds=1 if quick else 5, count=100 if quick else 500),
        "budgets": lambda: budgets.measure(rounds=1 if quick else 3),
        "schedules": lambda: schedules.measure(seconds=21 if quick else 60),
        "parts": parts.measure,
        "records": lambda: records.measure(
            records=100_000 if quick else 1_000_000, rounds=3 if quick else 7
        ),
        "documents": lambda: documents.measure(
            documents=100_000 if quick else 1_000_000,
            calls=500 if quick else 3000,
            listeners=1000,
        ),
    }


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", help="which rows; all of them if none is named; the others stay as found"
    )
    parser.add_argument("--quick", action="store_true", help="short runs; nothing is written")
    asked = parser.parse_args()
    known = rows(quick=asked.quick)
    strange = [name for name in asked.rows if name not in known]
    if strange:
        parser.error(f"there is no row {strange[0]!r} (there are: {', '.join(known)})")
    here = machine.describe()
    found: dict[str, table.Found] = {}
    for name in asked.rows or known:
        load = f"{os.getloadavg()[0]:.2f}"
        day = datetime.date.today().isoformat()
        found[name] = table.Found(result=run(name, known[name]), day=day, load=load)
        if not asked.quick:  # After each row: a run takes half an hour, and may be cut short.
            table.write(found, here, order=tuple(known))
    print(table.render(found, here))
    if asked.quick:
        print("bench: quick runs are for trying the harness: nothing was written")
    return 0


def run(name: str, row: Row) -> Result:
    """Measure one row; a row that cannot be measured says why, and the others go on."""
    try:
        return row()
    except CannotMeasure as error:
        print(f"bench: {name}: {error}", file=sys.stderr, flush=True)
        return unmeasured(name, "", str(error)[:400])
    except (OSError, subprocess.SubprocessError, AssertionError, ValueError) as error:
        traceback.print_exc()
        return unmeasured(name, "", f"{type(error).__name__}: {error}"[:400])


if __name__ == "__main__":
    sys.exit(main())
