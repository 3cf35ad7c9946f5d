"""A notebook that is asked in, saved and mended without any front end: for the tests of restoring."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nbstream.chat.history import Turn
from nbstream.chat.session import Session
from nbstream.errors import NbstreamError
from nbstream.messages import Answer, Timing
from nbstream.show.settled import bundle


class Notebook:
    """Cells with ids, and the kernel that runs them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lesson.ipynb"
        self.cells: list[dict[str, Any]] = []
        self.clock = 1_700_000_000.0
        self.restart()

    def restart(self) -> Session:
        """A kernel that knows nothing."""
        self.session = Session()
        return self.session

    def cell(self, id: str) -> dict[str, Any]:
        return next(cell for cell in self.cells if cell["id"] == id)

    def ask(
        self, id: str, prompt: str, line: str = "-m openai:words", answer: Answer | None = None, **more: Any
    ) -> Turn:
        """Run the cell `id`, with this text, and show the answer below it."""
        self.clock += 10
        if not any(cell["id"] == id for cell in self.cells):
            self.cells.append({"cell_type": "code", "id": id, "metadata": {}, "outputs": []})
        cell = self.cell(id)
        cell |= {"source": f"%%llm {line}\n{prompt}\n", "execution_count": int(self.clock) % 1000}
        name = more.pop("conversation", "main")
        history = self.session.conversation(name or "apart").history
        at = more.pop("at", None)
        turn = history.begin(Turn(prompt, "openai:words", cell=id, created=self.clock, **more), at)
        given = answer or Answer(f"to {prompt}", finish_reason="stop")
        timing = Timing(self.clock, 0.5, 2.0)
        history.finish(turn, replaced(given, model=turn.model, timing=timing))
        cell["outputs"] = [self.shown(turn, name)]
        return turn

    def shown(self, turn: Turn, name: str | None = "main") -> dict[str, Any]:
        assert turn.answer is not None
        data, metadata = bundle(turn, turn.answer, name)
        return {"output_type": "display_data", "data": data, "metadata": metadata}

    def save(self) -> Path:
        book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": self.cells}
        self.path.write_text(json.dumps(book), encoding="utf-8")
        os.utime(self.path, (self.clock + 1, self.clock + 1))
        return self.path

    def restore(self) -> Any:
        """Save, restart, restore."""
        self.save()
        self.restart()
        return self.session.restore(self.path)

    def prompts(self, name: str = "main") -> list[str]:
        return [turn.prompt for turn in self.session.conversation(name).turns]

    def sent(self, name: str = "main") -> list[str]:
        """What another turn would send along."""
        history = self.session.conversation(name).history
        new = Turn("next", "openai:words", parent=history.head or history.root)
        return [message.content for message in history.before(new)]


def replaced(answer: Answer, **changes: Any) -> Answer:
    from dataclasses import replace

    return replace(answer, **changes)


def failed(text: str = "") -> Answer:
    return Answer(text, error=NbstreamError("refused", "why", "fix"))
