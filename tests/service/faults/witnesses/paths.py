"""Witnesses of the faults in the validation of file paths."""

from tests.service.faults.exchange import TEST, post, status, witness


def _character(argument):
    return chr(int(argument.removeprefix("U+"), 16))


def _train(path, clean=422, faulty=200):
    return status(clean, faulty, post(train_file_path=path))


def _test(path):
    return status(422, 200, post(**TEST | {"test_file_path": path}))


WITNESSES = {
    "path-character-allowed": lambda argument: _train(f"a{_character(argument)}b"),
    "path-character-refused": lambda argument: _train(f"x{_character(argument)}x", 200, 422),
    "path-start-only": _train("churn/train~"),
    "path-end-only": _train("a~b/train"),
    "path-folders-only": _train("churn/a~b"),
    "path-prefix-only": _train("a" * 64 + "~"),
    "path-not-first": _train("~a"),
    "path-not-last": _train("a.tsv\n"),
    "path-long-unchecked": _train("a" * 220 + "~"),
    "path-controls-allowed": _train("a\tb"),
    "path-high-codes-allowed": _train("café"),
    "path-letters-allowed": _train("é"),
    "path-train-unchecked": _train("a~b"),
    "path-test-unchecked": _test("a~b"),
    "path-readings-mixed": _test("dt=1/a"),
    "path-trimmed": _train("a.tsv\n"),
    "path-slashes-turned": _train("a\\b"),
    "path-decomposed": _train("é"),
    "path-odd-removed": _train("a~b"),
    "path-too-long-refused": _train("a/" * 150, 200, 422),
    "path-extension-demanded": _train("path/filename", 200, 422),
    "path-codes-swapped": witness("code", "10104", "10105", post(train_file_path="a~b")),
    "path-code-general": witness("code", "10104", "10103", post(train_file_path="a~b")),
    "path-status-400": _train("a~b", 422, 400),
}
