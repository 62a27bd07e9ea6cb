"""Each fault of the list in docs/contributing.md has a test of the name that stands there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
GUIDE = (TESTS.parent / "docs" / "contributing.md").read_text()

#: Of a list of thirty. F11 and F24 are about reloading and handing over sockets, which gitgate does not do; F30 is
#: `make soak`.
FAULTS = {*range(1, 11), *range(12, 24), *range(25, 30)}


def test_each_fault_has_a_test() -> None:
    rows = [line for line in GUIDE.partition("### Faults")[2].splitlines() if line.startswith("| F")]
    assert {int(number) for row in rows for number in re.findall(r"\bF(\d+)", row)} == FAULTS
    there = {
        name for path in TESTS.rglob("test_*.py") for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.M)
    }
    table = GUIDE.partition("### Faults")[2].partition("\nA journey")[0]
    named = set(re.findall(r"`(test_\w+)`", table))
    assert named <= there
    assert {name for name in there if re.match(r"test_f\d+_", name)} <= named
