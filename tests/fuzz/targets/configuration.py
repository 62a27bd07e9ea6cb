"""A configuration file: it is understood, or each problem with it has a line of one line."""

from pathlib import Path

from gitgate.config import ConfigError, load_text
from gitgate.config.yaml_document import decode


def fuzz(data: bytes) -> None:
    try:
        load_text(decode(data, "x.yaml"), name="x.yaml", base=Path("/nonexistent"), environ={"X": "1"}, installed={})
    except ConfigError as error:
        assert all(str(problem).isprintable() for problem in error.problems)
