"""Names of columns that hold indices, numbers of registries, years and dates, and names that only look like it."""

from __future__ import annotations

import pytest

from hooke.molecules.tables.naming import names_date, names_identifier, names_thing, names_year, words_of


@pytest.mark.parametrize(
    "name",
    ["", "#", "№", "...1", "Unnamed: 0", "Unnamed: 0.1", "__index_level_0__", "level_0", "index", "Index.1", "IDX", "original_index",
     "Molecule Index", "ID", "id", "Row", "row_number", "RowNumber", "No.", "S.No.", "Sr. No", "Entry", "record_id", "idnumber", "ID number",
     "Compound_ID", "CompoundID", "compoundid", "COMPOUND ID", "Compound Number", "compound_no", "Sample ID", "batch_id", "Plate number",
     "MolID", "mol_id", "PubChem_CID", "PUBCHEM_COMPOUND_CID", "PubChemCID", "CID", "ChEMBLID", "chembl_id", "CHEMBL ID", "molregno",
     "CAS", "CAS number", "cas_no", "CAS-RN", "CASRN", "CAS Registry Number", "NSC", "NSC number", "zincid", "PMID", "Catalog Number",
     "registration number", "target_id", "assay_id", "doc_id", "Structure_ID"],
)  # fmt: skip
def test_identifiers(name: str) -> None:
    assert names_identifier(name)


@pytest.mark.parametrize(
    "name",
    ["logS", "IC50 (nM)", "acid number", "octane number", "refractive index", "glycemic index", "lipid", "amyloid", "steroid", "opioid",
     "solid", "n_rings", "number of rings", "coordination number", "count", "y", "Y1", "active", "label", "target", "class", "hit",
     "revertants/plate", "cells per well", "kcal/mol", "E (kJ/mol)", "pK", "level", "serum zinc", "fold change", "melting point", "LD50",
     "активность"],
)  # fmt: skip
def test_names_of_measurements(name: str) -> None:
    assert not names_identifier(name)
    assert not names_thing(name)


def test_things_years_and_dates() -> None:
    assert names_thing("Compound 1")
    assert names_thing("fold")
    assert names_year("Publication Year")
    assert names_year("document_year")
    assert not names_year("yearning")
    assert names_date("assayDate")
    assert not names_date("candidate")
    assert words_of("PUBCHEM_COMPOUND_CID") == ["pubchem", "compound", "cid"]
    assert words_of("PubChemCID 2") == ["pub", "chem", "cid"]
