"""From measures to a word and advice."""

import pytest

from partnerface.capture.rules import RULES
from partnerface.capture.verdict import find, judge

GOOD = {rule.name: rule.good for rule in RULES}
BY_NAME = {rule.name: rule for rule in RULES}


def between(name: str, way: float) -> float:
    rule = BY_NAME[name]
    return rule.good + way * (rule.poor - rule.good)


def test_names_are_unique_and_limits_differ():
    assert len(BY_NAME) == len(RULES)
    assert all(rule.good != rule.poor for rule in RULES)
    assert all("." not in rule.advice.removesuffix(".") or "{" in rule.advice for rule in RULES)


def test_a_good_clip():
    verdict = judge(GOOD)
    assert (verdict.word, verdict.line, verdict.advice) == ("good", "good", [])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_measure_is_judged_in_its_own_direction(rule):
    beyond = rule.good + (rule.good - rule.poor)
    assert [find(rule, value).state for value in (beyond, rule.good, between(rule.name, 0.5), rule.poor)] == [
        "good", "good", "usable", "poor",
    ]  # fmt: skip
    verdict = judge({**GOOD, rule.name: rule.poor})
    assert verdict.word == ("poor" if rule.decisive else "good")
    assert len(verdict.advice) == 1
    assert "{" not in verdict.line


def test_between_good_and_poor_is_usable():
    assert judge({**GOOD, "yaw_range_deg": between("yaw_range_deg", 0.3)}).word == "usable"
    minor = [rule.name for rule in RULES if not rule.decisive][:3]
    assert judge({**GOOD, **{name: between(name, 0.5) for name in minor[:2]}}).word == "good"
    assert judge({**GOOD, **{name: between(name, 0.5) for name in minor}}).word == "usable"


def test_advice_comes_by_weight_and_once_per_topic():
    verdict = judge({**GOOD, "yaw_range_deg": 1, "pitch_range_deg": 5, "mouth_widest_percent": 9, "length_s": 28})
    assert verdict.advice == ["turn the head 20° to each side", "open the mouth wide a few times", "film 5 s more"]
    assert verdict.line == "poor: turn the head 20° to each side", "what matters far less stays out of the line"
    verdict = judge({**GOOD, "yaw_range_deg": 7, "mouth_widest_percent": 5})
    assert verdict.line == "usable: open the mouth wide a few times; turn the head 20° to each side"


def test_what_was_not_measured_is_not_judged():
    verdict = judge({**GOOD, "blinks": None})
    assert verdict.word == "good"
    (blinks,) = [finding for finding in verdict.findings if finding.rule.name == "blinks"]
    assert (blinks.value, blinks.state) == (None, None)


def test_how_much_to_film_is_said_in_whole_steps():
    assert judge({**GOOD, "length_s": 14.4}).advice == ["film 20 s more"]
    assert judge({**GOOD, "length_s": 29.9}).advice == ["film 5 s more"]
