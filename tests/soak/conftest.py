"""The soak goes against a server as the journeys have it: see tests/journeys/conftest.py."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_PATH = Path(__file__).parents[1] / "journeys" / "conftest.py"
_spec = spec_from_file_location("journeys_for_soak", _PATH)
assert _spec is not None
assert _spec.loader is not None
journeys = sys.modules[_spec.name] = module_from_spec(_spec)
_spec.loader.exec_module(journeys)

another_site = journeys.another_site
