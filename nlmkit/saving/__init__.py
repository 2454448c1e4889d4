"""Saved models as folders of arrays and JSON; this room knows no component.

A saved model is one flat folder::

    manifest.json                           strict JSON: what the model is, and size and SHA-256 of each payload
    arrays-<16 hex digits>.safetensors      all arrays, memory-mapped when loaded
    vocabulary-<16 hex digits>.txt          one word a line, UTF-8, LF; only where there is a vocabulary
    .lock                                   the writers' lock; readers take none and write nothing

The digits are the first of the payload's SHA-256, so a payload is never overwritten by another one. A save writes the
payloads first, replaces the manifest last and then deletes the payloads which no manifest names any more: whenever it
stops, the folder holds the old model or the new one. Nothing here unpickles, evaluates or imports what a file names.
Importing this package imports no NumPy, so that a manifest can be shown without it.
"""

from nlmkit.saving.checks import require, require_array, require_weights
from nlmkit.saving.hashing import arrays_sha256, vocabulary_sha256
from nlmkit.saving.manifest import FORMAT_VERSION, read_manifest
from nlmkit.saving.reading import SavedFolder, load_folder
from nlmkit.saving.writing import check_target, save_folder

__all__ = [
    "FORMAT_VERSION",
    "SavedFolder",
    "arrays_sha256",
    "check_target",
    "load_folder",
    "read_manifest",
    "require",
    "require_array",
    "require_weights",
    "save_folder",
    "vocabulary_sha256",
]
