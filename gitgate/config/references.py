"""Values that stand outside the file, such as secrets: `{$env: X}`, `{$file: path}`, `{$credential: name}`."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from gitgate.config.problems import KeyPath, did_you_mean

#: The keys that make a mapping a reference.
SIGNS: Final = ("$env", "$file", "$credential")

#: A secret is short. More is a wrong path: to a log, or to a device without end.
_LONGEST_BYTES: Final = 1024 * 1024


class References:
    """Puts in what references stand for, and remembers where.

    `texts` holds what was put in, by its place; `written` the references that brought each text in; `failed` the places
    of those that could not be followed, each of which was told to `report`.
    """

    def __init__(self, base: Path, environ: Mapping[str, str], report: Callable[[KeyPath, str], None]) -> None:
        self.texts: dict[KeyPath, str] = {}
        self.written: dict[str, Mapping[str, str]] = {}
        self.failed: set[KeyPath] = set()
        self._base = base
        self._environ = environ
        self._report = report

    def resolve(self, value: Any, keys: KeyPath = ()) -> Any:
        """`value` with a text in place of each reference; an empty one where that failed."""
        match value:
            case list():
                return [self.resolve(item, (*keys, index)) for index, item in enumerate(value)]
            case dict() if sign := self._sign(value):
                try:
                    text = self._follow(sign, value)
                except ValueError as error:
                    self.failed.add(keys)
                    self._report(keys, str(error))
                    return ""
                self.texts[keys] = text
                self.written[text] = {sign: value[sign]}
                return text
            case dict():
                return {key: self.resolve(item, (*keys, key)) for key, item in value.items()}
        return value

    def _sign(self, mapping: Mapping[str, Any]) -> str | None:
        signs = [key for key in mapping if key in SIGNS or (key.startswith("$") and len(mapping) == 1)]
        return signs[0] if signs else None

    def _follow(self, sign: str, mapping: Mapping[str, Any]) -> str:
        argument = mapping[sign]
        if sign not in SIGNS:
            raise ValueError(f"there is no reference {sign!r}, only {', '.join(SIGNS)}{did_you_mean(sign, SIGNS)}")
        if len(mapping) > 1:
            raise ValueError(f"a reference stands alone: {{{sign}: ...}} takes no other keys")
        if not isinstance(argument, str) or not argument:
            raise ValueError(f"{sign} needs a name, as a text")
        match sign:
            case "$env":
                text = self._from_environment(argument)
            case "$file":
                text = _read(self._base / argument)
            case _:
                text = self._from_credential(argument)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"what {sign} stands for is not UTF-8") from None
        return text

    def _from_environment(self, name: str) -> str:
        if (text := self._environ.get(name)) is None:
            raise ValueError(f"the environment has no variable {name!r}")
        return text

    def _from_credential(self, name: str) -> str:
        # systemd.exec(5): a credential's name is that of a file. "../shadow" is none.
        if not re.fullmatch(r"[A-Za-z0-9_@:-][A-Za-z0-9_.@:-]*", name):
            raise ValueError(
                f"{name!r} is not the name of a credential: letters, digits, and _ . - : @ may stand in it"
            )
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise ValueError(
                "there are no credentials: systemd sets $CREDENTIALS_DIRECTORY where LoadCredential= is used"
            )
        return _read(Path(directory, name))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"{str(path)!r} is not a path") from None
    if len(content) > _LONGEST_BYTES:
        raise ValueError(f"{str(path)!r} is longer than 1 MiB, and not a secret")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{str(path)!r} is not UTF-8") from None
    # One line ending: what editors and `echo` add, and what a secret itself hardly has.
    return re.sub(r"\r?\n\Z", "", text)
