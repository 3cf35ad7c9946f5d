"""Stub."""

from __future__ import annotations

from .part import Part


class Heading(Part):
    """Stub."""
