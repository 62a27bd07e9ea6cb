"""A password that is not shown: typed at a terminal, or the first line of standard input."""

import getpass
import sys
import warnings

import click

from gitgate.cli.stops import NotDone


def typed_or_piped(user: str) -> str:
    """The password of `user`, asked for on standard error where standard input is a terminal."""
    if not sys.stdin.isatty():
        return first_line()
    password: str = click.prompt(f"Password for {user}", hide_input=True, err=True)
    return password


def typed_twice(user: str) -> str:
    """The password of `user`, typed at a terminal and typed again; the first line of standard input without one."""
    with warnings.catch_warnings():
        # Python would warn with a line of its own code, and ask all the same, twice.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            password: str = click.prompt(f"Password for {user}", hide_input=True, confirmation_prompt="Again")
        except getpass.GetPassWarning:
            return first_line()
    return password


def first_line() -> str:
    """The first line of standard input, without its end. Raises `NotDone` where there is none."""
    line = sys.stdin.buffer.readline()
    if not line:
        raise NotDone("gitgate: there is no password on standard input")
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise NotDone("gitgate: the password on standard input is not UTF-8") from None
