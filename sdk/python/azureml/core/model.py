import hashlib
import os
from pathlib import Path

from azureml.core.resource_configuration import ResourceConfiguration
from azureml.exceptions import ModelNotFoundException, WebserviceException
from lazuli.errors import ConflictError, InvalidError, NotFoundError
from lazuli.later import module_names, with_later_members
from lazuli.names import artifact_path, below
from lazuli.values import texts


@with_later_members
class Model:
    """One version of a registered model; without a version, the newest."""

    class Framework:
        CUSTOM = "Custom"
        MULTI = "Multi"
        ONNX = "Onnx"
        SCIKITLEARN = "ScikitLearn"
        TENSORFLOW = "TensorFlow"

        @staticmethod
        def all():
            return [value for name, value in vars(Model.Framework).items() if name.isupper()]

    def __init__(self, workspace, name=None, id=None, tags=None, properties=None, version=None, run_id=None, model_framework=None, expand=True, **kwargs):
        self.workspace = workspace
        if id is not None:
            name, separator, text = str(id).rpartition(":")
            if not separator or not text.isdigit():
                raise _Refused(f"the model id `{id}` is not of the form `name:version`", hint="give name= and version=")
            version = int(text)
        if kwargs.get("_model") is not None:
            self._model = kwargs["_model"]
        elif tags or properties or run_id or model_framework:
            found = Model.list(workspace, name, tags, properties, run_id, model_framework=model_framework)
            found = [model for model in found if version is None or model.version == int(version)]
            if not found:
                raise ModelNotFoundException(f"no version of model `{name}` fits", hint="`Model.list(workspace)` shows what there is")
            self._model = max(found, key=lambda model: model.version)._model
        elif name is None:
            raise _Refused("no model was named", hint="give name=, or id='name:version'")
        else:
            try:
                self._model = workspace._client.model(workspace.name, name, version)
            except NotFoundError as error:
                raise ModelNotFoundException(error.message, hint=error.hint) from error

    @staticmethod
    def register(workspace, model_path, model_name, tags=None, properties=None, description=None, datasets=None, model_framework=None, model_framework_version=None, child_paths=None, sample_input_dataset=None, sample_output_dataset=None, resource_configuration=None, **kwargs):
        """Registers a local file or folder as the next version."""
        files = _local_files(Path(model_path), child_paths)
        blobs = []
        for path, file in files:
            with open(file, "rb") as content:
                digest = hashlib.sha256()
                size = 0
                while chunk := content.read(1 << 20):
                    digest.update(chunk)
                    size += len(chunk)
                content.seek(0)
                workspace._client.put_blob(digest.hexdigest(), content)
            blobs.append({"path": path, "size": size, "sha256": digest.hexdigest()})
        return Model._register(
            workspace, model_name, {"blobs": blobs}, tags, properties, description, model_framework, model_framework_version,
            datasets, sample_input_dataset, sample_output_dataset, resource_configuration,
        )

    @staticmethod
    def _register(workspace, name, source, tags, properties, description, framework, framework_version, datasets, sample_input, sample_output, resources):
        new_model = {
            "name": name,
            "source": source,
            "description": description or "",
            "tags": texts("tags", tags),
            "properties": texts("properties", properties),
        }
        if framework:
            new_model["framework"] = str(framework)
        if framework_version:
            new_model["framework_version"] = str(framework_version)
        new_model.update(_details(datasets, sample_input, sample_output, resources))
        return Model(workspace, _model=workspace._client.create_model(workspace.name, new_model))

    @staticmethod
    def list(workspace, name=None, tags=None, properties=None, run_id=None, latest=False, dataset_id=None, expand=True, page_count=255, model_framework=None):
        """Models, the newest version of a name first.

        ``tags`` and ``properties`` are keys (`["area"]`) or keys with values (`[["area", "health"]]`).
        """
        found = [Model(workspace, _model=model) for model in workspace._client.models(workspace.name, name)]
        found = [
            model
            for model in found
            if has_all(model.tags, tags)
            and has_all(model.properties, properties)
            and (run_id is None or model.run_id == run_id)
            and (dataset_id is None or any(use["dataset_id"] == dataset_id for use in model._model.get("datasets", [])))
            and (model_framework is None or model.model_framework == model_framework)
        ]
        if latest:
            newest = {}
            for model in found:
                if model.name not in newest or newest[model.name].version < model.version:
                    newest[model.name] = model
            found = [*newest.values()]
        return found

    def download(self, target_dir=".", exist_ok=False, exists_ok=None):
        """Writes the model's files below ``target_dir``; gives the path of the file or folder."""
        overwrite = exist_ok if exists_ok is None else exists_ok
        target = Path(target_dir)
        files = [(file["path"], below(target, file["path"])) for file in self._model["files"]]
        for _, destination in files:
            if destination.exists() and not overwrite:
                raise ConflictError(f"`{destination}` exists already", "choose another target_dir or give exist_ok=True")
        for path, destination in files:
            self.workspace._client.get_model_file(self.workspace.name, self.name, self.version, path, destination)
        tops = {path.split("/")[0] for path, _ in files}
        return str(target / tops.pop()) if len(tops) == 1 else str(target)

    @staticmethod
    def get_model_path(model_name, version=None, _workspace=None):
        """Where the model's file or folder is on this machine; it is downloaded when it is not here yet.

        A web service is told by `AZUREML_MODEL_DIR` where its models are; a job, and everybody else,
        finds them below `azureml-models`.
        """
        folders = [Path(os.environ["AZUREML_MODEL_DIR"])] if os.environ.get("AZUREML_MODEL_DIR") else []
        for folder in [*folders, Path("azureml-models")]:
            found = _local_model(folder / model_name, version)
            if found is not None:
                return str(found)
        if _workspace is None:
            from azureml.core.workspace import Workspace

            _workspace = Workspace.from_config()
        model = Model(_workspace, model_name, version=version)
        return model.download(str(Path("azureml-models") / model_name / str(model.version)), exist_ok=True)

    # Changed and removed

    def update(self, tags=None, description=None, sample_input_dataset=None, sample_output_dataset=None, resource_configuration=None):
        """Puts these in place of what is there; what is left out stays."""
        patch = _details(None, sample_input_dataset, sample_output_dataset, resource_configuration)
        if description is not None:
            patch["description"] = str(description)
        if tags is not None:
            new = texts("tags", tags)
            patch["set_tags"] = new
            patch["remove_tags"] = [name for name in self.tags if name not in new]
        self._patch(patch)

    def add_tags(self, tags):
        self._patch({"set_tags": texts("tags", tags)})

    def remove_tags(self, tags):
        self._patch({"remove_tags": [tags] if isinstance(tags, str) else [*tags]})

    def add_properties(self, properties):
        """Adds properties; each key is written once."""
        self._patch({"add_properties": texts("properties", properties)})

    def update_tags_properties(self, add_tags=None, remove_tags=None, add_properties=None):
        patch = {"set_tags": texts("tags", add_tags), "add_properties": texts("properties", add_properties)}
        if remove_tags:
            patch["remove_tags"] = [remove_tags] if isinstance(remove_tags, str) else [*remove_tags]
        self._patch({key: value for key, value in patch.items() if value})

    def add_dataset_references(self, datasets):
        """Notes which datasets the model was made with: `[(Dataset.Scenario.TRAINING, dataset)]`."""
        self._patch({"add_datasets": _dataset_uses(datasets)})

    def delete(self):
        """Removes the version; `lazuli model restore` brings it back."""
        self._asked(self.workspace._client.delete_model, self.workspace.name, self.name, self.version)

    def _patch(self, patch):
        if patch:
            self._model = self._asked(self.workspace._client.patch_model, self.workspace.name, self.name, self.version, patch)

    def _asked(self, call, *arguments):
        try:
            return call(*arguments)
        except NotFoundError as error:
            raise ModelNotFoundException(error.message, hint=error.hint) from error

    # What is known of it

    def serialize(self):
        """All that is known of it, as a dict."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "createdTime": self._model["created_at_ms"],
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "runId": self.run_id,
            "experimentName": self.experiment_name,
            "url": self.url,
            "unpack": self.unpack,
            "resourceConfiguration": self.resource_configuration.serialize() if self.resource_configuration else None,
            "datasets": [*self._model.get("datasets", [])],
        }

    @staticmethod
    def deserialize(workspace, model_payload):
        """The model that `serialize` told of, as it is now."""
        return Model(workspace, id=model_payload["id"])

    @property
    def url(self):
        """The model's address below the daemon."""
        from lazuli.addresses import part

        return f"{self.workspace.discovery_url}/api/workspaces/{part(self.workspace.name)}/models/{part(self.name)}?version={self.version}"

    @property
    def datasets(self):
        """Purpose to the datasets that the model was made with."""
        from azureml.data.abstract_dataset import AbstractDataset

        found = {}
        for use in self._model.get("datasets", []):
            found.setdefault(use["purpose"], []).append(AbstractDataset.get_by_id(self.workspace, use["dataset_id"]))
        return found

    @property
    def sample_input_dataset(self):
        return self._dataset("sample_input_dataset_id")

    @property
    def sample_output_dataset(self):
        return self._dataset("sample_output_dataset_id")

    def _dataset(self, key):
        from azureml.data.abstract_dataset import AbstractDataset

        dataset_id = self._model.get(key)
        return AbstractDataset.get_by_id(self.workspace, dataset_id) if dataset_id else None

    @property
    def resource_configuration(self):
        """What a web service of it asks for, or None."""
        return ResourceConfiguration._of(self._model.get("resource_configuration"))

    @property
    def unpack(self):
        """Whether it is a folder."""
        return any("/" in file["path"] for file in self._model["files"])

    mime_type = "application/x-python"

    @property
    def created_by(self):
        return {"userName": self._model.get("user") or None}

    @property
    def id(self):
        return f"{self.name}:{self.version}"

    @property
    def name(self):
        return self._model["name"]

    @property
    def version(self):
        return self._model["version"]

    @property
    def description(self):
        return self._model["description"]

    @property
    def tags(self):
        return dict(self._model["tags"])

    @property
    def properties(self):
        return dict(self._model["properties"])

    @property
    def run_id(self):
        return self._model.get("run_id")

    @property
    def run(self):
        """The run it was registered from, or None."""
        from azureml.core.run import Run

        return Run.get(self.workspace, self.run_id) if self.run_id else None

    @property
    def experiment_name(self):
        return self._model.get("experiment")

    @property
    def model_framework(self):
        return self._model.get("framework")

    @property
    def model_framework_version(self):
        return self._model.get("framework_version")

    @property
    def created_time(self):
        from azureml.core.times import utc

        return utc(self._model["created_at_ms"])

    def __repr__(self):
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )


class _Refused(InvalidError, WebserviceException):
    """What is asked of a model cannot be."""


def has_all(texts, wanted):
    """SDK v1's filter: a key, a dict, or a list of keys and of [key, value]."""
    if not wanted:
        return True
    if isinstance(wanted, str):
        wanted = [wanted]
    if isinstance(wanted, dict):
        wanted = list(wanted.items())
    for condition in wanted:
        if isinstance(condition, str):
            if condition not in texts:
                return False
        elif texts.get(condition[0]) != str(condition[1]):
            return False
    return True


def _local_files(path, child_paths):
    """(name in the model, file) of everything that is registered; a folder keeps its own name."""
    if path.is_file():
        return [(artifact_path(path.name), path)]
    if not path.is_dir():
        raise NotFoundError(f"`{path}` does not exist", "give the path of the model's file or folder")
    top = path.resolve().name
    if child_paths:
        files = [path / child for child in child_paths]
    else:
        files = sorted(file for file in path.rglob("*") if file.is_file())
    if not files:
        raise InvalidError(f"the folder `{path}` holds no file", "save the model first")
    return [(artifact_path(f"{top}/{file.relative_to(path).as_posix()}"), file) for file in files]


def _details(datasets, sample_input, sample_output, resources):
    """What a model may carry beside its files."""
    details = {}
    if datasets:
        details["datasets"] = _dataset_uses(datasets)
    for key, dataset in (("sample_input_dataset_id", sample_input), ("sample_output_dataset_id", sample_output)):
        if dataset is not None:
            details[key] = _dataset_id(dataset)
    if resources is not None:
        if not isinstance(resources, ResourceConfiguration):
            raise InvalidError(f"resource_configuration= is a {type(resources).__name__}", "give ResourceConfiguration(cpu=1, memory_in_gb=0.5)")
        details["resource_configuration"] = resources._to_json()
    return details


def _dataset_uses(datasets):
    uses = []
    for entry in datasets:
        if not isinstance(entry, (tuple, list)) or len(entry) != 2:
            raise InvalidError("datasets= takes pairs of a purpose and a dataset", "give such as [(Dataset.Scenario.TRAINING, dataset)]")
        uses.append({"purpose": str(entry[0]), "dataset_id": _dataset_id(entry[1])})
    return uses


def _dataset_id(dataset):
    dataset_id = getattr(dataset, "id", None)
    if not dataset_id:
        raise InvalidError("the dataset is not registered, so a model cannot refer to it", "register it first: `dataset.register(workspace, name)`")
    return dataset_id


def _local_model(folder, version):
    """The file or folder of a model below `azureml-models/<name>`, the newest version when none is named."""
    versions = {int(found.name): found for found in folder.iterdir() if found.name.isdigit()} if folder.is_dir() else {}
    found = versions.get(int(version)) if version is not None else versions.get(max(versions, default=None))
    if found is None:
        return None
    content = [*found.iterdir()]
    return content[0] if len(content) == 1 else found


__getattr__ = module_names(
    __name__,
    {
        "Dataset": "azureml.core.dataset",
        "Environment": "azureml.core.environment",
        "FileDataset": "azureml.data.file_dataset",
        "ModelPathNotFoundException": "azureml.exceptions",
        "Run": "azureml.core.run",
        "TabularDataset": "azureml.data.tabular_dataset",
        "UserErrorException": "azureml.exceptions",
        "Workspace": "azureml.core.workspace",
    },
)
