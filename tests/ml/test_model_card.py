"""What a model's card says of its fits beside the library."""

import pytest

from ml.model_card import beside_the_library, title
from ml.models import ModelVersion


def version_of(baseline, spend):
    fits = {"baseline": {"model": "BG/NBD", **baseline}, "worth": {"spend": spend}}
    return ModelVersion(kind="lifetime_value", parameters=fits)


def test_names_the_library_where_it_estimated():
    version = version_of({"estimator": "lifetimes"}, {"estimator": "lifetimes"})
    assert [text for _label, text in beside_the_library(version)] == ["lifetimes", "lifetimes"]


@pytest.mark.parametrize(
    ("apart", "said"),
    [(2.5e-4, "within 2.5e-04"), (None, "lifetimes found no fit on a sample of 5,003")],
)
def test_says_how_far_a_sample_lies_apart(settings, apart, said):
    settings.LANGUAGE_CODE = "en"
    agreement = {"rows": 5003, "max_relative_difference": apart}
    version = version_of({"estimator": "analytic", "agreement": agreement}, {})
    ((_label, text),) = beside_the_library(version)
    assert said in text


def test_a_version_is_called_by_its_kind_and_whose_customers_it_is_of(settings):
    settings.LANGUAGE_CODE = "en"
    cohort = {"division": "LUX", "segment": "person"}
    version = ModelVersion(kind=ModelVersion.Kind.LIFETIME_VALUE, parameters=cohort)
    assert title(version) == "Lifetime value · LUX · Individuals"
    assert title(ModelVersion(kind=ModelVersion.Kind.CHURN)) == "Churn"
