"""The yardstick's own check: Pareto/NBD of the CDNOW sample as published (Fader & Hardie)."""

import numpy as np
import pytest
from scipy.optimize import minimize

from tests.ml.cdnow import cdnow
from tests.ml.pareto_nbd import log_likelihood


@pytest.fixture(scope="module")
def history():
    data = cdnow()
    return data["x"].to_numpy(float), data["t_x"].to_numpy(float), data["T"].to_numpy(float)


def test_pareto_nbd_of_cdnow(history):
    def cost(log_params):
        return -log_likelihood(*np.exp(log_params), *history).sum()

    found = minimize(
        cost, np.log([0.6, 9.0, 0.7, 10.0]), method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-8, "maxiter": 4000, "maxfev": 4000},
    )  # fmt: skip
    np.testing.assert_allclose(
        np.exp(found.x), [0.553276, 10.577612, 0.606213, 11.667908], rtol=1e-4
    )
    assert -found.fun == pytest.approx(-9594.97393, abs=1e-4)
