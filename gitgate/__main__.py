"""`python -m gitgate` is the command `gitgate`."""

from gitgate.cli import main

main()
