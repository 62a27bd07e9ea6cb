"""gitgate beside what people run today, in one run: `make bench`, and docs/performance.md for what came of it.

    __main__.py      the command line, and the order of things
    rows/            what is measured: one function for each row, which returns comparisons with their targets
    stand.py         the repositories and the servers, each started when a row first needs it
    ours.py peers.py bare.py   the servers: gitgate, those it is compared with, and git alone
    doors.py         clients that send what git sends, and throw away what comes
    questions.py     what git's client asks
    load.py          clients that ask again and again
    idle_logins.py   a program with many ssh connections that do nothing
    accounts.py      who may log in
    processes.py     a server's process, and what it has cost with all that it started
    measuring.py     runs in turn, medians
    repositories.py  what is served; made once, below build/benchmarks
    table.py         how it is shown

Nothing here is run by `make test`: a timing that is asserted fails on a busy machine.
"""
