"""People of other plugins while the directory is down: what it said of them last counts, for a while."""

import pytest

from gitgate.plugin import Identity, Rejected
from gitgate.plugin_asking import PluginFailure
from gitgate.testing import Probe, an_identity


@pytest.fixture
def directory(another_slapd):
    return another_slapd()


@pytest.fixture
def probe(ldap, directory):
    def build(*, stale: str | None = None, **keys: object) -> Probe:
        cache = {"ttl": "0s", "negative_ttl": "0s"} | ({} if stale is None else {"stale": stale})
        return Probe(ldap(uris=[directory.ldap], cache=cache, **keys))

    return build


def test_what_the_directory_said_last_counts_while_it_is_down(probe, directory, clock):
    plugin = probe()
    before = [plugin.enrich_identity(an_identity(name)) for name in ("bob", "deploy")]
    directory.kill()
    clock.advance(3599)
    assert [plugin.enrich_identity(an_identity(name)) for name in ("bob", "deploy")] == before
    assert isinstance(before[0], Identity)
    clock.advance(2)
    with pytest.raises(PluginFailure):
        plugin.enrich_identity(an_identity("bob"))


def test_of_somebody_whom_it_has_never_spoken_of_nobody_is_let_in(probe, directory):
    plugin = probe()
    plugin.enrich_identity(an_identity("bob"))
    directory.kill()
    with pytest.raises(PluginFailure):
        plugin.enrich_identity(an_identity("deploy"))


def test_with_stale_of_0s_nobody_is(probe, directory):
    plugin = probe(stale="0s")
    plugin.enrich_identity(an_identity("bob"))
    directory.kill()
    with pytest.raises(PluginFailure):
        plugin.enrich_identity(an_identity("bob"))


def test_who_was_refused_stays_refused(probe, directory):
    plugin = probe(require_known=True)
    before = plugin.enrich_identity(an_identity("somebody who left"))
    directory.kill()
    assert isinstance(before, Rejected)
    assert plugin.enrich_identity(an_identity("somebody who left")) == before
