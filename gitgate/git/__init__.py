"""Runs git: its command line and environment, its process, and the streams between it and a client."""

from typing import Final

#: git's own exit code for "fatal:", which git shell uses for all that it refuses.
EXIT_FATAL: Final = 128
