"""Whom to cite for a model, data set, method or library: `hooke show cite NAME` prints BibTeX."""

from __future__ import annotations

from hooke.core.errors import UnknownNameError
from hooke.core.publications import PUBLICATIONS, Citation

_KEYS: dict[str, tuple[str, ...]] = {
    "attribute_masking": ("hu2020strategies",),
    "combined": ("beaini2024towards",),
    "commute": ("klein1993resistance",),
    "contextual_property": ("rong2020self",),
    "contrastive": ("wang2022molecular",),
    "cycles": ("canturk2024graph",),
    "electrostatic": ("kreuzer2021rethinking", "canturk2024graph"),
    "functional_groups": ("rong2020self",),
    "gps": ("rampasek2022recipe",),
    "graph_transformer": ("ying2021transformers",),
    "heat_kernel": ("canturk2024graph",),
    "noisy_nodes": ("godwin2022simple", "masters2022gps"),
    "adabn": ("li2016revisiting",),
    "adamw": ("loshchilov2019decoupled",),
    "aqsoldb": ("sorkun2019aqsoldb",),
    "augmentation_inside": ("sypetkowski2020augmentation",),
    "butina": ("butina1999unsupervised",),
    "ca_mae": ("kraus2024masked", "kenyondean2024vitally"),
    "chemprop": ("heid2024chemprop", "yang2019analyzing"),
    "conformal": ("lei2018distribution", "sadinle2019least"),
    "coral": ("sun2016deep", "koh2021wilds"),
    "dann": ("ganin2016domain", "koh2021wilds"),
    "densenet": ("huang2017densely",),
    "crispr_screens": ("mehrjou2022genedisco", "schmidt2022crispr"),
    "dmpnn": ("yang2019analyzing",),
    "efaar": ("celik2024building",),
    "ensemble": ("lakshminarayanan2017simple",),
    "esol": ("delaney2004esol",),
    "freesolv": ("mobley2014freesolv",),
    "gated_gcn": ("bresson2017residual",),
    "gatedgcn": ("bresson2017residual",),
    "gcn": ("kipf2017semi",),
    "gfn2-xtb": ("bannwarth2019gfn2",),
    "gfn2_xtb": ("bannwarth2019gfn2",),
    "gin": ("xu2019how",),
    "gine": ("hu2020strategies",),
    "gps++": ("masters2022gps",),
    "gps_plus_plus": ("masters2022gps",),
    "gpse": ("canturk2024graph",),
    "graphium": ("beaini2024towards",),
    "group_dro": ("sagawa2020distributionally", "koh2021wilds"),
    "grover": ("rong2020self",),
    "jump_cp": ("chandrasekaran2023jump",),
    "irm": ("arjovsky2019invariant", "koh2021wilds"),
    "horlbeck": ("horlbeck2018mapping",),
    "laplacian": ("dwivedi2020benchmarking",),
    "lappe": ("dwivedi2020benchmarking",),
    "largemix": ("beaini2024towards",),
    "lion": ("chen2023symbolic",),
    "mae": ("he2022masked", "kraus2023masked"),
    "masked_image": ("he2022masked", "kraus2023masked"),
    "minimol": ("klaser2024minimol",),
    "moleculenet": ("wu2018moleculenet",),
    "molgps": ("sypetkowski2024scalability",),
    "morgan": ("rogers2010extended",),
    "mpnn": ("beaini2024towards", "gilmer2017neural"),
    "mu_net": ("kraus2023masked",),
    "multitask": ("beaini2024towards", "kendall2018multi"),
    "openphenom": ("kraus2024masked",),
    "perturbation_classification": ("kraus2023masked",),
    "pocketmix": ("mobley2014freesolv", "bannwarth2019gfn2"),
    "qm9": ("ramakrishnan2014quantum",),
    "random_forest": ("breiman2001random",),
    "random_walk": ("dwivedi2022graph",),
    "rdkit": ("rdkit",),
    "rxrx1": ("sypetkowski2023rxrx1",),
    "rxrx3": ("fay2023rxrx3",),
    "resnet": ("he2016deep",),
    "rwse": ("dwivedi2022graph",),
    "scaffold": ("bemis1996properties",),
    "scikit-learn": ("pedregosa2011scikit",),
    "sit_v1": ("atito2021sit",),
    "sit_v2": ("atito2021sit",),
    "tblite": ("tblite", "bannwarth2019gfn2"),
    "torch": ("paszke2019pytorch",),
    "toymix": ("beaini2024towards",),
    "ultralarge": ("beaini2024towards",),
    "vit": ("dosovitskiy2021image",),
}


CITATIONS: dict[str, tuple[Citation, ...]] = {
    name: tuple(PUBLICATIONS[key] for key in keys) for name, keys in _KEYS.items()
}


def publications(name: str) -> tuple[Citation, ...]:
    """What a name of Hooke stands for: a model, data set, method or library; a BibTeX key does as well.

    Raises:
        UnknownNameError: Nothing is recorded for that name.
    """
    if name in PUBLICATIONS:
        return (PUBLICATIONS[name],)
    if name not in CITATIONS:
        raise UnknownNameError("citation", name, CITATIONS)
    return CITATIONS[name]


def cite(name: str) -> str:
    """The BibTeX of `publications`."""
    return "\n\n".join(publication.bibtex() for publication in publications(name))
