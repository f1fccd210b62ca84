"""What is drawn comes from the sandbox's own state."""

import io

from rich.console import Console

from sandbox.rehearsal.acts import Act
from sandbox.rehearsal.outcome import Played, Tally
from sandbox.rehearsal.screen import Lines, color_table
from sandbox.rehearsal.seen import production_weights


def state(blue, green, port=80):
    shares = [{"group": "b", "weight": blue}, {"group": "g", "weight": green}]
    return {
        "listeners": [
            {"port": 8080, "rules": [{"weights": [{"group": "g", "weight": 100}]}]},
            {"port": port, "rules": [{"weights": []}, {"weights": shares}]},
        ],
        "groups": [{"arn": "b", "name": "blue-compose-targets-1"}, {"arn": "g", "name": "green-compose-targets-2"}],
    }


class Stage:
    def __init__(self):
        self.now = state(100, 0)

    def state(self):
        return self.now


def drawn(renderable):
    console = Console(file=io.StringIO(), width=100)
    console.print(renderable)
    return console.file.getvalue()


def test_weights_are_those_of_the_rule_users_meet():
    assert production_weights(state(90, 10)) == {"blue": 90, "green": 10}
    assert production_weights(state(1, 3, port=443)) == {"blue": 25, "green": 75}
    assert production_weights({"listeners": [], "groups": []}) == {}


def test_the_table_shows_each_color_with_its_share():
    text = drawn(color_table(state(25, 75), None))
    assert " 25 %" in text
    assert " 75 %" in text


def test_off_a_terminal_a_line_comes_only_when_weights_change():
    console = Console(file=io.StringIO(), width=200)
    lines, stage = Lines(console), Stage()
    lines.opened(Act("promote", ("promote",)))
    for _ in range(3):
        lines.watching(stage, None)
    stage.now = state(0, 100)
    lines.watching(stage, None)
    lines.closed(Played(Act("promote", ()), 4, 2.0, {"outcome": "rolled back", "reason": "unhealthy"}, Tally()))
    text = console.file.getvalue().splitlines()
    assert len(text) == 4
    assert "blue 100 % · green 0 %" in text[1]
    assert "blue 0 % · green 100 %" in text[2]
    assert "rolled back" in text[3]
    assert "unhealthy" in text[3]
