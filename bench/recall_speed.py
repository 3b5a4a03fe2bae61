"""Relationship recall beside `efaar_benchmarking`: the same pairs, time and memory at the size of a genome, and TVN parity.

    python bench/recall_speed.py PEER_PYTHON RESULTS.jsonl [--genes 17000] [--dim 128] [--rounds 3] [--parity-genes 3000]

PEER_PYTHON is the interpreter of the peer's own environment (`pip install --no-deps efaar_benchmarking`, then numpy, pandas,
scipy, scikit-learn); this file is run by it too (`--worker peer`). The packages that the peer imports and recall does not
need (torch, geomloss, scvi) are replaced by empty modules. HOOKE_MIRROR must hold the annotation files. One thread everywhere.

Both get the same float64 embeddings: complexes of CORUM planted in Gaussian noise, over the genes of all five sources. Timed is
everything after the imports: reading the annotations, cosines, null, all five sources at two pairs of thresholds; ours without
the bootstrap, which the peer does not have. Memory is the peak resident set of the process. Processes take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"


def peer() -> tuple[Any, Any]:
    for name in ("torch", "geomloss", "scvi", "scvi.model"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torch"].from_numpy = None  # type: ignore[attr-defined]
    sys.modules["torch"].Tensor = type("Tensor", (), {})  # type: ignore[attr-defined] # scipy looks for it
    sys.modules["geomloss"].SamplesLoss = None  # type: ignore[attr-defined]
    sys.modules["scvi.model"].SCVI = None  # type: ignore[attr-defined]
    from efaar_benchmarking import benchmarking, efaar

    return benchmarking, efaar


def run_peer(folder: Path, capture: bool) -> dict[str, Any]:
    import numpy as np
    import pandas as pd
    from sklearn.utils import Bunch

    benchmarking, _ = peer()
    values, names = np.load(folder / "values.npy"), np.load(folder / "names.npy")
    recalled: list[Any] = []
    original = benchmarking.compute_recall
    if capture:
        read = benchmarking.get_benchmark_relationships
        pairs: list[Any] = []

        def reading(*arguments: Any) -> Any:
            found = read(*arguments)
            inside = found[found.entity1.isin(names) & found.entity2.isin(names)]
            pairs.append(inside)
            return found

        def computing(null: Any, query: Any, thresholds: Any) -> Any:
            ordered = np.sort(null)
            left = np.searchsorted(ordered, query, side="left") / len(ordered)
            right = np.searchsorted(ordered, query, side="right") / len(ordered)
            for low, high in thresholds:
                chosen = pairs[-1][(right <= low) | (left >= high)]
                recalled.append(sorted(map(list, zip(chosen.entity1, chosen.entity2, strict=True))))
            return original(null, query, thresholds)

        benchmarking.get_benchmark_relationships, benchmarking.compute_recall = reading, computing
    start = time.perf_counter()
    data = Bunch(features=pd.DataFrame(values), metadata=pd.DataFrame({"gene": names}))
    table = benchmarking.known_relationship_benchmark(data, "gene")
    seconds = time.perf_counter() - start
    rows = [[row.source, row["recall_0.05_0.95"], row["recall_0.1_0.9"]] for _, row in table.iterrows()]
    return {"seconds": seconds, "recall": rows, "recalled": recalled}


def run_ours(folder: Path, capture: bool) -> dict[str, Any]:
    import numpy as np

    from hooke.cells.annotations import known_pairs
    from hooke.evaluate.recall import relationship_recall

    values, names = np.load(folder / "values.npy"), np.load(folder / "names.npy")
    start = time.perf_counter()
    sources = known_pairs(show_progress=False)
    found = relationship_recall(values, names, sources, generator=np.random.default_rng(0), resamples=0)
    seconds = time.perf_counter() - start
    rows = [[one.source, one.recall.value, two.recall.value] for one, two in zip(found[::2], found[1::2], strict=True)]
    recalled = (
        [sorted(sorted(names[pair].tolist()) for pair in one.pairs[one.recalled]) for one in found] if capture else []
    )
    return {"seconds": seconds, "recall": rows, "recalled": recalled}


def tvn_peer(folder: Path) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    _, efaar = peer()
    data = np.load(folder / "tvn.npz")
    metadata = pd.DataFrame({"batch": data["batches"], "gene": np.where(data["controls"], "control", "other")})
    np.save(folder / "tvn_peer.npy", efaar.tvn_on_controls(data["values"], metadata, "gene", "control", "batch"))
    return {}


def worker(name: str, folder: Path) -> None:
    jobs = {
        "peer": lambda: run_peer(folder, False), "peer-pairs": lambda: run_peer(folder, True),
        "ours": lambda: run_ours(folder, False), "ours-pairs": lambda: run_ours(folder, True),
        "peer-tvn": lambda: tvn_peer(folder),
    }  # fmt: skip
    result = jobs[name]()
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def call(python: str, name: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [python, __file__, "--worker", name, "--folder", str(folder)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def write_embeddings(folder: Path, genes: int, dim: int) -> None:
    """Genes of the five sources (and made-up ones beyond them); members of a complex share half of their direction."""
    import numpy as np

    from hooke.cells.annotations import complexes, known_pairs

    generator = np.random.default_rng(7)
    sources = known_pairs(show_progress=False).values()
    known = np.unique(np.concatenate([np.concatenate([pairs.first, pairs.second]) for pairs in sources]))
    made = np.array([f"made_{number}" for number in range(max(0, genes - len(known)))], dtype=known.dtype)
    names = generator.permutation(np.concatenate([generator.permutation(known)[:genes], made]))
    place = {name: row for row, name in enumerate(names)}
    values = generator.normal(size=(len(names), dim))
    for members in complexes(show_progress=False).values():
        rows = [place[name] for name in members if name in place]
        values[rows] += 0.5 * generator.normal(size=dim)
    np.save(folder / "values.npy", values)
    np.save(folder / "names.npy", names)


def tvn_difference(python: str, folder: Path) -> float:
    """Largest difference over the largest value, controls of full rank in every batch."""
    import numpy as np

    from hooke.evaluate.correction import fit

    generator = np.random.default_rng(3)
    batches = np.repeat(["a", "b", "c"], 200)
    controls = np.tile(np.arange(200) < 80, 3)
    mixing = generator.normal(size=(32, 32))
    values = generator.normal(size=(600, 32)) @ mixing + np.repeat(generator.normal(size=(3, 32)), 200, axis=0)
    np.savez(folder / "tvn.npz", values=values, batches=batches, controls=controls)
    call(python, "peer-tvn", folder)
    theirs = np.load(folder / "tvn_peer.npy")
    ours = fit("tvn", values, batches, controls, centre="all").transform(values, batches)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", nargs="?")
    parser.add_argument("results", type=Path, nargs="?")
    parser.add_argument("--genes", type=int, default=17_000)
    parser.add_argument("--parity-genes", type=int, default=3_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.folder)
        return
    with tempfile.TemporaryDirectory() as temporary, open(options.results, "a") as results:
        folder = Path(temporary)

        def write(**row: Any) -> None:
            results.write(json.dumps(row) + "\n")
            results.flush()
            print(json.dumps(row), flush=True)

        write_embeddings(folder, options.parity_genes, options.dim)
        theirs, ours = call(options.peer, "peer-pairs", folder), call(sys.executable, "ours-pairs", folder)
        differences = [abs(a - b) for x, y in zip(theirs["recall"], ours["recall"], strict=True)
                       for a, b in zip(x[1:], y[1:], strict=True)]  # fmt: skip
        write(
            what="parity", genes=options.parity_genes, largest_difference=max(differences),
            identical_pairs=theirs["recalled"] == ours["recalled"], recalled=[len(pairs) for pairs in ours["recalled"]],
            recall=ours["recall"],
        )  # fmt: skip
        write(what="tvn", largest_relative_difference=tvn_difference(options.peer, folder))
        write_embeddings(folder, options.genes, options.dim)
        for turn in range(options.rounds):
            order = ["peer", "ours"] if turn % 2 == 0 else ["ours", "peer"]
            found = {name: call(options.peer if name == "peer" else sys.executable, name, folder) for name in order}
            write(
                what="speed", turn=turn, genes=options.genes,
                seconds={name: found[name]["seconds"] for name in order},
                peak_mb={name: found[name]["peak_mb"] for name in order},
                faster=found["peer"]["seconds"] / found["ours"]["seconds"],
                memory_share=found["ours"]["peak_mb"] / found["peer"]["peak_mb"],
                equal=found["peer"]["recall"] == found["ours"]["recall"],
            )  # fmt: skip


if __name__ == "__main__":
    main()
