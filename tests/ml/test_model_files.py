import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from ml.model_files import UntrustedModelFile, load_model, save_model


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 3))
    return HistGradientBoostingClassifier(max_iter=5).fit(values, values[:, 0] > 0), values


def test_model_comes_back_with_the_same_answers(trained, tmp_path):
    model, values = trained
    path = tmp_path / "churn.skops"
    again = load_model(path, save_model(model, path))
    np.testing.assert_array_equal(again.predict_proba(values), model.predict_proba(values))
    assert [p.name for p in tmp_path.iterdir()] == ["churn.skops"]


def test_changed_file_is_refused(trained, tmp_path):
    path = tmp_path / "churn.skops"
    digest = save_model(trained[0], path)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(UntrustedModelFile, match="SHA-256"):
        load_model(path, digest)


def test_type_outside_the_list_is_refused(trained, tmp_path, monkeypatch):
    path = tmp_path / "churn.skops"
    digest = save_model(trained[0], path)
    monkeypatch.setattr("ml.model_files.ALLOWED_TYPES", frozenset())
    with pytest.raises(UntrustedModelFile, match="TreePredictor"):
        load_model(path, digest)


def test_other_kind_of_model_is_refused(trained, tmp_path):
    _, values = trained
    path = tmp_path / "other.skops"
    skops.io.dump(LogisticRegression().fit(values, values[:, 0] > 0), path)
    from hashlib import sha256

    with pytest.raises(UntrustedModelFile, match="LogisticRegression"):
        load_model(path, sha256(path.read_bytes()).hexdigest())
