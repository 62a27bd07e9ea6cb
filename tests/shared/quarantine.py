"""Where git keeps what a push brings until it is accepted: in a folder of its own among the objects."""

from pathlib import Path

from waiting import wait_until


def wait_until_quarantine_is_gone(repository: Path) -> None:
    """For after a push that git, or a hook, has refused. Where it was killed, the quarantine stays for ever."""
    # receive-pack sends its report, and removes the quarantine only when it exits. A client of git:// leaves as soon as
    # it has the report; over ssh and http it is gitgate that ends the answer, once git has exited.
    wait_until(lambda: not list(repository.glob("objects/*incoming-*")), f"{repository} has a quarantine")
