"""Stub."""

from __future__ import annotations

from .part import Part


class Keeping(Part):
    """Stub."""
