from collections.abc import Iterator

import pytest

from tests.panel.spoken import brought


@pytest.fixture(scope="module")
def spoken() -> Iterator[None]:
    """The provider ``spoken``, see `Line`."""
    with brought():
        yield
