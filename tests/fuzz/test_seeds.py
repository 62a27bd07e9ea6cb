"""What the fuzzing begins with, and what it has found before, does no harm. `make fuzz` looks for more."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_spec = spec_from_file_location("fuzz_run", _HERE / "run.py")
assert _spec is not None
assert _spec.loader is not None
run = module_from_spec(_spec)
_spec.loader.exec_module(run)

TARGETS = [path.stem for path in sorted((_HERE / "targets").glob("*.py"))]


@pytest.mark.parametrize("target", TARGETS)
def test_no_seed_makes_its_target_fail(target: str) -> None:
    fuzz, seeds = run.load(target), sorted((_HERE / "corpus" / target).iterdir())
    assert seeds
    for seed in (b"", *(path.read_bytes() for path in seeds)):
        fuzz(seed)


def test_every_folder_of_seeds_has_its_target() -> None:
    assert sorted(path.name for path in (_HERE / "corpus").iterdir()) == TARGETS


def test_without_atheris_it_is_said_that_nothing_was_fuzzed() -> None:
    """A fuzzing that silently does not happen would be taken for one that finds nothing."""
    without_packages = [sys.executable, "-S", str(_HERE / "run.py")]
    ran = subprocess.run(without_packages, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.partition(":")[0]) == (1, "nothing was fuzzed")
