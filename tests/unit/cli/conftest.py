import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands set up the logging of the process, and a test must not leave that to the next."""
    root, twisted = logging.getLogger(), logging.getLogger("twisted")
    handlers, levels = root.handlers[:], (root.level, twisted.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    twisted.setLevel(levels[1])
