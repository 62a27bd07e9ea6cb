"""The plugin: who a key is, and how changes arrive."""

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from gitgate_authorized_keys import AuthorizedKeysPlugin, Settings

from gitgate.plugin import Identity, Peer, PublicKey, Rejected, SettingsError

MakePlugin: TypeAlias = Callable[..., AuthorizedKeysPlugin]
Keys: TypeAlias = dict[str, Any]

ALICE = Identity(name="alice")
BOB = Identity(name="bob")


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_it_asks_for_keys_alone() -> None:
    assert AuthorizedKeysPlugin.accepts == (PublicKey,)


@pytest.mark.parametrize("name", ["ed25519", "p256", "p384", "p521", "rsa", "sk-ed25519", "sk-p256"])
def test_a_listed_key_of_any_type_is_its_user(plugin_on: MakePlugin, keys: Keys, peer: Peer, name: str) -> None:
    plugin = plugin_on([f"alice: {keys[name].line} alice@laptop", f"bob: {keys['second'].line}"])

    assert plugin.authenticate(keys[name].offered_as("alice"), peer) == ALICE


def test_a_key_that_nobody_has_is_nobodys_opinion(plugin_on: MakePlugin, keys: Keys, peer: Peer) -> None:
    """A client offers its keys one after the other, and a plugin further down may know this one."""
    plugin = plugin_on([f"alice: {keys['ed25519'].line}"])

    assert plugin.authenticate(keys["second"].offered_as("alice"), peer) is None


def test_the_key_of_another_user_does_not_open_this_account(plugin_on: MakePlugin, keys: Keys, peer: Peer) -> None:
    """bob logs in as alice, with his own listed key."""
    plugin = plugin_on([f"alice: {keys['ed25519'].line}", f"bob: {keys['second'].line}"])

    assert plugin.authenticate(keys["second"].offered_as("alice"), peer) is None


@pytest.mark.parametrize("username", ["", "Alice", "alice ", "anonymous", "alice\0", "users.keys"])
def test_a_name_that_is_not_listed_is_nobodys_opinion(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, username: str
) -> None:
    plugin = plugin_on([f"alice: {keys['ed25519'].line}", f"anonymous: {keys['ed25519'].line}"])

    assert plugin.authenticate(keys["ed25519"].offered_as(username), peer) is None


def test_a_query_about_one_key_leaves_nothing_for_the_next(plugin_on: MakePlugin, keys: Keys, peer: Peer) -> None:
    """soft-serve, GHSA-pchf-49fh-w34r: offer the admin's key without a signature, then sign in with one's own."""
    plugin = plugin_on([f"admin: {keys['ed25519'].line}", f"bob: {keys['second'].line}"], shared_user="git")

    query = plugin.authenticate(keys["ed25519"].offered_as("git", verified=False), peer)
    login = plugin.authenticate(keys["second"].offered_as("git", verified=True), peer)

    assert (query, login) == (Identity(name="admin"), BOB)


def test_a_prefix_of_a_listed_key_is_not_the_key(plugin_on: MakePlugin, keys: Keys, peer: Peer) -> None:
    plugin = plugin_on([f"alice: {keys['ed25519'].line}"])
    offered = keys["ed25519"].offered_as("alice")
    cut = dataclasses.replace(offered, blob=offered.blob[:-1])
    longer = dataclasses.replace(offered, blob=offered.blob + b"\0")

    assert [plugin.authenticate(key, peer) for key in (cut, longer)] == [None, None]


def test_an_expired_key_is_rejected_from_its_second_on(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, wall_clock: Any, key_file: Path
) -> None:
    key = keys["ed25519"]
    plugin = plugin_on([f'alice: expiry-time="20250615120000Z" {key.line}'])
    wall_clock.now -= 0.5

    before = plugin.authenticate(key.offered_as("alice"), peer)
    wall_clock.now += 0.5
    after = plugin.authenticate(key.offered_as("alice"), peer)

    assert before == ALICE
    assert after == Rejected(f"{key.fingerprint} of alice is not usable now: its expiry-time has passed ({key_file}:1)")


def test_a_key_is_rejected_from_an_address_that_its_from_does_not_include(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, key_file: Path
) -> None:
    """A key is stolen, and used from outside the network that it is meant for."""
    key = keys["ed25519"]
    plugin = plugin_on([f'alice: from="192.0.2.0/24" {key.line}'])

    answers = [
        plugin.authenticate(key.offered_as("alice"), dataclasses.replace(peer, address=address))
        for address in ("192.0.2.7", "198.51.100.7", "")
    ]

    refusal = f"{key.fingerprint} of alice is not usable now: its from= does not include"
    assert answers == [
        ALICE,
        Rejected(f"{refusal} 198.51.100.7 ({key_file}:1)"),
        Rejected(f"{refusal} a client without an address ({key_file}:1)"),
    ]


def test_of_two_lines_with_the_same_key_one_that_is_usable_is_enough(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, key_file: Path
) -> None:
    key = keys["ed25519"]
    plugin = plugin_on(
        [f'alice: expiry-time="20250101Z" {key.line}', f'alice: from="192.0.2.7" {key.line}', f"bob: {key.line}"]
    )

    near = plugin.authenticate(key.offered_as("alice"), peer)
    far = plugin.authenticate(key.offered_as("alice"), dataclasses.replace(peer, address="198.51.100.7"))

    assert near == ALICE
    assert far == Rejected(
        f"{key.fingerprint} of alice is not usable now: its expiry-time has passed ({key_file}:1);"
        f" its from= does not include 198.51.100.7 ({key_file}:2)"
    )


@pytest.mark.parametrize("option", ['command="git-shell"', "cert-authority", "no-touch-required", "sundays-only"])
def test_a_line_with_an_option_that_is_not_honoured_logs_nobody_in(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, option: str
) -> None:
    """The line restricts the key to one command; with the option dropped, the key would do everything."""
    plugin = plugin_on([f"alice: {option} {keys['ed25519'].line}"])

    assert plugin.authenticate(keys["ed25519"].offered_as("alice"), peer) is None


def test_the_same_key_may_be_two_users_where_the_name_says_which(plugin_on: MakePlugin, keys: Keys, peer: Peer) -> None:
    key = keys["ed25519"]
    plugin = plugin_on([f"alice: {key.line}", f"bob: {key.line}"])

    assert [plugin.authenticate(key.offered_as(name), peer) for name in ("alice", "bob")] == [ALICE, BOB]


def test_with_the_shared_name_the_key_says_who_it_is(plugin_on: MakePlugin, keys: Keys, peer: Peer) -> None:
    plugin = plugin_on([f"alice: {keys['ed25519'].line}", f"bob: {keys['second'].line}"], shared_user="git")

    offers = [keys["ed25519"].offered_as("git"), keys["second"].offered_as("git"), keys["third"].offered_as("git")]

    assert [plugin.authenticate(offer, peer) for offer in offers] == [ALICE, BOB, None]


def test_beside_the_shared_name_everybodys_own_name_works(plugin_on: MakePlugin, keys: Keys, peer: Peer) -> None:
    plugin = plugin_on([f"alice: {keys['ed25519'].line}"], shared_user="git")

    answers = [plugin.authenticate(keys["ed25519"].offered_as(name), peer) for name in ("alice", "bob", "Git")]

    assert answers == [ALICE, None, None]


def test_an_expired_key_is_rejected_under_the_shared_name_too(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, key_file: Path
) -> None:
    key = keys["ed25519"]
    plugin = plugin_on([f'alice: expiry-time="20250101Z" {key.line}'], shared_user="git")

    assert plugin.authenticate(key.offered_as("git"), peer) == Rejected(
        f"{key.fingerprint} of alice is not usable now: its expiry-time has passed ({key_file}:1)"
    )


def test_with_a_shared_name_a_key_of_two_users_is_a_settings_error(
    plugin_on: MakePlugin, keys: Keys, key_file: Path
) -> None:
    """Whoever adds an admin's public key under their own name would otherwise decide by the order of lines who the
    admin is."""
    with pytest.raises(SettingsError) as caught:
        plugin_on([f"alice: {keys['ed25519'].line}", "#", f"bob: {keys['ed25519'].line}"], shared_user="git")

    assert (str(caught.value), caught.value.key) == (
        f"{key_file}:1 and {key_file}:3 list the same key for 'alice' and 'bob';"
        " with shared_user a key must belong to one user alone",
        "shared_user",
    )


def test_a_file_and_a_folder_add_up(keys: Keys, tmp_path: Path, peer: Peer) -> None:
    file, folder = tmp_path / "users.keys", tmp_path / "keys.d"
    file.write_text(f"alice: {keys['ed25519'].line}\n")
    folder.mkdir()
    (folder / "alice@laptop.pub").write_text(keys["second"].line)
    plugin = AuthorizedKeysPlugin(Settings(file=file, directory=folder))

    offers = [keys[name].offered_as("alice") for name in ("ed25519", "second", "third")]

    assert [plugin.authenticate(offer, peer) for offer in offers] == [ALICE, ALICE, None]


def test_a_key_that_is_taken_out_is_refused_a_second_later(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, key_file: Path, clock: Any
) -> None:
    key = keys["ed25519"]
    plugin = plugin_on([f"alice: {key.line}"])
    key_file.write_text(f"bob: {key.line}\n")
    clock.now += 1

    assert [plugin.authenticate(key.offered_as(name), peer) for name in ("alice", "bob")] == [None, BOB]


def test_files_that_come_to_the_folder_and_go_are_noticed(
    plugin_on_folder: MakePlugin, keys: Keys, peer: Peer, tmp_path: Path, clock: Any
) -> None:
    plugin = plugin_on_folder({"alice.pub": keys["ed25519"].line})
    (tmp_path / "keys.d" / "bob").write_text(keys["second"].line)
    (tmp_path / "keys.d" / "alice.pub").unlink()
    clock.now += 1

    offers = [keys["ed25519"].offered_as("alice"), keys["second"].offered_as("bob")]

    assert [plugin.authenticate(offer, peer) for offer in offers] == [None, BOB]


def test_while_the_keys_cannot_be_read_the_old_ones_stay_and_it_is_said_once(
    plugin_on_folder: MakePlugin, keys: Keys, peer: Peer, tmp_path: Path, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The network file system with the keys goes away: everybody who could log in still can."""
    plugin = plugin_on_folder({"alice.pub": keys["ed25519"].line})
    folder = tmp_path / "keys.d"
    folder.rename(tmp_path / "away")

    answers = []
    for _ in range(3):
        clock.now += 1
        answers.append(plugin.authenticate(keys["ed25519"].offered_as("alice"), peer))

    assert answers == [ALICE] * 3
    assert logged(caplog) == [
        f"what was read before stays in use, because the change cannot be: {folder}: No such file or directory"
    ]


def test_a_change_that_gives_a_key_two_users_is_not_taken_over(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, key_file: Path, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key = keys["ed25519"]
    plugin = plugin_on([f"alice: {key.line}"], shared_user="git")
    key_file.write_text(f"mallory: {key.line}\nalice: {key.line}\n")
    clock.now += 1

    assert plugin.authenticate(key.offered_as("git"), peer) == ALICE
    assert len(logged(caplog)) == 1
    assert f"{key_file}:1 and {key_file}:2 list the same key" in logged(caplog)[0]


def test_a_bad_line_is_named_once_for_each_reading(
    plugin_on: MakePlugin, keys: Keys, peer: Peer, key_file: Path, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = plugin_on(["garbage", f"alice: {keys['ed25519'].line}"])
    for _ in range(3):
        clock.now += 1
        plugin.authenticate(keys["ed25519"].offered_as("alice"), peer)

    assert logged(caplog) == [f"{key_file}:1: line ignored: it has no colon; write `user: type key`"]


def test_without_a_source_of_keys_the_settings_are_wrong() -> None:
    with pytest.raises(SettingsError, match="needs `file`, `directory` or both"):
        AuthorizedKeysPlugin(Settings())


@pytest.mark.parametrize("name", ["", "anonymous", "g\nit"])
def test_a_shared_name_that_nobody_can_have_is_refused(plugin_on: MakePlugin, name: str) -> None:
    with pytest.raises(SettingsError, match="is not a name for a user") as caught:
        plugin_on([], shared_user=name)

    assert caught.value.key == "shared_user"


def test_what_cannot_be_read_at_the_start_is_a_settings_error(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    (tmp_path / "file").touch()
    errors = []
    for settings in (
        Settings(file=missing),
        Settings(file=tmp_path),
        Settings(directory=missing),
        Settings(directory=tmp_path / "file"),
        Settings(file=tmp_path / "file", directory=missing),
    ):
        with pytest.raises(SettingsError) as caught:
            AuthorizedKeysPlugin(settings)
        errors.append((caught.value.key, str(caught.value)))

    assert errors == [
        ("file", f"cannot read '{missing}': No such file or directory"),
        ("file", f"cannot read '{tmp_path}': not a regular file"),
        ("directory", f"cannot read '{missing}': No such file or directory"),
        ("directory", f"cannot read '{tmp_path / 'file'}': Not a directory"),
        ("directory", f"cannot read '{missing}': No such file or directory"),
    ]
