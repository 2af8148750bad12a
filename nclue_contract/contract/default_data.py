"""Default test data of a server under test: a feature, a bucket, and a file in it. `serve` accepts any; other servers must have these."""

FEATURE_ID = "0ccc59f9-0000-4000-8000-7837ae76d046"
BUCKET = "answers"
FILE = "churn/train.tsv"
