"""What it costs to import the configuration."""

import subprocess
import sys


def test_the_parser_and_pydantic_are_imported_when_a_configuration_is_loaded_and_not_before() -> None:
    """`gitgate --version` and completion answer at once; pydantic alone would take a tenth of a second."""
    program = "import sys, gitgate.config; print(sorted({'yaml', 'pydantic', 'twisted'} & sys.modules.keys()))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
