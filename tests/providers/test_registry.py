"""What is said of a provider without importing it is what the provider says of itself."""

from __future__ import annotations

import pytest

from nbstream.providers import registry


@pytest.mark.parametrize("name", registry.names())
def test_what_it_needs_is_known_without_importing_it(name: str) -> None:
    known = {one.name: one for one in registry.keyed()}[name]
    provider = registry.get(name)
    assert known.name == provider.name == name
    assert known.fields == provider.fields
    assert known.key_optional_elsewhere == provider.key_optional_elsewhere
