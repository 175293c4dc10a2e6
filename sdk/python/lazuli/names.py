"""Names of artifacts and of files in datastores: relative, inside their folder. The daemon applies the
same rules."""

from lazuli.errors import InvalidError


def artifact_path(name):
    """The name with single slashes; refuses what would leave its folder."""
    return _relative("artifact name", "outputs/model.pkl", str(name))


def stored_path(path):
    """The path of a file in a datastore; SDK v1 writes it with a slash in front, too."""
    return _relative("path", "data/diabetes.csv", str(path).lstrip("/"))


def stored_folder(path):
    """The path of a folder in a datastore, without slashes around it; empty for all of it."""
    path = str(path or "").replace("\\", "/").strip("/")
    return stored_path(path) if path not in ("", ".") else ""


def _relative(what, example, name):
    def refuse(why):
        raise InvalidError(f"the {what} `{ascii(name[:60])[1:-1]}` {why}", f"use a relative path such as `{example}`")

    if len(name.encode("utf-8", "replace")) > 1024:
        refuse("is longer than 1024 bytes")
    if "\\" in name:
        refuse("contains a backslash")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in name):
        refuse("contains a control character")
    if name.startswith("/") or name[1:2] == ":":
        refuse("is absolute")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        refuse("contains `..`")
    if not parts:
        refuse("is empty")
    for part in parts:
        if len(part.encode("utf-8", "replace")) > 255:
            refuse(f"has a part of {len(part.encode('utf-8', 'replace'))} bytes, at most 255 are allowed")
    return "/".join(parts)


def below(folder, name):
    """Where a downloaded file of that name belongs below ``folder`` (a Path)."""
    return folder.joinpath(*artifact_path(name).split("/"))


def stored_below(folder, path):
    """Where a file of a datastore belongs below ``folder`` (a Path)."""
    return folder.joinpath(*stored_path(path).split("/"))
