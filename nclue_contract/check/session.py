"""State of one check run: everything that the scripts of its test cases share.

A script sends nothing itself. It yields requests that `CheckSession.builder` has built, is sent the exchanges, and has them evaluated by
`CheckSession.evaluator`, or records in `CheckSession.results` what it finds itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from nclue_contract.check.created_tasks import CreatedTasks
from nclue_contract.check.evaluator import Evaluator
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.inference import ReadingInference
from nclue_contract.check.recorder import ResultRecorder
from nclue_contract.check.request_builder import RequestBuilder
from nclue_contract.check.requests import Exchange
from nclue_contract.check.server_clock import ServerClock
from nclue_contract.check.signature_variants import SignatureVariant
from nclue_contract.contract.readings import Readings
from nclue_contract.signing import EXAMPLE, Credentials


class CheckSession:
    """The state of a run.

    `run` is a short word that makes the names of its tasks unique, `prefix` the path before `/tasks` that is signed, `now_ms` the clock of
    the sender in milliseconds since 1970-01-01 UTC. `exact_clock`: the server has the same clock. `lifecycle_s`: seconds for which tasks
    are polled at most. `strict` and `fail_on` are those of `ResultRecorder`.
    """

    def __init__(  # noqa: PLR0913  # all but two by name
        self,
        readings: Readings,
        fixture_data: FixtureData,
        *,
        run: str,
        prefix: str,
        now_ms: Callable[[], int],
        credentials: Credentials = EXAMPLE,
        exact_clock: bool = False,
        strict: bool = False,
        fail_on: Collection[str] = (),
        lifecycle_s: float = 60.0,
    ) -> None:
        self.fixture_data = fixture_data
        self.run = run
        self.prefix = prefix
        self.now_ms = now_ms
        self.credentials = credentials
        self.lifecycle_s = lifecycle_s
        self.clock: ServerClock = ServerClock(exact_clock)
        self.inference: ReadingInference = ReadingInference(readings)
        self.tasks: CreatedTasks = CreatedTasks()
        self.results: ResultRecorder = ResultRecorder(strict=strict, fail_on=fail_on)
        self.builder: RequestBuilder = RequestBuilder(fixture_data, run, self.tasks)
        self.evaluator: Evaluator = Evaluator(self.inference, self.results, self.tasks, self.clock, fixture_data)
        self.control_exchange: Exchange | None = None
        """The response to the control request."""
        self.not_found_retried: bool = False
        """Whether a create request that was rejected for its file was repeated with another file under the same name."""
        self.signature_variant: SignatureVariant | None = None
        """How the server signs, where that is not what the page says; the requests that follow are signed in that way."""
        self.fixed_values: set[str] = set()
        """The groups of fields (see `cases.echo`) in which the server accepts only values that it knows."""
        self.polling_budget: int = 0
        """Requests that are left for polling after all planned test cases; set by the runner."""
        self.few_polls: bool = False
        """Whether the budget leaves fewer requests for polling than the plan has for it."""
        self.few_requests: bool = False
        """Whether the budget does not suffice for the plan; set by the runner."""
        self.creates_left: int | None = None
        """Create requests that the limits still allow, None without such a limit; set by the runner."""

    @property
    def failed(self) -> bool:
        """Return whether any test case failed so far."""
        return self.results.failed
