"""Trained classifiers as files: skops with a pinned list of types, and a SHA-256.

Nothing is unpickled. A file is loaded only if its hash is the one that the registry recorded and
if it holds no type outside :data:`ALLOWED_TYPES`.
"""

import hashlib
from pathlib import Path

import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

Model = HistGradientBoostingClassifier | HistGradientBoostingRegressor

ALLOWED_TYPES = frozenset({"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})
"""All that a HistGradientBoosting model needs beyond what skops itself trusts."""


class UntrustedModelFile(ValueError):
    """The file is not the one recorded, or holds types that are not allowed."""


def save_model(model: Model, path: Path) -> str:
    """Write ``model`` to ``path`` and return the SHA-256 of the file in hex."""
    data = skops.io.dumps(model)
    unknown = _types_outside(data)
    if unknown:
        raise UntrustedModelFile(f"this model could not be loaded again: it holds {unknown}")
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
    return hashlib.sha256(data).hexdigest()


def load_model(path: Path, sha256: str) -> Model:
    """Read a model whose file has this SHA-256; UntrustedModelFile otherwise."""
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise UntrustedModelFile(f"{path.name} has SHA-256 {found}, the registry says {sha256}")
    unknown = _types_outside(data)
    if unknown:
        raise UntrustedModelFile(f"{path.name} holds types that are not allowed: {unknown}")
    model = skops.io.loads(data, trusted=sorted(ALLOWED_TYPES))
    if not isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        raise UntrustedModelFile(f"{path.name} holds a {type(model).__name__}, not a known model")
    return model


def _types_outside(data: bytes) -> list[str]:
    return sorted(set(skops.io.get_untrusted_types(data=data)) - ALLOWED_TYPES)
