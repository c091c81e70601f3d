"""``evonas.Search``: a search declared in Python, and what can be done with it."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any, SupportsFloat

from evonas.errors import EvonasError
from evonas.extras import require
from evonas.manifest import load_search, parse_search, to_yaml
from evonas.python.asking import Asking, failed, infeasible, succeeded
from evonas.python.declarations import Confirm, Constraint, Objective, Rungs
from evonas.python.here import Function, Outcome, check_function, run_here, with_source
from evonas.python.manifest import check, in_python, runs_a_function, search_manifest
from evonas.python.mounted import MountedFiles, mounted_script, template_of
from evonas.python.opening import options_of
from evonas.python.result import INTERVAL, Result
from evonas.python.script import script_of
from evonas.python.space import Space, Values, from_manifest
from evonas.python.trials import Trial
from evonas.sources.locate import cluster_module, locate
from evonas.sources.options import ClusterOptions
from evonas_trial.function import Misuse, numbers_of, result_of

_OPENING = threading.Lock()


class Search:
    """A search: what is varied, what is optimised, by which agent, at what cost.

    It holds the manifest that ``kubectl apply`` would take, and is checked by the same rules when it is made. ``run``
    runs it here, ``submit`` in a cluster; ``ask`` and ``tell`` leave the loop to you.
    """

    def __init__(
        self,
        name: str,
        space: Space,
        *,
        trials: int,
        maximize: str | None = None,
        minimize: str | None = None,
        objectives: Sequence[Objective] = (),
        parallel: int = 1,
        agent: str | Mapping[str, Any] = "EvoNAS",
        seed: int = 0,
        target: float | None = None,
        constraints: Mapping[str, Constraint] | None = None,
        rungs: Rungs | Sequence[int] | None = None,
        confirm: Confirm | None = None,
        candidates: Sequence[Mapping[str, Any]] = (),
        warm_start: str | None = None,
        knowledge: Sequence[str] = (),
        max_failed: int | None = None,
        max_seconds: int | None = None,
        max_gpu_hours: float | None = None,
        timeout_seconds: int | None = None,
        retries: int | None = None,
        labels: Mapping[str, str] | None = None,
        workload: Mapping[str, Any] | None = None,
        runs: str | Path = "runs",
    ) -> None:
        """Declare a search. EvonasError names every argument that is wrong.

        Args:
            name: Names the search, its folder here and its object in a cluster.
            space: Decisions by name, each a list of values, or ``choice``, ``integers`` or ``floats``.
            trials: How many candidates are trained at most.
            maximize: The metric to maximise; without it and ``minimize``, the number that is returned.
            minimize: The metric to minimise.
            objectives: Instead of these, two to four metrics that are optimised at once: the result is the front, the
                trials that no other is better than in every respect.
            parallel: How many trials run at a time.
            agent: ``EvoNAS``, ``Evolution``, ``Neural``, ``Random``, ``Optuna``, or the block ``spec.agent`` of a
                manifest, with the agent's settings.
            seed: Seed of the agent and, with the trial's index, of each training.
            target: The search ends once a trial is this good.
            constraints: Limits on other metrics, by their names.
            rungs: Steps at which trials are compared and stopped early.
            confirm: How the leaders are trained again in the end.
            candidates: Candidates to try before the agent proposes any.
            warm_start: A search whose results this one starts with: a run in the same folder or, in a cluster, a search
                of the same namespace.
            knowledge: Earlier searches that the agent learns from, named likewise.
            max_failed: After how many failed trials the search gives up (10).
            max_seconds: How long the search may take.
            max_gpu_hours: How many GPU hours all trials together may take.
            timeout_seconds: How long one attempt of a trial may take (a day).
            retries: How often a trial whose process broke is started again (2).
            labels: Labels of the object.
            workload: What runs each trial in a cluster where it needs several pods: a mapping with ``apiVersion``,
                ``kind`` and ``spec`` (``spec.trial.workload`` of a manifest).
            runs: The folder of all runs here; this one's is the folder of its name there.
        """
        limits = {
            "max_failed": max_failed,
            "max_seconds": max_seconds,
            "max_gpu_hours": max_gpu_hours,
            "timeout_seconds": timeout_seconds,
            "retries": retries,
        }
        manifest = search_manifest(
            name,
            space,
            maximize=maximize,
            minimize=minimize,
            objectives=objectives,
            trials=trials,
            parallel=parallel,
            agent=agent,
            seed=seed,
            target=target,
            constraints=constraints or {},
            rungs=rungs,
            confirm=confirm,
            candidates=candidates,
            warm_start=warm_start,
            knowledge=knowledge,
            limits=limits,
            labels=labels or {},
            workload=workload,
        )
        self._take(manifest, runs)

    @classmethod
    def from_dict(cls, manifest: Mapping[str, Any], *, runs: str | Path = "runs") -> Search:
        """Return the search that an ArchitectureSearch declares; EvonasError if it is invalid."""
        search = cls.__new__(cls)
        search._take(deepcopy(dict(manifest)), runs)
        return search

    @classmethod
    def from_yaml(cls, source: str | Path, *, runs: str | Path = "runs") -> Search:
        """Return the search in a file or, for text of several lines, in that text. EvonasError if it holds none, or an
        invalid one.
        """
        is_text = isinstance(source, str) and "\n" in source
        manifest = parse_search(str(source), "the text") if is_text else load_search(Path(source))
        return cls.from_dict(manifest, runs=runs)

    def _take(self, manifest: dict[str, Any], runs: str | Path) -> None:
        self._spec = check(manifest)
        self._manifest = manifest
        # The folder stays the same where the process changes its own.
        self._runs = Path(runs).absolute()
        self._asking: Asking | None = None
        self._submitted: ClusterOptions | None = None

    @property
    def name(self) -> str:
        """The search's name."""
        return self._spec.name

    @property
    def space(self) -> dict[str, Values]:
        """The decisions, by name."""
        return from_manifest(self._manifest["spec"]["searchSpace"])

    @property
    def size(self) -> int:
        """How many distinct candidates there are."""
        return self._spec.space.size

    @property
    def folder(self) -> Path:
        """Where a run on this machine keeps its journal, logs and results."""
        return self._runs / self.name

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest, an ArchitectureSearch."""
        return deepcopy(self._manifest)

    def to_yaml(self) -> str:
        """Return the manifest as YAML, from which ``from_yaml`` makes an equal search."""
        return to_yaml(self._manifest, allow_unicode=True)

    def run(self, function: Function | None = None, *, show: bool = True) -> Result:
        """Run the search on this machine until it is over, or resume it where it was left, and return its record.

        ``function(candidate, trial)``, or ``function(candidate)``, trains a candidate in a process of its own and
        returns the reward, or a mapping of metrics, as a search with several objectives needs it; None if it has
        reported them by ``trial.report``. ``candidate``
        maps decisions to values, ``trial`` is a ``RunningTrial``. Without a function, the manifest's container command
        runs, as in ``evonas run``.

        An interrupt stops the trials; what is recorded stays, and the same call resumes. Of a search that is over it
        returns the record at once, and warns if ``function`` has changed since. SearchFailed if no trial succeeds or
        too many fail. ``show`` prints the progress, in
        a notebook as a live view.
        """
        self.close()
        if function is None and runs_a_function(self._manifest):
            raise EvonasError("run: pass the function that trains a candidate; this search declares no program")
        if function is not None and self._spec.trial.workload is not None:
            raise EvonasError("run: this search declares a workload; submit it without a function")
        if function is not None and not runs_a_function(self._manifest):
            raise EvonasError("run: this search declares a container's command; run it without a function")
        manifest = self._manifest if function is None else with_source(self._manifest, function)
        with in_python(manifest):
            folder = run_here(manifest, function, self._runs, show=show)
        return Result(locate(str(folder), ClusterOptions()))

    def in_container(
        self,
        image: str,
        function: Function | None = None,
        *,
        command: Sequence[str] = (),
        args: Sequence[str] = (),
        gpus: int = 0,
        cpu: float | str | None = None,
        memory: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Search:
        """Return the same search with trials that run in a container: what ``submit`` submits, for ``to_yaml``.

        Args:
            image: The trials' image.
            function: Trains a candidate, as for ``run``. Its source goes into a ConfigMap that is mounted into the
                image, together with what it uses of its module; the image needs Python 3.11 and the packages that the
                function imports, but not evonas. EvonasError names what cannot go along.
            command: Runs in the container; without it and ``function``, the image's own.
            args: Its arguments; Kubernetes replaces ``$(EVONAS_D_WIDTH)`` in both.
            gpus: How many GPUs each trial gets.
            cpu: How many cores each trial is sure to get.
            memory: How much memory each trial gets, such as ``8Gi``.
            env: More environment variables.
        """
        return self._contained(image, function, command, args, gpus, cpu, memory, env)[0]

    def submit(
        self,
        function: Function | None = None,
        *,
        image: str | None = None,
        command: Sequence[str] = (),
        args: Sequence[str] = (),
        gpus: int = 0,
        cpu: float | str | None = None,
        memory: str | None = None,
        env: Mapping[str, str] | None = None,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | Path | None = None,
    ) -> Result:
        """Submit the search to a cluster, and return its record there; ``wait`` waits for its end.

        The arguments up to ``env`` are those of ``in_container``; a search whose manifest names a container needs none
        of them. Without the last three, the kubeconfig decides. Submitting again changes nothing; with more ``trials``
        or another function, it changes the search as ``kubectl apply`` would. EvonasError if the cluster refuses it.
        """
        options = options_of(namespace, context, kubeconfig)
        search, files = self, None
        if image is not None:
            search, files = self._contained(image, function, command, args, gpus, cpu, memory, env)
        elif function is not None or command or args or gpus or cpu or memory or env:
            raise EvonasError("submit: pass the image, too, in which the trials are to run")
        elif runs_a_function(self._manifest):
            raise EvonasError("submit: pass the image in which the trials run, and a command or a function")
        require("cluster", "submit")
        from evonas.python.cluster import submit  # noqa: PLC0415 - needs packages that runs here do without

        with in_python(search._manifest):
            submit(search._manifest, files, options)
        self._submitted = options
        return self.result()

    def _contained(
        self,
        image: str,
        function: Function | None,
        command: Sequence[str],
        args: Sequence[str],
        gpus: int,
        cpu: float | str | None,
        memory: str | None,
        env: Mapping[str, str] | None,
    ) -> tuple[Search, MountedFiles | None]:
        """Return the search in a container, and the files that it needs there."""
        files = None
        manifest = self.to_dict()
        if self._spec.trial.workload is not None:
            raise EvonasError(
                "submit: this search declares a workload, whose spec says what its containers run: pass none"
            )
        if function is not None:
            if command:
                raise EvonasError("submit: pass a command or a function, not both")
            check_function("submit", function)
            files = mounted_script(self.name, script_of(function, self._counts))
        template = template_of(
            image, command=command, args=args, gpus=gpus, cpu=cpu, memory=memory, env=env, files=files
        )
        manifest["spec"]["trial"]["template"] = template
        if function is not None:
            manifest = with_source(manifest, function)
        return Search.from_dict(manifest, runs=self._runs), files

    def ask(self) -> Trial | None:
        """Return a trial to run in a loop of your own; call ``tell`` with its result.

        The journal is that of a run: after a crash, trials that were asked and not told are handed out again first. The
        first call opens the search, ``close`` or leaving a ``with`` block closes it. None if there is no trial to hand
        out: the search is over, or needs the results of those that were asked. Threads may ask and tell as they like.
        """
        # One lock for all searches: one of its own would keep a search from being pickled with a function.
        with _OPENING:
            if self._asking is None:
                with in_python(self._manifest):
                    self._asking = Asking(self._manifest, self._runs)
            asking = self._asking
        return asking.ask()

    def tell(
        self,
        trial: Trial | int,
        result: Outcome = None,
        *,
        infeasible_because: str | None = None,
        failed_because: str | None = None,
    ) -> Trial:
        """Record the result of a trial that was asked, and return the trial as recorded.

        ``result`` is what a function given to ``run`` would return: the reward, or a mapping of metrics; a number that
        is not finite means that the training diverged, and makes the candidate infeasible. Instead of it,
        ``infeasible_because`` says why the candidate cannot be trained, and the agent learns from it;
        ``failed_because`` says what went wrong that is not the candidate's fault: ``ask`` returns the trial again while
        it has retries. EvonasError for a trial that was not asked, or a result that is none.
        """
        reasons = [reason for reason in (infeasible_because, failed_because) if reason is not None]
        if len(reasons) + (result is not None) != 1:
            raise EvonasError("tell: needs a result, infeasible_because or failed_because, and no two of them")
        if infeasible_because is not None:
            ending = infeasible(infeasible_because)
        elif failed_because is not None:
            ending = failed(failed_because)
        else:
            try:
                told = result_of(result, {}, self._counts, "tell", verb="was given")
            except Misuse as misuse:
                raise EvonasError(str(misuse)) from None
            finite = {name: value for name, value in told.metrics.items() if math.isfinite(value)}
            if told.diverged is not None:
                ending = infeasible(f"the training diverged: {told.diverged}")
            else:
                ending = succeeded(told.reward, finite)
        return self._open("tell").tell(_index(trial), ending)

    def report(self, trial: Trial | int, step: int, **metrics: SupportsFloat) -> bool:
        """Report how far a trial that was asked is, and return whether it should go on.

        False once a search with rungs has stopped it: leave it then, there is nothing to tell.
        """
        try:
            numbers = numbers_of(metrics, "report was given")
        except Misuse as misuse:
            raise EvonasError(str(misuse)) from None
        return self._open("report").report(_index(trial), step, numbers)

    def close(self) -> None:
        """End asking: other processes may run the search. Trials not told are handed out again later."""
        if self._asking is not None:
            self._asking.close()
            self._asking = None

    def result(self) -> Result:
        """Return the record: of the cluster if this object submitted the search there, otherwise of the folder here."""
        if self._submitted is not None:
            return Result(cluster_module().ClusterSource(self._submitted, self.name))
        return Result(locate(str(self.folder), ClusterOptions()))

    def wait(self, timeout: float | None = None, interval: float = INTERVAL) -> Result:
        """Return the record once the search is over or, here, nothing works on it any more.

        A run's record is read every ``interval`` seconds; a cluster says itself what changes. TimeoutError if that
        takes more than ``timeout`` seconds; EvonasError for a search that the operator does not accept, or that is
        deleted meanwhile.
        """
        if self._submitted is None:
            return self.result().wait(timeout, interval)
        from evonas.python.cluster import wait  # noqa: PLC0415 - needs packages that runs here do without

        wait(self.name, self._submitted, timeout=timeout)
        return self.result()

    @property
    def _counts(self) -> str | tuple[str, ...] | None:
        """What counts of what a function returns."""
        several = tuple(objective.name for objective in self._spec.objectives)
        return several if self._spec.has_several else self._spec.objective.metric

    def _open(self, call: str) -> Asking:
        if self._asking is None:
            raise EvonasError(f"{call}: ask first, which opens the search")
        return self._asking

    def __enter__(self) -> Search:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Search) and self._manifest == other._manifest

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        agent, budget = self._spec.agent.type, self._spec.budget
        return (
            f"<Search {self.name}: {len(self._spec.space)} decisions, {self.size} candidates, {agent},"
            f" {budget.max_trials} trials>"
        )


def _index(trial: Trial | int) -> int:
    return trial if isinstance(trial, int) else trial.index
