"""Models of responses on tables of scores: genes, pairs, compounds and contexts that were not seen, beside baselines and changed graphs."""

from __future__ import annotations

from hooke.suites import ResponseSuite, ResponseTask

SUITE = ResponseSuite(
    name="responses",
    title="Responses to perturbations",
    tasks=(
        ResponseTask(
            "horlbeck", "horlbeck", "gene_pairs", ("matching_mean", "signed_low_rank"),
            {"profiles": ("no_change", "global_mean", "nearest_neighbours", "bilinear_ridge", "graph_kernel_ridge")},
        ),
        ResponseTask("norman_gi", "norman_gi", "interactions", ("additive", "quadratic_additive", "matching_mean", "signed_low_rank")),
        ResponseTask("gdsc", "gdsc", "drug_response", ("kronecker_ridge",), {"encoders": ("tiny",)}),
        ResponseTask(
            "crispr_screens", "crispr_screens", "other_donor", ("global_mean", "nearest_neighbours"),
            {"donors": {"IFNG": ("ifng_d1/pos|lfc", "ifng_d2/pos|lfc"), "IL2": ("il2_d1/pos|lfc", "il2_d2/pos|lfc")}},
        ),
        ResponseTask(
            "l1000_overexpression", "l1000_overexpression", "unseen_gene",
            ("no_change", "global_mean", "nearest_neighbours", "bilinear_ridge", "graph_kernel_ridge"),
        ),
    ),
)  # fmt: skip
