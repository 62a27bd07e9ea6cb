"""Asks a policy service over HTTP who somebody is, where a path leads, and what is allowed; tells it what happened.

    plugin.py       WebhookPlugin: each hook as a question, each reply as an answer
    settings.py     the keys of the configuration
    address.py      the URL: https, http, or a unix socket
    message.py      gitgate's values into JSON
    reply.py        JSON into a Reply, strictly
    opa.py          the same for an Open Policy Agent
    service.py      a question on its way: the picture is there
    memory.py       answers that may be used again
    flights.py      the same question at the same time is asked once
    line.py         not more at once than the service can bear
    breaker.py      a service that does not answer is left alone for a while
    exchange.py     one message, signed, and its reply
    signature.py    Standard Webhooks
    http_client.py  one POST over treq
    tls.py          whom to trust, and what to show
    deadline.py     an end to each wait
    roots.py        where a repository may be
    outbox.py       audit records, in the background
    online.py       what `gitgate check --online` looks at
    failures.py     why there is no answer
    printable.py    text from elsewhere, for logs

`question.schema.json`, `reply.schema.json` and `audited.schema.json` describe what goes over the wire;
docs/webhook.md is for those who operate gitgate, and for those who write a service.
"""

from gitgate_webhook.plugin import WebhookPlugin
from gitgate_webhook.settings import WebhookSettings

__all__ = ["WebhookPlugin", "WebhookSettings"]
