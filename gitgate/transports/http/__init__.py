"""http and https: git's smart protocol (gitprotocol-http(5)), streamed in both directions.

site.py            what listens: makes a channel for each connection
surroundings.py    what these share
channel.py         one connection: requests in their order, deadlines, what is answered to broken ones
due.py             what happens when one of these deadlines is over
request.py         one request: asks the gateway before the body, and sends the answer
request_head.py    what its headers ask for
authorization.py   who they say it is
body.py            its body on its way to git
inflate.py         ... when it is compressed
git_response.py    git's output on its way to the client
responses.py       every answer that is not git's
"""
