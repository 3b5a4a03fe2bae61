"""How large a simulated screen is, what it looks like, and how strong its effects are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hooke.core.errors import UsageError

CHANNELS = {
    "rxrx1": ("DNA", "ER", "Actin", "RNA", "Mito", "Golgi"),
    "jump_cp": ("DNA", "ER", "RNA", "AGP", "Mito"),
}
CELL_TYPES = ("HUVEC", "RPE", "HEPG2", "U2OS")


@dataclass(frozen=True)
class ScreenConfig:
    """A simulated screen; everything in it follows from these values.

    Attributes:
        style: "rxrx1": siRNA knock-downs in four cell types, each perturbation in another well of every experiment, 6 channels
            of 8 bit. "jump_cp": guides and compounds with doses in U2OS, the same place on every plate, 5 channels of 16 bit.
        seed: Of everything: the library, the plates, the cells.
        size: Side of a field, in pixels of about 1.8 micrometres (a 20x field shrunk threefold).
        modules: Gene modules (complexes); genes of one module do the same to cells, some of them the opposite.
        genes_per_module: Genes in each.
        lone_genes: Genes in no module, each with an effect of its own.
        inactive_genes: Genes that do nothing.
        guides: Guides (or siRNAs) a gene, of differing strength and with small effects of their own.
        compounds: Compounds; each hits one gene of a module, a few nothing.
        doses_um: Concentrations of each compound.
        experiments: Experimental batches.
        plates: Plates an experiment.
        replicates: Wells of each perturbation in an experiment.
        coverage: Part of the perturbations that each experiment holds, others for each: below 1, perturbations can only be
            compared across experiments, as in large screens. 1 in the style of rxrx1.
        controls: Wells of untreated cells a plate (negative controls).
        sites: Fields a well.
        effect_strength: Factor of all effects of perturbations.
        batch_strength: Factor of all effects of experiments, plates and places.
    """

    style: Literal["rxrx1", "jump_cp"] = "jump_cp"
    seed: int = 0
    size: int = 96
    modules: int = 12
    genes_per_module: int = 4
    lone_genes: int = 12
    inactive_genes: int = 4
    guides: int = 2
    compounds: int = 8
    doses_um: tuple[float, ...] = (0.3, 3.0, 30.0)
    experiments: int = 4
    plates: int = 1
    replicates: int = 1
    coverage: float = 1.0
    controls: int = 16
    sites: int = 2
    effect_strength: float = 1.0
    batch_strength: float = 1.0

    def __post_init__(self) -> None:
        if self.style not in CHANNELS:
            raise UsageError(f"style must be one of {', '.join(CHANNELS)}, got {self.style!r}")
        if self.size < 32:
            raise UsageError(f"a field needs at least 32 pixels, got size={self.size}")
        positive = ("modules", "genes_per_module", "guides", "experiments", "plates", "replicates", "sites")
        for name in positive:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if min(self.lone_genes, self.inactive_genes, self.compounds, self.controls) < 0:
            raise UsageError("numbers of genes, compounds and controls cannot be negative")
        if self.style == "rxrx1" and self.compounds:
            raise UsageError("a screen in the style of rxrx1 has no compounds; set compounds=0")
        if not 0 < self.coverage <= 1 or (self.style == "rxrx1" and self.coverage < 1):
            raise UsageError("coverage must lie above 0 and at most at 1; in the style of rxrx1 it is 1")
        if self.compounds and not self.doses_um:
            raise UsageError("compounds need at least one dose in doses_um")

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of its images."""
        return CHANNELS[self.style]

    @property
    def dtype(self) -> str:
        """The type of its pixels."""
        return "uint8" if self.style == "rxrx1" else "uint16"

    @property
    def cell_types(self) -> tuple[str, ...]:
        """The cell types, one an experiment, in turn."""
        return CELL_TYPES if self.style == "rxrx1" else ("U2OS",)
