"""The public contract kit: check_model, check_dataset, check_task, check_estimator, and check_image_model, check_image_task for images."""

from hooke.testing.datasets import check_dataset
from hooke.testing.estimators import check_estimator
from hooke.testing.image_models import check_image_model
from hooke.testing.image_tasks import check_image_task
from hooke.testing.models import check_model
from hooke.testing.tasks import check_task

__all__ = ["check_dataset", "check_estimator", "check_image_model", "check_image_task", "check_model", "check_task"]
