"""Stub."""

from __future__ import annotations

from .part import Part


class Transcript(Part):
    """Stub."""
