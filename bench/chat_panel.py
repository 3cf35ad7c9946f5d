"""Panel's `ChatInterface` as an app, for the benchmark: ``python -m panel serve bench/chat_panel.py``."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import panel as pn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.workloads import said

pn.extension()
client = openai.AsyncOpenAI(base_url=os.environ["BENCH_URL"], api_key="sk-bench")


async def answer(contents: str, user: str, instance: Any) -> AsyncIterator[str]:
    """As the documentation of Panel streams OpenAI: the text so far, again and again."""
    asked: Any = [{"role": "user", "content": contents}]
    stream = await client.chat.completions.create(model="chat", messages=asked, stream=True)
    message = ""
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            message += chunk.choices[0].delta.content
            yield message


chat = pn.chat.ChatInterface(callback=answer, height=600)
for question, text in said(int(os.environ["BENCH_TURNS"])):
    chat.send(question, respond=False)
    chat.send(text, user="Assistant", respond=False)
chat.servable()
