"""MLflow with a workspace, by SDK v1's names; the daemon itself is an MLflow server."""


def get_portal_url(run):
    """Where an MLflow run is seen in Studio."""
    from azureml.core.run import Run

    return Run.get(_workspace(), run.info.run_id).get_portal_url()


def register_model(run, name, path, tags=None, **kwargs):
    """Registers a file or a folder of an MLflow run as a model's next version."""
    from azureml.core.run import Run

    return Run.get(_workspace(), run.info.run_id).register_model(name, path, tags=tags, **kwargs)


def _workspace():
    from azureml.core.workspace import Workspace

    return Workspace.from_config()
