"""The public contract kit, for all modalities alike: a check for every kind of registered file, and one for modalities themselves."""

from hooke.nn.contract import ContractError
from hooke.testing.datasets import check_dataset
from hooke.testing.estimators import check_estimator
from hooke.testing.modalities import check_modality
from hooke.testing.models import check_model
from hooke.testing.response_models import check_response_model
from hooke.testing.tasks import check_task

__all__ = [
    "ContractError",
    "check_dataset",
    "check_estimator",
    "check_modality",
    "check_model",
    "check_response_model",
    "check_task",
]
