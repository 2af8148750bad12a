"""Faults with the body of a create request: JSON syntax, required fields, and types."""

from tests.second_server.patch import Edit, Fault, keeps, lines

OK = "200"
MALFORMED = "400 100"
REFUSED = "400 None"
CRASH = "500 900"

PARSE = 'json.loads(body.decode("utf-8"), parse_constant=no_constant)'
TASK = "    task: Task = {field: document.get(field) for field in FIELDS}\n"
VALUE = "        value = document.get(field)\n"
OBJECT = "    if not isinstance(document, dict):\n"
TYPE = 'raise bad(f"{field} must be a string.")'
START = '{"name": "alpha", "train_feature_id": "f", "train_bucket": "b", "train_file_path": '


def parses(how: str) -> list[Edit]:
    return [(PARSE, how)]


def before_object_check(line: str) -> list[Edit]:
    return [(OBJECT, f"    {line}\n{OBJECT}")]


def not_required(field: str) -> list[Edit]:
    """Accept a payload without the field."""
    return [
        (f"    {field} TEXT NOT NULL,", f"    {field} TEXT,"),
        ("REQUIRED = FIELDS[:4]", f'REQUIRED = [f for f in FIELDS[:4] if f != "{field}"]'),
    ]


JSON = {
    "json-as-latin-1": Fault(
        "The body is read as Latin-1, so names come back garbled.",
        parses('json.loads(body.decode("latin-1"), parse_constant=no_constant)'),
        lambda c: c.post((START.replace("alpha", "é") + '"p"}').encode())["task_name"],
        "é",
        "Ã©",
    ),
    "json-bad-bytes-replaced": Fault(
        "Bytes that are no UTF-8 are replaced instead of refused.",
        parses('json.loads(body.decode("utf-8", "replace"), parse_constant=no_constant)'),
        lambda c: c.post(START.encode() + b'"a\xff"}').short,
        MALFORMED,
        OK,
    ),
    "json-in-utf-16-accepted": Fault(
        "The parser guesses the encoding, so UTF-16 is accepted.",
        parses("json.loads(body, parse_constant=no_constant)"),
        lambda c: c.post((START + '"p"}').encode("utf-16")).short,
        MALFORMED,
        OK,
    ),
    "json-nan-accepted": Fault(
        "NaN is read as a number.",
        parses('json.loads(body.decode("utf-8"))'),
        lambda c: c.post((START + '"p", "weight": NaN}').encode()).short,
        MALFORMED,
        OK,
    ),
    "json-trailing-comma-accepted": Fault(
        "A comma before the closing brace is accepted.",
        parses(r'json.loads(re.sub(r",\s*}", "}", body.decode("utf-8")), parse_constant=no_constant)'),
        lambda c: c.post((START + '"p",}').encode()).short,
        MALFORMED,
        OK,
    ),
    "json-single-quotes-accepted": Fault(
        "Single quotes are turned into double ones before parsing.",
        parses("""json.loads(body.decode("utf-8").replace("'", '"'), parse_constant=no_constant)"""),
        lambda c: c.post((START + '"p"}').replace('"', "'").encode()).short,
        MALFORMED,
        OK,
    ),
    "json-rest-ignored": Fault(
        "What follows the first JSON value is ignored.",
        parses('json.JSONDecoder(parse_constant=no_constant).raw_decode(body.decode("utf-8"))[0]'),
        lambda c: c.post((START + '"p"}}').encode()).short,
        MALFORMED,
        OK,
    ),
    "json-raw-controls-accepted": Fault(
        "Line ends and tabs may stand unescaped inside a string.",
        parses('json.loads(body.decode("utf-8"), parse_constant=no_constant, strict=False)'),
        lambda c: c.post((START.replace("alpha", "al\tpha") + '"p"}').encode()).short,
        MALFORMED,
        OK,
    ),
    "json-first-checked-last-kept": Fault(
        "Of two fields with one name the first is checked and the last is kept.",
        [
            (
                "check_rules(task, site.variant)",
                lines(
                    "first = json.loads(call.body, object_pairs_hook=lambda pairs: dict(reversed(pairs)))",
                    "    check_rules(read_task(first, site.variant), site.variant)",
                ),
            )
        ],
        lambda c: [c.train("a&b").short, c.post((START + '"ok", "train_file_path": "a&b"}').encode()).short],
        ["422 10104", "422 10104"],
        ["422 10104", OK],
    ),
    "json-malformed-crashes": Fault(
        "Nobody catches the parser's complaint.",
        [("except (ValueError, RecursionError):", "except KeyError:")],
        lambda c: c.post(b'{"name": ').short,
        MALFORMED,
        CRASH,
    ),
    "json-malformed-status-422": Fault(
        "Malformed JSON is answered with 422 and no code, as some frameworks do.",
        [('RefusedError(400, "100"', "RefusedError(422, None")],
        lambda c: c.post(b"{").short,
        MALFORMED,
        "422 None",
    ),
    "json-nesting-crashes": Fault(
        "A deeply nested body exhausts the stack.",
        [
            ("except (ValueError, RecursionError):", "except ValueError:"),
            # How deep the parser gets depends on the version of Python: to 994 levels in 3.11, to 9,998 in 3.13.
            (
                "        document: object = json",
                "        if body.count(b'[') > 990:\n            raise RecursionError\n        document: object = json",
            ),
        ],
        lambda c: c.post(b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}").short,
        MALFORMED,
        CRASH,
    ),
    "json-empty-body-crashes": Fault(
        "A request without a body crashes.",
        [("        document: object = json", "        assert body[0]\n        document: object = json")],
        lambda c: c.post(b"").short,
        MALFORMED,
        CRASH,
    ),
    "body-null-crashes": Fault(
        "A body that is valid JSON and no object crashes.",
        [(f'{OBJECT}        raise bad("The body must be an object.")\n', "")],
        lambda c: c.post(b"null").short,
        REFUSED,
        CRASH,
    ),
    "body-list-unpacked": Fault(
        "The first item of a list is used.",
        before_object_check("document = document[0] if isinstance(document, list) and document else document"),
        lambda c: c.post(("[" + START + '"p"}]').encode()).short,
        REFUSED,
        OK,
    ),
    "body-text-parsed-again": Fault(
        "A JSON string that holds JSON is parsed once more.",
        before_object_check("document = json.loads(document) if isinstance(document, str) else document"),
        lambda c: c.post(('"' + (START + '"p"}').replace('"', '\\"') + '"').encode()).short,
        REFUSED,
        OK,
    ),
    "content-type-compared-whole": Fault(
        "A content type with a charset is treated as another one.",
        [('variant["request-content-type"] == "json-only" and given.partition(";")[0].strip().lower()', "given")],
        lambda c: [
            c.send("POST", "/tasks", b"{", content_type=kind).short for kind in ("application/json", "application/json; charset=utf-8")
        ],
        [MALFORMED, MALFORMED],
        [MALFORMED, REFUSED],
    ),
    "content-type-missing-crashes": Fault(
        "A request without a content type crashes.",
        [('given = single(headers, "content-type") or ""', 'given = single(headers, "content-type").lower()')],
        lambda c: c.send("POST", "/tasks", b"{", content_type=None).short,
        MALFORMED,
        CRASH,
    ),
}

FIELDS = {
    "missing-name-invented": Fault(
        "A task without a name gets one.",
        [("    for field in REQUIRED:\n", '    document.setdefault("name", "untitled")\n    for field in REQUIRED:\n')],
        lambda c: c.create(drop="name").short,
        REFUSED,
        OK,
    ),
    "missing-feature-accepted": Fault(
        "train_feature_id is not asked for.",
        not_required("train_feature_id"),
        lambda c: c.create(drop="train_feature_id").short,
        REFUSED,
        OK,
    ),
    "missing-bucket-accepted": Fault(
        "train_bucket is not asked for.", not_required("train_bucket"), lambda c: c.create(drop="train_bucket").short, REFUSED, OK
    ),
    "missing-path-accepted": Fault(
        "train_file_path is not asked for.",
        not_required("train_file_path"),
        lambda c: c.create(drop="train_file_path").short,
        REFUSED,
        OK,
    ),
    "missing-field-crashes": Fault(
        "A missing field is only noticed by the database.",
        [("REQUIRED = FIELDS[:4]", "REQUIRED = FIELDS[:1]")],
        lambda c: c.create(drop="train_bucket").short,
        REFUSED,
        CRASH,
    ),
    "number-becomes-text": Fault(
        "Numbers are turned into text.",
        [(VALUE, VALUE + "        if type(value) in (int, float):\n            value = document[field] = str(value)\n")],
        lambda c: [c.create(7).short, c.create("b", train_bucket=2.5).short, c.create("c", train_bucket=True).short],
        [REFUSED, REFUSED, REFUSED],
        [OK, OK, REFUSED],
    ),
    "boolean-becomes-text": Fault(
        "True and false are turned into text.",
        [(TYPE, f"if not isinstance(value, bool):\n                {TYPE}\n            document[field] = str(value)")],
        lambda c: [c.create(train_feature_id=True).short, c.create(train_feature_id=1).short],
        [REFUSED, REFUSED],
        [OK, REFUSED],
    ),
    "null-becomes-text": Fault(
        "Null in a required field becomes the text None.",
        [(TYPE, f'if value is not None:\n                {TYPE}\n            document[field] = "None"')],
        lambda c: [c.create(train_bucket=None).short, c.create(train_bucket=1).short],
        [REFUSED, REFUSED],
        [OK, REFUSED],
    ),
    "single-item-unwrapped": Fault(
        "A list of one string is treated as the string.",
        [(VALUE, VALUE + "        if isinstance(value, list) and len(value) == 1:\n            value = document[field] = value[0]\n")],
        lambda c: c.train(["data/train.tsv"]).short,
        REFUSED,
        OK,
    ),
    "test-types-unchecked": Fault(
        "The types of the test fields are not looked at.",
        [("    for field in FIELDS:\n        value", "    for field in REQUIRED:\n        value")],
        lambda c: [c.create(5).short, c.create(test_bucket=5).short],
        [REFUSED, REFUSED],
        [REFUSED, OK],
    ),
    "wrong-type-crashes": Fault(
        "A value of another type is only noticed when it is used.",
        [(TYPE, "pass")],
        lambda c: c.train(5).short,
        REFUSED,
        CRASH,
    ),
    "null-test-path-refused": Fault(
        "Null is accepted in two of the optional fields and refused in the third.",
        [("value is None and field in OPTIONAL and", "value is None and field in OPTIONAL[:2] and")],
        lambda c: [c.create(test_bucket=None).short, c.create("b", test_file_path=None).short],
        [OK, OK],
        [OK, REFUSED],
    ),
    "null-echoed-as-text": Fault(
        "Null in an optional field comes back as the text None.",
        [(TASK, "    task: Task = {field: str(document[field]) if field in document else None for field in FIELDS}\n")],
        lambda c: [c.create()["test_bucket"], c.create("b", test_bucket=None)["test_bucket"]],
        [None, None],
        [None, "None"],
    ),
    "absent-echoed-as-empty": Fault(
        "Test fields that were not sent come back as empty strings.",
        [(TASK, '    task: Task = {field: document.get(field, "") for field in FIELDS}\n')],
        lambda c: c.create()["test_file_path"],
        None,
        "",
    ),
    "empty-echoed-as-null": Fault(
        "An empty string in an optional field comes back as null.",
        [(TASK, '    task: Task = {field: document.get(field) or (None if field in OPTIONAL else "") for field in FIELDS}\n')],
        lambda c: c.test("")["test_file_path"],
        "",
        None,
    ),
    "test-bucket-from-train": Fault(
        "Without a test bucket the train bucket is filled in.",
        [(TASK, TASK + '    task["test_bucket"] = task["test_bucket"] or task["train_bucket"]\n')],
        lambda c: c.create()["test_bucket"],
        None,
        "bucket",
    ),
    "test-bucket-dropped": Fault(
        "The test bucket is accepted and forgotten.",
        [keeps("test_bucket", "None")],
        lambda c: c.create(test_bucket="other")["test_bucket"],
        "other",
        None,
    ),
    "test-triple-dropped": Fault(
        "When one of the three test fields is missing, the others are silently dropped.",
        [(TASK, TASK + "    if not all(task[field] for field in OPTIONAL):\n        task |= dict.fromkeys(OPTIONAL)\n")],
        lambda c: c.create(test_bucket="other")["test_bucket"],
        "other",
        None,
    ),
    "test-triple-crashes": Fault(
        "A test feature without a test path crashes.",
        [(TASK, TASK + '    if task["test_feature_id"]:\n        task["test_file_path"].strip()\n')],
        lambda c: c.create(test_feature_id="f").short,
        OK,
        CRASH,
    ),
    "field-names-ignore-case": Fault(
        "Field names are compared without regard to case.",
        [
            (
                "    for field in REQUIRED:\n",
                "    document = {key.lower(): value for key, value in document.items()}\n    for field in REQUIRED:\n",
            )
        ],
        lambda c: c.create(drop="name", NAME="alpha").short,
        REFUSED,
        OK,
    ),
    "field-order-matters": Fault(
        "The values are read in the order of the body instead of by their names.",
        [(TASK, "    task: Task = dict(zip(FIELDS, [*(document[field] for field in document if field in FIELDS), None, None, None]))\n")],
        lambda c: [
            c.post(dict(reversed({"name": "n", "train_feature_id": "f", "train_bucket": "b", "train_file_path": "p"}.items())))["task_name"]
        ],
        ["n"],
        ["p"],
    ),
}

BODY = {**JSON, **FIELDS}
