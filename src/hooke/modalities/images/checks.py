"""What the contract kit asks of images alone; see `hooke.modalities.Checks`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch

from hooke.core.screen_columns import STANDARD
from hooke.images.batch import ImageBatch, image_batch
from hooke.images.store import ImageStore
from hooke.modalities import Checks
from hooke.modalities.images import samples
from hooke.nn.contract import ModelCase, TaskCase, require, require_equal, require_refusal
from hooke.nn.images.encoder import MaskedEncoder
from hooke.nn.images.fourier import hidden_error
from hooke.nn.images.output import ImageOutput, Reconstruction


def blocks(case: ModelCase) -> None:
    """Tokens on a grid; `block=` from the first and from the last, and no other."""
    batch, model = case.batch(), case.build()
    output = model(batch)
    require(isinstance(output, ImageOutput), "forward does not return an ImageOutput")
    require(output.tokens.shape[::2] == (batch.num_items, model.width), "tokens do not have shape (B, T, width)")
    places = output.grid[0] * output.grid[1]
    require((output.tokens.shape[1] - output.class_tokens) % places == 0, "tokens do not fit the grid")
    for block in range(1, model.blocks + 1):
        rows = model.embed(batch, block=block)
        require(rows.ndim == 2 and len(rows) == batch.num_items, f"embed(block={block}) does not give one row an image")
        behind = model.embed(batch, block=block - model.blocks - 1)
        require_equal(behind, rows, f"block {block} counted from the end", tolerance=0.0)
    require_equal(model.embed(batch, block=model.blocks), output.embedding, "the last block", tolerance=0.0)
    for block in (0, model.blocks + 1, -model.blocks - 1):
        require_refusal(partial(model.embed, batch, block=block), f"block {block}")


def channels(case: ModelCase) -> None:
    """Those of the spec; batches that lack one are refused, or embedded by agnostic encoders."""
    model = case.build()
    require(model.channels == case.sample.spec.channels, "channels are not those it was made for")
    for names in (("dna",), ("dna", "er", "actin", "mito", "rna"), ("one", "two")):
        unlike = samples.image_batch(channels=names)
        if model.agnostic:
            rows = model.embed(unlike)
            require(rows.shape == (unlike.num_items, model.width), f"channels {names} are not embedded")
        elif not set(model.channels) <= set(names):
            require_refusal(partial(model.embed, unlike), f"a batch of the channels {names}")


def brightness_and_contrast(case: ModelCase) -> None:
    """The embedding does not change when a channel becomes a x + b with a > 0."""
    model, batch = case.build(), samples.image_batch(kind="float64")
    scale, shift = (torch.tensor(values).double()[:, None, None] for values in ((3, 0.01, 700), (0.3, 0.001, 20)))
    other = replace(batch, pixels=scale * batch.pixels + shift)
    require_equal(model.embed(other), model.embed(batch), "the embedding changes with a x + b", tolerance=1e-4)


def reconstruction(case: ModelCase) -> None:
    """Masked encoders: shapes, share of hidden patches, and hidden patches alone."""
    model = case.build()
    if not isinstance(model, MaskedEncoder):
        return
    batch = samples.image_batch(kind="float64")
    noise, patches = samples.noise_for(model, batch), model.maskable(batch)
    whole = model.reconstruct(batch, noise, samples.MASKED)
    require(isinstance(whole, Reconstruction), "reconstruct does not return a Reconstruction")
    shape = None if whole.image is None else whole.image.shape
    require(shape == batch.pixels.shape, "the reconstructed image has another shape")
    require(whole.prediction.shape == whole.target.shape, "prediction and target differ in shape")
    hidden, expected = whole.hidden.sum(1), patches - int(patches * (1 - samples.MASKED))
    require(bool((hidden == expected).all()), f"{hidden.tolist()} patches are hidden instead of {expected}")
    part = model.reconstruct(batch, noise, samples.MASKED, whole=False)
    require(bool(part.hidden.all()) and part.image is None, "whole=False returns more than hidden patches")
    losses = [hidden_error(each.prediction, each.target, each.hidden) for each in (part, whole)]
    require_equal(losses[0], losses[1], "the loss of the hidden patches alone")


def embedded_blocks(case: TaskCase) -> None:
    """The network embeds as its encoder does, from any block."""
    _, network = case.build()
    network, batch = network.eval(), case.batch()
    for block in (1, -1):
        expected = network.encoder.embed(batch, block=block)
        require_equal(network.embed(batch, block=block), expected, f"embed(block={block})", tolerance=0.0)


def fields(store: ImageStore) -> None:
    """Complete metadata, controls in each of several batches, several perturbations, and honesty about simulation."""
    require(isinstance(store, ImageStore), "the twin is no ImageStore")
    require(store.simulated, "the twin does not say that it is simulated")
    require(len(store.channels) >= 1 and all(store.channels), "the channels of the twin have no names")
    table = store.metadata
    missing = [name for name in STANDARD if name not in table.columns]
    require(not missing, f"the twin's metadata lack {', '.join(missing)}")
    for name in ("plate", "well", "site", "row", "column", "batch", "perturbation", "control"):
        require(table[name].null_count() == 0, f"the twin has fields without {name}")
    place = table.select("experiment", "plate", "well", "site")
    require(bool(place.is_unique().all()), "two fields of the twin have the same place")
    require(len(store.batches) >= 2, "the twin has a single batch")
    require(bool(store.control.any()), "the twin has no negative controls")
    for batch in range(len(store.batches)):
        require(bool(store.control[store.batch_index == batch].any()), "a batch of the twin has no negative control")
    names = store.classes("perturbation")[1]
    require(len(names) >= 3, f"the twin has only {len(names)} perturbations")


def pixels(store: ImageStore) -> None:
    """Planes that show something, channels by name, crops that are parts of their fields, and a batch."""
    rows = np.unique(np.linspace(0, len(store) - 1, 8).astype(np.int64))
    planes = store.read(rows)
    require(planes.dtype == store.dtype, f"pixels are {planes.dtype}, the store says {store.dtype}")
    require(bool((planes.min(axis=(2, 3)) < planes.max(axis=(2, 3))).all()), "a plane of the twin is blank")
    reordered = store.read(rows, store.channels[::-1])
    require(bool((reordered == planes[:, ::-1]).all()), "channels asked for by name come in another order")
    half = int(store.sizes[rows].min() // 2)
    corner = np.full(len(rows), half // 2)
    crops = store.read_crops(rows, corner, corner, (half, half))
    inside = slice(half // 2, half // 2 + half)
    require(bool((crops == planes[:, :, inside, inside]).all()), "a crop differs from that part of its field")
    codes = store.classes("perturbation")[0]
    batch = image_batch(crops, store.channels, rows, codes[rows, None], store.batch_index[rows], store.control[rows])
    require(batch.num_items == len(rows), "the batch has another number of images")


def item_keys(batch: ImageBatch) -> None:
    """Crops draw by the row of their field."""
    rows, places = batch.item_keys("images")
    require(torch.equal(rows, batch.rows) and places is None, "item_keys are not the rows")


CHECKS = Checks(
    models={check.__name__: check for check in (blocks, channels, brightness_and_contrast, reconstruction)},
    tasks={"embedded_blocks": embedded_blocks},
    stores={"fields": fields, "pixels": pixels},
    batches={"item_keys": item_keys},
)
