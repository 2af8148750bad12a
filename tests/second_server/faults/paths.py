r"""Faults with file paths: forgotten characters, incomplete regular expressions, and paths that are returned changed."""

from tests.second_server.patch import Edit, Fault, keeps, store_wants, wants

OK = "200"
TRAIN = "422 10104"
TEST = "422 10105"
LONG = "x" * 300


def looks(at: str) -> list[Edit]:
    """Replace the search for a forbidden character."""
    return [("if re.search(forbidden(variant), path):", f"if {at}:")]


PATHS = {
    "path-forgets-tilde": Fault(
        "The tilde is missing from the forbidden characters.", [("<>~#", "<>#")], lambda c: c.train("a~b").short, TRAIN, OK
    ),
    "path-forgets-backslash": Fault(
        "The backslash was only meant to escape, so it is missing itself.",
        [(r"*\\{}", "*{}")],
        lambda c: c.train("a\\b").short,
        TRAIN,
        OK,
    ),
    "path-forgets-percent": Fault(
        "The percent sign is missing, because encoded paths seemed useful.", [("^%`", "^`")], lambda c: c.train("50%").short, TRAIN, OK
    ),
    "path-forgets-double-quote": Fault(
        "The double quote ended up as the end of the string.", [(r"#|\"", "#|")], lambda c: c.train('a"b').short, TRAIN, OK
    ),
    "path-forgets-apostrophe": Fault(
        "The apostrophe is missing from the forbidden characters.", [('\\"\'"', '\\""')], lambda c: c.test("a'b").short, TEST, OK
    ),
    "path-forgets-plus": Fault("The plus sign is missing.", [(":+,", ":,")], lambda c: c.train("a+b").short, TRAIN, OK),
    "path-forgets-pipe": Fault(
        "The pipe was read as the 'or' of a regular expression.", [(r"~#|\"", r"~#\"")], lambda c: c.train("a|b").short, TRAIN, OK
    ),
    "path-forgets-dollar": Fault(
        "The dollar sign was eaten by a template.", [('"&$@', '"&@')], lambda c: c.test("$HOME/a").short, TEST, OK
    ),
    "path-forgets-backtick": Fault(
        "The backtick vanished in the Markdown it was copied from.", [("%`[", "%[")], lambda c: c.train("a`b").short, TRAIN, OK
    ),
    "path-range-A-to-z": Fault(
        "An allowed range A-z lets pass what lies between the cases.",
        [(r"*\\{}^%`[]<>", "*{}%<>")],
        lambda c: [c.create(mark, train_file_path=f"a{mark}b").short for mark in "[^`{"],
        [TRAIN, TRAIN, TRAIN, TRAIN],
        [OK, OK, OK, TRAIN],
    ),
    "path-controls-end-at-1e": Fault(
        "The range of control characters ends one too early.",
        [(r'r"\x00-\x1f"', r'r"\x00-\x1e"')],
        lambda c: c.train("a\x1fb").short,
        TRAIN,
        OK,
    ),
    "path-controls-only-usual": Fault(
        "Of the control characters only NUL, tab and line ends were thought of.",
        [(r'r"\x00-\x1f"', r'r"\x00\t\n\r"')],
        lambda c: [c.train("a\tb").short, c.train("a\x07b").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-controls-reach-space": Fault(
        "The range of control characters ends one too late: the space is refused along with '=', which no page does.",
        [(r'r"\x00-\x1f"', r'r"\x00-\x20"')],
        lambda c: [c.train("a=b").short, c.train("a b").short],
        [TRAIN, OK],
        [TRAIN, TRAIN],
    ),
    "path-high-misses-255": Fault(
        "The range 128 to 255 ends at 254.", [(r'r"\x80-\xff"', r'r"\x80-\xfe"')], lambda c: c.train("\xff").short, TRAIN, OK
    ),
    "path-high-misses-c1": Fault(
        "Only printable Latin-1 is refused, codes 128 to 159 pass.",
        [(r'r"\x80-\xff"', r'r"\xa0-\xff"')],
        lambda c: c.train("a\x85b").short,
        TRAIN,
        OK,
    ),
    "path-high-allowed-in-test": Fault(
        "The codes 128 to 255 are refused in the train path only.",
        looks(r're.search(forbidden(variant) if code == "10104" else forbidden(variant).replace(r"\x80-\xff", ""), path)'),
        lambda c: [c.train("caf\xe9").short, c.test("caf\xe9").short],
        [TRAIN, TEST],
        [TRAIN, OK],
    ),
    "path-hangul-differs": Fault(
        "Hangul is refused in the train path and accepted in the test path.",
        looks('re.search(forbidden({**variant, "path-high-codes": "utf8-bytes"} if code == "10104" else variant), path)'),
        lambda c: [c.test("데이터").short, c.create("b", train_file_path="데이터").short],
        [OK, OK],
        [OK, TRAIN],
    ),
    "path-emoji-refused": Fault(
        "Characters beyond the basic plane are refused, other high ones accepted.",
        looks("re.search(forbidden(variant), path) or any(ord(mark) > 0xFFFF for mark in path)"),
        lambda c: [c.train("데이터").short, c.create("b", train_file_path="🙂").short],
        [OK, OK],
        [OK, TRAIN],
    ),
    "path-equals-allowed-in-test": Fault(
        "The equals sign is forbidden in the train path and allowed in the test path.",
        looks('re.search(forbidden(variant if code == "10104" else {**variant, "path-characters": "page-2025"}), path)'),
        lambda c: [c.train("a=b").short, c.test("a=b").short],
        [TRAIN, TEST],
        [TRAIN, OK],
    ),
    "path-del-differs": Fault(
        "DEL is refused in the test path and accepted in the train path.",
        looks('re.search(forbidden(variant), path) or (code == "10105" and "\\x7f" in path)'),
        lambda c: [c.test("a\x7fb").short, c.create("b", train_file_path="a\x7fb").short],
        [OK, OK],
        [TEST, OK],
    ),
    "path-line-end-passes": Fault(
        "A dollar sign in the pattern lets a last line end pass.",
        looks('not re.match("[^" + forbidden(variant)[1:] + "*$", path)'),
        lambda c: [c.train("a\nb").short, c.train("a\n").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-one-good-line-is-enough": Fault(
        "With the multi-line flag it is enough that one line of the path is good.",
        looks('not re.search("^[^" + forbidden(variant)[1:] + "*$", path, re.MULTILINE)'),
        lambda c: [c.train("a&b").short, c.train("a&b\nc").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-first-character-only": Fault(
        "match was written for search, so only the first character is looked at.",
        looks("re.match(forbidden(variant), path)"),
        lambda c: [c.train("&a").short, c.train("a&").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-once-is-forgiven": Fault(
        "A forbidden character counts only from the second on.",
        looks("len(re.findall(forbidden(variant), path)) > 1"),
        lambda c: [c.train("a&&b").short, c.train("a&b").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-looks-at-64": Fault(
        "Only the first 64 characters of a path are checked.",
        looks("re.search(forbidden(variant), path[:64])"),
        lambda c: [c.train("x" * 60 + "&").short, c.train("x" * 70 + "&").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-looks-at-255": Fault(
        "Only the first 255 characters of a path are checked.",
        looks("re.search(forbidden(variant), path[:255])"),
        lambda c: c.train(LONG + "&").short,
        TRAIN,
        OK,
    ),
    "path-file-name-only": Fault(
        "Only what follows the last slash is checked.",
        looks('re.search(forbidden(variant), path.rpartition("/")[2])'),
        lambda c: [c.train("a/b&").short, c.train("a&/b").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-folder-only": Fault(
        "Only what stands before the last slash is checked.",
        looks('re.search(forbidden(variant), path.rpartition("/")[0])'),
        lambda c: [c.train("a&/b").short, c.train("a/b&").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-decoded-first": Fault(
        "The path is percent-decoded before the check.",
        [*looks("re.search(forbidden(variant), unquote(path))"), ("import parse_qsl", "import parse_qsl, unquote")],
        lambda c: [c.train("a%26b").short, c.train("a%20b").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-trimmed-first": Fault(
        "White space around the path is removed before the check.",
        looks("re.search(forbidden(variant), path.strip())"),
        lambda c: c.test("\tdata/test.tsv").short,
        TEST,
        OK,
    ),
    "path-compatibility-first": Fault(
        "The path is normalised first, so a full-width ampersand is refused while Hangul is not.",
        [*looks('re.search(forbidden(variant), unicodedata.normalize("NFKC", path))'), wants("unicodedata")],
        lambda c: [c.test("데이터").short, c.create("b", train_file_path="a＆b").short],
        [OK, OK],
        [OK, TRAIN],
    ),
    "path-test-unchecked": Fault(
        "The test path is not checked at all.",
        [('    check_path(task["test_file_path"], "10105", "INVALID_CHARACTER_IN_TEST_PATH", variant)\n', "")],
        lambda c: c.test("a&b").short,
        TEST,
        OK,
    ),
    "path-test-replaces-train": Fault(
        "When there is a test path, only that one is checked.",
        [
            (
                'check_path(task["train_file_path"], "10104"',
                'check_path(None if task["test_file_path"] else task["train_file_path"], "10104"',
            )
        ],
        lambda c: [c.train("a&b").short, c.create(train_file_path="a&b", test_file_path="c").short],
        [TRAIN, TRAIN],
        [TRAIN, OK],
    ),
    "path-test-gets-train-code": Fault(
        "A bad test path is answered with the code of the train path.",
        [('"10105"', '"10104"')],
        lambda c: c.test("a&b").short,
        TEST,
        TRAIN,
    ),
    "path-codes-swapped": Fault(
        "The codes of the two paths are swapped.",
        [('["train_file_path"], "10104"', '["train_file_path"], "10105"'), ('["test_file_path"], "10105"', '["test_file_path"], "10104"')],
        lambda c: [c.train("a&b").short, c.test("a&b").short],
        [TRAIN, TEST],
        [TEST, TRAIN],
    ),
    "path-general-code": Fault(
        "Both paths are answered with 10103, the code for a request with one path.",
        [("raise RefusedError(422, code, message)", 'raise RefusedError(422, "10103", "INVALID_PATH_CHARACTER")')],
        lambda c: c.train("a&b").short,
        TRAIN,
        "422 10103",
    ),
    "path-status-400": Fault(
        "A forbidden character is answered with 400.",
        [("raise RefusedError(422, code, message)", "raise RefusedError(400, code, message)")],
        lambda c: c.train("a&b").short,
        TRAIN,
        "400 10104",
    ),
    "path-parentheses-refused": Fault(
        "Parentheses were put on the list although no page names them.",
        [('MARKS = "', 'MARKS = "()')],
        lambda c: c.train("data (1).tsv").short,
        OK,
        TRAIN,
    ),
    "path-exclamation-refused": Fault(
        "The exclamation mark was put on the list although no page names it.",
        [('MARKS = "', 'MARKS = "!')],
        lambda c: c.train("new!.tsv").short,
        OK,
        TRAIN,
    ),
    "path-leading-slash-refused": Fault(
        "A path that begins with a slash is refused.",
        looks('re.search(forbidden(variant), path) or path.startswith("/")'),
        lambda c: c.train("/data/train.tsv").short,
        OK,
        TRAIN,
    ),
    "path-leading-slash-lost": Fault(
        "A leading slash is removed, so the path comes back shorter.",
        [keeps("train_file_path", 'task["train_file_path"].lstrip("/")')],
        lambda c: c.train("/a/b")["train_file_path"],
        "/a/b",
        "a/b",
    ),
    "path-dots-resolved": Fault(
        "Dots and double slashes are resolved before the path is kept.",
        [store_wants("posixpath"), keeps("train_file_path", 'posixpath.normpath(task["train_file_path"])')],
        lambda c: c.train("a//b/./c")["train_file_path"],
        "a//b/./c",
        "a/b/c",
    ),
    "path-lower-cased": Fault(
        "The test path is kept in lower case.",
        [keeps("test_file_path", 'task["test_file_path"] and task["test_file_path"].lower()')],
        lambda c: c.test("Data/Test.TSV")["test_file_path"],
        "Data/Test.TSV",
        "data/test.tsv",
    ),
    "path-cut-at-255": Fault(
        "The column for the path holds 255 characters and cuts the rest.",
        [keeps("train_file_path", 'task["train_file_path"][:255]')],
        lambda c: len(c.train(LONG)["train_file_path"]),
        300,
        255,
    ),
    "path-composed": Fault(
        "The path is kept in composed form, so decomposed Hangul comes back as other characters.",
        [store_wants("unicodedata"), keeps("train_file_path", 'unicodedata.normalize("NFC", task["train_file_path"])')],
        lambda c: len(c.train("\u1112\u1161\u11ab")["train_file_path"]),
        3,
        1,
    ),
    "path-trimmed": Fault(
        "Blanks at the end of a path are lost.",
        [keeps("train_file_path", 'task["train_file_path"].strip()')],
        lambda c: c.train("a b ")["train_file_path"],
        "a b ",
        "a b",
    ),
}
