"""What is known of models before they are asked: how much they read, what they see, what they cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one model; None where it is not known."""

    window: int | None = None
    """Tokens of prompt and answer together."""
    max_output: int | None = None
    sees: bool | None = None
    """Whether it takes images."""


def facts(provider: str, model: str) -> Facts:
    """What is known of `model` of `provider`."""
    return Facts()
