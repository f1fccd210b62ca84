import pytest

from sandbox.cloud.watch.expressions import ExpressionError, evaluate, references
from sandbox.cloud.watch.points import Point, of_values, statistic

ERRORS = {60.0: 5.0, 180.0: 10.0}
REQUESTS = {60.0: 100.0, 120.0: 50.0, 180.0: 40.0}
GRID = (0.0, 60.0, 120.0, 180.0)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("e", ERRORS),
        ("100*e/r", {60.0: 5.0, 180.0: 25.0}),
        ("100 * FILL(e, 0) / r", {60.0: 5.0, 120.0: 0.0, 180.0: 25.0}),
        ("IF(r > 45, 100*FILL(e,0)/r)", {60.0: 5.0, 120.0: 0.0}),
        ("IF(r >= 50, r, 0)", {60.0: 100.0, 120.0: 50.0, 180.0: 0.0}),
        ("IF(r > 45 AND r < 90, 1, 0)", {60.0: 0.0, 120.0: 1.0, 180.0: 0.0}),
        ("IF(r < 45 || r > 90, r)", {60.0: 100.0, 180.0: 40.0}),
        ("FILL(e, REPEAT)", {60.0: 5.0, 120.0: 5.0, 180.0: 10.0}),
        ("FILL(e, LINEAR)", {60.0: 5.0, 120.0: 7.5, 180.0: 10.0}),
        ("r - 2 * 3 + -4", {60.0: 90.0, 120.0: 40.0, 180.0: 30.0}),
        ("(r - 2) * 3", {60.0: 294.0, 120.0: 144.0, 180.0: 114.0}),
        ("r / (r - 40)", {60.0: 100 / 60, 120.0: 5.0}),  # nothing where it would be divided by zero
        ("r != 50", {60.0: 1.0, 120.0: 0.0, 180.0: 1.0}),
        ("e / MAX(e)", {60.0: 0.5, 180.0: 1.0}),
        ("SUM([e, r])", {60.0: 105.0, 120.0: 50.0, 180.0: 50.0}),
        ("AVG(METRICS())", {60.0: 52.5, 120.0: 50.0, 180.0: 25.0}),
        ("e * 0 + 7", {60.0: 7.0, 180.0: 7.0}),
        ("7", dict.fromkeys(GRID, 7.0)),
    ],
)
def test_expressions(expression, result):
    assert evaluate(expression, {"e": ERRORS, "r": REQUESTS}, GRID) == pytest.approx(result)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("e +", "ends too early"),
        ("e r", "unexpected 'r'"),
        ("(e", r"'\)' is missing"),
        ("x", "no metric or expression 'x'"),
        ("ANOMALY_DETECTION_BAND(e, 2)", "no function ANOMALY_DETECTION_BAND"),
        ("FILL(e)", "FILL takes another number"),
        ("e % 2", "unexpected '%'"),
        ("1 / 0", "has no value"),
        ("[e, r]", "a single time series"),
    ],
)
def test_what_is_no_expression(expression, why):
    with pytest.raises(ExpressionError, match=why):
        evaluate(expression, {"e": ERRORS, "r": REQUESTS}, GRID)


def test_an_expression_tells_what_it_refers_to():
    assert references("IF(m1 > 0, 100*FILL(errors, 0)/m1, REPEAT)") == {"m1", "errors"}


def test_statistics_of_known_values():
    points = [of_values(0, [1, 2, 3], "Count"), of_values(60, [10], "Count")]
    wanted = {"SampleCount": 4, "Sum": 16, "Average": 4, "Minimum": 1, "Maximum": 10, "p50": 2, "p75": 3, "p99": 10}
    assert {stat: statistic(points, stat) for stat in wanted} == wanted
    assert statistic([], "Sum") is None


def test_percentiles_of_a_histogram_lie_in_its_buckets():
    spread = ((0.0, 0.1, 90.0), (0.5, 1.0, 10.0))
    point = Point(0, 100, 12.0, 0.0, 1.0, "Seconds", spread)
    assert statistic([point], "p45") == pytest.approx(0.05)
    assert statistic([point], "p90") == pytest.approx(0.1)
    assert statistic([point], "p95") == pytest.approx(0.75)
    assert statistic([point], "p100") == 1.0
    assert statistic([point], "Average") == 0.12


def test_no_percentile_of_sums():
    assert statistic([Point(0, 10, 50, 1, 9)], "p90") is None
    assert statistic([Point(0, 10, 50, 5, 5)], "p90") == 5
