"""`hooke discover simulate`: a measured screen hides its scores and reveals them by batches to a policy; hit curves beside chance and oracle.

    hits                the share of the largest |score| (5 % by default)
    found               share of the hits that are revealed after each round
    ratio to chance     found / share of the library that is revealed

Every policy and seed is one line of a JSON-lines file, so that a simulation that was killed goes on. A policy may be a process of one's own that
speaks JSON lines: for each round it reads {"round", "batch", "library", "measured": [{"gene", "score", "hit"}]} and answers {"picks": [genes]}.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.cells.acquisition import POLICIES, Library, Measured, as_prior, picks
from hooke.cells.graph import Graph
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import append_lines, latest_entries
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text
from hooke.core.progress import progress
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.version import __version__

AGENT = "agent"
FIXED = ("random", "graph", "transfer", "combined")  # what `auto` is compared with in hindsight


@dataclass(frozen=True)
class Loop:
    """How a loop is simulated.

    Attributes:
        batch, rounds: How many are revealed at a time, and how often.
        seeds: Repetitions.
        hit_share: Of the library, by |score|.
        policies: Names; "agent" stands for the command.
        agent: A command that speaks JSON lines.
    """

    batch: int = 128
    rounds: int = 5
    seeds: int = 10
    hit_share: float = 0.05
    policies: tuple[str, ...] = (*FIXED, "auto")
    agent: str = ""

    def check(self, library: Library) -> None:
        """Refuse what cannot be simulated.

        Raises:
            UnknownNameError: No such policy.
            UsageError: A policy needs earlier screens, the agent has no command, or a number is out of range.
        """
        for policy in self.policies:
            if policy not in (*POLICIES, AGENT):
                raise UnknownNameError("policy", policy, (*POLICIES, AGENT))
            if policy in ("transfer", "combined") and not library.priors:
                raise UsageError(f"the policy {policy} needs earlier screens")
        if (AGENT in self.policies) != bool(self.agent):
            raise UsageError("the policy agent needs a command, and a command the policy")
        if min(self.batch, self.rounds, self.seeds) < 1 or not 0 < self.hit_share < 1:
            raise UsageError("batch, rounds and seeds must be at least 1, and the share of hits between 0 and 1")
        if self.batch > len(library):
            raise UsageError(f"a batch of {self.batch} is larger than the library of {len(library)}")


@dataclass(frozen=True)
class HitCurve:
    """One policy and seed: share of the hits found after each round."""

    policy: str
    seed: int
    found: tuple[float, ...]


@dataclass(frozen=True)
class SimulatedScreen:
    """A measured screen.

    Attributes:
        name: Of the screen.
        library: Genes, graph and earlier screens.
        scores: (n,) finite.
    """

    name: str
    library: Library
    scores: np.ndarray

    def hits(self, share: float) -> np.ndarray:
        """(n,) bool: the largest |score|, of equal ones the first."""
        strength = np.abs(self.scores)
        found = np.zeros(len(strength), bool)
        found[np.argsort(-strength, kind="stable")[: max(1, round(share * len(strength)))]] = True
        return found

    @property
    def hash(self) -> str:
        """Of all that curves depend on."""
        graph = self.library.graph
        priors = [[prior.name, prior.strengths.round(6).tolist(), prior.same_study] for prior in self.library.priors]
        edges = [graph.first.tolist(), graph.second.tolist(), graph.weights.tolist()]
        return content_hash([__version__, self.library.genes, self.scores.round(9).tolist(), edges, priors])


def screen_of(
    name: str, scores: Mapping[str, float], graph: Graph, priors: Mapping[str, Mapping[str, float]], same_study: Sequence[str] = ()
) -> SimulatedScreen:  # fmt: skip
    """A screen over the genes with a finite score.

    Args:
        name: Of the screen.
        scores: Gene → score.
        graph: Any.
        priors: Earlier screens: name → gene → score.
        same_study: Those of them that are of the same study.

    Raises:
        DataError: It has fewer than 20 genes.
    """
    genes = tuple(sorted(gene for gene, score in scores.items() if np.isfinite(score)))
    if len(genes) < 20:
        raise DataError(f"the screen {name} has {len(genes)} genes with a score; a loop needs 20")
    earlier = tuple(
        as_prior(each, genes, dict(values), same_study=each in same_study) for each, values in priors.items()
    )
    return SimulatedScreen(name, Library(genes, graph.over(genes), earlier), np.array([scores[gene] for gene in genes]))


def simulated(screen: SimulatedScreen, loop: Loop, policy: str, seed: int) -> HitCurve:
    """One policy and seed."""
    library, hits = screen.library, screen.hits(loop.hit_share)
    measured, found = Measured.nothing(), []
    agent = Agent(loop.agent, library) if policy == AGENT else None
    try:
        for number in range(loop.rounds):
            generator = np.random.default_rng([seed, number])
            if agent is not None:
                chosen = [(place, AGENT) for place in agent.ask(number, loop.batch, measured)]
            else:
                chosen = [(pick.place, pick.policy) for pick in picks(policy, library, measured, loop.batch, generator)]
            places = np.concatenate([measured.places, np.array([place for place, _ in chosen], np.int64)])
            measured = Measured(
                places, screen.scores[places], hits[places], (*measured.policies, *(name for _, name in chosen))
            )
            found.append(float(measured.hits.sum() / hits.sum()))
    finally:
        if agent is not None:
            agent.close()
    return HitCurve(policy, seed, tuple(found))


class Agent:
    """A process that picks: one line of JSON in, one out, a round.

    Raises:
        UsageError: The command does not start.
    """

    def __init__(self, command: str, library: Library) -> None:
        self.library = library
        self._place = {gene: place for place, gene in enumerate(library.genes)}
        try:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        except (OSError, ValueError, IndexError) as error:
            raise UsageError(f"the agent {command!r} does not start: {error}") from error

    def ask(self, number: int, batch: int, measured: Measured) -> list[int]:
        """Places of the next picks.

        Raises:
            DataError: The answer is no line of JSON with new genes of the library, at most a batch of them.
        """
        rows = zip(measured.places.tolist(), measured.scores.tolist(), measured.hits.tolist(), strict=True)
        known = [{"gene": self.library.genes[place], "score": score, "hit": hit} for place, score, hit in rows]
        question = {"round": number + 1, "batch": batch, "library": self.library.genes, "measured": known}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json_text(question, compact=True) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())["picks"]
            places = [self._place[str(gene)] for gene in answer]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"round {number + 1}: the agent's answer is no line of JSON with genes of the library ({error!r})"
            ) from error
        if len(places) > batch or len({*places} - {*measured.places.tolist()}) != len(places):
            raise DataError(
                f"round {number + 1}: the agent picks more than {batch} genes, or genes that are measured or named twice"
            )
        return places

    def close(self) -> None:
        """End the process that was started."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Simulation:
    """All curves of a screen."""

    screen: SimulatedScreen
    loop: Loop
    curves: tuple[HitCurve, ...]
    file: Path

    @property
    def title(self) -> str:
        """The screen and what is known beforehand."""
        priors = [f"{prior.name}{' (same study)' if prior.same_study else ''}" for prior in self.screen.library.priors]
        return f"{self.screen.name}, earlier screens: {', '.join(priors) or 'none'}"

    @property
    def chance(self) -> list[float]:
        """Share of the library that is revealed after each round."""
        count = len(self.screen.library)
        return [min(1.0, self.loop.batch * number / count) for number in range(1, self.loop.rounds + 1)]

    @property
    def oracle(self) -> list[float]:
        """What picking hits alone would find."""
        hits = int(self.screen.hits(self.loop.hit_share).sum())
        return [min(1.0, self.loop.batch * number / hits) for number in range(1, self.loop.rounds + 1)]

    def found(self, policy: str) -> np.ndarray:
        """(seeds, rounds) of one policy."""
        return np.array([curve.found for curve in self.curves if curve.policy == policy])

    def interval(self, policy: str) -> Interval:
        """Share of the hits after the last round, over seeds."""
        return paired_difference(self.found(policy)[:, -1], generator=np.random.default_rng(0))

    def ratio(self, policy: str) -> float:
        """To chance, after the last round."""
        return self.interval(policy).value / self.chance[-1]

    @property
    def hindsight(self) -> float | None:
        """What `auto` finds, as a share of what the best fixed policy does; None where one of them was not simulated."""
        fixed = [policy for policy in FIXED if policy in self.loop.policies]
        if "auto" not in self.loop.policies or not fixed:
            return None
        return self.ratio("auto") / max(self.ratio(policy) for policy in fixed)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "screen": self.screen.name, "genes": len(self.screen.library), "hits": int(self.screen.hits(self.loop.hit_share).sum()),
            "priors": [{"screen": prior.name, "same_study": prior.same_study} for prior in self.screen.library.priors],
            "loop": asdict(self.loop), "chance": self.chance, "oracle": self.oracle, "auto_in_hindsight": self.hindsight,
            "policies": {
                policy: {
                    "found": self.found(policy).mean(axis=0).tolist(), "last": asdict(self.interval(policy)), "ratio": self.ratio(policy),
                } for policy in self.loop.policies
            },
        }  # fmt: skip

    def table(self) -> tuple[list[str], list[list[str]]]:
        """A line a policy: share of the hits after each round, the last with its interval, and the ratio to chance."""
        heads = [
            "policy",
            *(f"round {number}" for number in range(1, self.loop.rounds + 1)),
            "interval",
            "ratio to chance",
        ]
        rows = []
        for policy in self.loop.policies:
            last = self.interval(policy)
            means = [f"{value:.4f}" for value in self.found(policy).mean(axis=0)]
            rows.append([policy, *means, f"[{last.low:.4f}, {last.high:.4f}]", f"{self.ratio(policy):.2f}"])
        for name, values in (("chance", self.chance), ("oracle", self.oracle)):
            rows.append([name, *(f"{value:.4f}" for value in values), "", f"{values[-1] / self.chance[-1]:.2f}"])
        return heads, rows


def simulate(screen: SimulatedScreen, loop: Loop, runs: Path, *, show_progress: bool = True) -> Simulation:
    """Simulate what is missing.

    Raises:
        UsageError: See `Loop.check`.
        DataError: The agent does not answer as it should.
        KeyboardInterrupt: The same command goes on from there.
    """
    loop.check(screen.library)
    what = content_hash([screen.hash, loop.batch, loop.rounds, loop.hit_share, loop.agent])[:8]
    file = Path(runs) / f"discover-{screen.name}-{what}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    wanted = [(policy, seed) for seed in range(loop.seeds) for policy in loop.policies]
    done = latest_entries(file, ("policy", "seed"))
    missing = [key for key in wanted if key not in done]
    with progress(len(missing), f"discover {screen.name}", "loops", show=show_progress) as bar:
        for policy, seed in missing:
            append_lines(file, [json_text(asdict(simulated(screen, loop, policy, seed)))])
            bar.advance(1)
    done = latest_entries(file, ("policy", "seed"))
    curves = tuple(HitCurve(policy, seed, tuple(done[policy, seed]["found"])) for policy, seed in wanted)
    return Simulation(screen, loop, curves, file)
