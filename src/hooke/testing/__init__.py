"""The public contract kit: check_model, check_dataset, check_task."""

from hooke.testing.datasets import check_dataset
from hooke.testing.models import check_model
from hooke.testing.tasks import check_task

__all__ = ["check_dataset", "check_model", "check_task"]
