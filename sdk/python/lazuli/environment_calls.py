"""The daemon's API of environments, compute targets and secrets as calls; a part of `lazuli.client.Client`."""

from urllib.parse import urlencode

from lazuli.addresses import part as _part


class EnvironmentCalls:
    # Environments

    def environments(self, workspace):
        """The newest version of each name, curated ones among them."""
        return self.get(f"/api/workspaces/{_part(workspace)}/environments")

    def environment(self, workspace, name, version=None, label=None):
        query = {key: value for key, value in (("version", version), ("label", label)) if value is not None}
        return self.get(f"/api/workspaces/{_part(workspace)}/environments/{_part(name)}" + (f"?{urlencode(query)}" if query else ""))

    def environment_versions(self, workspace, name):
        return self.get(f"/api/workspaces/{_part(workspace)}/environments/{_part(name)}/versions")

    def register_environment(self, workspace, new_environment):
        return self.post(f"/api/workspaces/{_part(workspace)}/environments", new_environment, repeatable=True)

    def label_environment(self, workspace, name, version, labels):
        return self.patch(f"/api/workspaces/{_part(workspace)}/environments/{_part(name)}/{_part(version)}", {"labels": labels})

    def build_environment(self, workspace, name, version, new_build):
        return self.post(f"/api/workspaces/{_part(workspace)}/environments/{_part(name)}/{_part(version)}/builds", new_build, repeatable=True)

    def environment_build(self, build_id):
        return self.get(f"/api/environment-builds/{_part(build_id)}")

    def environment_build_log(self, build_id, offset=0):
        with self._request("GET", f"/api/environment-builds/{_part(build_id)}/log?offset={int(offset)}", repeatable=True) as reply:
            return reply.read()

    def read_yaml(self, text):
        """A YAML text as dicts, lists and scalars."""
        headers = {"Content-Type": "application/yaml"}
        return self._json_of("POST", "/api/yaml", text.encode("utf-8"), headers, repeatable=True)

    def read_conda_specification(self, text, file):
        """A conda specification as a dict; ``file`` is named where it is wrong."""
        return self.post("/api/conda-specifications", {"text": text, "file": file}, repeatable=True)

    # Compute targets

    def compute_targets(self, workspace):
        return self.get(f"/api/workspaces/{_part(workspace)}/compute")

    def compute_target(self, workspace, name):
        return self.get(f"/api/workspaces/{_part(workspace)}/compute/{_part(name)}")

    def create_compute_target(self, workspace, new_target):
        return self.post(f"/api/workspaces/{_part(workspace)}/compute", new_target, repeatable=True)

    def attach_machine(self, workspace, new_machine):
        return self.post(f"/api/workspaces/{_part(workspace)}/machines", new_machine)

    def patch_compute_target(self, workspace, name, patch):
        return self.patch(f"/api/workspaces/{_part(workspace)}/compute/{_part(name)}", patch)

    def delete_compute_target(self, workspace, name):
        self.delete(f"/api/workspaces/{_part(workspace)}/compute/{_part(name)}")

    # Secrets

    def secrets(self, workspace):
        """Names and times; values are answered one by one only."""
        return self.get(f"/api/workspaces/{_part(workspace)}/secrets")

    def secret(self, workspace, name):
        return self.get(f"/api/workspaces/{_part(workspace)}/secrets/{_part(name)}")["value"]

    def put_secret(self, workspace, name, value):
        self._json("PUT", f"/api/workspaces/{_part(workspace)}/secrets/{_part(name)}", {"value": value}, repeatable=True)

    def delete_secret(self, workspace, name):
        self.delete(f"/api/workspaces/{_part(workspace)}/secrets/{_part(name)}")
