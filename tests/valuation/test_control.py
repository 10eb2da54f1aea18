"""Out of the ordinary: control limits by hand; effects of tasks against untreated peers."""

import math

import pytest
from scipy.stats import t as student

from valuation.improvement.effect import effect_of
from valuation.indicators.control import anomaly, limits, steps, yearly_changes


class TestLimits:
    POINTS = (10.0, 12.0, 10.0, 12.0, 10.0, 12.0, 10.0, 12.0)

    def test_centre_and_width(self):
        found = limits([*self.POINTS, 11.0])
        assert (found.centre, found.low, found.high) == pytest.approx((11, 11 - 5.32, 11 + 5.32))
        assert found.off == ""

    @pytest.mark.parametrize(("last", "off"), [(5.6, "low"), (16.4, "high"), (5.7, "")])
    def test_the_last_point_against_those_before(self, last, off):
        assert limits([*self.POINTS, last]).off == off

    @pytest.mark.parametrize("points", [[], [1.0] * 8, [*POINTS, None]])
    def test_too_few_points_make_none(self, points):
        assert limits(points) is None

    def test_a_gap_is_not_bridged(self):
        assert limits([1.0, None] * 8 + [1.0]) is None

    def test_months_are_compared_with_those_a_year_before(self):
        assert yearly_changes([100.0] * 12 + [110.0, None]) == [pytest.approx(0.1), None]
        assert steps([1.0, None, 2.0, 5.0]) == [None, None, 3.0]


class TestAnomaly:
    FLAT = tuple(0.7 + 0.001 * (i % 2) for i in range(12))

    def reason(self, *last: float, **values):
        given = {"monthly": False, "better": "up", "place": None, "peers": 0} | values
        return anomaly([*self.FLAT, *last], **given)

    def test_a_fall_beyond_the_limits(self):
        assert self.reason(0.6) == "limits"

    def test_a_rise_is_welcome(self):
        assert self.reason(0.8) is None
        assert self.reason(0.8, better="down") == "limits"

    def test_the_lowest_tenth_of_enough_peers(self):
        assert self.reason(0.7, place=0.05, peers=10) == "peers"
        assert self.reason(0.7, place=0.0, peers=4) is None


class TestEffect:
    PEERS = ((0.5, 0.51), (0.6, 0.59), (0.7, 0.70))

    def test_difference_in_differences_with_a_t_interval(self):
        found = effect_of(0.5, 0.6, self.PEERS, better="up", relative=False)
        reach = student.ppf(0.95, 2) * 0.01 * math.sqrt(4 / 3)
        assert found.effect == pytest.approx(0.1)
        assert (found.low, found.high) == pytest.approx((0.1 - reach, 0.1 + reach))
        assert (found.verdict, found.peers) == ("worked", 3)

    def test_what_peers_did_as_well_is_no_effect(self):
        peers = [(0.5, 0.6), (0.6, 0.71), (0.7, 0.79)]
        assert effect_of(0.5, 0.6, peers, better="up", relative=False).verdict == "not_shown"

    def test_less_is_better_for_some(self):
        found = effect_of(0.5, 0.4, self.PEERS, better="down", relative=False)
        assert found.verdict == "worked"

    def test_amounts_are_compared_by_their_relative_change(self):
        peers = [(100.0, 110.0), (1_000.0, 1_100.0), (10.0, 11.0)]
        found = effect_of(200.0, 300.0, peers, better="up", relative=True)
        assert (found.effect, found.peers_change) == pytest.approx((0.4, 0.1))

    @pytest.mark.parametrize(
        ("before", "after", "peers", "verdict"),
        [
            (None, 0.5, PEERS, "no_figure"),
            (0.5, None, PEERS, "no_figure"),
            (0.5, 0.6, PEERS[:2], "no_peers"),
            (0.5, 0.6, (*PEERS[:2], (None, 0.5)), "no_peers"),
        ],
    )
    def test_what_cannot_be_told_is_said(self, before, after, peers, verdict):
        found = effect_of(before, after, peers, better="up", relative=False)
        assert (found.verdict, found.effect) == (verdict, None)
