"""The bugs that can be planted into the second server, each alone, by its id."""

from second_server_faults_auth import AUTH
from second_server_faults_body import BODY
from second_server_faults_deletion import DELETION
from second_server_faults_duplicates import DUPLICATES
from second_server_faults_fields import FIELDS
from second_server_faults_ids import IDS_AND_REMAINS
from second_server_faults_life import LIFE
from second_server_faults_lists import LISTS
from second_server_faults_names import NAMES
from second_server_faults_paging import PAGING
from second_server_faults_paths import PATHS
from second_server_faults_shapes import SHAPES
from second_server_faults_signing import SIGNING
from second_server_faults_times import TIMES
from second_server_patch import Fault

CATALOGUE: dict[str, Fault] = {
    **PATHS,
    **NAMES,
    **DUPLICATES,
    **BODY,
    **AUTH,
    **SIGNING,
    **SHAPES,
    **FIELDS,
    **TIMES,
    **LIFE,
    **DELETION,
    **IDS_AND_REMAINS,
    **PAGING,
    **LISTS,
}
FAULTS: dict[str, str] = {name: fault.says for name, fault in CATALOGUE.items()}

# Only seen when a task fails: its train path must be one of failing_files.
NEEDS_FAILING_FILE = frozenset(
    {
        "delete-failed-refused",
        "duplicate-of-failed-accepted",
        "fail-message-is-traceback",
        "fail-message-missing",
        "failed-has-auroc",
        "failed-vanish",
        "list-hides-failed",
        "status-failed-is-retried",
        "status-says-error",
    }
)

# Only seen with a path that is not among known_files.
NEEDS_UNKNOWN_FILE = frozenset(
    {
        "file-codes-swapped",
        "file-general-code",
        "file-missing-crashes",
        "file-missing-status-422",
        "file-of-test-unchecked",
        "refused-file-makes-task",
        "refused-file-takes-name",
    }
)
