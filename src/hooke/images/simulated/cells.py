"""Drawing simulated cells: from the traits of each cell to the light of six structures, before any optics.

Every cell is drawn on a square patch of its own, all cells of a field at once, and the patches are laid on the field. Nuclei
are ellipses, cells wavy ellipses that give way to each other; textures come from random fields that are drawn once.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from hooke.images.simulated.library import TRAITS

STRUCTURES = ("DNA", "ER", "Actin", "RNA", "Mito", "Golgi")
PATCH = 40  # pixels; cells are cut beyond
MARGIN = 14  # cells further outside the field do not reach into it
_TEXTURE = 256
_AREA_A_CELL = 620.0  # pixels
_AMOUNTS = [TRAITS.index(f"{name}_intensity") for name in ("er", "rna", "golgi", "mito")]
_HARMONICS = np.arange(2, 7)


def draw_cells(traits: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw one field.

    Args:
        traits: (traits,) of the well: what perturbation, batch and place make of its cells, in units of the variation between
            cells.
        size: Side of the field in pixels.
        generator: Source of the randomness.

    Returns:
        (6, size, size) float32: light of each of `STRUCTURES`; a typical cell is near 1.
    """
    centres = _places(traits[TRAITS.index("density")], size, generator)
    own = traits + generator.normal(size=(len(centres), len(TRAITS)))
    own[:, _AMOUNTS] += 1.8 * generator.normal(size=(len(centres), 1))  # some cells take up more of every stain
    trait = {name: own[:, place, None, None].astype(np.float32) for place, name in enumerate(TRAITS)}
    return _draw(trait, traits, centres, size, generator)


def _draw(
    trait: dict[str, np.ndarray], well: np.ndarray, centres: np.ndarray, size: int, generator: np.random.Generator
) -> np.ndarray:
    count = len(centres)
    corner = np.floor(centres).astype(np.int64) - PATCH // 2
    steps = np.arange(PATCH, dtype=np.float32) + np.float32(0.5)
    y = (steps[None, :] - (centres[:, :1] - corner[:, :1]).astype(np.float32))[:, :, None]
    x = (steps[None, :] - (centres[:, 1:] - corner[:, 1:]).astype(np.float32))[:, None, :]
    angle = generator.uniform(0, 2 * np.pi, (count, 1, 1)).astype(np.float32)
    along, beside = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x

    dividing = (generator.random((count, 1, 1)) < _sigmoid(-3.3 + 0.7 * well[TRAITS.index("mitosis")])).astype(
        np.float32
    )
    doubled = (generator.random((count, 1, 1)) < 0.35).astype(np.float32)  # cells that have copied their DNA
    trait["dna_intensity"] = trait["dna_intensity"] + 1.6 * doubled
    trait["nucleus_radius"] = trait["nucleus_radius"] + 1.2 * doubled
    cell = _cell_distance(trait, along, beside, dividing, generator)
    nucleus = _nucleus(trait, along, beside, dividing, generator)
    owned = cell <= _lay(np.full((1, size, size), 9.0, np.float32), cell[:, None], corner, np.minimum, back=True)[:, 0]
    inside = owned & (cell < 1)
    body = inside * (1 - 0.9 * np.minimum(cell, 1)) ** 1.2  # thicker in the middle
    cytoplasm = body * (1 - nucleus)
    textures = _sampled_textures(count, along, beside, generator)

    light = np.empty((count, len(STRUCTURES), PATCH, PATCH), np.float32)
    light[:, 0] = (
        nucleus
        * np.exp(0.18 * trait["dna_intensity"] + 0.7 * dividing)
        * np.maximum(
            0.1, 1 + 0.2 * np.exp(0.35 * trait["chromatin_texture"]) * (0.5 * textures["mid"] + textures["fine"])
        )
    )
    light[:, 1] = _er(trait, cell, nucleus, cytoplasm, textures)
    light[:, 2] = _actin(trait, cell, inside, body, textures)
    light[:, 3] = _rna(trait, nucleus, cytoplasm, textures, dividing)
    light[:, 4] = _mito(trait, cell, cytoplasm, textures)
    light[:, 5] = _golgi(trait, along, beside, inside, cytoplasm, textures)
    return _lay(np.zeros((len(STRUCTURES), size, size), np.float32), light, corner, np.add)


def _cell_distance(
    trait: dict[str, np.ndarray],
    along: np.ndarray,
    beside: np.ndarray,
    dividing: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """0 in the middle of a cell, 1 on its wavy edge."""
    stretch = np.exp(0.5 * (0.28 + 0.16 * trait["cell_elongation"]) * (1 - dividing))
    waves = 0.16 * np.exp(0.3 * trait["cell_irregularity"]) * (1 - 0.7 * dividing)
    turn = (along + 1j * beside) / np.maximum(np.hypot(along, beside), 1e-3)  # e^(i angle)
    factors: Any = generator.standard_normal((len(along), 2 * len(_HARMONICS)), dtype=np.float32).view(np.complex64)
    factors = (factors / _HARMONICS.astype(np.float32))[:, :, None, None]
    outline = factors[:, -1] * turn  # sum of factor * e^(i harmonic angle), by Horner's rule
    for place in reversed(range(len(_HARMONICS) - 1)):
        outline = (outline + factors[:, place]) * turn
    outline = (outline * turn).real  # the lowest harmonic is 2
    radius = 11.5 * np.exp(0.1 * trait["cell_radius"] - 0.35 * dividing) * np.clip(1 + waves * outline, 0.45, 1.8)
    return np.sqrt((along / stretch) ** 2 + (beside * stretch) ** 2) / radius


def _nucleus(
    trait: dict[str, np.ndarray],
    along: np.ndarray,
    beside: np.ndarray,
    dividing: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """1 in the nucleus, 0 outside; a thin bright plate in dividing cells."""
    shift = generator.normal(0, 0.8, (2, len(along), 1, 1)).astype(np.float32)
    stretch = np.exp(0.5 * (0.2 + 0.12 * trait["nucleus_elongation"]) + 0.45 * dividing)
    radius = 4.6 * np.exp(0.1 * trait["nucleus_radius"] - 0.25 * dividing)
    distance = np.sqrt(((along - shift[0]) / stretch) ** 2 + ((beside - shift[1]) * stretch) ** 2) / radius
    return _sigmoid(14 * (1 - distance))


def _er(
    trait: dict[str, np.ndarray],
    cell: np.ndarray,
    nucleus: np.ndarray,
    cytoplasm: np.ndarray,
    textures: dict[str, np.ndarray],
) -> np.ndarray:
    decay = np.exp(-1.6 * np.exp(-0.3 * trait["er_spread"]) * cell)
    grain = np.maximum(0.1, 1 + 0.25 * np.exp(0.35 * trait["er_texture"]) * textures["fine"])
    envelope = 0.6 * nucleus * (1 - nucleus)
    return np.exp(0.2 * trait["er_intensity"]) * (1.5 * cytoplasm * decay * grain + envelope + 0.12 * nucleus)


def _actin(
    trait: dict[str, np.ndarray],
    cell: np.ndarray,
    inside: np.ndarray,
    body: np.ndarray,
    textures: dict[str, np.ndarray],
) -> np.ndarray:
    edge = 0.55 * np.exp(0.3 * trait["actin_edge"]) * np.exp(-(((cell - 0.92) / 0.09) ** 2)) * inside
    fibres = 0.55 * np.exp(0.35 * trait["actin_fibres"]) * np.maximum(0, textures["fibre"]) * inside * (0.3 + body)
    return edge + fibres + 0.25 * body


def _rna(
    trait: dict[str, np.ndarray],
    nucleus: np.ndarray,
    cytoplasm: np.ndarray,
    textures: dict[str, np.ndarray],
    dividing: np.ndarray,
) -> np.ndarray:
    spots = _sigmoid(7 * (textures["mid"] - 1.15 + 0.22 * trait["nucleoli_number"])) * nucleus * (1 - dividing)
    nucleoli = 0.9 * np.exp(0.25 * trait["nucleoli_intensity"]) * spots
    return nucleoli + np.exp(0.2 * trait["rna_intensity"]) * (0.8 * cytoplasm + 0.25 * nucleus)


def _mito(
    trait: dict[str, np.ndarray], cell: np.ndarray, cytoplasm: np.ndarray, textures: dict[str, np.ndarray]
) -> np.ndarray:
    network = np.exp(-((textures["mid"] / 0.45) ** 2))  # the level lines of a random field are threads
    pieces = 2.2 * np.maximum(0, textures["fine"] - 0.5)
    fragmented = _sigmoid(-0.8 + 0.8 * trait["mito_fragmentation"])
    decay = np.exp(-1.2 * np.exp(-0.35 * trait["mito_spread"]) * cell)
    form = (1 - fragmented) * network + fragmented * pieces
    return 2.0 * np.exp(0.2 * trait["mito_intensity"]) * cytoplasm * decay * (0.15 + form)


def _golgi(
    trait: dict[str, np.ndarray],
    along: np.ndarray,
    beside: np.ndarray,
    inside: np.ndarray,
    cytoplasm: np.ndarray,
    textures: dict[str, np.ndarray],
) -> np.ndarray:
    width = 2.4 * np.exp(0.22 * trait["golgi_spread"])
    blob = np.exp(-((along - 5.5) ** 2 + beside**2) / (2 * width**2)) * inside
    golgi = 1.1 * np.exp(0.25 * trait["golgi_intensity"]) * blob * np.maximum(0.2, 1 + 0.5 * textures["fine"])
    vesicles = 1.2 * np.exp(0.4 * trait["vesicles"]) * np.maximum(0, textures["dots"] - 1.3) * cytoplasm
    return golgi + vesicles + 0.22 * inside


def _places(density: float, size: int, generator: np.random.Generator) -> np.ndarray:
    """(cells, 2) centres, kept apart; also just outside the field, so that its edge cuts cells."""
    side = size + 2 * MARGIN
    wanted = max(1, generator.poisson(side**2 / _AREA_A_CELL * np.exp(0.2 * density)))
    tried = generator.uniform(-MARGIN, size + MARGIN, (4 * wanted, 2))
    apart = 13.0 * np.exp(-0.1 * density)
    kept = np.empty((wanted, 2))
    count = 0
    for candidate in tried:
        if count == wanted:
            break
        gaps = ((kept[:count] - candidate) ** 2).sum(axis=1)
        if count == 0 or gaps.min() > (apart * (0.75 + 0.25 * generator.random())) ** 2:
            kept[count] = candidate
            count += 1
    return kept[:count]


def _sampled_textures(
    count: int, along: np.ndarray, beside: np.ndarray, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Each cell's own piece of every texture; fibres turn with the cell."""
    fields = _texture_fields()
    offset = generator.integers(0, _TEXTURE, (count, 2, 1, 1))
    down = (np.arange(PATCH)[None, :, None] + offset[:, 0]) % _TEXTURE
    right = (np.arange(PATCH)[None, None, :] + offset[:, 1]) % _TEXTURE
    place = (down * _TEXTURE + right).astype(np.int32)
    sampled = {name: fields[name].take(place) for name in ("fine", "mid", "dots")}
    turned = (np.rint(beside) + offset[:, 0]).astype(np.int32) % _TEXTURE * _TEXTURE
    turned += (np.rint(along) + offset[:, 1]).astype(np.int32) % _TEXTURE
    sampled["fibre"] = fields["fibre"].take(turned)
    return sampled


@functools.lru_cache(maxsize=1)
def _texture_fields() -> dict[str, np.ndarray]:
    """Periodic random fields of mean 0 and standard deviation 1, flattened; the same in every process."""
    from scipy.ndimage import gaussian_filter

    widths = {"fine": (0.9, 0.9), "mid": (1.7, 1.7), "dots": (0.8, 0.8), "fibre": (0.7, 6.0)}
    found = {}
    for number, (name, width) in enumerate(widths.items()):
        white = np.random.default_rng((20261, number)).normal(size=(_TEXTURE, _TEXTURE))
        smooth = gaussian_filter(white, width, mode="wrap")
        found[name] = ((smooth - smooth.mean()) / smooth.std()).astype(np.float32).ravel()
    return found


def _lay(
    field: np.ndarray, patches: np.ndarray, corner: np.ndarray, combine: np.ufunc, *, back: bool = False
) -> np.ndarray:
    """Combine patches (n, C, P, P) into a field (C, S, S) at their corners; with `back`, what the field then holds under each."""
    size = field.shape[1]
    starts, ends = np.maximum(corner, 0), np.minimum(corner + PATCH, size)
    spans = []
    for (top, left), (bottom, right_end), (y, x) in zip(starts.tolist(), ends.tolist(), corner.tolist(), strict=True):
        spans.append(
            (slice(top, bottom), slice(left, right_end), slice(top - y, bottom - y), slice(left - x, right_end - x))
        )
    for patch, (rows, columns, down, right) in zip(patches, spans, strict=True):
        here = field[:, rows, columns]
        combine(here, patch[:, down, right], out=here)
    if not back:
        return field
    under = patches.copy()
    for patch, (rows, columns, down, right) in zip(under, spans, strict=True):
        patch[:, down, right] = field[:, rows, columns]
    return under


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))
