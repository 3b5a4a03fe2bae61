"""The public contract kit: check_model, check_dataset, check_task."""
