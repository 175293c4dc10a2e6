import codecs
import sys
import time

_FINAL = ("Succeeded", "Failed", "Canceled")
_POLL_SECONDS = 0.2


class ImageBuildDetails:
    """An environment that is being made; SDK v1's word is image."""

    def __init__(self, environment_client, location):
        self._client = environment_client
        self._build = location

    @property
    def status(self):
        """`Queued`, `Running`, `Succeeded`, `Failed` or `Canceled`."""
        return self._refreshed()["status"]

    def get_log(self):
        """Everything said so far, as a text."""
        return self._client.environment_build_log(self._build["build_id"]).decode("utf-8", "replace")

    def wait_for_completion(self, show_output=True):
        """Waits for the end, and prints the log meanwhile; a build that fails raises."""
        from azureml.exceptions import ActivityFailedException

        decoder, offset = codecs.getincrementaldecoder("utf-8")("replace"), 0
        while True:
            is_final = self._refreshed()["status"] in _FINAL
            if show_output:
                piece = self._client.environment_build_log(self._build["build_id"], offset)
                offset += len(piece)
                sys.stdout.write(decoder.decode(piece))
                sys.stdout.flush()
            if is_final:
                break
            time.sleep(_POLL_SECONDS)
        if self._build["status"] != "Succeeded":
            error = self._build.get("error") or {}
            raise ActivityFailedException(
                f"environment `{self._build['environment']}` could not be made: {error.get('message') or self._build['status']}",
                "`get_log()` tells all of it",
            )
        return self

    def _refreshed(self):
        if self._build["status"] not in _FINAL:
            self._build = self._client.environment_build(self._build["build_id"])
        return self._build

    def __repr__(self):
        return f"ImageBuildDetails(environment={self._build['environment']!r}, version={self._build['version']!r}, status={self._build['status']!r})"


class DockerImageDetails(dict):
    """SDK v1's account of an image; here nothing makes one."""

    @property
    def image(self):
        return self.get("image")

    @property
    def dockerfile(self):
        return self.get("dockerfile")

    @property
    def image_exist(self):
        return bool(self.get("imageExistsInRegistry"))

    @property
    def environment_path(self):
        return self.get("pythonEnvironment", {}).get("environmentPath")

    @property
    def interpreter_path(self):
        return self.get("pythonEnvironment", {}).get("interpreterPath")

    @property
    def registry(self):
        return (self.get("image") or {}).get("registry")

    @property
    def repository(self):
        return (self.get("image") or {}).get("name")
