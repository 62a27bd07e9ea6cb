"""What people see when the answer is no, and what the log says of it."""

import re

import pytest


def logged(site, path: str) -> str:
    """The last line of the log that names the path."""
    return [line for line in site.daemon.log().splitlines() if path in line and "audit" in line][-1]


def test_a_repository_that_is_not_there_is_not_found(site, transport, protocol, unique):
    client = site.client("alice").configured(protocol_version=protocol)
    printed = client.git("clone", site.url(transport, f"team/{unique}"), fails=True)
    if transport == "git":
        assert "fatal: remote error: authentication required, use ssh or https" in printed
    elif transport == "ssh":
        assert "gitgate: repository not found" in printed
    else:
        assert re.search(r"fatal: repository 'https?://.*' not found", printed)


def test_a_repository_that_may_not_be_known_looks_as_if_it_were_not_there(site, transport, unique):
    site.filled(f"secret/{unique}.git", commits=1)
    client = site.client("alice")
    said = [
        client.git("clone", site.url(transport, path), "clone", fails=True).replace(path, "PATH")
        for path in (f"secret/{unique}", f"secret/{unique}-not-there")
    ]
    # Each has the id of its own request.
    first, second = (re.sub(r"\(id \w{10}\)", "(id)", each) for each in said)
    assert first == second
    if transport != "git":
        assert "denied (default: no plugin allows it)" in logged(site, f"/secret/{unique}:")
        assert ": missing (tree: " in logged(site, f"/secret/{unique}-not-there:")


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
def test_who_may_only_read_is_told_why_a_push_is_refused(site, transport, protocol, unique):
    repository = site.filled(f"team/{unique}.git")
    client = site.client("bob").configured(protocol_version=protocol)
    client.git("clone", site.url(transport, f"team/{unique}", user="bob"), "clone")
    client.commit(client.home / "clone", README="mine\n")
    printed = client.git("push", cwd=client.home / "clone", fails=True)
    assert "Pushing is for developers." in printed
    assert "denied (rules: devs-push" in logged(site, f"/team/{unique}")
    assert not list(repository.glob("objects/tmp_objdir-*"))


def test_an_anonymous_push_is_challenged_or_told_where_to_log_in(site, unique):
    site.filled(f"public/{unique}.git")
    client = site.client("alice")
    for transport, told in (
        ("git", "authentication required, use ssh or https"),
        ("http", "could not read Username"),
        ("https", "could not read Username"),
    ):
        client.git("clone", "-q", site.url(transport, f"public/{unique}", user=None), transport)
        client.commit(client.home / transport, README="mine\n")
        printed = client.git("push", cwd=client.home / transport, fails=True)
        assert told in printed


@pytest.mark.parametrize("transport", ["http", "https"], indirect=True)
def test_a_wrong_password_is_refused_and_stands_nowhere(site, transport, unique):
    site.filled(f"team/{unique}.git", commits=1)
    client = site.client("alice")
    url = site.url(transport, f"team/{unique}").replace("wonderland", "l00king-glass")
    printed = client.git("clone", url, fails=True)
    assert "Authentication failed" in printed
    assert "rejected (htpasswd: " in site.daemon.log()
    assert "l00king-glass" not in site.daemon.log()


def test_a_path_that_leads_out_is_malformed_on_every_transport(site, transport):
    client = site.client("alice")
    for path in ("open/../../private", "open//x", "-o/x"):
        printed = client.git("ls-remote", site.url(transport, path), fails=True, GIT_CURL_VERBOSE="1")
        assert "the path" in printed or "400" in printed or "not found" in printed or "bad argument" in printed
    assert "/private" not in "".join(line for line in site.daemon.log().splitlines() if "completed" in line)


@pytest.mark.no_twins("the lines of one request are counted")
def test_every_refusal_has_one_line_with_its_request_id(site, unique):
    client = site.client("alice")
    client.git("ls-remote", site.url("ssh", f"open/{unique}-nothing"), fails=True)
    lines = [line for line in site.daemon.log().splitlines() if f"{unique}-nothing" in line and "audit" in line]
    assert len(lines) == 1
    assert re.search(
        r"ssh 127\.0\.0\.1 alice git-upload-pack /open/\S+: missing \(tree: .*\) .* \[[0-9a-f]{10}\]$", lines[0]
    )


def test_no_password_of_anybody_is_in_the_log(site):
    for password in ("wonderland", "builder"):
        assert password not in site.daemon.log()
