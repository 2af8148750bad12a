"""Requests and responses of the tests, typed by hand from the page "Create task"; this module imports nothing of the package."""

FEATURE_ID, OTHER_FEATURE_ID = "0ccc59f9-0000-4000-8000-7837ae76d046", "1ccc59f9-0000-4000-8000-7837ae76d046"

PAYLOAD = {"name": "churn", "train_feature_id": FEATURE_ID, "train_bucket": "answers", "train_file_path": "churn/train.tsv"}
"""The four required fields, of the shape that the pages show; no reading gives a finding."""
TEST_FIELDS = {"test_feature_id": OTHER_FEATURE_ID, "test_bucket": "answers", "test_file_path": "churn/test.tsv"}
FULL_PAYLOAD = PAYLOAD | TEST_FIELDS

TASK = {
    "task_id": "5b3f0a56-7c2d-4a0e-9d3a-0f6f4d8f2a11",
    "task_name": "churn",
    "created_at": "2026-11-26T11:48:16+09:00",
    "train_feature_id": FEATURE_ID,
    "train_feature_name": "churn features",
    "train_bucket": "answers",
    "train_file_path": "churn/train.tsv",
    "test_feature_id": None,
    "test_feature_name": None,
    "test_bucket": None,
    "test_file_path": None,
}
"""The response to PAYLOAD."""
LISTED_TASK = TASK | {"status": "completed", "completed_at": "2026-11-26T11:58:16+09:00"}
COMPLETED_TASK = LISTED_TASK | {"AUROC": "0.91", "line_count": 2000, "disk_usage": 65536, "fail_message": None}

PAGE_REQUEST = {
    "name": "YOUR_TASK_NAME",
    "train_feature_id": "0ccc59f9-****-****-****-7837ae76d046",
    "train_bucket": "YOUR_BUCKET_NAME",
    "train_file_path": "path/filename",
}
"""The request example of the page, with its placeholders."""
PAGE_RESPONSE = """{
    "task_id": "f5aebc0c-****-****-****-b201bc64b1c9",
    "task_name": "YOUR_TASK_NAME",
    "created_at": "2024-11-26T11:48:16+09:00",
    "train_feature_id": "0ccc59f9-****-****-****-7837ae76d046",
    "train_feature_name": "YOUR_FEATURE_NAME",
    "train_bucket": "YOUR_BUCKET_NAME",
    "train_file_path": "path/filename",
    "test_feature_id": null,
    "test_feature_name": null,
    "test_bucket": null,
    "test_file_path": null
}"""
"""The response example of the page."""
