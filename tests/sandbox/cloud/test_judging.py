import pytest

from sandbox.cloud.watch import rules
from sandbox.cloud.watch.judging import Datum, Terms, judge

MISSING = ("missing", "ignore", "breaching", "notBreaching")
NO_DATA = "INSUFFICIENT_DATA"


def data(picture):
    values = {"0": 0.0, "X": 9.0, "-": None}
    return [Datum(str(n), values[sign]) for n, sign in enumerate(picture.split())]


def states(picture, needed, periods=3):
    verdicts = [judge(data(picture), Terms("GreaterThanThreshold", 5, periods, needed, how)) for how in MISSING]
    return tuple(verdict.state for verdict in verdicts)


# The User Guide's tables, "How alarm state is evaluated when data is missing"; None: the current state is retained.
@pytest.mark.parametrize(
    ("picture", "wanted"),
    [
        ("0 - X - X", ("OK", "OK", "OK", "OK")),
        ("0 - - - -", ("OK", "OK", "OK", "OK")),
        ("- - - - -", (NO_DATA, None, "ALARM", "OK")),
        ("0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("- - - - X", (NO_DATA, None, "ALARM", "OK")),
        ("X - - - -", ("ALARM", None, "ALARM", "OK")),
        ("- - X - -", ("ALARM", None, "ALARM", "OK")),
    ],
)
def test_three_of_three(picture, wanted):
    assert states(picture, needed=3) == wanted


@pytest.mark.parametrize(
    ("picture", "wanted"),
    [
        ("0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 - X - -", ("OK", "OK", "ALARM", "OK")),
        ("- - - - 0", ("OK", "OK", "ALARM", "OK")),
        ("- - - - X", (NO_DATA, None, "ALARM", "OK")),
        ("- - - X -", ("ALARM", None, "ALARM", "OK")),
    ],
)
def test_two_of_three(picture, wanted):
    assert states(picture, needed=2) == wanted


def test_one_of_one_sees_the_latest_there_is():
    assert states("X 0 -", needed=1, periods=1) == ("OK",) * 4
    assert states("0 X -", needed=1, periods=1) == ("ALARM",) * 4


@pytest.mark.parametrize(
    ("comparison", "at_threshold", "below"),
    [
        ("GreaterThanThreshold", "OK", "OK"),
        ("GreaterThanOrEqualToThreshold", "ALARM", "OK"),
        ("LessThanThreshold", "OK", "ALARM"),
        ("LessThanOrEqualToThreshold", "ALARM", "ALARM"),
    ],
)
def test_comparisons(comparison, at_threshold, below):
    terms = Terms(comparison, 5, 1, 1)
    assert judge([Datum("", 5.0)], terms).state == at_threshold
    assert judge([Datum("", 4.0)], terms).state == below


def test_reasons_are_in_awss_words():
    terms = Terms("GreaterThanThreshold", 5, 1, 1, "notBreaching")
    assert judge([Datum("20/11/26 12:00:00", 7.5)], terms).reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [7.5 (20/11/26 12:00:00)] was greater than the threshold "
        "(5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert judge([Datum("", None)], terms).reason == (
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
        "[NonBreaching]."
    )


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(a)", True),
        ('ALARM("a") AND OK(b)', True),
        ("ALARM(a) AND ALARM(b)", False),
        ("ALARM(a) OR ALARM(b) AND FALSE", True),
        ("(ALARM(a) OR ALARM(b)) AND FALSE", False),
        ("NOT OK(b)", False),
        ("NOT (ALARM(b) OR INSUFFICIENT_DATA('a'))", True),
        ("ALARM(arn:aws:cloudwatch:eu-central-1:000000000000:alarm:a)", True),
        ('ALARM("with space") OR TRUE', True),
    ],
)
def test_rules(rule, holds):
    held = {"a": "ALARM", "b": "OK", "with space": "OK"}
    read, names = rules.read(rule)
    assert read(held.__getitem__) is holds
    assert set(names) <= held.keys()


@pytest.mark.parametrize("rule", ["", "ALARM", "ALARM(", "ALARM(a) AND", "ALARM(a) ALARM(b)", "(TRUE", "FINE(a)"])
def test_what_is_no_rule(rule):
    with pytest.raises(rules.RuleError):
        rules.read(rule)
