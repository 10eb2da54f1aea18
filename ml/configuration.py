"""What a retraining may be told; the hash of it is part of every version."""

from typing import Any

# Bumped when a change of code changes figures.
CODE_VERSION = "4"
SMALLEST_GROUP = 100

DEFAULTS: dict[str, Any] = {
    "code_version": CODE_VERSION,
    "horizon_months": 60,
    "discount_rate": 0.08,
    "vehicle_life_years": 15,
    "seed": 1,
}
HORIZON_RANGE = (12, 120)
