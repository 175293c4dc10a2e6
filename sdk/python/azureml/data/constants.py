"""Words that are written into requests."""

DIRECT_MODE = "direct"
DOWNLOAD_MODE = "download"
MOUNT_MODE = "mount"
UPLOAD_MODE = "upload"

#: Where `OutputFileDatasetConfig` writes when nothing else is said.
DEFAULT_OUTPUT_PATH = "dataset/{run-id}/{output-name}"
