"""Notebooks as the tests write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nbformat


def notebook_of(cells: Sequence[str]) -> Any:
    """A notebook of these code cells.

    One that begins with ``#md`` is a Markdown cell instead; the code of one with ``#hidden`` is folded.
    """
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for source in cells:
        if source.startswith("#md\n"):
            notebook.cells.append(nbformat.v4.new_markdown_cell(source[4:]))
        else:
            cell = nbformat.v4.new_code_cell(source.removeprefix("#hidden\n"))
            if cell.source != source:
                cell.metadata["jupyter"] = {"source_hidden": True}
            notebook.cells.append(cell)
    return notebook
