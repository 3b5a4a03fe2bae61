from __future__ import annotations

import torch
from torch import nn

from hooke.modalities.images.samples import CHANNELS, image_batch
from hooke.nn.images.feature_maps import FeatureMapEncoder, convolution, stem


def test_the_frame() -> None:
    stages = [stem(3, 8, pooled=True), convolution(8, 4, 3, stride=2), nn.ReLU()]
    encoder, batch = FeatureMapEncoder(CHANNELS, stages, 4).eval(), image_batch(size=(32, 64))
    output = encoder(batch)
    maps = encoder.maps(encoder.images(batch))
    assert encoder.blocks == 3
    assert output.grid == (4, 8)
    assert torch.equal(output.tokens[0, 9], maps[0, :, 1, 1])
    assert torch.equal(output.embedding, maps.mean((2, 3)))
    assert torch.equal(encoder.maps(encoder.maps(encoder.images(batch), last=1), first=1), maps)
    assert encoder.embed(batch, block=1).shape == (6, 8)


def test_stems() -> None:
    pixels = torch.zeros(1, 2, 32, 32)
    assert stem(2, 4, pooled=False)(pixels).shape == (1, 4, 16, 16)
    assert stem(2, 4, pooled=True)(pixels).shape == (1, 4, 8, 8)
