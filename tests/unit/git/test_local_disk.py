"""Which folders are on a disk of this machine, from what Linux says of its mounts."""

from pathlib import Path

import pytest

from gitgate.git import local_disk
from gitgate.git.local_disk import are_local


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Lets Linux say that these kinds of file systems are mounted at these folders, in this order."""

    def mounted(*mounts: tuple[object, str]) -> None:
        said = tmp_path / "mountinfo"
        escaped = [(str(place).replace(" ", "\\040"), kind) for place, kind in mounts]
        said.write_text("".join(f"36 35 98:0 / {place} rw shared:1 - {kind} /dev/x rw\n" for place, kind in escaped))
        monkeypatch.setattr(local_disk, "_MOUNTS", said)

    return mounted


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs"])
def test_a_folder_on_a_disk_is_local(mounted, tmp_path: Path, kind: str) -> None:
    mounted(("/", kind))
    assert are_local(tmp_path)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "ceph", "fuse.sshfs", "9p", "a-new-one"])
def test_what_may_be_elsewhere_is_not(mounted, tmp_path: Path, kind: str) -> None:
    mounted(("/", "ext4"), (tmp_path, kind))
    assert not are_local(tmp_path / "app.git")


def test_the_last_of_what_is_mounted_at_one_place_counts(mounted, tmp_path: Path) -> None:
    mounted(("/", "ext4"), (tmp_path, "nfs"), (tmp_path, "xfs"))
    assert are_local(tmp_path / "app.git")


@pytest.mark.parametrize("name", ["my disk", "my\rdisk", "my - disk"])
def test_a_place_with_an_odd_name_is_found(mounted, tmp_path: Path, name: str) -> None:
    mounted(("/", "ext4"), (tmp_path / name, "nfs"))
    assert not are_local(tmp_path / name / "app.git")
    assert are_local(tmp_path)


def test_all_of_the_places_have_to_be_local_wherever_their_links_lead(mounted, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    mounted(("/", "ext4"), (away, "nfs"))
    link = tmp_path / "refs"
    link.symlink_to(away)
    assert are_local(tmp_path)
    assert not are_local(tmp_path, link)


def test_where_nobody_says_what_is_mounted_nothing_is_local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local_disk, "_MOUNTS", tmp_path / "none")
    assert not are_local(tmp_path)
