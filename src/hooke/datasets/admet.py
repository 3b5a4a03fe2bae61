"""ADMET: 33 small tables of absorption, distribution, metabolism, excretion and toxicity, one label each.

The 27 of Admetica, and the six endpoints of Biogen's in-vitro set of 3,521 compounds. Four of Biogen's endpoints have published train and
test rows; all other tables are tested on the scaffolds that `molecules.held_out` names. Admetica's tables are not TDC's: where the
same assay is in both, rows and splits differ, and numbers must not be compared.

Metrics are those that TDC uses for the assay of the same name: MAE or Spearman for measurements, AUROC or average precision for classes; for
Biogen's logarithms Pearson's correlation, as in Fang et al. 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import UnknownNameError
from hooke.core.label import Label
from hooke.molecules.tables.description import Table

_ADMETICA = "https://raw.githubusercontent.com/datagrok-ai/admetica/d4f70569901c189f39fa37871e2aeabeef3adc83/ADMET/"
_BIOGEN = "https://raw.githubusercontent.com/molecularinformatics/Computational-ADME/b00df003de117ce9e5b381afd886095c5f2af2d5/"
_WHOLE = RemoteFile(
    "ADME_public_set_3521.csv", _BIOGEN + "ADME_public_set_3521.csv",
    "2cfabc2667740c224487876c33b23124159ef43294e0f9e4d926cb6276c95a3b", "admet/biogen_adme_fang_3521.csv.gz", 388279,
)  # fmt: skip


def _admetica(path: str, sha256: str, size: int, smiles: str, column: str, metric: str, unit: str = "") -> Table:
    file = path.rpartition("/")[2]
    key = file.removesuffix(".csv").removesuffix("_curated").replace("-", "_")
    kind = "binary" if metric in ("roc_auc", "average_precision") else "regression"
    label = Label(key, kind=kind, unit=unit, source=key)  # type: ignore[arg-type]
    remote = RemoteFile(file, _ADMETICA + path, sha256, f"admet/admetica/{file}.gz", size)
    return Table(((column, label),), smiles, (remote,), metric=metric)


def _biogen(name: str, unit: str, *parts: tuple[str, str, int], column: str = "activity") -> Table:
    """A column of the whole set, or the two files of a published split."""
    columns = ((column, Label(f"biogen_{name}", unit=unit, source=f"biogen_{name}")),)
    if not parts:
        return Table(columns, "SMILES", (_WHOLE,), metric="pearson")
    files = tuple(
        RemoteFile(f"{stem}.csv", f"{_BIOGEN}MPNN/{stem}.csv", sha256, f"admet/biogen_split/{stem}.csv.gz", size)
        for stem, sha256, size in parts
    )
    names = tuple(stem.rpartition("_")[2] for stem, *_ in parts)
    return Table(columns, "smiles", files, names, metric="pearson", duplicates="keep_all")


TABLES: dict[str, Table] = {
    table.labels[0].name: table
    for table in (
        _admetica("toxicity/ames/ames_curated.csv", "b0cc7b9fcbf20bfcb5639562017311836a0d16366923c72c1461f16f3c6bb70f",
                  261751, "Smiles", "Class", "roc_auc"),
        _admetica("distribution/bbb/bbb_curated.csv", "eeb3aeb853115d609fdd6efdef2d1c677be946032e98db5b2222725564b2ac9e",
                  1423727, "Smiles", "Class", "roc_auc"),
        _admetica("absorption/bioavailability/bioavailability.csv", "6f0e7162025eb1ed766686726e0a08e97241bd785be0e6291aafcaccdc40f2d9",
                  54527, "Smiles", "Bioavailability", "roc_auc"),
        _admetica("absorption/caco2/caco2.csv", "685364e2d7607caa88b37d447e4910ec17aa33964f9947bb12881241fecc335f",
                  79001, "Drug", "Y", "mae", "log10 cm/s"),
        _admetica("excretion/cl-hepa/cl-hepa.csv", "8c79439ab493fbeac531ab4b6c99fa517093c3001f2d1bab361465c4d0d1163c",
                  86721, "Drug", "Y", "spearman", "µL/min/10^6 cells"),
        _admetica("excretion/cl-micro/cl-micro.csv", "3516107d5ba2337da76b2848a872033608720435a4778698db770bb8bd767592",
                  77261, "Drug", "Y", "spearman", "mL/min/g"),
        _admetica("metabolism/cyp1a2-inhibitor/cyp1a2-inhibitor.csv", "f9fc124b2213a0d7a3b221b89419e3ac30b0b739e877dfc4f084efd4f3b2fb77",
                  722084, "smiles", "Activity", "average_precision"),
        _admetica("metabolism/cyp1a2-substrate/cyp1a2-substrate.csv", "a7e85e5f213628a10c78bc0f0eaa0902db0f3d49b707190b91ae523bb0fc6dac",
                  34447, "smiles", "Activity", "roc_auc"),
        _admetica("metabolism/cyp2c19-inhibitor/cyp2c19-inhibitor.csv", "719e9401e319fb9a144770d79ca166cbb6851e94e4c2400168a87ea955b37ebe",
                  737937, "smiles", "Activity", "average_precision"),
        _admetica("metabolism/cyp2c19-substrate/cyp2c19-substrate.csv", "8bcb90c9f2e22edf3a59f9be761bccd9ffb76a71719d910e334614a5a301c072",
                  31487, "smiles", "Activity", "roc_auc"),
        _admetica("metabolism/cyp2c9-inhibitor/cyp2c9-inhibitor.csv", "42e4e2d3235facf225684057d46f2d863649308b0f58ce4caafe8f91982bc4a6",
                  709492, "smiles", "Activity", "average_precision"),
        _admetica("metabolism/cyp2c9-substrate/cyp2c9-substrate.csv", "3a46742921fb475f24535e3787fb7c4b9886787fb1a2730541a9833203df2563",
                  46373, "smiles", "Activity", "average_precision"),
        _admetica("metabolism/cyp2d6-inhibitor/cyp2d6-inhibitor.csv", "f27545597706ff2432b261c06367adb8411642730268ad3feba5252ab87455c4",
                  762244, "smiles", "Activity", "average_precision"),
        _admetica("metabolism/cyp2d6-substrate/cyp2d6-substrate.csv", "cf640d3144d72c2af77b94b51b6a460b8ddedbde54746a5dfb79f91c8a98edf9",
                  47679, "smiles", "Activity", "average_precision"),
        _admetica("metabolism/cyp3a4-inhibitor/cyp3a4-inhibitor.csv", "00d1b4a206a0181f1ecef93a77b9f0c7e9d03fe873d41453da2a5a1d8b7980d6",
                  708420, "smiles", "Activity", "average_precision"),
        _admetica("metabolism/cyp3a4-substrate/cyp3a4-substrate.csv", "9a444e22ccb312afc77a8f6ca182b0bb18833bb18fc06015acf1cdd55a6d1c93",
                  63095, "smiles", "Activity", "roc_auc"),
        _admetica("toxicity/h-ht/h-ht.csv", "68af846909af776bb329b2d087fc3532868372ad22476510aed60b5c0f7934de",
                  108021, "Smiles", "Class", "roc_auc"),
        _admetica("excretion/half-life/half-life.csv", "f62f9b6dc1b0501b674ebf5e6ecf20d1b3413522827c1a1eff8722e9c14eef4c",
                  50923, "Drug", "Y", "spearman", "h"),
        _admetica("toxicity/herg/herg.csv", "ad1490c2f1d920a8277d2c74dea602d237cfbcc48ed373e15ef89d3a07605abf",
                  1319868, "Smiles", "Class", "roc_auc"),
        _admetica("absorption/hia/hia.csv", "5284f344ada4409ae6ca92ffaad2693542c1c94eff2597340492563362a1db52",
                  39168, "Drug", "Y", "roc_auc"),
        _admetica("toxicity/ld50/ld50.csv", "e4b8fa8452c21d466ba5dc2025228a5214171fdffc642f25c34d88199a665436",
                  688291, "Drug", "Y", "mae", "log10 kg/mol"),
        _admetica("absorption/lipophilicity/lipophilicity.csv", "01431b6eee35e9fa5ed48b3246b1069a7fcee78674cb8c8daa842ae618f35abf",
                  281082, "Drug", "Y", "mae", "log D"),
        _admetica("absorption/pgp-inhibitor/pgp-inhibitor_curated.csv", "9c9c634c83c34a143cfb764b4f9f61154981b12385d05394bd51ab791bc68890",
                  65204, "Smiles", "Activity", "roc_auc"),
        _admetica("absorption/pgp-substrate/pgp-substrate.csv", "e91953beecc60c416d6ed4975d11e2b58179162284aeed8f49a7e4ee1fd0d9c4",
                  25741, "Smiles", "Substrate", "roc_auc"),
        _admetica("distribution/ppbr/ppbr.csv", "b658f378274afa340c6af8473d2b6b4ac3f427e54ce19d37449181a619afa1d5",
                  202481, "Drug", "Y", "mae", "%"),
        _admetica("absorption/solubility/solubility.csv", "beffa08a63196e97e9e5d25a99300121a6314f71a23fc79716d6028f4f89ff94",
                  820016, "Drug", "Y", "mae", "log10 mol/L"),
        _admetica("distribution/vdss/vdss.csv", "d46f9f227fb790bd411ddfbabfe71224f6441d4ade341f9b3e0615e2adc6b234",
                  85440, "Drug", "Y", "spearman", "L/kg"),
        _biogen("hlm", "log10 mL/min/kg", column="LOG HLM_CLint (mL/min/kg)"),
        _biogen("rppb", "log10 % unbound", column="LOG PLASMA PROTEIN BINDING (RAT) (% unbound)"),
        _biogen("mdr1_er", "log10 B-A/A-B",
            ("ADME_MDR1_ER_train", "5facb20d38628111469644db338a5351fa9e766adba4715292760f5a05ea07cc", 105265),
            ("ADME_MDR1_ER_test", "c17a168d9e9d8ed0de67a1ab0191a795ae75181163b5d902db3a7f33ab42f303", 26146),
        ),
        _biogen("rlm", "log10 mL/min/kg",
            ("ADME_RLM_train", "38144705d2809b08ba548bf6660a37b9ee30bd09eeef208e67af13a9fac27c26", 118843),
            ("ADME_RLM_test", "7467799c8727be5599b0a76b08f60fbeec92bf9533cc8213a511b9f0b977b1c1", 29735),
        ),
        _biogen("sol", "log10 µg/mL",
            ("ADME_Sol_train", "61386580c8d74867c9d7bdcccc0fc59943f872e1afb8f541ba3a92d1af270e08", 84391),
            ("ADME_Sol_test", "8f9efd2deef045ddcfbcd871d458d3b619fa80463094fd0ae9dec3a2fa69718f", 21482),
        ),
        _biogen("hppb", "log10 % unbound",
            ("ADME_hPPB_train", "3f35823e1e8d156acef5d2a3e1ea506af4fc3b351ab804f6f5cadd5cba5ab77a", 96455),
            ("ADME_hPPB_test", "191a89a583571977b34297a61b724797cbdd288a3e80175edc8c62814a7ed089", 24061),
        ),
    )
}  # fmt: skip
CARD = Card(
    name="admet",
    title="ADMET: the 27 tables of Admetica and the 6 endpoints of Biogen",
    description="One table at a time: table=" + ", ".join(TABLES) + ".",
    modality="molecules",
    source="github.com/datagrok-ai/admetica (commit d4f7056), github.com/molecularinformatics/Computational-ADME (commit b00df00)",
    licence="MIT (both repositories; Admetica's README says that source and data are MIT)",
    citation="admet",
    size="332 to 27,616 molecules, 1 label each",
    files=tuple({file.name: file for table in TABLES.values() for file in table.files}.values()),
    split="published for biogen_mdr1_er, biogen_rlm, biogen_sol and biogen_hppb; else one scaffold in ten, by its hash",
    notes="Not the official splits of TDC. Equal molecules are merged: the mean of measurements, the majority of classes.",
)


@dataclass(frozen=True)
class Config:
    """Which table."""

    table: str = "caco2"

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise UnknownNameError("table of admet", self.table, TABLES)


class Dataset(datasets.TableDataset[Config]):
    """One table of ADMET as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, CARD.name, {config.table: TABLES[config.table]})
