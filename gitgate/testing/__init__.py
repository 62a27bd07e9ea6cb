"""Public: what the author of a plugin needs to test it. `docs/plugins.md`, "Testing", shows each in use.

`a_fetch`, `a_push`, `an_identity`, `a_repository`, `a_peer`: values with sensible contents, of which a test names only
what it is about. `Probe` asks one plugin as the server would; it raises `PluginFailure` for what a server would take
for an outage, and `PluginUnsuitable` for a plugin that it would not load. The contract classes hold the tests that
every plugin of a kind should pass: inherit from one, and give it your plugin.
"""

from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_registration import PluginUnsuitable
from gitgate.testing.builders import a_fetch, a_peer, a_push, a_repository, an_identity
from gitgate.testing.contracts import AuthenticatorContract, AuthorizerContract, ResolverContract
from gitgate.testing.probe import Probe

__all__ = [
    "AuthenticatorContract",
    "AuthorizerContract",
    "PluginFailure",
    "PluginUnsuitable",
    "Probe",
    "ResolverContract",
    "a_fetch",
    "a_peer",
    "a_push",
    "a_repository",
    "an_identity",
]
