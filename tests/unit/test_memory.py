"""The figure that the log has at start; tests/attack holds the server to it."""

from gitgate.config import Limits
from gitgate.git import answer_cache, answer_store
from gitgate.memory import KEPT_BYTES, memory_line, most_added_by_clients, resident

_MEBIBYTE = 1024 * 1024


def test_each_connection_and_each_operation_may_cost_half_a_mebibyte() -> None:
    limits = Limits(max_connections=1000, max_operations=100)
    assert most_added_by_clients(limits) == (550 + 8 + 128 + 8 + 16) * _MEBIBYTE


def test_the_line_has_the_sum_and_its_parts() -> None:
    assert memory_line(Limits(max_connections=10, max_operations=2), 60 * _MEBIBYTE) == (
        "memory: at most 226 MiB: 60 MiB now, 512 KiB for each of 10 connections and 2 operations,"
        " and 160 MiB for all of them; the gits that run have their own"
    )


def test_this_process_takes_some_memory() -> None:
    assert _MEBIBYTE < resident() < 2**40


def test_kept_answers_that_are_too_short_for_a_file_are_counted() -> None:
    assert answer_cache._MOST_ANSWERS * answer_store._IN_MEMORY == KEPT_BYTES
