from __future__ import annotations

import pytest

from hooke.modalities.images.samples import CHANNELS, SPEC, image_batch
from hooke.models import ca_mae, densenet, mae, mu_net, resnet, vit
from hooke.nn.contract import built
from hooke.nn.images.encoder import ImageEncoder, MaskedEncoder, PatchTokenEncoder


def test_what_each_encoder_is() -> None:
    encoders = (ca_mae, densenet, mae, mu_net, resnet, vit)
    assert all(issubclass(module.Model, ImageEncoder) for module in encoders)
    assert [module for module in encoders if issubclass(module.Model, MaskedEncoder)] == [ca_mae, mae, mu_net]
    assert [module for module in encoders if issubclass(module.Model, PatchTokenEncoder)] == [ca_mae, mae, vit]
    assert [module for module in encoders if module.Model.agnostic] == [ca_mae]
    assert {module.Model.modality for module in encoders} == {"images"}


def test_an_encoder_must_say_how_it_represents_images() -> None:
    class Silent(ImageEncoder):
        pass

    with pytest.raises(TypeError, match="forward"):
        Silent()  # type: ignore[abstract]


@pytest.mark.parametrize(("module", "patches"), [(mae, 16), (mu_net, 16), (ca_mae, 16 * len(CHANNELS))])
def test_patches_that_can_be_masked(module: object, patches: int) -> None:
    assert built(module, SPEC).maskable(image_batch(2)) == patches  # type: ignore[arg-type]
