"""GET /penguins: sizes of 344 penguins of the Palmer Archipelago, as JSON, CSV or a page.

The data were collected by Dr. Kristen Gorman and the Palmer Station LTER, and come in the package
palmerpenguins. Importing pandas takes half a second, once, at deploy: instances are forked after
that.
"""

from typing import Literal

import pandas as pd
from palmerpenguins import load_penguins
from tapwater import Problem, Response, options

options(memory="512MB", timeout="20s")

PENGUINS = load_penguins()
SIZES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
COLUMNS = ["species", "island", "sex", "year"]


def get(
    by: str = "species",
    species: str = "",
    year: int | None = None,
    format: Literal["json", "csv", "html"] = "json",
) -> Response:
    """Count and average the penguins by species, island, sex or year."""
    if by not in COLUMNS:
        raise Problem(422, f"by must be one of: {', '.join(COLUMNS)}", code="column")
    chosen = PENGUINS
    if species:
        chosen = chosen[chosen["species"].str.casefold() == species.casefold()]
    if year is not None:
        chosen = chosen[chosen["year"] == year]
    return rendered(summary(chosen, by), format)


def summary(penguins: pd.DataFrame, by: str) -> pd.DataFrame:
    """Give a row for each group: how many, and the means of their sizes."""
    groups = penguins.groupby(by, observed=True)
    table = groups[SIZES].mean().round(1)
    table.insert(0, "penguins", groups.size())
    return table.reset_index()


def rendered(table: pd.DataFrame, format: str) -> Response:
    """Write a table the way the caller wants it."""
    if format == "csv":
        return Response(table.to_csv(index=False), content_type="text/csv; charset=utf-8")
    if format == "html":
        return Response.html(table.to_html(index=False, border=0))
    return Response(table.to_json(orient="records"), content_type="application/json")
