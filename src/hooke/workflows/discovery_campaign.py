"""`hooke discover next`: the next batch of a campaign, each pick with its reason, on a plate; the state is a folder of JSON and Parquet.

    state.json        the options, and of each round a hash of what was measured when it was asked for
    picks.parquet     every pick of every round

A round is a function of the measured table, the library, the options and the number of the round: the same call gives the same picks, before
and after a kill, and a round that was answered is answered again as it was. A measured gene is credited to the policy that picked it in an
earlier round.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.acquisition import POLICIES, Library, Measured, Pick, as_prior, earned, picks
from hooke.cells.gene_sets import known_gene_sets
from hooke.cells.graph import Graph
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import exclusive, replacing, write_durably
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text
from hooke.core.reading import check_text_table, reading

STATE, PICKS = "state.json", "picks.parquet"
FORMAT = 1
PLATES = {96: (8, 12), 384: (16, 24)}
_SHOWN = 3  # neighbours of a reason
_FEWEST_MEMBERS = 2  # measured ones by which a pathway is a reason
_FEWEST = 20  # random picks that tell how strong the library is
_GENE = ("gene", "Gene", "id", "symbol", "perturbation")
_SCORE = ("score", "Score", "effect", "lfc")


@dataclass(frozen=True)
class Options:
    """What a campaign is asked.

    Attributes:
        batch: Picks a round.
        policy: See `cells.acquisition`.
        seed: Seed of all random numbers.
        hit_threshold: |score| from which a gene is a hit, where the table has no column hit; 0: see `hit_threshold`.
        hit_share: Of genes that count as hits where nothing else says.
        budget: Most that a batch may cost, by the library's column price; 0 for no bound.
        controls, replicates: Wells of controls a plate, and wells of each pick.
        plate: Wells of a plate: 96 or 384.
    """

    batch: int = 96
    policy: str = "auto"
    seed: int = 0
    hit_threshold: float = 0.0
    hit_share: float = 0.05
    budget: float = 0.0
    controls: int = 0
    replicates: int = 1
    plate: int = 96

    def check(self) -> None:
        """Refuse what no batch can be made with.

        Raises:
            UnknownNameError: No such policy.
            UsageError: A number is out of range.
        """
        if self.policy not in POLICIES:
            raise UnknownNameError("policy", self.policy, POLICIES)
        if self.plate not in PLATES:
            raise UsageError(f"plates have {' or '.join(map(str, PLATES))} wells, not {self.plate}")
        if (
            self.batch < 1
            or self.replicates < 1
            or min(self.controls, self.budget, self.hit_threshold) < 0
            or not 0 < self.hit_share < 1
        ):
            raise UsageError(
                "batch and replicates must be at least 1, controls and budget not below 0, the share of hits between 0 and 1, no number below 0"
            )
        if self.controls >= self.plate:
            raise UsageError(f"{self.controls} controls leave no well of {self.plate}")


@dataclass(frozen=True)
class Round:
    """A batch.

    Attributes:
        number: From 1.
        picks: A row a pick: round, rank, gene, policy, expected_z, uncertainty, price, neighbours, pathway, reason, falsified_by, wells.
        left_out: Why rows of the tables are not used → how many.
        summary: Numbers for people: expected hits beside chance, shares of the policies ...
    """

    number: int
    picks: pl.DataFrame
    left_out: Mapping[str, int]
    summary: Mapping[str, Any]


def read_genes(path: Path, *, scores: bool) -> tuple[pl.DataFrame, dict[str, int]]:
    """A table with a column of genes: gene, and score, hit and price where they are there; one row a gene.

    Args:
        path: CSV or TSV.
        scores: Whether a score is needed; rows without a finite one are left out.

    Returns:
        The rows, the mean score of a gene that is there several times, and why others are left out → how many.

    Raises:
        DataError: It is missing, damaged, or has no such column, or a price or hit is no number.
    """
    path = Path(path)
    with reading(path, "a table of genes"):
        check_text_table(path)
        table = pl.read_csv(
            path, separator="\t" if ".tsv" in path.suffixes or ".txt" in path.suffixes else ",", infer_schema=False
        )
    gene = next((name for name in _GENE if name in table.columns), None)
    score = next((name for name in _SCORE if name in table.columns), None)
    if gene is None or (scores and score is None):
        wanted = "gene and score" if scores else "gene"
        raise DataError(f"{path} needs the columns {wanted}; it has {', '.join(table.columns[:8])}")
    columns = [pl.col(gene).fill_null("").str.strip_chars().alias("gene")]
    numbers = {"score": score if scores else None, "price": "price", "hit": "hit" if scores else None}
    for name, column in numbers.items():
        if column is not None and column in table.columns:
            words = {"true": "1", "false": "0"}
            columns.append(
                pl.col(column)
                .str.strip_chars()
                .str.to_lowercase()
                .replace(words)
                .cast(pl.Float64, strict=False)
                .alias(name)
            )
    found = table.select(columns)
    left_out = {"without a name": found.filter(pl.col("gene") == "").height}
    found = found.filter(pl.col("gene") != "")
    if scores:
        finite = pl.col("score").is_finite().fill_null(False)
        left_out["without a finite score"] = found.filter(~finite).height
        found = found.filter(finite)
    for name in ("price", "hit"):
        if name in found.columns and (wrong := found.filter(~pl.col(name).is_finite().fill_null(False))).height:
            raise DataError(f"{path}: the {name} of {wrong['gene'][0]} is not a number")
    if "price" in found.columns and (found["price"] < 0).any():
        raise DataError(f"{path}: a price is below 0")
    left_out["of a gene that is there already"] = found.height - found["gene"].n_unique()
    others = [pl.col(name).mean() for name in found.columns if name != "gene"]
    found = found.group_by("gene", maintain_order=True).agg(others)
    return found, {reason: count for reason, count in left_out.items() if count}


def next_round(
    measured: Path | None, library: Path, graph: Graph, options: Options, state: Path, *,
    priors: Mapping[str, Mapping[str, float]] | None = None, same_study: Sequence[str] = (), exclude: Sequence[str] = (),
    must: Sequence[str] = (), pathways: str = "none", show_progress: bool = True,
) -> Round:  # fmt: skip
    """The next batch, kept in the state.

    Args:
        measured: Genes with scores; None before the first round.
        library: Genes that can be perturbed, with a price where there is one.
        graph: Any.
        options: See there.
        state: Folder of the campaign; made.
        priors: Earlier screens: name → gene → score.
        same_study: Those of them that are of the same study.
        exclude: Genes that are not to be picked (essential ones ...).
        must: Genes that the next batch has to hold.
        pathways: Sets of genes for the reasons, see `known_gene_sets`; they choose nothing.
        show_progress: Show downloads.

    Raises:
        UsageError: Options, or a must-have that cannot be picked.
        DataError: A table is not what it should be, or the state is of other options or of a newer Hooke.
    """
    options.check()
    sets = known_gene_sets(pathways, show_progress=show_progress)
    table, left_library = read_genes(library, scores=False)
    known, left_measured = (pl.DataFrame(), {}) if measured is None else read_genes(measured, scores=True)
    what = {
        "options": asdict(options), "genes": table["gene"].to_list(), "exclude": sorted(exclude), "must": sorted(must),
        "prices": table["price"].to_list() if "price" in table.columns else [], "graph": [len(graph.first), content_hash(graph.genes)],
        "priors": [[name, name in same_study, sorted(values.items())] for name, values in (priors or {}).items()],
    }  # fmt: skip
    key = content_hash([what, [known[name].to_list() for name in known.columns]])
    state = Path(state)
    with exclusive(state / STATE, f"works on the campaign {state}"):
        rounds, earlier = _read_state(state, options)
        if key in rounds:  # asked again
            number = rounds.index(key) + 1
            chosen = earlier.filter(pl.col("round") == number)
        else:
            number = len(rounds) + 1
            chosen = pl.DataFrame()
        before = earlier.filter(pl.col("round") < number) if len(earlier) else earlier
        place = replace(_Place.of(table, known, graph, before, options, priors or {}, same_study), pathways=sets)
        if not len(chosen):
            chosen = place.chosen(number, options, exclude, must)
            _write_state(
                state, options, [*rounds, key], pl.concat([earlier, chosen], how="diagonal") if len(earlier) else chosen
            )
    left_out = {f"{reason} in {Path(library).name}": count for reason, count in left_library.items()}
    if measured is not None:
        left_out |= {f"{reason} in {Path(measured).name}": count for reason, count in left_measured.items()}
        if place.strange:
            left_out[f"measured in {Path(measured).name}, and not in the library"] = place.strange
    return Round(number, chosen, left_out, place.summary(chosen, options))


@dataclass(frozen=True)
class _Place:
    """Where a campaign stands."""

    library: Library
    measured: Measured
    prices: np.ndarray
    strange: int
    pathways: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def _pathways_of(self) -> dict[str, list[str]]:
        """Gene → names of the pathways that hold it."""
        found: dict[str, list[str]] = {}
        for name, members in self.pathways.items():
            for gene in members:
                found.setdefault(gene, []).append(name)
        return found

    def pathway(self, gene: str) -> tuple[str, int, float]:
        """The pathway of a gene whose measured members have the highest mean z, of those with two or more; their number and that mean.

        Of a gene in none of these the smallest pathway, with 0 and NaN; "" of one in none at all.
        """
        z_of = {self.library.genes[row]: z for row, z in zip(self.measured.places, self.measured.z, strict=True)}
        own = self._pathways_of.get(gene, [])
        told = {name: [z_of[each] for each in self.pathways[name] if each in z_of] for name in own}
        told = {name: values for name, values in told.items() if len(values) >= _FEWEST_MEMBERS}
        if told:
            best = max(told, key=lambda name: (float(np.mean(told[name])), name))
            return best, len(told[best]), float(np.mean(told[best]))
        smallest = min(own, key=lambda name: (len(self.pathways[name]), name), default="")
        return smallest, 0, np.nan

    @classmethod
    def of(
        cls, table: pl.DataFrame, known: pl.DataFrame, graph: Graph, before: pl.DataFrame, options: Options,
        priors: Mapping[str, Mapping[str, float]], same_study: Sequence[str],
    ) -> _Place:  # fmt: skip
        genes = tuple(table["gene"].to_list())
        place = {gene: row for row, gene in enumerate(genes)}
        earlier = tuple(
            as_prior(name, genes, dict(values), same_study=name in same_study) for name, values in priors.items()
        )
        library = Library(genes, graph.over(genes), earlier)
        prices = table["price"].to_numpy() if "price" in table.columns else np.zeros(len(genes))
        if not len(known):
            return cls(library, Measured.nothing(), prices, 0)
        inside = known.filter(pl.col("gene").is_in(list(place)))
        scores = inside["score"].to_numpy().astype(np.float64)
        policy_of = dict(before.select("gene", "policy").iter_rows()) if len(before) else {}
        policies = tuple(policy_of.get(gene, "") for gene in inside["gene"])
        strengths = np.abs(scores)
        called = "hit" in inside.columns
        hits = inside["hit"].to_numpy() > 0 if called else strengths >= hit_threshold(strengths, policies, options)
        places = np.array([place[gene] for gene in inside["gene"]], np.int64)
        return cls(library, Measured(places, scores, hits, policies), prices, known.height - inside.height)

    def chosen(self, number: int, options: Options, exclude: Sequence[str], must: Sequence[str]) -> pl.DataFrame:
        """The picks of a round as a table."""
        genes = self.library.genes
        place = {gene: row for row, gene in enumerate(genes)}
        done = {genes[row] for row in self.measured.places}
        for gene in must:
            if gene not in place or gene in done or gene in exclude:
                why = "not in the library" if gene not in place else "measured" if gene in done else "excluded"
                raise UsageError(f"{gene} must be picked and is {why}")
        allowed = np.array([gene not in {*exclude} for gene in genes], bool)
        wanted = [Pick(place[gene], "must", None, 1.0) for gene in dict.fromkeys(must)]
        allowed[[pick.place for pick in wanted]] = False
        generator = np.random.default_rng([options.seed, number])
        most = len(genes) if options.budget else options.batch
        found = [
            *wanted,
            *picks(options.policy, self.library, self.measured, max(most, options.batch), generator, allowed),
        ]
        chosen: list[Pick] = []
        cost = 0.0
        for pick in found:
            price = float(self.prices[pick.place])
            if len(chosen) < options.batch and (not options.budget or cost + price <= options.budget):
                chosen.append(pick)
                cost += price
        if lost := [genes[pick.place] for pick in wanted if pick not in chosen]:
            raise UsageError(f"{lost[0]} must be picked, and neither batch nor budget leaves room for it")
        if not chosen:
            raise UsageError("nothing is left to pick: everything is measured, excluded or too dear")
        wells = plate_wells(len(chosen), options, number)
        rows = [self._row(number, rank, pick, wells[rank - 1]) for rank, pick in enumerate(chosen, start=1)]
        return pl.DataFrame(rows, schema=_SCHEMA)

    def _row(self, number: int, rank: int, pick: Pick, wells: list[str]) -> dict[str, Any]:
        gene = self.library.genes[pick.place]
        z_of = dict(zip(self.measured.places.tolist(), self.measured.z.tolist(), strict=True))
        near = [
            (other, z_of[self.library.graph.place[other]], weight)
            for other, weight in self.library.graph.neighbours(gene)
            if self.library.graph.place[other] in z_of
        ]
        near = sorted(near, key=lambda each: (-abs(each[1]), each[0]))
        told = [
            f"{prior.name}{' (same study)' if prior.same_study else ''} z {prior.strengths[pick.place]:+.1f}"
            for prior in self.library.priors
        ]
        mean = float(np.mean([z for _, z, _ in near])) if near else 0.0
        parts = []
        if near:
            shown = ", ".join(f"{other} {z:+.1f}" for other, z, _ in near[:_SHOWN])
            parts.append(f"{len(near)} measured neighbours, mean z {mean:+.2f} (most: {shown})")
        pathway, members, of_members = self.pathway(gene)
        if members:
            parts.append(f"pathway {pathway}: {members} measured members, mean z {of_members:+.2f}")
        elif pathway:
            parts.append(f"pathway {pathway}")
        if told:
            parts.append("earlier screens: " + ", ".join(told))
        if pick.policy in ("random", "core_set"):
            parts.insert(
                0, "drawn to learn the rate of chance" if pick.policy == "random" else "far from everything measured"
            )
        if pick.policy == "must":
            parts.insert(0, "asked for")
        falsified = "nothing: it was not picked for an effect"
        if pick.expected is not None and pick.policy not in ("random", "core_set", "must"):
            least = pick.expected - 2 * pick.uncertainty
            falsified = (
                f"z below {least:+.2f}"
                if least > 0
                else "no hits among this policy's picks beyond the rate of random picks"
            )
        return {
            "round": number, "rank": rank, "gene": gene, "policy": pick.policy, "expected_z": pick.expected, "uncertainty": pick.uncertainty,
            "price": float(self.prices[pick.place]), "neighbours": " ".join(other for other, _, _ in near[:_SHOWN]), "pathway": pathway,
            "reason": "; ".join(parts) or "nothing is known of it yet", "falsified_by": falsified, "wells": " ".join(wells),
        }  # fmt: skip

    def summary(self, chosen: pl.DataFrame, options: Options) -> dict[str, Any]:
        """Expected hits from the rates that policies have earned, beside chance."""
        record = earned(self.measured)
        count = len(self.measured.places)
        random = record["random"]
        rate = (random[0] + 1) / (random[1] + 20) if random[1] else options.hit_share
        expected = sum(
            (record[policy][0] + rate * 10) / (record[policy][1] + 10) if policy in record else rate
            for policy in chosen["policy"]
        )
        shares = dict(chosen.group_by("policy").len().sort("policy").iter_rows())
        return {
            "picks": chosen.height, "measured": count, "hits": int(self.measured.hits.sum()), "policies": shares,
            "expected_hits": float(expected), "by_chance": float(rate * chosen.height), "price": float(chosen["price"].sum()),
            "earned": {policy: f"{hits} of {picked}" for policy, (hits, picked) in record.items() if picked},
            "same_study": [prior.name for prior in self.library.priors if prior.same_study],
        }  # fmt: skip


_SCHEMA = {
    "round": pl.Int64, "rank": pl.Int64, "gene": pl.String, "policy": pl.String, "expected_z": pl.Float64, "uncertainty": pl.Float64,
    "price": pl.Float64, "neighbours": pl.String, "pathway": pl.String, "reason": pl.String, "falsified_by": pl.String, "wells": pl.String,
}  # fmt: skip


def hit_threshold(strengths: np.ndarray, policies: Sequence[str], options: Options) -> float:
    """|score| from which a gene counts as a hit: what was said, else the quantile of random picks, or of all where those are few."""
    if options.hit_threshold:
        return options.hit_threshold
    random = strengths[np.array(policies, object) == "random"]
    some = random if len(random) >= _FEWEST else strengths
    return float(np.quantile(some, 1 - options.hit_share)) if len(some) else np.inf


def plate_wells(count: int, options: Options, number: int) -> list[list[str]]:
    """Wells of each pick, in an order drawn for the round: plates are filled one after the other, and controls keep their wells free.

    Controls take the last wells of every plate, in the order of columns; see `control_wells`.
    """
    rows, columns = PLATES[options.plate]
    free = [well for well in _names(rows, columns) if well not in {*control_wells(options)}]
    total = count * options.replicates
    order = np.random.default_rng([options.seed, number, 1]).permutation(total)
    names = [f"P{place // len(free) + 1}:{free[place % len(free)]}" for place in order]
    return [names[pick::count][: options.replicates] for pick in range(count)]


def control_wells(options: Options) -> list[str]:
    """Wells of the controls on every plate."""
    names = _names(*PLATES[options.plate])
    return names[len(names) - options.controls :]


def _names(rows: int, columns: int) -> list[str]:
    """By columns: A01, B01 ..."""
    return [f"{chr(ord('A') + row)}{column:02d}" for column in range(1, columns + 1) for row in range(rows)]


def write_picks(found: Round, out: Path, options: Options) -> None:
    """The picks and the controls of every plate as CSV."""
    plates = sorted({well.partition(":")[0] for wells in found.picks["wells"] for well in wells.split()})
    control = [
        {"round": found.number, "gene": "control", "policy": "control", "wells": f"{plate}:{well}", "reason": "negative control"}
        for plate in plates for well in control_wells(options)
    ]  # fmt: skip
    table = pl.concat([found.picks, pl.DataFrame(control, schema=_SCHEMA)], how="diagonal") if control else found.picks
    write_durably(out, table.write_csv(float_precision=4))


def _read_state(state: Path, options: Options) -> tuple[list[str], pl.DataFrame]:
    """Keys of the rounds, and all picks."""
    path = state / STATE
    if not path.exists():
        return [], pl.DataFrame()
    with reading(path, "the state of a campaign"):
        kept = json.loads(path.read_text())
        if kept["format"] > FORMAT:
            raise DataError(f"{path} was written by a newer Hooke")
        if kept["seed"] != options.seed:
            raise UsageError(
                f"the campaign {state} has the seed {kept['seed']}, not {options.seed}: take another --state for another campaign"
            )
        table = pl.read_parquet(state / PICKS)
        rounds = [str(key) for key in kept["rounds"]]
    return rounds, table.filter(pl.col("round") <= len(rounds))


def _write_state(state: Path, options: Options, rounds: list[str], table: pl.DataFrame) -> None:
    """The picks first: a round counts once state.json names it."""
    with replacing(state / PICKS) as temporary:
        table.write_parquet(temporary)
    write_durably(state / STATE, json_text({"format": FORMAT, "seed": options.seed, "rounds": rounds}, indent=2) + "\n")
