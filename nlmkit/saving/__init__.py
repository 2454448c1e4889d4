"""Saved models as folders of arrays and JSON; independent of components.

A saved model is one flat folder::

    manifest.json                           strict JSON: what the model is, and size and SHA-256 of each payload
    arrays-<16 hex digits>.safetensors      all arrays, memory-mapped when loaded
    vocabulary-<16 hex digits>.txt          one word per line, UTF-8, LF; only for models with a vocabulary
    .lock                                   lock of writers; readers take no lock and write nothing

The digits are the first of the payload's SHA-256, so a payload is never overwritten by another one. A save writes the
payloads first, replaces the manifest last and then deletes payloads that are no longer listed: if interrupted at any
time, the folder contains the old model or the new one. Nothing here unpickles, evaluates or imports anything named in a
file. Importing this package must not import NumPy, to show a manifest without it.
"""

from nlmkit.saving.checks import ascends, require, require_array, require_weights
from nlmkit.saving.hashing import arrays_sha256, vocabulary_sha256
from nlmkit.saving.manifest import FORMAT_VERSION, read_manifest
from nlmkit.saving.reading import SavedFolder, load_folder
from nlmkit.saving.writing import check_target, save_folder

__all__ = [
    "FORMAT_VERSION",
    "SavedFolder",
    "arrays_sha256",
    "ascends",
    "check_target",
    "load_folder",
    "read_manifest",
    "require",
    "require_array",
    "require_weights",
    "save_folder",
    "vocabulary_sha256",
]
