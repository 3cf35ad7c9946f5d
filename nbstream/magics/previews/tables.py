"""Frames and series of pandas, polars and pyarrow: shape, types and the first rows, as a table."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...i18n import t
from .bounds import one_line

ROWS, COLUMNS, CELL = 10, 12, 80
"""How much of a table is shown, and how much of a cell."""
WHOLE, WHOLE_SERIES = 15, 50
"""Rows up to which a table is shown whole, and values up to which a series is."""
NAMED = 100
"""Columns whose names and types are told, beyond those that are shown."""


@dataclass(slots=True)
class Grid:
    """The part of a table that is shown, and how large the whole is."""

    kind: str
    height: int
    columns: Sequence[tuple[str, str]]
    """Name and type of every column, or of the first few hundred."""
    width: int
    rows: Iterable[Sequence[Any]]
    """Of the first rows: the label, where there is one, and the cells."""
    labels: Sequence[str] = ()
    """The heads of the columns that only name the rows."""
    series: bool = False
    """It has one column by nature."""

    @property
    def size(self) -> str:
        if self.series:
            return t("preview.values", count=f"{self.height:,}")
        return t("preview.size", rows=f"{self.height:,}", columns=f"{self.width:,}")


def table(value: Any, name: str = "") -> str | None:
    """`value` as a Markdown table, if it is one of those."""
    grid = _pandas(value) or _polars(value) or _arrow(value)
    return None if grid is None else _drawn(grid, name)


def brief(value: Any) -> str | None:
    """The same in a few words, for one that stands inside something else."""
    grid = _pandas(value) or _polars(value) or _arrow(value)
    return None if grid is None else f"<{grid.kind}: {grid.size}>"


def _rows(height: int, whole: int = WHOLE) -> int:
    return height if height <= whole else ROWS


def _pandas(value: Any) -> Grid | None:
    pandas = sys.modules.get("pandas")
    if pandas is None or not hasattr(pandas, "DataFrame"):  # the second while it is being imported
        return None
    if isinstance(value, pandas.Index):
        value = value.to_series(index=range(len(value)))
        return _series(value, "Index")
    if isinstance(value, pandas.Series):
        return _series(value, "Series")
    if not isinstance(value, pandas.DataFrame):
        return None
    height, width = value.shape
    part = value.iloc[: _rows(height), :COLUMNS]
    some = value.iloc[:0, : COLUMNS + NAMED]
    columns = [(_name(one), str(kind)) for one, kind in zip(some.columns, some.dtypes, strict=True)]
    rows = part.itertuples(index=True, name=None)
    return Grid("DataFrame", height, columns, width, rows, [_name(value.index.name)])


def _series(value: Any, kind: str) -> Grid:
    part = value.iloc[: _rows(len(value), WHOLE_SERIES)]
    rows = list(zip(part.index, part, strict=True))
    columns = [(_name(value.name), str(value.dtype))]
    return Grid(kind, len(value), columns, 1, rows, [_name(value.index.name)], series=True)


def _polars(value: Any) -> Grid | None:
    polars = sys.modules.get("polars")
    if polars is None or not hasattr(polars, "DataFrame"):
        return None
    if isinstance(value, polars.Series):
        value = value.to_frame()
        kind, whole = "Series", WHOLE_SERIES
    elif isinstance(value, polars.DataFrame):
        kind, whole = "DataFrame", WHOLE
    else:
        return None
    height, width = value.shape
    part = value.head(_rows(height, whole))[:, :COLUMNS]
    columns = [(one, str(value.schema[one])) for one in value.columns[: COLUMNS + NAMED]]
    return Grid(kind, height, columns, width, part.rows(), series=kind == "Series")


def _arrow(value: Any) -> Grid | None:
    arrow = sys.modules.get("pyarrow")
    if arrow is None or not hasattr(arrow, "Table"):
        return None
    if isinstance(value, arrow.Array | arrow.ChunkedArray):
        shown = value.slice(0, _rows(len(value), WHOLE_SERIES)).to_pylist()
        listed = [[one] for one in shown]
        return Grid(type(value).__name__, len(value), [("", str(value.type))], 1, listed, series=True)
    if not isinstance(value, arrow.Table | arrow.RecordBatch):
        return None
    part = value.slice(0, _rows(value.num_rows))
    cells = [part.column(at).to_pylist() for at in range(min(COLUMNS, value.num_columns))]
    fields = [value.schema.field(at) for at in range(min(COLUMNS + NAMED, value.num_columns))]
    columns = [(one.name, str(one.type)) for one in fields]
    rows = zip(*cells, strict=True)
    return Grid(type(value).__name__, value.num_rows, columns, value.num_columns, rows)


def _drawn(grid: Grid, name: str) -> str:
    rows = [[_cell(cell) for cell in row] for row in grid.rows]
    shown = grid.columns[:COLUMNS]
    heads = [*grid.labels, *(f"{_cell(one)} ({kind})".strip() for one, kind in shown)]
    lines = [_title(grid, name, len(rows), len(shown)), ""]
    lines += [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
    if others := grid.columns[COLUMNS:]:
        told = ", ".join(f"{_cell(one)} ({kind})" for one, kind in others)
        more = grid.width - len(grid.columns)
        lines += ["", t("preview.columns", names=told + (f", … {more:,}" if more else ""))]
    return "\n".join(lines)


def _title(grid: Grid, name: str, rows: int, columns: int) -> str:
    title = f"{grid.kind} {name}".strip() + f": {grid.size}"
    some = []
    if rows < grid.height:
        some.append(t("preview.some_rows", count=f"{rows:,}", all=f"{grid.height:,}"))
    if columns < grid.width:
        some.append(t("preview.some_columns", count=f"{columns:,}", all=f"{grid.width:,}"))
    return (
        title + t("preview.bracketed", what=t("preview.shown", what=t("list.joint").join(some)))
        if some
        else title
    )


def _name(name: Any) -> str:
    return "" if name is None else str(name)


def _cell(value: Any) -> str:
    """A cell on one line; floats with as many digits as one reads."""
    text = f"{value:.10g}" if isinstance(value, float) else str(brief(value) or value)
    return one_line(text, CELL).replace("|", "\\|")
