import grp
import os
import pwd
from pathlib import Path

import gitgate_htpasswd
import pytest
from pydantic import BaseModel

from gitgate.cli.loose_files import loose_files
from gitgate.config import Config, Listener, PluginEntry, TlsSettings


@pytest.fixture
def here(tmp_path):
    """A folder with a configuration and what it names, all of it for the owner alone."""
    tmp_path.chmod(0o755)
    for name in ("gitgate.yaml", "users.htpasswd", "tls.crt", "tls.key", "secret"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o600)
    return tmp_path


def _config(here):
    tls = TlsSettings(certificate=here / "tls.crt", key=here / "tls.key")
    settings = gitgate_htpasswd.HtpasswdSettings(file=here / "users.htpasswd", groups=here / "lost.groups")
    return Config(
        listen=(Listener.at("https://0.0.0.0:8443", tls=tls),),
        plugins=(PluginEntry(use="htpasswd", plugin_class=gitgate_htpasswd.HtpasswdPlugin, settings=settings),),
        references={"word": {"$file": "secret"}},
    )


def _found(here, config=None):
    return [(danger.keys, danger.text) for danger in loose_files(config or _config(here), here / "gitgate.yaml")]


def test_files_of_their_owner_alone_are_no_danger(here):
    assert _found(here) == []


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("gitgate.yaml", ()),
        ("secret", ()),
        ("tls.crt", ("listen", 0, "tls", "certificate")),
        ("tls.key", ("listen", 0, "tls", "key")),
        ("users.htpasswd", ("plugins", 0, "file")),
    ],
)
def test_a_file_that_everybody_may_write_is_told_at_the_key_that_names_it(here, name, keys):
    """1. The file with passwords has mode 0666. 2. A user of the machine writes a line of their own into it."""
    (here / name).chmod(0o602)

    file = here / name
    assert _found(here) == [
        (keys, f"{file}: everybody on this machine may write this file (mode 0602); run: chmod o-w {file}")
    ]


@pytest.mark.parametrize("name", ["tls.key", "secret"])
def test_a_secret_that_everybody_may_read_is_told(here, name):
    (here / name).chmod(0o644)

    [(_, text)] = _found(here)
    assert text == (
        f"{here / name}: everybody on this machine may read this secret (mode 0644); run: chmod o-r {here / name}"
    )


def test_what_is_no_secret_may_be_read(here):
    for name in ("gitgate.yaml", "tls.crt"):
        (here / name).chmod(0o644)

    assert _found(here) == []


@pytest.mark.parametrize(
    ("members", "is_told"), [(["somebody"], True), (["{owner}", "root"], False), ([], False)], ids=str
)
def test_a_file_that_a_group_may_write_is_told_where_somebody_else_is_in_the_group(here, monkeypatch, members, is_told):
    owner = pwd.getpwuid(os.getuid())
    names = [name.format(owner=owner.pw_name) for name in members]
    monkeypatch.setattr(grp, "getgrgid", lambda gid: grp.struct_group(("staff", "x", gid, names)))
    monkeypatch.setattr(pwd, "getpwall", lambda: [owner])
    file = here / "users.htpasswd"
    file.chmod(0o660)

    told = [text for _, text in _found(here)]

    words = f"{file}: the group staff may write this file (mode 0660); if not so meant: chmod g-w {file}"
    assert told == ([words] if is_told else [])


def test_a_folder_in_which_everybody_may_rename_is_told_once(here):
    """1. The files are for their owner alone, and their folder is for everybody. 2. A user puts another one there."""
    here.chmod(0o777)

    assert _found(here) == [((), f"{here}: everybody on this machine may replace files here; run: chmod o-w {here}")]


def test_paths_are_found_in_settings_of_any_shape(here):
    class Inner(BaseModel):
        roots: list[dict[str, Path]]

    class Settings(BaseModel):
        inner: Inner

    folder = here / "keys.d"
    folder.mkdir()
    folder.chmod(0o1777)
    settings = Settings(inner=Inner(roots=[{"a": folder}]))
    config = Config(plugins=(PluginEntry(use="other", plugin_class=object, settings=settings),))

    assert _found(here, config) == [
        (
            ("plugins", 0, "inner", "roots", 0, "a"),
            f"{folder}: everybody on this machine may write in this folder (mode 1777); run: chmod o-w {folder}",
        )
    ]
