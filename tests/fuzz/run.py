"""Feeds each parser that a stranger can reach with what atheris (libFuzzer) thinks of, and tells what it has found.

    python tests/fuzz/run.py [--seconds 60] [--seed 1] [TARGET...]
    python tests/fuzz/run.py --input build/fuzz/inflate-crash-... inflate

A target is a module in `targets/` with a function `fuzz`, which raises for what must not be. The seeds in
`corpus/TARGET/` are where it begins. What has made a target fail is written to `build/fuzz/`: once the cause is mended,
it becomes a seed, which tests/fuzz/test_seeds.py tries on each run of the tests.

With `--seed` it thinks of the same each time, in the same order, so that what CI finds comes from the change that it
looks at. Without, each run is another one.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

_HERE = Path(__file__).parent
_TARGETS = sorted(path.stem for path in (_HERE / "targets").glob("*.py"))
_FOUND = _HERE.parents[1] / "build" / "fuzz"

#: So many at once: each keeps a core busy.
_AT_ONCE = 2
#: No input that may be read in one go needs so long, nor so much memory.
_SLOWEST_SECONDS = 10
_MOST_MIB = 1024
_LONGEST_INPUT = 4096


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzzes the parsers of gitgate.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target; the default is 60")
    parser.add_argument(
        "--seed", type=int, default=0, help="of libFuzzer's random numbers; the default is another each time"
    )
    parser.add_argument("--input", type=Path, help="try this one input with TARGET, and nothing else")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"the default is all: {', '.join(_TARGETS)}")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(_TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if options.input is not None:
        if len(options.targets) != 1:
            parser.error("an input is for one target")
        load(options.targets[0])(options.input.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("nothing was fuzzed: atheris is not installed. python -m pip install -e '.[fuzz]'", file=sys.stderr)
        return 1
    if options.here:
        return _fuzz(options.targets[0], options.seconds, options.seed)
    return _fuzz_all(options.targets or _TARGETS, options.seconds, options.seed)


def _fuzz_all(targets: list[str], seconds: int, seed: int) -> int:
    _FOUND.mkdir(parents=True, exist_ok=True)
    waiting, running, failed = deque(targets), deque[tuple[str, "subprocess.Popen[str]"]](), []
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            target = waiting.popleft()
            command = [sys.executable, __file__, "--here", "--seconds", str(seconds), "--seed", str(seed), target]
            running.append(
                (target, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
            )
        target, process = running.popleft()
        said, _ = process.communicate()
        if process.returncode == 0:
            print(f"{target:16} {_last_line_with('Done', said)}", flush=True)
        else:
            failed.append(target)
            print(f"{target:16} FAILED\n{said[-6000:]}", flush=True)
    if failed:
        print(f"What made {', '.join(failed)} fail is in {_FOUND}; try it again with --input.")
    return 1 if failed else 0


def _fuzz(target: str, seconds: int, seed: int) -> int:
    import atheris

    with atheris.instrument_imports(include=["gitgate", "twisted.web.http"]):
        fuzz = load(target)
    with tempfile.TemporaryDirectory() as learned:
        arguments = [
            target,
            f"-max_total_time={seconds}",
            f"-seed={seed}",  # 0: the time of day
            f"-timeout={_SLOWEST_SECONDS}",
            f"-rss_limit_mb={_MOST_MIB}",
            f"-max_len={_LONGEST_INPUT}",
            f"-artifact_prefix={_FOUND}/{target}-",
            learned,
            str(_HERE / "corpus" / target),
        ]
        atheris.Setup(arguments, fuzz)
        atheris.Fuzz()
    return 0


def load(target: str) -> Callable[[bytes], None]:
    """The function of a target."""
    specification = importlib.util.spec_from_file_location(target, _HERE / "targets" / f"{target}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.fuzz


def _last_line_with(word: str, text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if word in line), "")


if __name__ == "__main__":
    sys.exit(main())
