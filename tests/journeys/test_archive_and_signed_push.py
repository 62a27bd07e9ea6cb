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
    repository = site.repository(f"open/{unique}.git")
    hook = repository / "hooks" / "pre-receive"
    hook.write_text(
        '#!/bin/sh\ngit cat-file blob "$GIT_PUSH_CERT" | grep -c pusher\necho "nonce: $GIT_PUSH_CERT_NONCE_STATUS"\n'
    )
    hook.chmod(0o755)
    client = site.client("alice").configured(
        protocol_version=protocol, gpg_format="ssh", user_signingKey=str(site.keys / "alice")
    )
    work = client.work_tree(site.url(transport, f"open/{unique}"))
    printed = client.git("push", "--signed", "origin", "main", cwd=work)
    assert "remote: 1" in printed
    # Over http the nonce comes from a request before: git says SLOP where a second has passed in between.
    assert "nonce: OK" in printed or ("nonce: SLOP" in printed and transport in ("http", "https"))
