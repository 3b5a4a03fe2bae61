from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.core.errors import UnknownNameError, UsageError
from hooke.images.spec import LEVEL
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import vit
from hooke.nn.contract import built
from hooke.nn.images.classification import domains_of, mean_over_labelled, turned
from hooke.tasks import perturbation_classification as wsl


def test_labels_are_the_column_of_the_target() -> None:
    batch = image_batch()
    for place, name in enumerate(("perturbation", "cell_type")):
        task = wsl.Task(wsl.Config(target=name), SPEC)
        expected = [-1 if value.isnan() else int(value) for value in batch.targets[LEVEL][:, place]]
        labels = task.labels(batch)
        assert labels.dtype == torch.int64
        assert labels.tolist() == expected
        assert torch.equal(task.labels(replace(batch, targets={LEVEL: batch.targets[LEVEL].double()})), labels)


def test_wrong_labels_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'perturbation'"):
        wsl.Task(wsl.Config(target="perturbatio"), SPEC)
    with pytest.raises(UnknownNameError, match="target"):
        wsl.Task(wsl.Config(target="area"), SPEC)  # a measured feature
    task, batch = wsl.Task(wsl.Config(), SPEC), image_batch()
    with pytest.raises(UsageError, match="carry no 'perturbation'"):
        task.labels(replace(batch, targets={}))
    with pytest.raises(UsageError, match="class 9, but the head has 5"):
        task.labels(replace(batch, targets={LEVEL: torch.full((6, 6), 9.0)}))


def test_the_loss_is_the_mean_over_labelled_images() -> None:
    task = wsl.Task(wsl.Config(symmetry="none", label_smoothing=0.1), SPEC)
    network, batch = task.network(built(vit, SPEC)).double().eval(), image_batch()
    logits = network(batch).logits["perturbation"]
    labels = task.labels(batch)
    known = labels >= 0
    expected = torch.nn.functional.cross_entropy(logits[known], labels[known], label_smoothing=0.1)
    parts = task.losses(network, batch, 0, torch.Generator())
    torch.testing.assert_close(parts["loss"], expected)
    correct = (logits.argmax(1) == labels)[known].double().mean()
    assert float(parts["accuracy"]) == pytest.approx(float(correct))
    assert task.columns(LEVEL) == [f"perturbation[{number}]" for number in range(5)]
    assert task.columns("graph") == []
    torch.testing.assert_close(task.predict(network, batch), {LEVEL: logits.detach().softmax(1)})


def test_turns_need_a_generator_and_nothing_else() -> None:
    batch = image_batch()
    assert turned(batch, "none", torch.Generator()) is batch
    first, second = (turned(batch, "dihedral", torch.Generator().manual_seed(1)).pixels for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, batch.pixels)
    assert torch.equal(first.flatten(2).sort(2).values, batch.pixels.flatten(2).sort(2).values)


def test_domains() -> None:
    batch = image_batch()
    assert torch.equal(domains_of(batch, "coral"), batch.batch_index)
    with pytest.raises(UsageError, match="carry none"):
        domains_of(replace(batch, batch_index=None), "coral")
    with pytest.raises(UsageError, match="made for 2 experimental batches"):
        domains_of(batch, "dann", 2)
    assert float(mean_over_labelled(torch.tensor([2.0, 4.0, 0.0]), torch.tensor([1, 0, -1]))) == 3
