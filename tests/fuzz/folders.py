"""Saved models and checkpoints of which one part is changed, with sizes and hashes made right again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzz.mutations import mutated, mutated_json, mutated_tensors


def changes(folder: Path, name: str) -> st.SearchStrategy[tuple[str, str, Any]]:
    """A model's name, which part is changed, and how: the manifest's tree, bytes of a file, or values of its arrays."""
    files = sorted(path.name for path in folder.iterdir() if path.name != ".lock")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    spared = st.sampled_from([(), ("run", "payloads", "format_version", "kind")])
    tree = spared.flatmap(lambda keys: st.tuples(st.just(name), st.just("tree"), mutated_json(manifest, spared=keys)))
    raw = st.sampled_from(files).flatmap(
        lambda file: st.tuples(st.just(name), st.just(file), mutated([(folder / file).read_bytes()]))
    )
    values = st.sampled_from([file for file in files if file.endswith(".safetensors")]).flatmap(
        lambda file: st.tuples(st.just(name), st.just(file), mutated_tensors((folder / file).read_bytes()))
    )
    return st.one_of(tree, raw, values)


def put(folder: Path, part: str, changed: Any) -> None:
    """Change one part of a saved folder, and make the manifest's sizes and hashes right again."""
    manifest = folder / "manifest.json"
    if part == "tree":
        manifest.write_text(json.dumps(changed), encoding="utf-8")
        return
    (folder / part).write_bytes(changed)
    if part == "manifest.json":
        return
    facts = json.loads(manifest.read_bytes())
    sha256 = hashlib.sha256(changed).hexdigest()
    for payload in facts["payloads"]:
        if payload["file"] == part:
            payload["bytes"], payload["sha256"] = len(changed), sha256
            stem, _, suffix = part.rpartition("-")
            payload["file"] = f"{stem}-{sha256[:16]}.{suffix.partition('.')[2]}"
            (folder / part).rename(folder / payload["file"])
    manifest.write_text(json.dumps(facts), encoding="utf-8")
