"""Whom to cite for a model, data set, method or library: `hooke show cite NAME` prints BibTeX."""

from __future__ import annotations

from dataclasses import dataclass

from hooke.core.errors import UnknownNameError


@dataclass(frozen=True)
class Citation:
    """One publication."""

    key: str
    authors: str
    title: str
    year: int
    venue: str
    identifier: str  # doi:... or arXiv:...

    def bibtex(self) -> str:
        """The entry as BibTeX."""
        kind, _, value = self.identifier.partition(":")
        where = f"  doi = {{{value}}},\n" if kind == "doi" else f"  eprint = {{{value}}},\n  archivePrefix = {{arXiv}},\n"
        return (
            f"@article{{{self.key},\n  author = {{{self.authors}}},\n  title = {{{self.title}}},\n"
            f"  journal = {{{self.venue}}},\n  year = {{{self.year}}},\n{where}}}"
        )


def _c(key: str, authors: str, title: str, year: int, venue: str, identifier: str) -> Citation:
    return Citation(key, authors, title, year, venue, identifier)


_CHEMPROP = _c(
    "yang2019analyzing", "Yang, Kevin and others", "Analyzing Learned Molecular Representations for Property Prediction", 2019,
    "Journal of Chemical Information and Modeling", "doi:10.1021/acs.jcim.9b00237",
)  # fmt: skip
_GRAPHIUM = _c(
    "beaini2023towards", "Beaini, Dominique and others", "Towards Foundational Models for Molecular Learning on Large-Scale Multi-Task Datasets",
    2023, "arXiv", "arXiv:2310.04292",
)  # fmt: skip
CITATIONS: dict[str, Citation] = {
    "graphium": _GRAPHIUM,
    "toymix": _GRAPHIUM,
    "largemix": _GRAPHIUM,
    "ultralarge": _GRAPHIUM,
    "mpnn": _GRAPHIUM,
    "molgps": _c("sypetkowski2024scalability", "Sypetkowski, Maciej and others", "On the Scalability of GNNs for Molecular Graphs", 2024, "arXiv", "arXiv:2404.11568"),
    "gps_plus_plus": _c("masters2022gps", "Masters, Dominic and others", "GPS++: An Optimised Hybrid MPNN/Transformer for Molecular Property Prediction", 2022, "arXiv", "arXiv:2212.02229"),
    "dmpnn": _CHEMPROP,
    "chemprop": _c("heid2024chemprop", "Heid, Esther and others", "Chemprop: A Machine Learning Package for Chemical Property Prediction", 2024, "Journal of Chemical Information and Modeling", "doi:10.1021/acs.jcim.3c01250"),
    "gin": _c("xu2019how", "Xu, Keyulu and Hu, Weihua and Leskovec, Jure and Jegelka, Stefanie", "How Powerful are Graph Neural Networks?", 2019, "ICLR", "arXiv:1810.00826"),
    "gine": _c("hu2020strategies", "Hu, Weihua and Liu, Bowen and Gomes, Joseph and Zitnik, Marinka and Liang, Percy and Pande, Vijay and Leskovec, Jure", "Strategies for Pre-training Graph Neural Networks", 2020, "ICLR", "arXiv:1905.12265"),
    "gcn": _c("kipf2017semi", "Kipf, Thomas N. and Welling, Max", "Semi-Supervised Classification with Graph Convolutional Networks", 2017, "ICLR", "arXiv:1609.02907"),
    "gated_gcn": _c("bresson2017residual", "Bresson, Xavier and Laurent, Thomas", "Residual Gated Graph ConvNets", 2017, "arXiv", "arXiv:1711.07553"),
    "moleculenet": _c("wu2018moleculenet", "Wu, Zhenqin and others", "MoleculeNet: a benchmark for molecular machine learning", 2018, "Chemical Science", "doi:10.1039/C7SC02664A"),
    "freesolv": _c("mobley2014freesolv", "Mobley, David L. and Guthrie, J. Peter", "FreeSolv: a database of experimental and calculated hydration free energies, with input files", 2014, "Journal of Computer-Aided Molecular Design", "doi:10.1007/s10822-014-9747-x"),
    "esol": _c("delaney2004esol", "Delaney, John S.", "ESOL: Estimating Aqueous Solubility Directly from Molecular Structure", 2004, "Journal of Chemical Information and Computer Sciences", "doi:10.1021/ci034243x"),
    "gfn2_xtb": _c("bannwarth2019gfn2", "Bannwarth, Christoph and Ehlert, Sebastian and Grimme, Stefan", "GFN2-xTB: An Accurate and Broadly Parametrized Self-Consistent Tight-Binding Quantum Chemical Method", 2019, "Journal of Chemical Theory and Computation", "doi:10.1021/acs.jctc.8b01176"),
    "laplacian": _c("dwivedi2020benchmarking", "Dwivedi, Vijay Prakash and others", "Benchmarking Graph Neural Networks", 2020, "arXiv", "arXiv:2003.00982"),
    "random_walk": _c("dwivedi2021graph", "Dwivedi, Vijay Prakash and others", "Graph Neural Networks with Learnable Structural and Positional Representations", 2021, "arXiv", "arXiv:2110.07875"),
    "adamw": _c("loshchilov2019decoupled", "Loshchilov, Ilya and Hutter, Frank", "Decoupled Weight Decay Regularization", 2019, "ICLR", "arXiv:1711.05101"),
    "conformal": _c("lei2018distribution", "Lei, Jing and G'Sell, Max and Rinaldo, Alessandro and Tibshirani, Ryan J. and Wasserman, Larry", "Distribution-Free Predictive Inference for Regression", 2018, "Journal of the American Statistical Association", "doi:10.1080/01621459.2017.1307116"),
    "morgan": _c("rogers2010extended", "Rogers, David and Hahn, Mathew", "Extended-Connectivity Fingerprints", 2010, "Journal of Chemical Information and Modeling", "doi:10.1021/ci100050t"),
}  # fmt: skip
CITATIONS["pocketmix"] = CITATIONS["freesolv"]


def cite(name: str) -> str:
    """BibTeX of what a name stands for.

    Raises:
        UnknownNameError: Nothing is recorded for that name.
    """
    if name not in CITATIONS:
        raise UnknownNameError("citation", name, CITATIONS)
    return CITATIONS[name].bibtex()
