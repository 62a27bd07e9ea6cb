"""An Open Policy Agent in the place of the service: its data API around the same messages.

https://www.openpolicyagent.org/docs/rest-api: "Get a Document (with Input)".
"""

from typing import Any

from gitgate_webhook.failures import BadReply
from gitgate_webhook.reply import Decision, Reply, read_reply


def wrap(message: dict[str, Any]) -> dict[str, Any]:
    """A message as the policy's `input`."""
    return {"input": message}


def unwrap(hook: str, value: Any) -> Reply:
    """The reply in what an agent has returned. Raises `BadReply`.

    No `result`: the policy does not define one for this input, and so has no opinion. true or false: allow or deny. An
    object: a reply. The agent's `decision_id`, by which its own log has the decision, goes into the reason.
    """
    if not isinstance(value, dict):
        raise BadReply("the agent's reply is not a JSON object")
    if "result" not in value:
        result: Any = {"decision": Decision.ABSTAIN.value, "reason": "the policy is undefined for this input"}
    elif isinstance(value["result"], bool):
        word = Decision.ALLOW if value["result"] else Decision.DENY
        result = {"decision": word.value, "reason": f"the policy is {str(value['result']).lower()} for this input"}
    else:
        result = value["result"]
    decision_id = value.get("decision_id")
    if isinstance(decision_id, str) and isinstance(result, dict):
        reason = result.get("reason")
        marked = f"decision {decision_id}" if reason is None else f"{reason} (decision {decision_id})"
        result = {**result, "reason": marked} if reason is None or isinstance(reason, str) else result
    return read_reply(hook, result)
