"""The rarer services: archives, and pushes that are signed."""

import subprocess
import tarfile

import pytest


@pytest.mark.parametrize("transport", ["ssh", "git"], indirect=True)
def test_an_archive_is_what_git_itself_would_make(site, transport, unique):
    repository = site.filled(f"open/{unique}.git")
    client = site.client("alice")
    client.git("archive", f"--remote={site.url(transport, f'open/{unique}')}", "-o", client.home / "a.tar", "main")
    with tarfile.open(client.home / "a.tar") as archive:
        names = archive.getnames()
    expected = subprocess.run(
        ["git", "ls-tree", "--name-only", "main"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert names == expected.stdout.split()


@pytest.mark.parametrize("transport", ["ssh", "git"], indirect=True)
def test_an_archive_of_what_is_not_there_fails_with_gits_words(site, transport, unique):
    site.filled(f"open/{unique}.git")
    client = site.client("alice")
    printed = client.git("archive", f"--remote={site.url(transport, f'open/{unique}')}", "nothing", fails=True)
    assert "not a valid object name: nothing" in printed or "no such ref: nothing" in printed


@pytest.mark.parametrize("transport", ["http", "https"], indirect=True)
def test_archives_over_http_stay_off_as_in_gits_own_backend(site, transport, unique):
    site.filled(f"open/{unique}.git")
    client = site.client("alice")
    client.git("archive", f"--remote={site.url(transport, f'open/{unique}')}", "main", fails=True)


def test_a_signed_push_brings_its_certificate_with_a_good_nonce(site, transport, protocol, unique):
    repository = _that_tells_of_certificates(site, f"open/{unique}.git")
    # Over http the nonce comes with an answer before: a repository says for how long it stays good.
    subprocess.run(["git", "config", "receive.certNonceSlop", "60"], cwd=repository, check=True)
    client = _signing(site).configured(protocol_version=protocol)
    work = client.work_tree(site.url(transport, f"open/{unique}"))
    printed = client.git("push", "--signed", "origin", "main", cwd=work)
    assert "remote: one certificate, nonce: OK" in printed


@pytest.mark.parametrize("transport", ["ssh", "git"], indirect=True)
def test_a_nonce_stays_good_for_as_long_as_a_slow_client_signs(site, transport, unique):
    """A passphrase is typed, or a card is touched, for longer than the second that a nonce's time stamp has."""
    _that_tells_of_certificates(site, f"open/{unique}.git")
    client = _signing(site)
    slow = client.home / "slow-keygen"
    slow.write_text('#!/bin/sh\nsleep 2.1\nexec ssh-keygen "$@"\n')
    slow.chmod(0o755)
    client = client.configured(gpg_ssh_program=str(slow))
    work = client.work_tree(site.url(transport, f"open/{unique}"))
    printed = client.git("push", "--signed", "origin", "main", cwd=work)
    assert "remote: one certificate, nonce: OK" in printed


def _that_tells_of_certificates(site, path):
    repository = site.repository(path)
    hook = repository / "hooks" / "pre-receive"
    hook.write_text(
        '#!/bin/sh\ngit cat-file blob "$GIT_PUSH_CERT" | grep -q pusher && found=one\n'
        'echo "$found certificate, nonce: $GIT_PUSH_CERT_NONCE_STATUS"\n'
    )
    hook.chmod(0o755)
    return repository


def _signing(site):
    return site.client("alice").configured(gpg_format="ssh", user_signingKey=str(site.keys / "alice"))
