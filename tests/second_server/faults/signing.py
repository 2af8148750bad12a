"""Faults of the signature: parts that are left out or changed, and clocks."""

from tests.second_server.patch import Fault, lines

OK = "200"
DENIED = "401 10100"
CRASH = "500 900"
MINUTE = 60_000
HOUR = 60 * MINUTE
EXPECTED = "    expected = sign(secret, method, target, timestamp, key)\n"
DIGITS = '    if not re.fullmatch("[0-9]{1,18}", timestamp):\n        raise denied(variant)\n'
MESSAGE = 'message = f"{method} {target}\\n{timestamp}\\n{key}"'
SKEW = "    skew = abs(now - int(timestamp))\n"
LATE = 'if skew > ALLOWED_SKEW_MS or (skew == ALLOWED_SKEW_MS and variant["timestamp-edge"] == "refused"):'
SINGLE = "return values[0] if len(values) == 1 else None"


SIGNED_PARTS = {
    "auth-query-left-out": Fault(
        "The query is left out of the string to sign, so a properly signed list request with a query is refused.",
        [(EXPECTED, EXPECTED.replace("target", 'target.partition("?")[0]'))],
        lambda c: [c.tasks().short, c.tasks("limit=5").short],
        [OK, OK],
        [OK, DENIED],
    ),
    "auth-query-may-be-unsigned": Fault(
        "A signature over the path without its query passes too.",
        [
            (
                EXPECTED,
                lines(
                    EXPECTED.rstrip(),
                    '    bare = sign(secret, method, target.partition("?")[0], timestamp, key)',
                    "    expected = bare if bare == signature else expected\n",
                ),
            )
        ],
        lambda c: [c.tasks("limit=5").short, c.tasks("limit=5", sign_path="/tasks").short],
        [OK, DENIED],
        [OK, OK],
    ),
    "auth-query-sorted": Fault(
        "The parts of the query are sorted before signing, as other clouds do.",
        [
            (
                EXPECTED,
                '    path, mark, query = target.partition("?")\n'
                + EXPECTED.replace("target", 'path + mark + "&".join(sorted(query.split("&")))'),
            )
        ],
        lambda c: [c.tasks("index=0&limit=5").short, c.tasks("limit=5&index=0").short],
        [OK, OK],
        [OK, DENIED],
    ),
    "auth-query-tidied": Fault(
        "The query is decoded and encoded again before signing.",
        [
            ("import parse_qsl", "import parse_qsl, urlencode"),
            (
                EXPECTED,
                '    path, mark, query = target.partition("?")\n'
                + EXPECTED.replace("target", "path + mark + urlencode(parse_qsl(query, keep_blank_values=True))"),
            ),
        ],
        lambda c: [c.tasks("limit=5").short, c.tasks("limit=%35").short],
        [OK, OK],
        [OK, DENIED],
    ),
    "auth-path-decoded": Fault(
        "The path is percent-decoded before signing.",
        [("import parse_qsl", "import parse_qsl, unquote"), (EXPECTED, EXPECTED.replace("target", "unquote(target)"))],
        lambda c: [c.get("nobody").short, c.get("no%2Dbody").short],
        ["404 None", "404 None"],
        ["404 None", DENIED],
    ),
    "auth-prefix-left-out": Fault(
        "The string to sign has no prefix of the gateway.",
        [(EXPECTED, EXPECTED.replace("target", 'target.replace("/api/v1", "", 1)'))],
        lambda c: [c.tasks().short, c.post({}).short],
        [OK, "400 None"],
        [DENIED, DENIED],
    ),
    "auth-key-left-out": Fault(
        "The string to sign ends with the timestamp.",
        [(MESSAGE, MESSAGE.replace("\\n{key}", ""))],
        lambda c: c.tasks().short,
        OK,
        DENIED,
    ),
    "auth-key-before-timestamp": Fault(
        "The access key is signed in front of the timestamp.",
        [(MESSAGE, MESSAGE.replace("{timestamp}\\n{key}", "{key}\\n{timestamp}"))],
        lambda c: c.tasks().short,
        OK,
        DENIED,
    ),
    "auth-timestamp-on-top": Fault(
        "The timestamp is the first line that is signed.",
        [(MESSAGE, 'message = f"{timestamp}\\n{method} {target}\\n{key}"')],
        lambda c: c.tasks().short,
        OK,
        DENIED,
    ),
    "auth-method-lower-cased": Fault(
        "The method is signed in small letters.",
        [(MESSAGE, MESSAGE.replace("{method}", "{method.lower()}"))],
        lambda c: c.tasks().short,
        OK,
        DENIED,
    ),
    "auth-line-end-added": Fault(
        "A line end is signed behind the access key.",
        [(MESSAGE, MESSAGE.replace("{key}", "{key}\\n"))],
        lambda c: c.tasks().short,
        OK,
        DENIED,
    ),
    "auth-seconds-expected": Fault(
        "The timestamp has to be in seconds.",
        [(SKEW, "    skew = abs(now - int(timestamp) * 1000)\n")],
        lambda c: [c.tasks().short, c.tasks(stamp="1732589296").short],
        [OK, DENIED],
        [DENIED, OK],
    ),
    "auth-seconds-signed": Fault(
        "The timestamp is divided before it is signed.",
        [(EXPECTED, EXPECTED.replace("timestamp", "timestamp[:-3]"))],
        lambda c: c.tasks().short,
        OK,
        DENIED,
    ),
    "auth-query-sorted-anew": Fault(
        "The query is parsed, sorted and written again before signing.",
        [
            ("import parse_qsl", "import parse_qsl, urlencode"),
            (
                EXPECTED,
                '    path, mark, query = target.partition("?")\n'
                + EXPECTED.replace("target", "path + mark + urlencode(sorted(parse_qsl(query, keep_blank_values=True)))"),
            ),
        ],
        lambda c: [c.tasks("index=0&limit=5").short, c.tasks("limit=5&index=0").short, c.tasks("limit=%35").short],
        [OK, OK, OK],
        [OK, DENIED, DENIED],
    ),
    "auth-id-left-out": Fault(
        "For one task, the path of all tasks is signed.",
        [(EXPECTED, EXPECTED.replace("target", 're.sub("/tasks/[^?]+", "/tasks", target)'))],
        lambda c: [c.tasks().short, c.make().get().short],
        [OK, OK],
        [OK, DENIED],
    ),
    "auth-hexadecimal-expected": Fault(
        "The signature has to be in hexadecimal.",
        [("return base64.b64encode(digest).decode()", "return digest.hex()")],
        lambda c: c.tasks().short,
        OK,
        DENIED,
    ),
    "auth-delete-signed-as-get": Fault(
        "For DELETE the string to sign says GET.",
        [(EXPECTED, EXPECTED.replace("method", 'method.replace("DELETE", "GET")'))],
        lambda c: c.make().delete().short,
        OK,
        DENIED,
    ),
    "auth-url-safe-expected": Fault(
        "The expected signature uses the URL-safe alphabet, so right ones with a plus or a slash are refused.",
        [("base64.b64encode(digest)", "base64.urlsafe_b64encode(digest)")],
        lambda c: c.create().short,  # its signature has both
        OK,
        DENIED,
    ),
    "auth-header-names-by-case": Fault(
        "Header names are only found in lower case.",
        [("if name.lower() == wanted]", "if name == wanted]")],
        lambda c: [c.tasks().short, c.tasks(rename=str.upper).short],
        [OK, OK],
        [OK, DENIED],
    ),
    "auth-first-header-wins": Fault(
        "The first value of a repeated signed header is used.",
        [(SINGLE, "return values[0] if values else None")],
        lambda c: c.tasks(behind=[("x-ncp-iam-access-key", "NOBODY")]).short,
        DENIED,
        OK,
    ),
    "auth-last-header-wins": Fault(
        "The last value of a repeated signed header is used.",
        [(SINGLE, "return values[-1] if values else None")],
        lambda c: c.tasks(twice=[("x-ncp-apigw-timestamp", "0")]).short,
        DENIED,
        OK,
    ),
}

TIME = {
    "auth-never-stale": Fault(
        "Nobody looks at the age of the timestamp.", [(LATE, "if skew < 0:")], lambda c: c.tasks(late=24 * HOUR).short, DENIED, OK
    ),
    "auth-future-accepted": Fault(
        "Timestamps from the future pass.",
        [(SKEW, "    skew = now - int(timestamp)\n")],
        lambda c: [c.tasks(late=HOUR).short, c.tasks(late=-HOUR).short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-past-accepted": Fault(
        "Timestamps from the past pass.",
        [(SKEW, "    skew = int(timestamp) - now\n")],
        lambda c: [c.tasks(late=-HOUR).short, c.tasks(late=HOUR).short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-skew-15-minutes": Fault(
        "A quarter of an hour is allowed, as in other clouds.",
        [("ALLOWED_SKEW_MS = 300_000", "ALLOWED_SKEW_MS = 900_000")],
        lambda c: [c.tasks(late=20 * MINUTE).short, c.tasks(late=10 * MINUTE).short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-skew-1-minute": Fault(
        "Only one minute is allowed.",
        [("ALLOWED_SKEW_MS = 300_000", "ALLOWED_SKEW_MS = 60_000")],
        lambda c: [c.tasks().short, c.tasks(late=4 * MINUTE).short],
        [OK, OK],
        [OK, DENIED],
    ),
    "auth-skew-300-ms": Fault(
        "The 300 seconds are compared with milliseconds.",
        [("ALLOWED_SKEW_MS = 300_000", "ALLOWED_SKEW_MS = 300")],
        lambda c: [c.tasks().short, c.tasks(late=1000).short],
        [OK, OK],
        [OK, DENIED],
    ),
    "auth-skew-whole-minutes": Fault(
        "The age is cut to whole minutes before it is compared.",
        [(LATE, "if skew // 60_000 > 5:")],
        lambda c: [c.tasks(late=6 * MINUTE).short, c.tasks(late=6 * MINUTE - 1000).short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-skew-whole-seconds": Fault(
        "The age is cut to whole seconds before it is compared.",
        [(LATE, "if skew // 1000 > 300:")],
        lambda c: [c.tasks(late=5 * MINUTE + 1000).short, c.tasks(late=5 * MINUTE + 900).short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-seconds-accepted": Fault(
        "A timestamp in seconds is accepted too.",
        [(SKEW, "    skew = abs(now - int(timestamp) * (1000 if len(timestamp) < 12 else 1))\n")],
        lambda c: c.tasks(stamp="1732589296").short,
        DENIED,
        OK,
    ),
    "auth-timestamp-underscores": Fault(
        "The timestamp is read by a function that allows underscores.",
        [(DIGITS, "    try:\n        int(timestamp)\n    except ValueError:\n        raise denied(variant) from None\n")],
        lambda c: [c.tasks(stamp="soon").short, c.tasks(stamp="1_732_589_296_000").short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-timestamp-fraction": Fault(
        "The timestamp may be a fraction.",
        [(DIGITS, DIGITS.replace("[0-9]{1,18}", "[0-9.]+")), (SKEW, "    skew = abs(now - float(timestamp))\n")],
        lambda c: c.tasks(stamp="1732589296000.5").short,
        DENIED,
        OK,
    ),
    "auth-timestamp-crashes": Fault(
        "A timestamp that is no number crashes.", [(DIGITS, "")], lambda c: c.tasks(stamp="2024-11-26T11:48:16+09:00").short, DENIED, CRASH
    ),
}

SIGNING = {**SIGNED_PARTS, **TIME}
