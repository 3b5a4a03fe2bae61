"""How fast the explore page answers, and what a map of 17,000 genes costs to build.

    python bench/explore_speed.py RESULTS.jsonl [--genes 17000] [--dim 128] [--layout umap] [--screenshot page.png]

A made-up screen of four wells a gene, in which the genes of a CORUM complex are alike, is built into a map by the ordinary function,
and served by the ordinary server; every kind of question is asked a hundred times for random genes over HTTP. Peak memory is that of
the whole process, building and serving.
HOOKE_MIRROR must hold the annotation files.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    import numpy as np
    import polars as pl

    from hooke.cells.annotations import complexes, known_pairs
    from hooke.cells.profiles import Profiles
    from hooke.maps.construction import build
    from hooke.serve.explore import open_map
    from hooke.serve.map_server import map_server

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--genes", type=int, default=17_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--layout", default="umap")
    parser.add_argument("--screenshot", type=Path, help="PNG of the page in headless Chromium")
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    known = known_pairs(show_progress=False)
    names = np.unique(np.concatenate([np.concatenate([pairs.first, pairs.second]) for pairs in known.values()]))
    names = generator.permutation(np.concatenate([names, [f"made_{number}" for number in range(options.genes)]]))[
        : options.genes
    ]
    effects = generator.normal(size=(options.genes, options.dim)).astype(np.float32)
    places = {name: place for place, name in enumerate(names)}
    for genes in complexes(show_progress=False).values():
        inside = [places[gene] for gene in genes if gene in places]
        effects[inside] += generator.normal(size=options.dim).astype(np.float32)
    values = np.repeat(effects, 4, axis=0) + generator.normal(size=(4 * options.genes, options.dim)).astype(np.float32)
    wells = Profiles.of_embeddings(values, pl.DataFrame({"gene": np.repeat(names, 4)}))
    del values, effects
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        made = build(wells, layout_method=options.layout)
        [path] = made.write(Path(folder) / "map.parquet")
        row = {
            "genes": options.genes,
            "layout": options.layout,
            "build_s": time.perf_counter() - start,
            "build_peak_mb": peak_mb(),
        }
        start = time.perf_counter()
        server = map_server(open_map(path, known=known))
        row["open_s"] = time.perf_counter() - start
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        drawn = [urllib.parse.quote(name) for name in generator.choice(names, 100)]
        questions = {
            "search": [f"/api/search?q={name[:3]}" for name in drawn],
            "neighbours": [f"/api/neighbours?name={name}" for name in drawn],
            "heat_map": [f"/api/heatmap?names={','.join(drawn[shift:] + drawn[:shift])[:400]}" for shift in range(100)],
            "points": ["/api/points"] * 10,
        }
        for question, paths in questions.items():
            seconds = []
            for path_asked in paths:
                start = time.perf_counter()
                urllib.request.urlopen(address + path_asked).read()
                seconds.append(time.perf_counter() - start)
            row[f"{question}_median_ms"] = 1000 * statistics.median(seconds)
            row[f"{question}_worst_ms"] = 1000 * max(seconds)
        row["recalled"] = json.loads(urllib.request.urlopen(address + "/api/summary").read())["recalled"]
        if options.screenshot:
            members = max(
                complexes(show_progress=False).values(), key=lambda genes: sum(gene in places for gene in genes)
            )
            chosen = [gene for gene in members if gene in places][:30]
            subprocess.run(
                [
                    "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
                    "--window-size=1400,1300", "--virtual-time-budget=10000", f"--screenshot={options.screenshot}",
                    f"{address}/?name={chosen[0]}&heat={','.join(chosen)}",
                ],
                check=True, capture_output=True,
            )  # fmt: skip
        server.shutdown()
    row["peak_mb"] = peak_mb()
    print(json.dumps(row))
    with open(options.results, "a") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
