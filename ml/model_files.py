"""Trained classifiers as files: skops with a pinned list of types, and a SHA-256.

Nothing is unpickled. A file is loaded only if its hash is the one that the registry recorded and
if it holds no type outside :data:`ALLOWED_TYPES`.
"""

import hashlib
from typing import TypeAlias

import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

Model: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor

ALLOWED_TYPES = frozenset({"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})
"""All that a HistGradientBoosting model needs beyond what skops itself trusts."""


class UntrustedModelFile(ValueError):
    """The file is not the one recorded, or holds types that are not allowed."""


def dump(model: Model) -> tuple[bytes, str]:
    """The file's content and its SHA-256 in hex."""
    content = skops.io.dumps(model)
    unknown = _types_outside(content)
    if unknown:
        raise UntrustedModelFile(f"this model could not be loaded again: it holds {unknown}")
    return content, hashlib.sha256(content).hexdigest()


def load(content: bytes, sha256: str) -> Model:
    """The model in ``content``, whose SHA-256 must be the one recorded with it."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UntrustedModelFile(f"the model file has SHA-256 {found}, the registry says {sha256}")
    unknown = _types_outside(content)
    if unknown:
        raise UntrustedModelFile(f"the model file holds types that are not allowed: {unknown}")
    model = skops.io.loads(content, trusted=sorted(ALLOWED_TYPES))
    if not isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        raise UntrustedModelFile(f"the model file holds a {type(model).__name__}")
    return model


def _types_outside(data: bytes) -> list[str]:
    return sorted(set(skops.io.get_untrusted_types(data=data)) - ALLOWED_TYPES)
