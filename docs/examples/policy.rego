# The policy of policy_service.py for an Open Policy Agent: developers work in team/, where main only moves forward, and
# everybody reads public/. About everything else it is undefined, and gitgate asks its next plugin.
#
#     opa run --server --addr 127.0.0.1:8181 policy.rego
#
# In gitgate.yaml: protocol: opa, url: http://127.0.0.1:8181/v1/data/gitgate/decision, hooks: [authorize]
package gitgate

import rego.v1

decision := {"decision": "allow", "reason": "public", "ttl": 60} if {
	input.hook == "authorize"
	input.request.access == "read"
	startswith(input.repository.name, "public/")
}

decision := {"decision": "deny", "reason": "main stays", "message": "main only moves forward.", "refs": kept} if {
	developer_in_team
	count(kept) > 0
}

decision := {"decision": "allow", "reason": "a developer in team/", "ttl": 10} if {
	developer_in_team
	count(kept) == 0
}

developer_in_team if {
	input.hook == "authorize"
	startswith(input.repository.name, "team/")
	"devs" in input.identity.groups
}

# The refs of a push that it may not touch in this way.
kept contains update.ref if {
	some update in input.request.updates
	update.ref == "refs/heads/main"
	update.change in {"rewind", "delete"}
}
