from hashlib import sha256

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from ml import model_files
from ml.model_files import UntrustedModelFile, dump, load


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 3))
    return HistGradientBoostingClassifier(max_iter=5).fit(values, values[:, 0] > 0), values


def test_model_comes_back_with_the_same_answers(trained):
    model, values = trained
    np.testing.assert_array_equal(
        load(*dump(model)).predict_proba(values), model.predict_proba(values)
    )


def test_changed_file_is_refused(trained):
    content, digest = dump(trained[0])
    with pytest.raises(UntrustedModelFile, match="SHA-256"):
        load(content + b" ", digest)


def test_type_outside_the_list_is_refused(trained, monkeypatch):
    content, digest = dump(trained[0])
    monkeypatch.setattr(model_files, "ALLOWED_TYPES", frozenset())
    with pytest.raises(UntrustedModelFile, match="TreePredictor"):
        load(content, digest)


def test_other_kind_of_model_is_refused(trained):
    _, values = trained
    content = skops.io.dumps(LogisticRegression().fit(values, values[:, 0] > 0))
    with pytest.raises(UntrustedModelFile, match="LogisticRegression"):
        load(content, sha256(content).hexdigest())
