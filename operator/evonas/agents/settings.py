"""The manifest's ``spec.agent``, minus type and seed: typed, validated, with a source for every default.

The CRD repeats these names, bounds and defaults. A block that an agent does not use is validated and then ignored, so
that one manifest can switch between agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from evonas.errors import FieldProblem, InvalidManifest
from evonas.hints import did_you_mean
from evonas.space import normalise

Training = Literal["PQT", "REINFORCE", "None"]
TRAININGS: tuple[Training, ...] = ("PQT", "REINFORCE", "None")
Model = Literal["GaussianProcess", "None"]
MODELS: tuple[Model, ...] = ("GaussianProcess", "None")
Sampler = Literal["TPE", "GP", "NSGAII", "CMAES", "QMC"]
SAMPLERS: tuple[Sampler, ...] = ("TPE", "GP", "NSGAII", "CMAES", "QMC")

_Text = TypeVar("_Text", bound=str)


@dataclass(frozen=True)
class EvolutionSettings:
    """``spec.agent.evolution``: Evolution and EvoNAS."""

    population: int = 50
    """How many of the most recent results can become parents (P). 50 as in the NASBench-101 baselines; within noise of
    100, which Real et al. 2018 use."""
    tournament: int = 16
    """How many of them, drawn without replacement, compete to be the parent (S). Real et al. 2018 use 25 of 100."""
    mutation_probability: float | None = None
    """Probability that a decision is re-drawn. None: min(0.2, 2 / n), n being the number of the parent's active
    decisions."""


@dataclass(frozen=True)
class PolicySettings:
    """``spec.agent.policy``: Neural and EvoNAS."""

    training: Training = "PQT"
    """PQT: Priority Queue Training (Abolafia et al., arXiv 1801.03526). REINFORCE: as in Zoph & Le 2016. None: the
    policy stays uniform."""
    hidden_units: int = 32
    """Units of the one LSTM layer. 32 as in deep symbolic optimisation; Zoph & Le use 2 x 35, NASNet 100."""
    learning_rate: float = 0.01
    """Adam's step size. Large compared to the literature (1e-4 to 1e-3) because a search has only hundreds of steps."""
    entropy_weight: float | None = None
    """Weight of the entropy bonus, per sequence. None: for PQT 0.1 in Neural and 0.5 in EvoNAS, for REINFORCE 0.005."""
    queue_size: int = 10
    """PQT: how many of the best candidates are imitated (K). 10 in Abolafia et al."""
    baseline_decay: float = 0.95
    """REINFORCE: decay of the moving average of rewards. 0.95 in NASNet (Zoph et al. 2018)."""


MANY_DECISIONS = 20
"""From which on fewer generations are bred, since each has more children."""


@dataclass(frozen=True)
class CriticSettings:
    """``spec.agent.critic``: EvoNAS."""

    model: Model = "GaussianProcess"
    """GaussianProcess, or None: the plain hybrid of Maziarz et al., whose first new child is evaluated."""
    generations: int | None = None
    """How many generations are bred in imagination before a candidate is proposed. None: half the number of decisions,
    but 2 to 5; from 20 decisions on 3, since a generation has more children the more decisions there are."""
    exploration: float = 1.5
    """Standard deviations of the critic's prediction that are added to its mean, on average over proposals."""

    def generations_for(self, decisions: int) -> int:
        """Return the number of generations for a space with this many decisions."""
        if self.generations is not None:
            return self.generations
        return 3 if decisions >= MANY_DECISIONS else max(2, min(5, decisions // 2))


@dataclass(frozen=True)
class AgentSettings:
    """``spec.agent``, minus type and seed."""

    warmup: int = 10
    """How many proposals are uniformly random before evolution or the network propose, and how many feasible results
    the network waits for before it trains. Real et al. 2018 begin with a whole population; 10 is clearly better for
    short searches."""
    evolution: EvolutionSettings = field(default_factory=EvolutionSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    critic: CriticSettings = field(default_factory=CriticSettings)
    sampler: Sampler = "TPE"
    """Optuna: which of its samplers draws."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Passed to agents of other packages; none of our own takes any."""

    @classmethod
    def parse(cls, manifest: Mapping[str, Any], path: str = "spec.agent") -> AgentSettings:
        """Parse the mapping; InvalidManifest lists every problem, with fields relative to ``path``."""
        problems: list[FieldProblem] = []
        top = _Block(manifest, path, problems)
        evolution = top.block("evolution")
        policy = top.block("policy")
        critic = top.block("critic")
        settings = cls(
            warmup=top.integer("warmup", cls.warmup, low=2, high=10_000),
            evolution=EvolutionSettings(
                population=evolution.integer("population", EvolutionSettings.population, low=1, high=1000),
                tournament=evolution.integer("tournament", EvolutionSettings.tournament, low=1, high=1000),
                mutation_probability=evolution.number_or_none("mutationProbability", low=0, high=1, open_low=True),
            ),
            policy=PolicySettings(
                training=policy.one_of("training", PolicySettings.training, TRAININGS),
                hidden_units=policy.integer("hiddenUnits", PolicySettings.hidden_units, low=1, high=512),
                learning_rate=policy.number("learningRate", PolicySettings.learning_rate, low=0, high=1, open_low=True),
                entropy_weight=policy.number_or_none("entropyWeight", low=0, high=1000),
                queue_size=policy.integer("queueSize", PolicySettings.queue_size, low=1, high=1000),
                baseline_decay=policy.number(
                    "baselineDecay", PolicySettings.baseline_decay, low=0, high=1, open_high=True
                ),
            ),
            critic=CriticSettings(
                model=critic.one_of("model", CriticSettings.model, MODELS),
                generations=critic.integer_or_none("generations", low=1, high=100),
                exploration=critic.number("exploration", CriticSettings.exploration, low=0, high=100),
            ),
            sampler=top.one_of("sampler", cls.sampler, SAMPLERS),
            settings=top.free("settings"),
        )
        for block in (top, evolution, policy, critic):
            block.refuse_unknown()
        if problems:
            raise InvalidManifest(problems)
        return settings


class _Block:
    """Reads one object of the manifest, key by key, and collects what is wrong with it."""

    def __init__(self, manifest: Any, path: str, problems: list[FieldProblem]) -> None:
        self._path = path
        self._problems = problems
        self._known: set[str] = set()
        self._manifest: Mapping[str, Any] = manifest if isinstance(manifest, Mapping) else {}
        if not isinstance(manifest, Mapping):
            problems.append(FieldProblem(path, f"must be an object, got {manifest!r}"))

    def block(self, name: str) -> _Block:
        return _Block(self._get(name, {}), f"{self._path}.{name}", self._problems)

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        value = normalise(self._get(name, default))
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self._refuse(name, f"must be a whole number from {low} to {high}, got {value!r}")
        return default

    def integer_or_none(self, name: str, *, low: int, high: int) -> int | None:
        if name in self._manifest:
            return self.integer(name, low, low=low, high=high)
        self._known.add(name)
        return None

    def number(
        self, name: str, default: float, *, low: float, high: float, open_low: bool = False, open_high: bool = False
    ) -> float:
        value = self._get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool):
            above = value > low if open_low else value >= low
            below = value < high if open_high else value <= high
            if above and below:
                return float(value)
        bounds = f"{'above' if open_low else 'at least'} {low} and {'below' if open_high else 'at most'} {high}"
        self._refuse(name, f"must be a number {bounds}, got {value!r}")
        return default

    def number_or_none(self, name: str, *, low: float, high: float, open_low: bool = False) -> float | None:
        if name in self._manifest:
            return self.number(name, low, low=low, high=high, open_low=open_low)
        self._known.add(name)
        return None

    def one_of(self, name: str, default: _Text, options: tuple[_Text, ...]) -> _Text:
        value = self._get(name, default)
        for option in options:
            if value == option:
                return option
        self._refuse(name, f"must be one of {', '.join(options)}, got {value!r}{did_you_mean(value, options)}")
        return default

    def free(self, name: str) -> Mapping[str, Any]:
        value = self._get(name, {})
        if isinstance(value, Mapping):
            return value
        self._refuse(name, f"must be an object, got {value!r}")
        return {}

    def refuse_unknown(self) -> None:
        for name in self._manifest:
            if name not in self._known:
                known = ", ".join(sorted(self._known))
                self._refuse(name, f"unknown field; known are {known}{did_you_mean(name, self._known)}")

    def _get(self, name: str, default: Any) -> Any:
        self._known.add(name)
        return self._manifest.get(name, default)

    def _refuse(self, name: str, problem: str) -> None:
        self._problems.append(FieldProblem(f"{self._path}.{name}", problem))
