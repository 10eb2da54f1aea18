"""What a model's card says of its fits beside the library."""

import pytest

from ml.backtest_pages import _slice_table
from ml.model_card import beside_the_library, model_name
from ml.models import ModelVersion
from organization.models import Unit


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


def test_a_model_is_called_by_its_division_and_segment_not_by_its_code(settings):
    settings.LANGUAGE_CODE = "en"
    of = Unit(code="XQ-JV", name="Joint ventures", level="division")
    version = ModelVersion(kind="lifetime_value", name="XQ-JV/organisation", division=of)
    assert model_name(version) == "Joint ventures · Fleets and companies"


def test_a_model_of_the_whole_group_is_called_by_what_it_forecasts(settings):
    settings.LANGUAGE_CODE = "en"
    version = ModelVersion(kind="next_year", name="next_year")
    assert model_name(version) == "Visits of the next year"


def test_a_back_test_tells_the_error_of_a_sum_as_a_percentage_of_it(settings):
    settings.LANGUAGE_CODE = "en"
    sums = {"visits": (90, 100), "revenue": (105.0, 100.0), "margin": (50.0, 0.0)}
    row = {"label": "1", "customers": 7}
    for measure, (forecast, actual) in sums.items():
        row |= {f"{measure}_forecast": forecast, f"{measure}_actual": actual}
    (line,) = _slice_table("decile", [row]).body()
    texts = [cell.text for cell in line.cells]
    assert texts == ["1", "7", "90", "100", "−10.0%", "+5.0%", "¥50", "¥0", "–"]
