from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.models.vit import Config
from hooke.nn.images.patch_encoder import PatchEncoder
from hooke.nn.images.positions import sine_positions
from hooke.nn.masking import mask_by_noise

CONFIG = Config(width=8, depth=2, heads=2, patch=2, stochastic_depth=0.0, class_tokens=2)


def test_tokens_are_class_tokens_and_placed_patches() -> None:
    torch.manual_seed(0)
    encoder, patches = PatchEncoder(CONFIG, 4), torch.randn(3, 6, 4)
    tokens = encoder.tokens(patches, (2, 3))
    places = sine_positions((2, 3), 8, device=torch.device("cpu"))
    assert tokens.shape == (3, 8, 8)
    torch.testing.assert_close(tokens[:, 2:], encoder.patches(patches) + places)
    masking = mask_by_noise(torch.rand(3, 6), 0.5)
    seen = encoder.tokens(patches, (2, 3), masking=masking)
    for item in range(3):
        torch.testing.assert_close(seen[item, 2:], tokens[item, 2:][masking.visible[item]])


def test_channels_share_positions() -> None:
    encoder, patches = PatchEncoder(CONFIG, 4), torch.randn(1, 12, 4)
    tokens = encoder.tokens(patches, (2, 3)) - torch.cat([torch.zeros(1, 2, 8), encoder.patches(patches)], 1)
    torch.testing.assert_close(tokens[:, 2:8], tokens[:, 8:])


def test_hidden_patches_do_not_matter() -> None:
    encoder, patches = PatchEncoder(CONFIG, 4).eval(), torch.randn(2, 6, 4)
    masking = mask_by_noise(torch.rand(2, 6), 0.5)
    other = torch.where(masking.hidden[:, :, None], torch.full_like(patches, 7.0), patches)
    assert torch.equal(encoder(patches, (2, 3), masking=masking), encoder(other, (2, 3), masking=masking))


@pytest.mark.parametrize("norm", ["tokens", "pooled"])
@pytest.mark.parametrize("pooling", ["mean", "class"])
def test_pooling(norm: str, pooling: str) -> None:
    config = Config(width=8, depth=2, heads=2, patch=2, class_tokens=1, pooling=pooling, norm=norm)
    encoder, patches = PatchEncoder(config, 4).eval(), torch.randn(2, 6, 4)
    raw = encoder.transformer(encoder.tokens(patches, (2, 3)))
    rows = encoder.final_norm(raw) if norm == "tokens" else raw
    expected = rows[:, 0] if pooling == "class" else rows[:, 1:].mean(1)
    expected = encoder.final_norm(expected) if norm == "pooled" else expected
    torch.testing.assert_close(encoder.output(patches, (2, 3)).embedding, expected)


def test_a_class_token_is_needed_to_pool_by_it() -> None:
    with pytest.raises(UsageError, match="class_tokens = 1"):
        PatchEncoder(Config(width=8, heads=2, class_tokens=0, pooling="class"), 4)
