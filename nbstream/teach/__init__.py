"""Teaching: tapes, x-ray and compare. A top layer, which looks on at the engine, never the reverse."""
