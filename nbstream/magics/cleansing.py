"""Keys that were typed into a cell, taken out of IPython's history: of this session, and of its file.

They are not deleted but masked: an entry keeps its number, and says where a key stood.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from ..credentials import Secret, hidden

TABLES = {"history": ("source", "source_raw"), "output_history": ("output",)}
PATIENCE = 5.0
"""Seconds to wait for another kernel that writes to the file."""


def cleanse(shell: Any, secrets: Iterable[Secret]) -> int:
    """Mask `secrets` in the history of `shell`; how many entries changed.

    Raises `sqlite3.Error` where its file cannot be changed.
    """
    found = [secret for secret in secrets if secret]

    def clean(text: str) -> str:
        there = [secret for secret in found if secret.reveal() in text]
        return hidden(text, there) if there else text

    return _in_memory(shell, clean) + _in_file(shell.history_manager, clean)


def _in_memory(shell: Any, clean: Callable[[str], str]) -> int:
    manager = shell.history_manager
    for lines in (manager.input_hist_parsed, manager.input_hist_raw):
        lines[:] = [clean(line) for line in lines]
    waiting = manager.db_input_cache  # not yet in the file
    changed = [tuple(clean(one) if isinstance(one, str) else one for one in entry) for entry in waiting]
    count: int = sum(old != new for old, new in zip(waiting, changed, strict=True))
    waiting[:] = changed
    for name in ("_i00", "_i", "_ii", "_iii"):
        if isinstance(value := getattr(manager, name, None), str):
            setattr(manager, name, clean(value))
    for name, value in list(shell.user_ns.items()):
        if re.fullmatch(r"_i+|_i\d+", name) and isinstance(value, str):
            shell.user_ns[name] = clean(value)
    return count


def _in_file(manager: Any, clean: Callable[[str], str]) -> int:
    if not manager.enabled:
        return 0
    path = str(manager.hist_file)
    if path == ":memory:":
        database: sqlite3.Connection = manager.db
        with database:
            return _in_tables(database, clean)
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
        # What is overwritten in a file of SQLite stays there to be read, unless it is told otherwise.
        database.execute("PRAGMA secure_delete = ON")
        return _in_tables(database, clean)


def _in_tables(database: sqlite3.Connection, clean: Callable[[str], str]) -> int:
    count = 0
    there = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, columns in TABLES.items():
        if table not in there:
            continue
        names = ", ".join(columns)
        for row, *texts in database.execute(f"SELECT rowid, {names} FROM {table}").fetchall():
            masked = [clean(text) if isinstance(text, str) else text for text in texts]
            if masked != texts:
                places = ", ".join(f"{name} = ?" for name in columns)
                database.execute(f"UPDATE {table} SET {places} WHERE rowid = ?", (*masked, row))
                count += 1
    return count
