import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from gitgate.transports.ssh import host_keys
from gitgate.transports.ssh.host_keys import HostKeyUnusable, load_host_keys


def keygen(path: Path, *arguments: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-N", "", *arguments, "-f", str(path)], check=True)
    return path


def test_missing_keys_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    paths = [tmp_path / "state" / "ssh_host_ed25519_key", tmp_path / "state" / "ssh_host_rsa_key"]

    keys = load_host_keys(paths)

    assert [(key.sshType(), key.size()) for key in keys] == [(b"ssh-ed25519", 256), (b"ssh-rsa", 3072)]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600, 0o600]
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == [
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
        "ssh_host_rsa_key",
        "ssh_host_rsa_key.pub",
    ]


def test_a_key_that_was_made_is_found_again_and_openssh_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    [made] = load_host_keys([path])

    [found] = load_host_keys([path])

    printed = subprocess.run(["ssh-keygen", "-y", "-f", path], check=True, capture_output=True).stdout
    assert found == made
    assert printed == (tmp_path / "key.pub").read_bytes()


@pytest.mark.parametrize("arguments", [("-t", "ed25519"), ("-t", "ecdsa", "-b", "384"), ("-t", "rsa", "-m", "PEM")])
def test_keys_of_ssh_keygen_are_taken(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    [key] = load_host_keys([keygen(tmp_path / "key", *arguments)])

    assert not key.isPublic()


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Whoever reads a host key can pass for this server."""
    path = keygen(tmp_path / "key", "-t", "ed25519")
    path.chmod(0o640)

    with pytest.raises(HostKeyUnusable) as caught:
        load_host_keys([path])

    assert str(caught.value) == f"{path}: others can get at this private key (mode 0640); run: chmod 600 {path}"


@pytest.mark.parametrize("text", [b"", b"nonsense", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", b"\xff" * 100])
def test_what_is_no_key_is_refused_and_stays(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(text)
    path.chmod(0o600)

    with pytest.raises(HostKeyUnusable, match=f"{path}: this is no private key"):
        load_host_keys([path])

    assert path.read_bytes() == text


def test_a_public_key_in_place_of_the_private_one_is_refused(tmp_path: Path) -> None:
    keygen(tmp_path / "key", "-t", "ed25519")
    public = tmp_path / "key.pub"
    public.chmod(0o600)

    with pytest.raises(HostKeyUnusable, match="this is no private key"):
        load_host_keys([public])


def test_a_key_with_a_passphrase_is_refused_with_the_way_to_remove_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "sesame", "-f", path], check=True)

    with pytest.raises(HostKeyUnusable, match=f"has a passphrase; remove it with: ssh-keygen -p -f {path}"):
        load_host_keys([path])


def test_two_keys_of_one_type_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]

    with pytest.raises(HostKeyUnusable, match=r"two: .*one is of the same type, ssh-ed25519; name one of each type"):
        load_host_keys(paths)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HostKeyUnusable, match=r"file/key: Not a directory; a host key is read from there, or made"):
        load_host_keys([tmp_path / "file" / "key"])


def test_of_two_servers_that_start_at_once_both_use_the_key_that_was_there_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes find no key, and both make one. If the second replaced the first one's, clients would see a
    server whose key changes."""
    path, other = tmp_path / "key", keygen(tmp_path / "other", "-t", "ed25519")
    write = host_keys._write

    def write_while_another_server_starts(begun: Path, text: bytes, mode: int) -> None:
        write(begun, text, mode)
        if not path.exists():
            shutil.copy(other, path)

    monkeypatch.setattr(host_keys, "_write", write_while_another_server_starts)

    assert load_host_keys([path]) == load_host_keys([other])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["key", "other", "other.pub"]
