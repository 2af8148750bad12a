"""Faults with the fields of a response: their names, their types, and swapped values."""

from tests.second_server.patch import Edit, Fault, keeps

OK = "200"
CREATED = '    return {"task_id": row["task_id"], "task_name": row["name"], "created_at": moment(row["created_ms"]), **data_fields(row)}\n'
FEATURE = 'return None if feature_id is None else f"feature {feature_id}"'
AUROC = '        "AUROC": (float(auroc) if site.variant["auroc-type"] == "number" else auroc) if built else None,\n'
FAIL = '        "fail_message": "NUM_OF_LABEL_INSUFFICIENT" if row["status"] == "failed" else None,\n'


def create_answers(end: str) -> list[Edit]:
    """Change the response of createTask."""
    return [(CREATED, CREATED.replace("    return ", "    document = ") + f"    {end}\n    return document\n")]


def finished(c):
    return c.make().wait(1500).get()


CREATE_FIELDS = {
    "create-says-name": Fault(
        "createTask answers name instead of task_name.",
        create_answers('document["name"] = document.pop("task_name")'),
        lambda c: "task_name" in c.create().json,
        True,
        False,
    ),
    "create-says-id": Fault(
        "createTask answers id instead of task_id.",
        create_answers('document["id"] = document.pop("task_id")'),
        lambda c: "task_id" in c.create().json,
        True,
        False,
    ),
    "create-says-camel-case": Fault(
        "createTask answers its train fields in camel case.",
        create_answers('document["trainFeatureId"] = document.pop("train_feature_id")'),
        lambda c: "train_feature_id" in c.create().json,
        True,
        False,
    ),
    "create-lacks-time": Fault(
        "createTask answers without created_at.",
        create_answers('del document["created_at"]'),
        lambda c: "created_at" in c.create().json,
        True,
        False,
    ),
    "create-lacks-absent-test": Fault(
        "createTask leaves out test fields that were not sent.",
        create_answers("document = {field: value for field, value in document.items() if value is not None}"),
        lambda c: len(c.create().json),
        11,
        7,
    ),
    "create-id-is-number": Fault(
        "createTask answers the number of the row as the id.",
        create_answers('document["task_id"] = row["seq"]'),
        lambda c: type(c.create()["task_id"]),
        str,
        int,
    ),
    "create-answers-other-id": Fault(
        "createTask answers an id that getTask does not know.",
        create_answers('document["task_id"] = row["task_id"][::-1]'),
        lambda c: c.make().get().short,
        OK,
        "404 None",
    ),
    "create-test-leaks": Fault(
        "Test fields that were not sent come from the request before.",
        [
            (
                CREATED,
                CREATED.replace(
                    "    return ",
                    "    LAST.update({field: value for field, value in data_fields(row).items() if value is not None})\n    return ",
                ).replace("**data_fields(row)", "**data_fields(row), **LAST"),
            ),
            ("LARGEST_BODY = 1024 * 1024\n", "LARGEST_BODY = 1024 * 1024\nLAST: dict[str, object] = {}\n"),
        ],
        lambda c: [c.create("a", test_bucket="mine")["test_bucket"], c.create("b")["test_bucket"]],
        ["mine", None],
        ["mine", "mine"],
    ),
    "features-without-name": Fault(
        "The names of features are always null.",
        [(FEATURE, "return None")],
        lambda c: c.create()["train_feature_name"],
        "feature f-train",
        None,
    ),
    "feature-name-of-absent-test": Fault(
        "Without a test feature its name is still filled in.",
        [(FEATURE, 'return f"feature {feature_id}"')],
        lambda c: c.create()["test_feature_name"],
        None,
        "feature None",
    ),
    "feature-names-swapped": Fault(
        "The names of the two features are swapped.",
        [
            ('"train_feature_name": feature_name(row["train', '"train_feature_name": feature_name(row["test'),
            ('"test_feature_name": feature_name(row["test', '"test_feature_name": feature_name(row["train'),
        ],
        lambda c: c.create()["train_feature_name"],
        "feature f-train",
        None,
    ),
    "features-renamed-by-operation": Fault(
        "getTask gives a feature another name than createTask.",
        [
            (
                "        **summary(site, row),\n",
                '        **summary(site, row),\n        "train_feature_name": f"{row[\'train_feature_id\']} (copy)",\n',
            )
        ],
        lambda c: c.create()["train_feature_name"] == c.get()["train_feature_name"],
        True,
        False,
    ),
    "buckets-swapped": Fault(
        "The two buckets are swapped.",
        [
            ('"train_bucket": row["train_bucket"]', '"train_bucket": row["test_bucket"]'),
            ('"test_bucket": row["test_bucket"]', '"test_bucket": row["train_bucket"]'),
        ],
        lambda c: c.create(test_bucket="t")["test_bucket"],
        "t",
        "bucket",
    ),
    "bucket-shows-path": Fault(
        "The test bucket shows the test path.",
        [('"test_bucket": row["test_bucket"]', '"test_bucket": row["test_file_path"]')],
        lambda c: c.create(test_bucket="t", test_file_path="p")["test_bucket"],
        "t",
        "p",
    ),
    "bucket-lower-cased": Fault(
        "Buckets are kept in lower case.",
        [keeps("train_bucket", 'task["train_bucket"].lower()')],
        lambda c: c.create(train_bucket="My-B")["train_bucket"],
        "My-B",
        "my-b",
    ),
    "feature-id-upper-cased": Fault(
        "Feature ids come back in upper case.",
        [('"train_feature_id": row["train_feature_id"]', '"train_feature_id": row["train_feature_id"].upper()')],
        lambda c: c.create(train_feature_id="0ccc59f9")["train_feature_id"],
        "0ccc59f9",
        "0CCC59F9",
    ),
}

RESULT_FIELDS = {
    "get-lacks-fail-message": Fault(
        "getTask has no fail_message.", [(FAIL, "")], lambda c: "fail_message" in finished(c).json, True, False
    ),
    "get-lacks-nulls": Fault(
        "getTask leaves out fields that are null.",
        [
            (
                "    return detail(site, existing(site, call))",
                "    return {field: value for field, value in detail(site, existing(site, call)).items() if value is not None}",
            )
        ],
        lambda c: len(c.make().get().json),
        17,
        8,
    ),
    "auroc-in-lower-case": Fault(
        "The field AUROC is called auroc.",
        [(AUROC, AUROC.replace('"AUROC"', '"auroc"'))],
        lambda c: "AUROC" in finished(c).json,
        True,
        False,
    ),
    "auroc-in-percent": Fault(
        "AUROC is given in percent.",
        [("f\"0.{8731 + row['seq'] % 1000}\"", "f\"{(8731 + row['seq'] % 1000) / 100}\"")],
        lambda c: finished(c)["AUROC"],
        "0.8732",
        "87.32",
    ),
    "auroc-with-comma": Fault(
        "AUROC is written with a decimal comma.", [('auroc = f"0.', 'auroc = f"0,')], lambda c: finished(c)["AUROC"], "0.8732", "0,8732"
    ),
    "auroc-while-building": Fault(
        "AUROC is there before the task is completed.",
        [(AUROC, AUROC.replace("if built else None", 'if row["status"] != "registered" else None'))],
        lambda c: c.make().watch("AUROC"),
        [None, None, None, "0.8732"],
        [None, "0.8732", "0.8732", "0.8732"],
    ),
    "auroc-never": Fault(
        "A completed task has no AUROC.", [(AUROC, '        "AUROC": None,\n')], lambda c: finished(c)["AUROC"], "0.8732", None
    ),
    "auroc-moves": Fault(
        "AUROC is another one at every look.",
        [
            ("auroc = f\"0.{8731 + row['seq'] % 1000}\"", 'LOOKS.append(0)\n    auroc = f"0.{8731 + len(LOOKS)}"'),
            ("LARGEST_BODY = 1024 * 1024\n", "LARGEST_BODY = 1024 * 1024\nLOOKS: list[int] = []\n"),
        ],
        lambda c: finished(c)["AUROC"] == c.get()["AUROC"],
        True,
        False,
    ),
    "line-count-is-text": Fault(
        "line_count is a string.",
        [('2000 + row["seq"] if built', 'str(2000 + row["seq"]) if built')],
        lambda c: finished(c)["line_count"],
        2001,
        "2001",
    ),
    "line-count-while-building": Fault(
        "line_count is 0 until the task is completed.",
        [('2000 + row["seq"] if built else None', '2000 + row["seq"] if built else 0')],
        lambda c: c.make().watch("line_count"),
        [None, None, None, 2001],
        [0, 0, 0, 2001],
    ),
    "disk-usage-for-people": Fault(
        "disk_usage is written for people.",
        [('65536 * row["seq"] if built', "f\"{64 * row['seq']} KB\" if built")],
        lambda c: finished(c)["disk_usage"],
        65536,
        "64 KB",
    ),
    "disk-usage-overflows": Fault(
        "disk_usage does not fit its type and is negative.",
        [('65536 * row["seq"] if built', '65536 * row["seq"] - 2**31 if built')],
        lambda c: finished(c)["disk_usage"],
        65536,
        65536 - 2**31,
    ),
    "disk-usage-is-fraction": Fault(
        "disk_usage is given in mebibytes with a fraction.",
        [('65536 * row["seq"] if built', '65536 * row["seq"] / 2**20 if built')],
        lambda c: finished(c)["disk_usage"],
        65536,
        0.0625,
    ),
    "fail-message-on-success": Fault(
        "A completed task has an empty fail_message instead of null.",
        [(FAIL, FAIL.replace("else None", 'else ""'))],
        lambda c: finished(c)["fail_message"],
        None,
        "",
    ),
    "fail-message-missing": Fault(
        "A failed task does not say why.",
        [(FAIL, '        "fail_message": None,\n')],
        lambda c: c.make(train_file_path="data/fails.tsv").wait(1500).get()["fail_message"],
        "NUM_OF_LABEL_INSUFFICIENT",
        None,
    ),
    "fail-message-is-traceback": Fault(
        "A failed task shows the inside of the program.",
        [('"NUM_OF_LABEL_INSUFFICIENT"', '"java.lang.NullPointerException at Trainer.java:88"')],
        lambda c: c.make(train_file_path="data/fails.tsv").wait(1500).get()["fail_message"],
        "NUM_OF_LABEL_INSUFFICIENT",
        "java.lang.NullPointerException at Trainer.java:88",
    ),
    "failed-has-auroc": Fault(
        "A failed task has an AUROC.",
        [('built = row["status"] == "completed"', "built = ended(row)")],
        lambda c: c.make(train_file_path="data/fails.tsv").wait(1500).get()["AUROC"],
        None,
        "0.8732",
    ),
}

FIELDS = {**CREATE_FIELDS, **RESULT_FIELDS}
