"""What Schemathesis has to be told of NCLUE: how requests are signed, and that names are unique. Registers nothing by itself."""

import itertools

import requests
from server_process import signed

_numbers = itertools.count(1)


class Signing:
    """An auth provider. Needs `refresh_interval=None`: a signature is good for one method and path only."""

    def get(self, case, _context):
        sent = case.as_transport_kwargs()
        target = requests.Request(case.method, sent["url"], params=sent.get("params")).prepare().path_url
        return signed(case.method, target)

    def set(self, case, data, _context):
        case.headers.update(data)


def map_case(_context, case):
    """Give every creation a name of its own, as long as it had one that can be sent."""
    body = case.body
    if (
        case.operation.label == "POST /tasks"
        and isinstance(body, dict)
        and isinstance(body.get("name"), str)
        and 0 < len(body["name"]) < 90
    ):
        body["name"] = f"{next(_numbers)} {body['name']}"
    return case
