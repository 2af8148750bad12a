"""Recorded traffic: exchanges read from files or seen by the proxy, judged one by one, and together per server.

Formats of recordings, which their first bytes tell apart (`readers`):

* HAR 1.2, of browsers, proxies and Schemathesis;
* cassettes of vcrpy (YAML and JSON), and of Ruby's VCR, whose form Schemathesis writes;
* the journal of `nclue-contract serve` (GET /_nclue/journal), which has no bodies of responses;
* JSON Lines: an object per line, for recorders of one's own. `url` is absolute, headers are an object of names with a value or an array of
  values, or an array of pairs, and a body is text (`body`) or Base64 (`body_base64`). Times are milliseconds since 1970-01-01 UTC. What is
  not known is left out, a body as well; an empty one is "". `error` says why there is no complete response.

      {"time_ms": 1732589296000, "duration_ms": 12,
       "request": {"method": "POST", "url": "https://nclue.apigw.ntruss.com/api/v1/tasks",
                   "headers": {"content-type": "application/json"}, "body": "{...}"},
       "response": {"status": 200, "headers": [["content-type", "application/json"]], "body_base64": "e30="}}
"""
