"""Faults with the form of a response: its status, its content type, the shape of an error."""

from tests.second_server.patch import Fault

OK = "200"
DONE = "    return answer(200, operations[call.method](site, call._replace(task_id=task_id)), [])\n"
REFUSE = 'return answer(error.status, flat if site.variant["error-shape"] == "flat" else nested, error.headers)'
DUMP = '*headers], json.dumps(document, ensure_ascii=False).encode("utf-8")'
NESTED = '{"error": {"errorCode": code, "message": error.message}}'


SHAPES = {
    "create-answers-201": Fault(
        "A created task is answered with 201.",
        [(DONE, DONE.replace("answer(200,", 'answer(201 if call.method == "POST" else 200,'))],
        lambda c: c.create().short,
        OK,
        "201",
    ),
    "delete-answers-204": Fault(
        "A deletion is answered with 204 and no body.",
        [(DONE, DONE.replace("return", "done =") + '    if call.method == "DELETE":\n        return 204, [], b""\n    return done\n')],
        lambda c: c.make().delete().short,
        OK,
        "204",
    ),
    "delete-answers-202": Fault(
        "A deletion is answered with 202.",
        [(DONE, DONE.replace("answer(200,", 'answer(202 if call.method == "DELETE" else 200,'))],
        lambda c: c.make().delete().short,
        OK,
        "202",
    ),
    "errors-have-status-200": Fault(
        "Every error is a 200 with the error inside.",
        [(REFUSE, REFUSE.replace("error.status", "200"))],
        lambda c: c.create("").short,
        "400 None",
        "200 None",
    ),
    "errors-are-html": Fault(
        "Errors are pages for people.",
        [(REFUSE, 'return error.status, [("content-type", "text/html")], f"<h1>{error.message}</h1>".encode()')],
        lambda c: [c.train("a&b").type, c.train("a&b").short],
        ["application/json", "422 10104"],
        ["text/html", "422"],
    ),
    "errors-are-text": Fault(
        "Errors are only their message, as a JSON string.",
        [(REFUSE, "return answer(error.status, error.message, error.headers)")],
        lambda c: c.train("a&b").json,
        {"error": {"errorCode": "10104", "message": "INVALID_CHARACTER_IN_TRAIN_PATH"}},
        "INVALID_CHARACTER_IN_TRAIN_PATH",
    ),
    "errors-have-no-body": Fault(
        "Errors are a status and nothing else.",
        [(REFUSE, 'return error.status, error.headers, b""')],
        lambda c: c.train("a&b").body != b"",
        True,
        False,
    ),
    "errors-without-message": Fault(
        "An error has no message.",
        [(NESTED, '{"error": {"errorCode": code}}')],
        lambda c: sorted(c.train("a&b")["error"]),
        ["errorCode", "message"],
        ["errorCode"],
    ),
    "errors-have-status-as-code": Fault(
        "The error code repeats the HTTP status.",
        [(NESTED, '{"error": {"errorCode": str(error.status), "message": error.message}}')],
        lambda c: c.train("a&b").short,
        "422 10104",
        "422 422",
    ),
    "errors-have-word-as-code": Fault(
        "The error code is the word and not the number.",
        [(NESTED, '{"error": {"errorCode": code and error.message, "message": error.message}}')],
        lambda c: c.create("n" * 101).short,
        "422 10101",
        "422 NAME_TOO_LONG",
    ),
    "error-codes-of-two-types": Fault(
        "The code of a duplicate is a number, all other codes are strings.",
        [(NESTED, '{"error": {"errorCode": 10102 if code == "10102" else code, "message": error.message}}')],
        lambda c: [c.make("a").create("a")["error"]["errorCode"], c.train("&")["error"]["errorCode"]],
        ["10102", "10104"],
        [10102, "10104"],
    ),
    "error-shapes-mixed": Fault(
        "A duplicate has its code at the top, all other errors have it nested.",
        [(REFUSE, REFUSE.replace('flat if site.variant["error-shape"] == "flat"', 'flat if error.code == "10102"'))],
        lambda c: [sorted(c.make("a").create("a").json), sorted(c.train("&").json)],
        [["error"], ["error"]],
        [["code", "message"], ["error"]],
    ),
    "answers-are-called-text": Fault(
        "Answers are sent as text/plain.",
        [('("content-type", "application/json")', '("content-type", "text/plain; charset=utf-8")')],
        lambda c: c.tasks().type,
        "application/json",
        "text/plain; charset=utf-8",
    ),
    "answers-without-type": Fault(
        "Answers have no content type.",
        [('[("content-type", "application/json"), *headers]', "headers")],
        lambda c: c.tasks().type,
        "application/json",
        None,
    ),
    "answers-are-not-json": Fault(
        "Answers are printed dictionaries, with single quotes and None.",
        [(DUMP, '*headers], str(document).encode("utf-8")')],
        lambda c: c.create().body[:9],
        b'{"task_id',
        b"{'task_id",
    ),
    "answers-encoded-twice": Fault(
        "Answers are JSON strings that hold JSON.",
        [(DUMP, "*headers], json.dumps(json.dumps(document)).encode()")],
        lambda c: type(c.tasks().json),
        dict,
        str,
    ),
    "answers-in-latin-1": Fault(
        "Answers are written in Latin-1, and what does not fit becomes a question mark.",
        [(DUMP, DUMP.replace('"utf-8"', '"latin-1", "replace"'))],
        lambda c: c.create("구매")["task_name"],
        "구매",
        "??",
    ),
    "answers-have-byte-order-mark": Fault(
        "Answers begin with a byte order mark.",
        [(DUMP, DUMP.replace('"utf-8"', '"utf-8-sig"'))],
        lambda c: c.tasks().body[:1],
        b"{",
        b"\xef",
    ),
    "answers-in-envelope": Fault(
        "Successful answers are wrapped in an object named data.",
        [
            (
                DONE,
                DONE.replace(
                    "operations[call.method](site, call._replace(task_id=task_id))",
                    '{"data": operations[call.method](site, call._replace(task_id=task_id))}',
                ),
            )
        ],
        lambda c: sorted(c.tasks().json),
        ["index", "limit", "tasks", "total"],
        ["data"],
    ),
}
