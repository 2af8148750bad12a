"""Faults of values that a library changes before they are stored, or in one operation only; and train and test data mixed up.

Each table row is one line of code that programmers write, with a value before and after it.
"""

from typing import NamedTuple

from tests.second_server.patch import Edit, Fault, keeps, lines

PATHS = ("train_file_path", "test_file_path")
TEXTS = ("name", "train_feature_id", "train_bucket", "test_feature_id", "test_bucket")
ALL = (*TEXTS, *PATHS)
IMPORTS = ("ast", "contextlib", "html", "json", "os.path", "posixpath", "re", "string", "unicodedata", "urllib.parse", "datetime")


class Tidying(NamedTuple):
    """What happens, as a part of a sentence; the expression over `v`; a value that is sent, and what it becomes."""

    what: str
    code: str
    before: str
    after: str | None
    fields: tuple[str, ...] = ALL


TIDYINGS = {
    "single-slashes": Tidying("has no double slashes", "re.sub(r'/{2,}', '/', v)", "x//y", "x/y", PATHS),
    "normpath": Tidying("goes through posixpath.normpath", "posixpath.normpath(v)", "./x//y/../z/", "x/z", PATHS),
    "joined": Tidying(
        "is resolved like a link", "urllib.parse.urljoin('http://h/', v).removeprefix('http://h/')", "a/./b/../c", "a/c", PATHS
    ),
    "no-end-slash": Tidying("loses its last slash", "v.removesuffix('/')", "x/y/", "x/y", PATHS),
    "unquoted": Tidying("is percent-decoded", "urllib.parse.unquote(v)", "%41+%42", "A+B", TEXTS),
    "form-decoded": Tidying("has blanks for plus signs", "v.replace('+', ' ')", "a+b", "a b", TEXTS),
    "quoted": Tidying("is percent-encoded", "urllib.parse.quote(v)", "(x)", "%28x%29"),
    "nfc": Tidying("is composed", "unicodedata.normalize('NFC', v)", "o\u0308", "\u00f6"),
    "nfd": Tidying("is decomposed", "unicodedata.normalize('NFD', v)", "\uac01", "\u1100\u1161\u11a8"),
    "nfkc": Tidying("has ordinary letters for wide ones", "unicodedata.normalize('NFKC', v)", "\uff22", "B"),
    "lowered": Tidying("is in lower case", "v.lower()", "X/y", "x/y"),
    "raised": Tidying("is in upper case", "v.upper()", "X/y", "X/Y"),
    "curly-quotes": Tidying("has curly quotes", "v.replace(chr(39), chr(8217)).replace(chr(34), chr(8220))", "o'x", "o\u2019x", TEXTS),
    "en-dashes": Tidying("has dashes for two hyphens", "v.replace('--', chr(0x2013))", "x--y", "x\u2013y"),
    "dots-joined": Tidying("has one character for three dots", "v.replace('...', chr(0x2026))", "x...", "x\u2026"),
    "no-zero-width": Tidying("loses characters without width", "re.sub('[\\u200b\\u200d\\ufeff]', '', v)", "x\u200by", "xy"),
    "seven-bits": Tidying("has question marks beyond ASCII", "v.encode('ascii', 'replace').decode()", "x\u3042", "x?"),
    "no-emoji": Tidying("loses characters of four bytes", "''.join(c for c in v if ord(c) < 65536)", "x\U0001f680", "x"),
    "entities": Tidying("is escaped for a page", "html.escape(v)", "R&D", "R&amp;D", TEXTS),
    "no-entities": Tidying("is unescaped", "html.unescape(v)", "R&amp;D", "R&D", TEXTS),
    "no-tags": Tidying("loses what looks like a tag", "re.sub('<.+?>', '', v)", "x<b>y", "xy", TEXTS),
    "percent-twice": Tidying("has one percent sign for two", "v.replace('%%', '%')", "9%%", "9%", TEXTS),
    "braces-twice": Tidying("has one brace for two", "v.replace('{{', '{')", "x{{y", "x{y", TEXTS),
    "dollar-twice": Tidying("is a template", "string.Template(v).safe_substitute()", "$$5", "$5", TEXTS),
    "home": Tidying("knows the variable HOME", "v.replace('$HOME', '/home/app')", "$HOME", "/home/app", TEXTS),
    "backslash-n": Tidying("has line ends for backslash and n", "v.replace(chr(92) + 'n', chr(10))", r"x\ny", "x\ny", TEXTS),
    "unslashed": Tidying("loses its backslashes", "v.replace(chr(92), '')", r"x\y", "xy", TEXTS),
    "sql-quotes": Tidying("has two apostrophes for one", "v.replace(chr(39), chr(39) * 2)", "o'x", "o''x", TEXTS),
    "slashed": Tidying("has a backslash before apostrophes", "v.replace(chr(39), chr(92) + chr(39))", "o'x", r"o\'x", TEXTS),
    "formula-safe": Tidying("gets an apostrophe before a sign", "(chr(39) if v[:1] in set('=+-@') else '') + v", "-x", "'-x"),
    "text-sign": Tidying("loses an apostrophe in front", "v.removeprefix(chr(39))", "'x", "x", TEXTS),
    "left": Tidying("loses blanks in front", "v.lstrip()", " x ", "x "),
    "right": Tidying("loses blanks behind, as in a column of type CHAR", "v.rstrip(' \\n')", " x ", " x"),
    "one-blank": Tidying("has one blank for several", "re.sub(' {2,}', ' ', v)", "x   y", "x y"),
    "unix-lines": Tidying("has line ends of one character", "v.replace(chr(13) + chr(10), chr(10))", "x\r\ny", "x\ny", TEXTS),
    "no-tabs": Tidying("has blanks for tabs", "v.replace(chr(9), '    ')", "x\ty", "x    y", TEXTS),
    "number": Tidying("is read as a number of digits", "str(int(v)) if v.isdecimal() else v", "0012", "12"),
    "float": Tidying("is read as a floating-point number", "'%r' % float(v)", "2e3", "2000.0"),
    "json": Tidying("is read as JSON", "json.dumps(json.loads(v))", "1e2", "100.0"),
    "literal": Tidying("is read as a literal", "repr(ast.literal_eval(v))", "1e2", "100.0"),
    "word-true": Tidying("is read as a truth value", "{'true': '1', 'false': '0'}.get(v, v)", "true", "1"),
    "day": Tidying("is read as a day", "datetime.date.fromisoformat(v).strftime('%d/%m/%Y')", "2024-11-26", "26/11/2024"),
    "cut-50": Tidying("is cut at 50 characters", "v[:50]", "x" * 90, "x" * 50),
    "cut-191": Tidying("is cut at 191 characters", "v[:191]", "x" * 200, "x" * 191, ALL[1:]),
    "cut-255": Tidying("is cut at 255 characters", "v[:255]", "x" * 260, "x" * 255, ALL[1:]),
    "cut-1024": Tidying("is cut at 1,024 characters", "v[:1024]", "x" * 1030, "x" * 1024, PATHS),
}
MISSING = {
    "word-null": Tidying("is read as nothing where it says null", "None if v == 'null' else v", "null", None, ALL[3:]),
    "word-none": Tidying(
        "is read as nothing where it says None",
        "None if v == 'None' else v",
        "None",
        None,
        ("test_feature_id", "test_bucket", "test_file_path"),
    ),
}

HELPER = (
    "def open_store(",
    lines(
        "def tidied(change, value):",
        "    try:",
        "        return change(value)",
        "    except (ValueError, SyntaxError, AttributeError, TypeError):",
        "        return value\n\n",
        "def open_store(",
    ),
)
WANTS = ("import sqlite3\nimport uuid", "import sqlite3\n" + "".join(f"import {module}\n" for module in IMPORTS) + "import uuid")


def stored(field: str, code: str) -> list[Edit]:
    """Store a changed value."""
    return [HELPER, WANTS, keeps(field, f'tidied(lambda v: {code}, task["{field}"])')]


def shown(field: str) -> str:
    return "task_name" if field == "name" else field


def value_of(field: str, before: str):
    return lambda c: c.create(**{field: before})[shown(field)]


STORED = {
    f"kept-{kind}-{field.replace('_', '-')}": Fault(
        f"The {field} {one.what}.", stored(field, one.code), value_of(field, one.before), one.before, one.after
    )
    for kind, one in {**TIDYINGS, **MISSING}.items()
    for field in one.fields
    if not (one.after is None and field.startswith(("name", "train")))
}

DETAIL = "    return detail(site, existing(site, call))"
ITEMS = "tasks = [summary(site, row) for row in page(site.db, offset, limit, call.now, site.stage)]"
IN_ONE_OPERATION = ("single-slashes", "nfc", "right", "one-blank", "en-dashes", "cut-50")


MODULES = ("import sqlite3\nfrom collections", "import posixpath\nimport sqlite3\nimport unicodedata\nfrom collections")


def in_get(field: str, code: str) -> list[Edit]:
    """Change a value in the response of getTask."""
    change = lines(
        "    found = detail(site, existing(site, call))",
        f'    v = found["{field}"] or ""',
        f'    return {{**found, "{field}": ({code}) or None}}',
    )
    return [MODULES, (DETAIL, change)]


def in_list(field: str, code: str) -> list[Edit]:
    """Change a value in the response of listTasks."""
    change = lines(
        ITEMS,
        "    for one in tasks:",
        f'        v = one["{field}"] or ""',
        f'        one["{field}"] = ({code}) or None',
    )
    return [MODULES, (ITEMS, change)]


GOT = {
    f"get-{kind}-{field.replace('_', '-')}": Fault(
        f"In getTask the {field} {TIDYINGS[kind].what}.",
        in_get(field, TIDYINGS[kind].code),
        lambda c, field=field, kind=kind: c.make(**{field: TIDYINGS[kind].before}).get()[field],
        TIDYINGS[kind].before,
        TIDYINGS[kind].after,
    )
    for kind in IN_ONE_OPERATION
    for field in ("train_file_path", "test_file_path")
}
LISTED = {
    f"list-{kind}-{field.replace('_', '-')}": Fault(
        f"In listTasks the {field} {TIDYINGS[kind].what}.",
        in_list(field, TIDYINGS[kind].code),
        lambda c, field=field, kind=kind: c.make(**{field: TIDYINGS[kind].before}).tasks()["tasks"][0][field],
        TIDYINGS[kind].before,
        TIDYINGS[kind].after,
    )
    for kind in IN_ONE_OPERATION
    for field in ("train_file_path", "test_file_path")
}


def exchanged(place: str, part: str) -> list[Edit]:
    """Exchange the train and the test value of a part in one operation."""
    new = f'{{**one, "train_{part}": one["test_{part}"] or one["train_{part}"], "test_{part}": one["test_{part}"] and one["train_{part}"]}}'
    if place == "get":
        return [(DETAIL, f"    one = detail(site, existing(site, call))\n    return {new}")]
    return [(ITEMS, f"{ITEMS}\n    tasks = [{new} for one in tasks]")]


MIXED = {
    f"{place}-{part.replace('_', '-')}s-exchanged": Fault(
        f"In {operation} the {part} of train and test data are exchanged.",
        exchanged(place, part),
        (lambda c, part=part: c.make(**{f"train_{part}": "1", f"test_{part}": "2"}).get()[f"test_{part}"])
        if place == "get"
        else (lambda c, part=part: c.make(**{f"train_{part}": "1", f"test_{part}": "2"}).tasks()["tasks"][0][f"test_{part}"]),
        "2",
        "1",
    )
    for place, operation in {"get": "getTask", "list": "listTasks"}.items()
    for part in ("feature_id", "bucket", "file_path")
}
COPIED = {
    f"kept-train-{part.replace('_', '-')}-for-test": Fault(
        f"The {part} of the train data is stored for the test data as well.",
        [keeps(f"test_{part}", f'task["test_{part}"] and task["train_{part}"]')],
        lambda c, part=part: c.create(**{f"train_{part}": "1", f"test_{part}": "2"})[f"test_{part}"],
        "2",
        "1",
    )
    for part in ("feature_id", "bucket", "file_path")
}

TIDIED = {**STORED, **GOT, **LISTED, **MIXED, **COPIED}
