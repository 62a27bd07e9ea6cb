"""Faults are injected into a real server, in the same setting as the journeys: see tests/journeys/conftest.py.

Which fault has which test is told by docs/contributing.md, "Faults".
"""

import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[1] / "journeys" / "conftest.py"
_spec = spec_from_file_location("journeys_for_faults", _PATH)
assert _spec is not None
assert _spec.loader is not None
journeys = sys.modules[_spec.name] = module_from_spec(_spec)
_spec.loader.exec_module(journeys)

site = journeys.site
another_site = journeys.another_site
starting = journeys.starting
unique = journeys.unique

DOORS = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
  - {url: "git://127.0.0.1:0"}
"""

PLUGINS = """
plugins:
  - {use: htpasswd, file: users.htpasswd}
  - {use: authorized-keys, directory: keys.d}
  - use: rules
RULES
  - {use: tree, root: repositories}
"""


@pytest.fixture(scope="session")
def doors() -> str:
    """The beginning of a configuration: one door of each kind."""
    return DOORS


@pytest.fixture(scope="session")
def plugins() -> str:
    """Its usual end."""
    return PLUGINS


def install_plugin(folder: Path, name: str, source: str) -> dict[str, str]:
    """Installs `Plugin`, the class in a source, under a name; returns the variable by which Python finds it."""
    information = folder / f"{name}-1.dist-info"
    information.mkdir(parents=True)
    (folder / f"{name}.py").write_text(source)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(f"[gitgate.plugins]\n{name} = {name}:Plugin\n")
    return {"PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}


@pytest.fixture(scope="session")
def install() -> Callable[[Path, str, str], dict[str, str]]:
    return install_plugin
