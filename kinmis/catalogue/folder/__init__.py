"""The folder of a long run: a manifest, shards, and the table that is put together from them."""

from kinmis.catalogue.folder.folder import Folder, RunInProgressError, is_folder

__all__ = ["Folder", "RunInProgressError", "is_folder"]
