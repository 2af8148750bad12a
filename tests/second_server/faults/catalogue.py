"""The faults that can be injected into the second server, by their ids."""

from collections.abc import Iterable

from tests.second_server.faults.auth import AUTH
from tests.second_server.faults.body import BODY
from tests.second_server.faults.deletion import DELETION
from tests.second_server.faults.duplicates import DUPLICATES
from tests.second_server.faults.fields import FIELDS
from tests.second_server.faults.ids import IDS_AND_REMAINS
from tests.second_server.faults.life import LIFE
from tests.second_server.faults.lists import LISTS
from tests.second_server.faults.names import NAMES
from tests.second_server.faults.paging import PAGING
from tests.second_server.faults.paths import PATHS
from tests.second_server.faults.shapes import SHAPES
from tests.second_server.faults.signing import SIGNING
from tests.second_server.faults.tidied import TIDIED
from tests.second_server.faults.times import TIMES
from tests.second_server.patch import Fault

CATALOGUE: dict[str, Fault] = {
    **PATHS,
    **NAMES,
    **DUPLICATES,
    **BODY,
    **AUTH,
    **SIGNING,
    **SHAPES,
    **FIELDS,
    **TIDIED,
    **TIMES,
    **LIFE,
    **DELETION,
    **IDS_AND_REMAINS,
    **PAGING,
    **LISTS,
}
FAULTS: dict[str, str] = {name: fault.description for name, fault in CATALOGUE.items()}


def by_first_word(names: Iterable[str]) -> dict[str, list[str]]:
    """Return ids of faults by their first words, which say what they are about. There is a test for each group."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.partition("-")[0], []).append(name)
    return found


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
