"""A tape in JupyterLab: what was waited for is waited for again, visibly, with nobody to ask."""

from __future__ import annotations

import json
from typing import Any

from tests.browser.page import FrontEnd

HEAD = {"nbstream": "tape", "version": 1}


def take(prompt: str, text: str, *before: dict[str, Any]) -> dict[str, Any]:
    frames = [[0.03, {"choices": [{"delta": {"content": piece}}]}] for piece in text.split("|")]
    end = [0.05, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    ask = {
        "provider": "deepseek",
        "model": "deepseek-chat",
        "messages": [{"role": "user", "content": prompt}],
    }
    return {"ask": ask, "attempts": [*before, {"connect": 0.1, "frames": [*frames, end, [0, "[DONE]"]]}]}


BUSY = {
    "refused": {
        "status": 503,
        "headers": {"retry-after": "2"},
        "body": {"error": {"message": "too many people ask at once"}},
    }
}
TAKES = [
    take("Why is the sky blue?", "Because of |**Rayleigh** |scattering.", BUSY),
    take("天空为什么是蓝的？", "因为|**瑞利**|散射。"),
]
CELLS = [
    "%load_ext nbstream",
    "%llm replay lesson.tape",
    "%%llm\nWhy is the sky blue?",
    "%%llm\nWhy is the sea blue?",
    "%llm record mine",
    "%llm lang zh",
    "%llm replay lesson.tape --speed max",
    "%%llm\n天空为什么是蓝的？",
    "%%llm\n海洋为什么是蓝的？",
    "%%llm -m openai:gpt-4o\n天空为什么是蓝的？",
]


def test_a_tape_is_played_in_a_notebook_wait_and_all(lab: FrontEnd) -> None:
    lines = [json.dumps(one, ensure_ascii=False) for one in (HEAD, *TAKES)]
    (lab.server.root / "lesson.tape").write_text("\n".join(lines) + "\n", "utf-8")
    notebook = lab.open(CELLS)
    notebook.run_all(wait=False)
    notebook.see(2, "again in")
    notebook.wait_done()
    notebook.see(2, "Because of Rayleigh scattering.")
    notebook.see(2, "played from lesson.tape")
    notebook.see(3, "holds no answer to this prompt")
    notebook.see(3, "“sky” → “sea”")
    notebook.see(7, "播放自 lesson.tape")
    notebook.see(8, "“天空” → “海洋”")
    notebook.see(9, "deepseek:deepseek-chat")
    notebook.screenshot("tapes")
