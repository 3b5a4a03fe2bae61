"""SAPT10k: dimers with the four terms of symmetry-adapted perturbation theory."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.core.cards import RemoteFile
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

_FILES = {
    "sample": RemoteFile(
        "so3lr_sapt10k_tenth_a.xyz.gz",
        "",
        "9b03f6e11808ed9af99e25434b37ca85e5f88aed571f1ffe40f4dae49f71d3ed",
        "quantum/samples/so3lr_sapt10k_tenth_a.xyz.gz",
        265656,
    ),
}
CARD = QuantumCard(
    name="sapt10k",
    title="SAPT10k: dimers with terms of SAPT",
    description=(
        "Dimers of small molecules with their interaction energy and its terms: electrostatics, exchange, "
        "induction and dispersion."
    ),
    modality="atoms",
    source=(
        "github.com/general-molecular-simulations/so3lr (examples/data/sapt10k.zip, commit 5ec39b9d8d83), "
        "doi:10.1063/5.0204064"
    ),
    licence="MIT (repository); the article's terms were not read",
    citation="sapt10k",
    size="about 10,000 dimers (quoted); 995 in the mirror's sample (exact)",
    levels=("frame", "atom"),
    files=(*_FILES.values(),),
    notes=(
        "Which level of SAPT was used is unconfirmed; the terms add up to the total within 2e-5 kcal/mol on 993 "
        "of the sample's 995 dimers; on pi11x8-benzene_benzonitrile_4 and pi11x8-benzene-toluene_4 they miss it "
        "by 0.075 and 0.032. `energy` repeats the total."
    ),
    facts=Facts(
        energy_unit="kcal/mol",
        length_unit="angstrom",
        energy_kind="interaction",
        methods=("sapt#electrostatics", "sapt#exchange", "sapt#induction", "sapt#dispersion", "sapt"),
    ),
    layout=(
        "extended XYZ: Elst, Exch, Ind, Disp and benchmark_Eint in the comment, with selection_a, selection_b, "
        "charge_a and charge_b"
    ),
    e0="none known",
    charges="stated per frame",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(
        energies=("Elst", "Exch", "Ind", "Disp", "benchmark_Eint"),
        monomers=("selection_a", "selection_b", "charge_a", "charge_b"),
        name="file_name",
        charge="charge",
    )
    parts = _FILES
