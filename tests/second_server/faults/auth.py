"""Faults of authentication: missing comparisons, rejections with another response, and rejected requests that are carried out."""

from tests.second_server.patch import Edit, Fault, lines
from tests.support.signing import ACCESS

OK = "200"
DENIED = "401 10100"
CRASH = "500 900"
MINUTE = 60_000
HOUR = 60 * MINUTE
GATE = "    authenticate(call.method, call.target, call.headers, call.now, site.keys, site.variant)\n"
WORK = "    return answer(200, operations[call.method](site, call._replace(task_id=task_id)), [])\n"
COMPARE = 'if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):'
LATE = 'if skew > ALLOWED_SKEW_MS or (skew == ALLOWED_SKEW_MS and variant["timestamp-edge"] == "refused"):'
SECRET = "    secret = keys.get(key)\n"
NO_ENTRY = 'RefusedError(401, "10100", "ACCESS_DENIED")'
MISSING = "    if timestamp is None or key is None or signature is None:\n        raise denied(variant)\n"


def open_for(condition: str) -> list[Edit]:
    """Check the signature of some requests only."""
    return [(GATE, f"    if not ({condition}):\n    {GATE}")]


def acts_first(method: str) -> Edit:
    """Carry out an operation before the signature is checked."""
    return (
        GATE,
        lines(
            "    try:",
            f"    {GATE.rstrip()}",
            "    except RefusedError:",
            f'        if call.method == "{method}":',
            "            operations[call.method](site, call._replace(task_id=task_id))",
            "            site.db.commit()",
            "        raise\n",
        ),
    )


def garbled(signature: str) -> str:
    return "A" * len(signature)


def other_end(signature: str) -> str:
    return signature[:24] + garbled(signature[24:])


UNSIGNED = {
    "auth-skips-create": Fault(
        "Creating needs no signature.", open_for('call.method == "POST"'), lambda c: c.post({}, without="v2").short, DENIED, "400 None"
    ),
    "auth-skips-list": Fault(
        "Listing needs no signature.", open_for('call.method == "GET" and not task_id'), lambda c: c.tasks(without="v2").short, DENIED, OK
    ),
    "auth-skips-get": Fault(
        "Reading a task needs no signature.",
        open_for('call.method == "GET" and task_id'),
        lambda c: c.make().get(alter=garbled).short,
        DENIED,
        OK,
    ),
    "auth-skips-delete": Fault(
        "Deleting needs no signature.", open_for('call.method == "DELETE"'), lambda c: c.make().delete(alter=garbled).short, DENIED, OK
    ),
    "auth-only-when-signed": Fault(
        "A signature is checked when there is one; without it everything is open.",
        [(MISSING, "    if signature is None:\n        return\n" + MISSING)],
        lambda c: [c.tasks(alter=garbled).short, c.tasks(without="v2").short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-key-is-enough": Fault(
        "A known access key is enough, the signature only has to be there.",
        [(COMPARE, "if not signature:")],
        lambda c: [c.tasks(alter=garbled).short, c.tasks(key="NOBODY").short],
        [DENIED, DENIED],
        [OK, DENIED],
    ),
    "auth-beginning-compared": Fault(
        "A signature that is the beginning of the right one passes.",
        [(COMPARE, "if not expected.startswith(signature):")],
        lambda c: [c.tasks(alter=garbled).short, c.tasks(alter=lambda right: right[:10]).short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-half-compared": Fault(
        "Only the first 20 characters of the signature are compared.",
        [(COMPARE, "if expected[:20] != signature[:20]:")],
        lambda c: [c.tasks(alter=garbled).short, c.tasks(alter=other_end).short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-signature-ignores-case": Fault(
        "Signatures are compared without regard to case.",
        [(COMPARE, "if expected.lower() != signature.lower():")],
        lambda c: c.tasks(alter=str.swapcase).short,
        DENIED,
        OK,
    ),
    "auth-padding-optional": Fault(
        "A signature without its padding passes.",
        [(COMPARE, 'if expected.rstrip("=") != signature.rstrip("="):')],
        lambda c: c.tasks(alter=lambda right: right.rstrip("=")).short,
        DENIED,
        OK,
    ),
    "auth-base64-lenient": Fault(
        "The signature is decoded by a decoder that skips characters it does not know.",
        [(COMPARE, 'if base64.b64decode(expected) != base64.b64decode(signature.encode("ascii", "ignore") + b"=="):')],
        lambda c: c.tasks(alter=lambda right: f"{right[:9]}!{right[9:]}").short,
        DENIED,
        OK,
    ),
    "auth-known-signature-opens-all": Fault(
        "A signature that was right once is remembered, and opens every other request.",
        [
            ("def authenticate(", "SEEN: set[str] = set()\n\n\ndef authenticate("),
            (
                f"    {COMPARE}\n        raise denied(variant)",
                lines(
                    "    " + COMPARE.replace("if not", "if signature not in SEEN and not"),
                    "        raise denied(variant)",
                    "    SEEN.add(signature)",
                ),
            ),
        ],
        lambda c: [
            c.make().delete(sign_method="GET", sign_path="/tasks").short,
            c.then(c.tasks()).delete(sign_method="GET", sign_path="/tasks").short,
        ],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-unknown-key-has-empty-secret": Fault(
        "The secret of an unknown key is assumed to be empty.",
        [(SECRET, '    secret = keys.get(key, "")\n')],
        lambda c: [c.tasks(key="NOBODY").short, c.tasks(key="NOBODY", secret="").short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-any-key-name": Fault(
        "With an unknown key the only configured secret is used.",
        [(SECRET, "    secret = keys.get(key) or next(iter(keys.values()))\n")],
        lambda c: [c.tasks(key="NOBODY", secret="wrong").short, c.tasks(key="NOBODY").short],
        [DENIED, DENIED],
        [DENIED, OK],
    ),
    "auth-key-ignores-case": Fault(
        "Access keys are looked up without regard to case.",
        [(SECRET, "    secret = {name.lower(): value for name, value in keys.items()}.get(key.lower())\n")],
        lambda c: c.tasks(key=ACCESS.lower()).short,
        DENIED,
        OK,
    ),
}

REFUSALS = {
    "auth-unknown-key-crashes": Fault(
        "An unknown access key crashes.", [(SECRET, "    secret = keys[key]\n")], lambda c: c.tasks(key="NOBODY").short, DENIED, CRASH
    ),
    "auth-foreign-signature-crashes": Fault(
        "A signature that is not ASCII crashes the comparison.",
        [(COMPARE, "if not hmac.compare_digest(expected, signature):")],
        lambda c: [c.tasks(alter=garbled).short, c.tasks(alter=lambda right: "é" + right[1:]).short],
        [DENIED, DENIED],
        [DENIED, CRASH],
    ),
    "auth-missing-header-crashes": Fault(
        "A missing timestamp crashes.", [(MISSING, "")], lambda c: c.tasks(without="timestamp").short, DENIED, CRASH
    ),
    "auth-missing-header-400": Fault(
        "A missing header is answered with 400.",
        [(MISSING, MISSING.replace("denied(variant)", 'bad("A header is missing.")'))],
        lambda c: c.tasks(without="key").short,
        DENIED,
        "400 None",
    ),
    "auth-status-403": Fault(
        "Who has no access gets a 403.",
        [(NO_ENTRY, NO_ENTRY.replace("401", "403"))],
        lambda c: c.tasks(alter=garbled).short,
        DENIED,
        "403 10100",
    ),
    "auth-status-200": Fault(
        "Who has no access gets a 200 with an error inside.",
        [(NO_ENTRY, NO_ENTRY.replace("401", "200"))],
        lambda c: c.tasks(alter=garbled).short,
        DENIED,
        "200 10100",
    ),
    "auth-without-code": Fault(
        "A refused signature is answered without a code.",
        [(NO_ENTRY, NO_ENTRY.replace('"10100"', "None"))],
        lambda c: c.tasks(alter=garbled).short,
        DENIED,
        "401 None",
    ),
    "auth-stale-400": Fault(
        "A stale timestamp is answered with 400.",
        [(f"    {LATE}\n        raise denied(variant)", f'    {LATE}\n        raise bad("The timestamp is stale.")')],
        lambda c: c.tasks(late=HOUR).short,
        DENIED,
        "400 None",
    ),
    "auth-after-the-rules": Fault(
        "A request without access learns first what is wrong with its body.",
        [
            (GATE, ""),
            (WORK, f"    done = operations[call.method](site, call._replace(task_id=task_id))\n{GATE}    return answer(200, done, [])\n"),
        ],
        lambda c: [c.post(b"{", alter=garbled).short, c.tasks(alter=garbled).short],
        [DENIED, DENIED],
        ["400 100", DENIED],
    ),
    "auth-refused-yet-created": Fault(
        "A create request without access is refused after the task was made.",
        [acts_first("POST")],
        lambda c: [
            c.send("POST", "/tasks", b'{"name":"x","train_feature_id":"f","train_bucket":"b","train_file_path":"p"}', alter=garbled).short,
            c.tasks().names,
        ],
        [DENIED, []],
        [DENIED, ["x"]],
    ),
    "auth-refused-yet-deleted": Fault(
        "A delete request without access is refused after the task was removed.",
        [acts_first("DELETE")],
        lambda c: [c.make().delete(alter=garbled).short, c.get().short],
        [DENIED, OK],
        [DENIED, "404 None"],
    ),
}

AUTH = {**UNSIGNED, **REFUSALS}
