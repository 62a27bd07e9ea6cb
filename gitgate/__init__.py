"""gitgate: a plugin-driven auth gateway for Git.

One process serves real repositories over ssh, http(s) and git://. A request passes through this tree from the top to
the bottom, and imports point the same way:

    cli/               the command line; the only code that prints or exits
    server.py          puts the parts together; the way in for programs that embed gitgate
    testing/           public: builders, a running server and contract tests for plugin authors
    transports/        ssh/, http/ and git.py: parse what a client asks, ask the gateway, translate its answer
    explanation.py     why a request would be allowed or refused: the pipeline, with a rehearsal in place of git
    gateway.py         the one pipeline: authenticate, enrich, resolve, authorize, run git, audit
    git/               runs git: environment, process, streams with back-pressure, and answers that are kept
    overview.py        what somebody can reach, with rights
    plugin_chain.py    asks the plugins, one after the other, and knows which one decided; plugin_*.py belong to it
    audit.py           one record for each operation
    config/            YAML into one frozen Config, or every problem with its line
    wire/              bytes in, values out: pkt-lines, request lines, paths
    refusals.py        the ways of saying no
    plugin/            public: all that a plugin may import

`docs/architecture.md` follows a push through it.
"""

__version__ = "0.1.0"
