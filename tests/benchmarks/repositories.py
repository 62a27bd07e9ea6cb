"""What is served: generated once, and kept below build/benchmarks.

history.git   290,000 objects in one pack of 87 MB, without bitmaps
big.git       blobs that cannot be compressed: 192 MiB (1 GiB with --large)
refs.git      50,000 branches in packed-refs
push.body     a push of 96 MiB as git sends it: one command, and a pack
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_COMMITS = 58_000
_FILE_BYTES = 480
_BLOB_BYTES = 2**24
_PUSHED_BLOBS = 6
_REFS = 50_000
_NOBODY = b"a <a@example.org> 1700000000 +0000"
_AS_IT_IS = ("-c", "core.bigFileThreshold=1m", "-c", "core.compression=0")


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to serve."""

    name: str
    big_blobs: int


USUAL = Size("usual", big_blobs=12)
LARGE = Size("large", big_blobs=64)


@dataclass(frozen=True, slots=True)
class Repositories:
    """The folder that every server serves, and what clients send."""

    root: Path
    push_body: Path

    @classmethod
    def below(cls, build: Path, size: Size) -> "Repositories":
        """What is there already is taken as it is."""
        folder = build / size.name
        root = folder / "repositories"
        root.mkdir(parents=True, exist_ok=True)
        for pushed in root.glob("pushed-*.git"):
            if not Path("/proc", pushed.name.split("-")[1]).exists():
                shutil.rmtree(pushed)  # whoever made it was killed
        _make(root / "history.git", _history)
        _make(root / "big.git", lambda at: _blobs(at, size.big_blobs))
        _make(root / "refs.git", _many_refs)
        _make(folder / "push.git", lambda at: _blobs(at, _PUSHED_BLOBS))
        body = folder / "push.body"
        if not body.exists():
            _push_body(folder / "push.git", body)
        return cls(root, body)

    def tip(self, name: str) -> str:
        """The commit of `main`."""
        return _git("rev-parse", "main", at=self.root / name).decode().strip()

    def change(self, name: str) -> None:
        """Move a ref that no client asks for: what was kept of the repository can answer no more."""
        commits = _git("rev-list", "-2", "main", at=self.root / name).decode().split()
        ref = self.root / name / "refs/bench/tick"
        now = ref.read_text().strip() if ref.exists() else ""
        _git("update-ref", "refs/bench/tick", commits[0] if now != commits[0] else commits[-1], at=self.root / name)

    def new(self, number: int) -> str:
        """The name of a new and empty repository, to push to."""
        name = f"pushed-{os.getpid()}-{number}.git"
        _git("init", "-q", "--bare", "-b", "main", name, at=self.root)
        _git("config", "http.receivepack", "true", at=self.root / name)
        # Else what has few objects is unpacked, and each compressed again.
        _git("config", "receive.unpackLimit", "1", at=self.root / name)
        return name

    def remove(self, name: str) -> None:
        shutil.rmtree(self.root / name)

    def remove_all_new(self) -> None:
        """What `new` has made and nobody has removed."""
        for pushed in self.root.glob(f"pushed-{os.getpid()}-*.git"):
            shutil.rmtree(pushed)


def _make(at: Path, fill: Callable[[Path], None]) -> None:
    if at.exists():
        return
    print(f"making {at.name} ...", flush=True)
    unfinished = at.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _git("init", "-q", "--bare", "-b", "main", str(unfinished), at=at.parent)
    fill(unfinished)
    unfinished.rename(at)


def _history(at: Path) -> None:
    """Commits that each change two files in folders: five objects."""
    _import(at, _commits())
    tags = "".join(f"create refs/tags/v{number} main~{number}\n" for number in range(1, 21))
    _git("update-ref", "--stdin", at=at, stdin=tags.encode())
    # Without bitmaps, as in a repository that is pushed to: with them git has less to do, and the server more.
    _git("-c", "repack.writeBitmaps=false", "repack", "-adq", at=at)
    _git("pack-refs", "--all", at=at)


def _commits() -> Iterator[bytes]:
    dice = random.Random(6)
    for number in range(_COMMITS):
        yield b"commit refs/heads/main\ncommitter %s\ndata <<E\nchange %d\nE\n" % (_NOBODY, number)
        folder = dice.randrange(40)
        for _ in range(2):
            text = dice.randbytes(_FILE_BYTES)
            yield b"M 100644 inline d%d/f%d\ndata %d\n%s\n" % (folder, dice.randrange(60), len(text), text)


def _blobs(at: Path, count: int) -> None:
    """One commit with blobs that are not worth a try to compress."""
    _import(at, _random_files(count))
    for key in ("core.bigFileThreshold", "core.compression"):
        _git("config", key, "1m" if key.endswith("Threshold") else "0", at=at)


def _random_files(count: int) -> Iterator[bytes]:
    yield b"commit refs/heads/main\ncommitter %s\ndata 4\nbig\n" % _NOBODY
    for number in range(count):
        yield b"M 100644 inline %d.bin\ndata %d\n%s\n" % (number, _BLOB_BYTES, os.urandom(_BLOB_BYTES))


def _many_refs(at: Path) -> None:
    _import(at, iter([b"commit refs/heads/main\ncommitter %s\ndata 3\nall\n" % _NOBODY]))
    commit = _git("rev-parse", "main", at=at).decode().strip()
    lines = "".join(f"{commit} refs/heads/topic/{number:06}\n" for number in range(_REFS - 1))
    (at / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{commit} refs/heads/main\n{lines}")


def _push_body(repository: Path, body: Path) -> None:
    commit = _git("rev-parse", "main", at=repository)
    command = b"0" * 40 + b" " + commit.strip() + b" refs/heads/main\0report-status agent=bench"
    unfinished = body.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        file.write(b"%04x%s0000" % (len(command) + 4, command))
        file.flush()
        packing = ("git", *_AS_IT_IS, "pack-objects", "-q", "--stdout", "--revs")
        subprocess.run(packing, cwd=repository, env=_environment(), input=commit, stdout=file, check=True)
    unfinished.rename(body)


def _import(at: Path, stream: Iterator[bytes]) -> None:
    command = ["git", *_AS_IT_IS, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"]
    with subprocess.Popen(command, cwd=at, env=_environment(), stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        with importing.stdin as stdin:
            stdin.writelines(stream)
    if importing.returncode != 0:
        raise SystemExit(f"git fast-import ended with {importing.returncode}")


def _git(*arguments: str, at: Path, stdin: bytes = b"") -> bytes:
    ran = subprocess.run(
        ["git", *arguments], cwd=at, env=_environment(), input=stdin, stdout=subprocess.PIPE, check=True
    )
    return ran.stdout


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
