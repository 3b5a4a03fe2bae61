"""`multitask` against losses written out label by label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from hooke.core.errors import DataError, UsageError
from hooke.core.label import Label
from hooke.core.types import LabelStatistics
from hooke.modalities.molecules.samples import ENCODINGS, LABELS, SMILES, STATISTICS, batch_of
from hooke.models import gine
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.spec import MoleculeSpec
from hooke.tasks import multitask
from hooke.testing import check_task
from hooke.testing.tasks import TASK_CHECKS, task_case


def setting(config: multitask.Config, labels=LABELS, statistics=STATISTICS, seed: int = 0):
    task = multitask.Task(config, MoleculeSpec(tuple(labels), statistics=statistics or {}))
    torch.manual_seed(seed)
    network = task.network(gine.Model(gine.Config(width=8, depth=1), MoleculeSpec(encodings=ENCODINGS))).double()
    return task, network, batch_of(SMILES, encodings=ENCODINGS, labels=labels)


def loss_of(task, network, batch: MoleculeBatch) -> torch.Tensor:
    return task.losses(network.eval(), batch, 0, torch.Generator().manual_seed(0))["loss"]


def by_hand(config: multitask.Config, raw, batch, labels, statistics) -> dict[str, list[tuple[Label, list[float]]]]:
    """Level -> for each label its losses of measured items, from a loop over labels and items."""
    found: dict[str, list[tuple[Label, list[float]]]] = {}
    for level, rows in raw.items():
        mine = [label for label in labels if label.level == level]
        places = {label.name: column for column, label in enumerate(mine)}
        position = 0
        for label in sorted(mine, key=lambda label: (label.kind, label.classes, places[label.name])):
            width = max(label.classes, 1)
            outputs = rows[:, position : position + width]
            position += width
            column = places[label.name]
            values = []
            for item, target in enumerate(batch.targets[level][:, column].tolist()):
                if np.isnan(target):
                    continue
                out = outputs[item]
                if label.kind == "regression":
                    _, mean, std = (array[column] for array in statistics[level])
                    values.append((out[0] - (target - mean) / std).square())
                elif label.kind == "binary":
                    values.append(-functional.logsigmoid(out[0] if target == 1 else -out[0]))
                else:
                    value = -out.log_softmax(0)[int(target)]
                    if label.kind == "ordinal":
                        expected = (out.softmax(0) * torch.arange(label.classes)).sum()
                        value = config.ordinal_alpha * value + (1 - config.ordinal_alpha) * (expected - target) ** 2
                    values.append(value)
            found.setdefault(level, []).append((label, values))
    return found


@pytest.mark.parametrize("weighting", ["equal", "label_count", "uncertainty"])
def test_loss_equals_a_loop_over_labels(weighting) -> None:
    config = multitask.Config(weighting=weighting, ordinal_alpha=0.3, node_weight=0.5, pair_weight=0.0)
    labels = tuple(replace(label, weight=0.5 + index) for index, label in enumerate(LABELS))
    task, network, batch = setting(config, labels)
    if weighting == "uncertainty":
        for head in network.heads.values():
            head.log_variance.data.normal_()
    levels = {}
    for level, entries in by_hand(config, network.eval()(batch), batch, labels, STATISTICS).items():
        above = below = 0.0
        for label, values in entries:
            mean = sum(values) / len(values)
            if weighting == "uncertainty":
                column = task.labels[level].index(label)
                s = network.heads[level].log_variance[column]
                mean = (0.5 if label.kind == "regression" else 1.0) * torch.exp(-s) * mean + s / 2
            times = len(values) if weighting == "label_count" else 1
            above, below = above + label.weight * times * mean, below + label.weight * times
        levels[level] = above / below
    expected = (levels["graph"] + 0.5 * levels["node"] + levels["edge"]) / 2.5
    torch.testing.assert_close(loss_of(task, network, batch), expected)


def test_single_kind_equals_masked_mean_of_graphium() -> None:
    """With equal weights, label_count is mean(w l) · numel / number measured."""
    labels = [Label(f"assay{index}", kind="binary") for index in range(30)]
    task, network, batch = setting(multitask.Config(weighting="label_count"), labels, None)
    target = batch.targets["graph"].double()
    measured = ~target.isnan()
    raw = network.eval()(batch)["graph"]
    losses = functional.binary_cross_entropy_with_logits(raw, target.nan_to_num(), reduction="none")
    expected = (losses * measured).mean() * losses.numel() / measured.sum()
    torch.testing.assert_close(loss_of(task, network, batch), expected)


def test_balance_divides_the_weights_by_the_size_of_the_source() -> None:
    labels = [Label(f"x{number}", source="big" if number < 3 else "small") for number in range(4)]
    for balance, share in ((0.0, 0.25), (0.5, 1 / (1 + 3**0.5)), (1.0, 0.5)):
        task, network, batch = setting(multitask.Config(balance=balance), labels, None)
        alone = torch.full_like(batch.targets["graph"], torch.nan)
        alone[:, 3] = batch.targets["graph"][:, 3] = 5.0
        small = loss_of(task, network, replace(batch, targets={"graph": alone}))
        alone = batch.targets["graph"].clone()
        alone[:, 3] = torch.nan
        big = loss_of(task, network, replace(batch, targets={"graph": alone}))
        both = loss_of(task, network, batch)
        torch.testing.assert_close(both, share * small + (1 - share) * big)


@pytest.mark.parametrize("weighting", ["equal", "label_count", "uncertainty"])
def test_weight_zero_removes_the_gradient(weighting) -> None:
    labels = [Label("kept"), Label("dropped", weight=0.0), Label("other", kind="binary")]
    task, network, batch = setting(multitask.Config(weighting=weighting, hidden_layers=0), labels, None)
    loss = loss_of(task, network, batch)
    loss.backward()
    last = network.heads["graph"].layers[-1].weight.grad
    order = list(task.layouts["graph"].order)
    for column, index in enumerate(order):
        assert bool(last[column].any()) == (labels[index].name != "dropped")
    values = batch.targets["graph"].clone()
    values[:, 1] += 1000
    changed = replace(batch, targets={"graph": values})
    torch.testing.assert_close(loss_of(task, network, changed), loss)


def test_missing_labels_do_not_count() -> None:
    task, network, batch = setting(multitask.Config(), [Label("a"), Label("b")], None)
    values = batch.targets["graph"].clone()
    values[:, 1] = torch.nan
    empty = replace(batch, targets={"graph": values})
    alone, _, _ = setting(multitask.Config(), [Label("a"), Label("b", weight=0.0)], None)
    torch.testing.assert_close(loss_of(task, network, empty), loss_of(alone, network, empty))
    nothing = replace(batch, targets={"graph": torch.full_like(values, torch.nan)})
    assert loss_of(task, network, nothing) == 0


def test_censored_labels() -> None:
    task, network, batch = setting(multitask.Config(), [Label("a")], None)
    raw = network.eval()(batch)["graph"].detach()
    targets = (raw + 1).float()
    bounded = replace(
        batch, targets={"graph": targets}, bounds={"graph": torch.full(targets.shape, -1, dtype=torch.int8)}
    )
    assert loss_of(task, network, bounded) == 0
    above = replace(bounded, bounds={"graph": torch.ones(targets.shape, dtype=torch.int8)})
    torch.testing.assert_close(loss_of(task, network, above), torch.ones((), dtype=torch.float64), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["mae", "huber"])
def test_other_regression_losses(kind) -> None:
    task, network, batch = setting(multitask.Config(regression_loss=kind, huber_delta=0.5), [Label("a")], None)
    raw, target = network.eval()(batch)["graph"], batch.targets["graph"].double()
    seen = ~target.isnan()
    expected = (
        functional.l1_loss(raw[seen], target[seen])
        if kind == "mae"
        else functional.huber_loss(raw[seen], target[seen], delta=0.5)
    )
    torch.testing.assert_close(loss_of(task, network, batch), expected)


def test_normalisation_follows_the_statistics() -> None:
    labels = [Label("a"), Label("constant"), Label("unseen"), Label("binary", kind="binary")]
    statistics = {
        "graph": LabelStatistics(
            np.array([5, 5, 0, 5]), np.array([3.0, 1.0, np.nan, 0.5]), np.array([2.0, 0.0, np.nan, 0.5])
        )
    }
    task, network, batch = setting(multitask.Config(), labels, statistics)
    head = network.heads["graph"]
    assert head.mean.tolist() == [3, 1, 0, 0]
    assert head.std.tolist() == [2, 1, 1, 1]
    raw = network.eval()(batch)["graph"].detach()
    found = task.predict(network, batch)["graph"]
    a = task.layouts["graph"].order.index(0)
    torch.testing.assert_close(found[:, 0], raw[:, a] * 2 + 3)
    off, other, _ = setting(multitask.Config(normalise=False), labels, statistics)
    assert other.heads["graph"].std.tolist() == [1, 1, 1, 1]
    assert off.columns("graph") == ["a", "constant", "unseen", "binary"]
    with pytest.raises(DataError, match="statistics"):
        setting(multitask.Config(), labels[:2], statistics)


def test_layout_and_columns() -> None:
    layout = multitask.layout_of([label for label in LABELS if label.level == "graph"])
    assert [(group.kind, group.classes) for group in layout.groups] == [
        ("binary", 1), ("multiclass", 3), ("ordinal", 4), ("regression", 1),
    ]  # fmt: skip
    assert layout.order == (1, 2, 3, 0, 4)
    assert layout.outputs == 10
    assert layout.output_order == (8, 0, 1, 2, 3, 4, 5, 6, 7, 9)
    task = multitask.Task(multitask.Config(), MoleculeSpec(LABELS))
    assert task.columns("graph") == [
        "regression", "binary", *(f"classes[{k}]" for k in range(3)), *(f"ordered[{k}]" for k in range(4)), "second",
    ]  # fmt: skip


def test_unusable_settings() -> None:
    with pytest.raises(UsageError, match="at least one label"):
        multitask.Task(multitask.Config(), MoleculeSpec())
    with pytest.raises(UsageError, match="weight 0"):
        multitask.Task(multitask.Config(graph_weight=0.0), MoleculeSpec((Label("a"),)))


def test_dropout_and_signs_follow_the_generator() -> None:
    task, network, batch = setting(multitask.Config(dropout=0.3))
    network.train()
    first, second, third = (
        task.losses(network, batch, 0, torch.Generator().manual_seed(seed))["loss"].detach() for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_modes_come_back_after_an_error() -> None:
    task, network, batch = setting(multitask.Config())
    network.train()
    with pytest.raises(KeyError):
        task.predict(network, replace(batch, node_encodings={}))
    assert network.training


def test_bfloat16() -> None:
    task, network, batch = setting(multitask.Config())
    network.float()
    exact = loss_of(task, network, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(task, network, batch)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("check", TASK_CHECKS)
@pytest.mark.parametrize("weighting", ["label_count", "uncertainty"])
def test_contract_with_other_weightings(weighting, check) -> None:
    TASK_CHECKS[check](
        task_case(multitask, multitask.Config(weighting=weighting, dropout=0.1, regression_loss="huber"))
    )


def test_thousands_of_labels_take_no_loop() -> None:
    """The number of tensor operations does not grow with the labels."""
    counts = []
    for number in (10, 400):
        labels = [Label(f"label{i}", kind="binary" if i % 2 else "regression") for i in range(number)]
        task, network, batch = setting(multitask.Config(), labels, None)
        with torch.profiler.profile() as profile:
            loss_of(task, network, batch)
        counts.append(sum(event.count for event in profile.key_averages() if event.key.startswith("aten::")))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("kind", ["gaussian", "evidential"])
def test_heads_that_state_a_spread_keep_the_contract(kind: str) -> None:
    check_task(multitask, multitask.Config(regression_loss=kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["gaussian", "evidential"])
def test_the_spread_is_on_the_scale_of_the_labels(kind: str) -> None:
    case = task_case(multitask, multitask.Config(regression_loss=kind))  # type: ignore[arg-type]
    (task, network), batch = case.build(), case.batch()
    spread = task.spread(network, batch)
    names = task.columns("graph")
    assert task.states_spread
    for level, rows in task.predict(network, batch).items():
        assert spread[level].shape == rows.shape
    graph = spread["graph"]
    assert (graph[:, [names.index("regression"), names.index("second")]] > 0).all()
    assert not graph[:, [number for number, name in enumerate(names) if name not in ("regression", "second")]].any()
    network.heads["graph"].std.mul_(2)
    assert torch.allclose(task.spread(network, batch)["graph"], 2 * graph)


def test_plain_losses_state_no_spread() -> None:
    task, _ = task_case(multitask).build()
    assert not task.states_spread


def test_balanced_classes_weigh_the_loss_and_not_the_probabilities() -> None:
    labels = (Label("value"), Label("rare", kind="binary"), Label("never", kind="binary"))
    statistics = {"graph": LabelStatistics(np.full(3, 40.0), np.array([2.0, 0.1, 0.0]), np.ones(3))}
    plain, balanced = multitask.Config(), multitask.Config(positive_weight="balanced")
    task, network, batch = setting(balanced, labels, statistics)
    _usual_task, usual, _ = setting(plain, labels, statistics)
    weight = network.heads["graph"].positive_weight
    assert weight.tolist() == pytest.approx([1.0, 9.0, 1.0])
    assert usual.heads["graph"].positive_weight is None
    assert "heads.graph.positive_weight" not in usual.state_dict()
    raw = usual.eval()(batch)["graph"]  # sorted: never and rare in the order of the labels, then value
    losses, measured = task._label_losses("graph", raw, batch, network.heads["graph"])
    target = batch.targets["graph"][:, 1]
    known = ~target.isnan()
    logit = raw[:, 0]
    by_label = -(9 * target * functional.logsigmoid(logit) + (1 - target) * functional.logsigmoid(-logit))
    assert measured[:, 0].tolist() == known.tolist()
    torch.testing.assert_close(losses[known, 0], by_label[known])
    probabilities = task.predict(network, batch)["graph"]
    torch.testing.assert_close(probabilities[:, 1], torch.sigmoid(network.eval()(batch)["graph"][:, 0] - np.log(9.0)))
    torch.testing.assert_close(probabilities[:, 2], torch.sigmoid(network(batch)["graph"][:, 1]))


def test_weighting_classes_leaves_the_best_probability_where_it_is() -> None:
    """The minimum of the weighted loss of a constant logit, corrected, is the share of class 1."""
    target, weight = torch.tensor([1.0] * 3 + [0.0] * 17), torch.tensor(17 / 3)
    logit = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([logit], max_iter=100)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(logit.expand(20), target, pos_weight=weight)
        loss.backward()
        return loss

    optimiser.step(closure)
    assert float((logit.detach() - weight.log()).sigmoid()) == pytest.approx(0.15, abs=1e-3)


def test_rare_classes_weigh_at_most_a_hundred_times() -> None:
    statistics = {"graph": LabelStatistics(np.full(2, 1e4), np.array([1e-4, 1 - 1e-4]), np.ones(2))}
    labels = (Label("a", kind="binary"), Label("b", kind="binary"))
    _, network, _ = setting(multitask.Config(positive_weight="balanced"), labels, statistics)
    assert network.heads["graph"].positive_weight.tolist() == pytest.approx([100.0, 0.01])


def test_parts_are_sources_or_labels() -> None:
    task, network, batch = setting(multitask.Config())
    generator = torch.Generator().manual_seed(0)
    found = task.parts(network.eval(), batch, 0, generator)
    assert {name.split("/")[0] for name in found} == {label.level for label in LABELS}
    graph = [label for label in LABELS if label.level == "graph"]
    assert {name for name in found if name.startswith("graph/")} == {f"graph/{label.name}" for label in graph}
    assert all(loss.requires_grad for loss in found.values())
    labels = tuple(replace(label, source="one" if number < 2 else "two") for number, label in enumerate(graph))
    task, network, batch = setting(multitask.Config(), labels, None)
    parts = task.parts(network.eval(), batch, 0, generator)
    assert set(parts) == {"graph/one", "graph/two"}
    share = 2 / len(labels)
    whole = share * parts["graph/one"] + (1 - share) * parts["graph/two"]
    torch.testing.assert_close(whole, loss_of(task, network, batch))
    many = tuple(Label(f"l{number}") for number in range(40))
    task, network, batch = setting(multitask.Config(), many, None)
    assert set(task.parts(network.eval(), batch, 0, generator)) == {"graph/regression"}


SOURCES = tuple(replace(label, source="one" if number % 2 else "two") for number, label in enumerate(LABELS))


def test_a_table_has_its_own_head_loss_and_weight() -> None:
    graph = tuple(label for label in SOURCES if label.level == "graph")
    statistics = {"graph": STATISTICS["graph"]}
    own = multitask.TableConfig(hidden_width=5, hidden_layers=2, weight=0.25)
    config = multitask.Config(tables={"one": own})
    task, network, batch = setting(config, graph, statistics)
    heads = network.heads["graph"]
    sizes = {head.layers[0].out_features for head in heads.heads}
    assert sizes == {5, 8}
    raw = network.eval()(batch)["graph"]
    found = by_hand(config, {"graph": raw}, batch, graph, STATISTICS)["graph"]
    means = [
        (label.weight * (0.25 if label.source == "one" else 1.0), sum(values) / len(values))
        for label, values in found
        if values
    ]
    expected = sum(weight * mean for weight, mean in means) / sum(weight for weight, _ in means)
    torch.testing.assert_close(loss_of(task, network, batch), expected)
    losses = task.losses(network, batch, 0, torch.Generator().manual_seed(0))
    for name in ("one", "two"):
        mine = [sum(values) / len(values) for label, values in found if values and label.source == name]
        torch.testing.assert_close(losses[f"graph/{name}"], sum(mine) / len(mine))
    off, other, _ = setting(multitask.Config(tables={"one": multitask.TableConfig(weight=0.0)}), graph, statistics)
    loss_of(off, other, batch).backward()
    trained = [
        any(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())
        for head in other.heads["graph"].heads
    ]
    assert sorted(trained) == [False, True]


def test_a_table_has_its_own_regression_loss_and_share_of_cross_entropy() -> None:
    labels = tuple(Label(f"r{number}", source="ab"[number % 2]) for number in range(4))
    task, _, _ = setting(multitask.Config(tables={"b": multitask.TableConfig(loss="mae")}), labels, None)
    output, target = torch.randn(6, 4), torch.randn(6, 4)
    found = task._regression(output, target, None, [label.source for label in labels])
    torch.testing.assert_close(found[:, [0, 2]], (output - target)[:, [0, 2]].square())
    torch.testing.assert_close(found[:, [1, 3]], (output - target)[:, [1, 3]].abs())
    ordinal = tuple(Label(f"o{number}", kind="ordinal", classes=3, source="ab"[number]) for number in range(2))
    task, _, _ = setting(multitask.Config(tables={"b": multitask.TableConfig(ordinal_alpha=1.0)}), ordinal, None)
    logits, classes = torch.randn(5, 2, 3), torch.randint(0, 3, (5, 2)).float()
    found = task._ordinal(logits, classes, ["a", "b"])
    entropy = functional.cross_entropy(logits.transpose(1, 2), classes.long(), reduction="none")
    torch.testing.assert_close(found[:, 1], entropy[:, 1])
    assert not torch.allclose(found[:, 0], entropy[:, 0])


@pytest.mark.parametrize(
    ("tables", "options", "message"),
    [
        ({"one": {"loss": "mae"}}, {"regression_loss": "gaussian"}, "does not go with"),
        ({"bin": {"loss": "mae"}}, {}, "bin has none"),
        ({"bin": {"ordinal_alpha": 0.5}}, {}, "bin has none"),
    ],
)
def test_options_of_tables_are_checked(tables, options, message) -> None:
    labels = (*SOURCES, Label("b", kind="binary", source="bin"))
    config = multitask.Config(tables={name: multitask.TableConfig(**own) for name, own in tables.items()}, **options)
    with pytest.raises(UsageError, match=message):
        multitask.Task(config, MoleculeSpec(labels))
