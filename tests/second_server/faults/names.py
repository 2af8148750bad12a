"""Faults with names: their length, and how they are returned."""

from tests.second_server.patch import Fault, keeps, store_wants, wants

OK = "200"
TOO_LONG = "422 10101"
LENGTH = 'if name_length(task["name"] or "", variant) > longest:'
COUNT = "    return len(name)\n"


NAMES = {
    "name-101-accepted": Fault(
        "The comparison with 100 is off by one.",
        [(LENGTH, LENGTH.replace("> longest", "> longest + 1"))],
        lambda c: [c.create("n" * 101).short, c.create("n" * 102).short],
        [TOO_LONG, TOO_LONG],
        [OK, TOO_LONG],
    ),
    "name-limit-40": Fault(
        "The limit of 2024 was never raised.",
        [(LENGTH, LENGTH.replace("> longest", "> 40"))],
        lambda c: [c.create("n" * 41).short, c.create("n" * 100).short],
        [OK, OK],
        [TOO_LONG, TOO_LONG],
    ),
    "name-limit-255": Fault(
        "The limit is the width of the database column.",
        [(LENGTH, LENGTH.replace("> longest", "> 255"))],
        lambda c: [c.create("n" * 101).short, c.create("m" * 256).short],
        [TOO_LONG, TOO_LONG],
        [OK, TOO_LONG],
    ),
    "name-without-limit": Fault(
        "Nobody checks how long a name is.", [(LENGTH, "if longest < 0:")], lambda c: c.create("n" * 5000).short, TOO_LONG, OK
    ),
    "name-counted-in-bytes": Fault(
        "The length is that of the UTF-8 bytes.",
        [(COUNT, "    return len(name.encode())\n")],
        lambda c: c.create("가" * 34).short,
        OK,
        TOO_LONG,
    ),
    "name-counted-trimmed": Fault(
        "Blanks around a name do not count.",
        [(COUNT, "    return len(name.strip())\n")],
        lambda c: c.create(" " * 50 + "n" * 60).short,
        TOO_LONG,
        OK,
    ),
    "name-counted-composed": Fault(
        "The length is computed after composing, so more characters than 100 fit.",
        [wants("unicodedata"), (COUNT, '    return len(unicodedata.normalize("NFC", name))\n')],
        lambda c: c.create("e\u0301" * 60).short,
        TOO_LONG,
        OK,
    ),
    "name-too-long-is-cut": Fault(
        "A name that is too long is cut and accepted.",
        [(LENGTH, "if longest < 0:"), keeps("name", 'task["name"][:100]')],
        lambda c: c.create("n" * 120).short,
        TOO_LONG,
        OK,
    ),
    "name-too-long-status-400": Fault(
        "A name that is too long is answered with 400.",
        [('RefusedError(422, "10101"', 'RefusedError(400, "10101"')],
        lambda c: c.create("n" * 101).short,
        TOO_LONG,
        "400 10101",
    ),
    "name-too-long-without-code": Fault(
        "A name that is too long is answered without the code.",
        [('RefusedError(422, "10101"', "RefusedError(422, None")],
        lambda c: c.create("n" * 101).short,
        TOO_LONG,
        "422 None",
    ),
    "name-empty-accepted": Fault(
        "A name without a character is accepted.", [('if task["name"] == "":', "if False:")], lambda c: c.create("").short, "400 None", OK
    ),
    "name-blank-refused": Fault(
        "A name of one blank counts as empty, though a blank is a character.",
        [('if task["name"] == "":', 'if task["name"].strip() == "":')],
        lambda c: [c.create("").short, c.create(" ").short],
        ["400 None", OK],
        ["400 None", "400 None"],
    ),
    "name-ascii-only": Fault(
        "Names may only have ASCII characters.",
        [('if task["name"] == "":', 'if task["name"] == "" or not task["name"].isascii():')],
        lambda c: c.create("구매 예측").short,
        OK,
        "400 None",
    ),
    "name-words-only": Fault(
        "Names may only have letters, digits, underscores and hyphens.",
        [('if task["name"] == "":', r'if not re.fullmatch(r"[\w-]+", task["name"]):')],
        lambda c: [c.create("my_task-1").short, c.create("my task.1").short],
        [OK, OK],
        [OK, "400 None"],
    ),
    "name-trimmed": Fault(
        "Blanks around a name are lost.", [keeps("name", 'task["name"].strip()')], lambda c: c.create(" a ")["task_name"], " a ", "a"
    ),
    "name-blanks-squeezed": Fault(
        "Several blanks in a name become one.",
        [store_wants("re"), keeps("name", 're.sub(" +", " ", task["name"])')],
        lambda c: c.create("a  b")["task_name"],
        "a  b",
        "a b",
    ),
    "name-cut-at-64": Fault(
        "The column for the name holds 64 characters and cuts the rest.",
        [keeps("name", 'task["name"][:64]')],
        lambda c: len(c.create("n" * 80)["task_name"]),
        80,
        64,
    ),
    "name-escaped": Fault(
        "Names come back escaped for HTML.",
        [store_wants("html"), keeps("name", 'html.escape(task["name"])')],
        lambda c: c.create("a<b> & 'c'")["task_name"],
        "a<b> & 'c'",
        "a&lt;b&gt; &amp; &#x27;c&#x27;",
    ),
    "name-composed": Fault(
        "Names are kept in composed form.",
        [store_wants("unicodedata"), keeps("name", 'unicodedata.normalize("NFC", task["name"])')],
        lambda c: len(c.create("e\u0301")["task_name"]),
        2,
        1,
    ),
    "name-ends-at-nul": Fault(
        "A name ends at its first NUL, as a string in C does.",
        [keeps("name", r'task["name"].partition("\0")[0]')],
        lambda c: c.create("a\0b")["task_name"],
        "a\0b",
        "a",
    ),
    "name-emoji-lost": Fault(
        "Characters of four bytes become question marks, as in an old database character set.",
        [keeps("name", r'"".join(mark if ord(mark) < 0x10000 else "?" for mark in task["name"])')],
        lambda c: c.create("a🙂")["task_name"],
        "a🙂",
        "a?",
    ),
    "name-quote-crashes": Fault(
        "The name is pasted into the SQL.",
        [('"SELECT 1 FROM task WHERE name = :name", {"name": name}', "f\"SELECT 1 FROM task WHERE name = '{name}'\"")],
        lambda c: [c.create("it is").short, c.create("it's").short],
        [OK, OK],
        [OK, "500 900"],
    ),
    "name-percent-crashes": Fault(
        "The name is part of a format string.",
        [('    if name_exists(site.db, task["name"]):', '    task["name"] % ()\n    if name_exists(site.db, task["name"]):')],
        lambda c: [c.create("half").short, c.create("50% of it").short],
        [OK, OK],
        [OK, "500 900"],
    ),
    "name-surrogates-crash": Fault(
        "Half a surrogate pair in a name reaches the database and crashes there.",
        [('        json.dumps(document, ensure_ascii=False).encode("utf-8")', "        document = document")],
        lambda c: c.create("\ud800").short,
        "400 100",
        "500 900",
    ),
}
