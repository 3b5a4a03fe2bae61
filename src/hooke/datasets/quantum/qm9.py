"""QM9: 134,000 small molecules of H, C, N, O and F with nineteen properties."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.core.cards import RemoteFile
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

_FILES = {
    "sample": RemoteFile(
        "metatrain_qm9_reduced_100.xyz.gz",
        "",
        "024a04ca9a2772454ba734710312cb7c4a1e0383e4b91300689c83c07bbf4781",
        "quantum/samples/metatrain_qm9_reduced_100.xyz.gz",
        25315,
    ),
}
CARD = QuantumCard(
    name="qm9",
    title="QM9: 134,000 small molecules",
    description=(
        "Equilibrium geometries of molecules of up to nine heavy atoms with energies, orbital energies, dipole "
        "moments, polarisabilities and thermochemistry."
    ),
    modality="atoms",
    source="doi:10.1038/sdata.2014.22; sample: metatensor/metatrain",
    licence="BSD-3-Clause (metatensor/metatrain); upstream terms unconfirmed",
    citation="qm9",
    size="about 134,000 molecules, one geometry each (quoted); 100 in the mirror's sample (exact)",
    levels=("frame", "atom"),
    files=(*_FILES.values(),),
    notes=(
        "U0 is the total energy at 0 K with the zero-point energy. A catalogue gives bohr for its lengths; they "
        "are Å, as its bond lengths are. The tables' columns u0 and u0_atom imply isolated atoms (hartree): H "
        "-0.500273, C -37.846772, N -54.583861, O -75.064579, F -99.718730."
    ),
    facts=Facts(
        energy_unit="hartree",
        length_unit="angstrom",
        energy_kind="total",
        methods=("b3lyp/6-31g(2df,p)",),
        properties=(
            ("A", "GHz"),
            ("B", "GHz"),
            ("C", "GHz"),
            ("mu", "debye"),
            ("alpha", "bohr^3"),
            ("homo", "hartree"),
            ("lumo", "hartree"),
            ("gap", "hartree"),
            ("r2", "bohr^2"),
            ("zpve", "hartree"),
            ("U", "hartree"),
            ("H", "hartree"),
            ("G", "hartree"),
            ("Cv", "cal/mol/K"),
        ),
    ),
    layout=(
        "the published archive, dsgdb9nsd.xyz.tar.bz2, has one text file a molecule: count, properties, atoms with "
        "charges, frequencies, SMILES, InChI; the sample is extended XYZ with the properties in the comment"
    ),
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(
        energies=("U0",),
        properties=("A", "B", "C", "mu", "alpha", "epsHOMO", "epsLUMO", "epsgap", "<R2>", "zpve", "U", "H", "G", "Cv"),
    )
    suffix = ".tar.bz2"
    parts = _FILES
