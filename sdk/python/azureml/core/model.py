import hashlib
from pathlib import Path

from lazuli.errors import ConflictError, InvalidError, NotFoundError
from lazuli.names import artifact_path, below
from lazuli.values import texts


class Model:
    """One version of a registered model; without a version, the newest."""

    class Framework:
        CUSTOM = "Custom"
        ONNX = "Onnx"
        SCIKITLEARN = "ScikitLearn"
        TENSORFLOW = "TensorFlow"

    def __init__(self, workspace, name=None, id=None, tags=None, properties=None, version=None, run_id=None, model_framework=None, expand=True, **kwargs):
        self.workspace = workspace
        if id is not None:
            name, separator, text = str(id).rpartition(":")
            if not separator or not text.isdigit():
                raise InvalidError(f"the model id `{id}` is not of the form `name:version`", "give name= and version=")
            version = int(text)
        if kwargs.get("_model") is not None:
            self._model = kwargs["_model"]
        elif tags or properties or run_id or model_framework:
            found = Model.list(workspace, name, tags, properties, run_id, model_framework=model_framework)
            found = [model for model in found if version is None or model.version == int(version)]
            if not found:
                raise NotFoundError(f"no version of model `{name}` fits", "`Model.list(workspace)` shows what there is")
            self._model = found[0]._model
        else:
            self._model = workspace._client.model(workspace.name, name, version)

    @staticmethod
    def register(workspace, model_path, model_name, tags=None, properties=None, description=None, datasets=None, model_framework=None, model_framework_version=None, child_paths=None, **kwargs):
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
            workspace, model_name, {"blobs": blobs}, tags, properties, description, model_framework, model_framework_version
        )

    @staticmethod
    def _register(workspace, name, source, tags, properties, description, framework, framework_version):
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
        from azureml.core.run import utc

        return utc(self._model["created_at_ms"])

    def __repr__(self):
        return f"Model(workspace={self.workspace!r}, name={self.name!r}, id={self.id!r}, version={self.version})"


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
