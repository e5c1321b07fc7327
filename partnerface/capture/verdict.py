"""From measures to a verdict and advice."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from partnerface.capture.rules import RULES, Rule

GOOD, USABLE, POOR = "good", "usable", "poor"
#: A good clip may miss the mark in as many measures that do not decide.
FORGIVEN = 2
#: How much less a measure weighs in the order of advice that does not decide.
MINOR = 0.5
#: Measures worse than so many times the way from good to poor weigh no more.
WORST = 1.5
#: The verdict's line bears the weightiest advice, and the next where it weighs at least so much beside the first.
COMPARABLE = 0.5


@dataclass(frozen=True)
class Finding:
    """One measure judged: its value (None: could not be measured), state and weight among the advice."""

    rule: Rule
    value: float | None
    state: str | None
    severity: float

    @property
    def advice(self) -> str:
        """What to do about it."""
        value = self.value or 0.0
        # Lengths are asked for in steps that one films by.
        return self.rule.advice.format(value=value, missing=5 * math.ceil(max(self.rule.good - value, 5) / 5))


@dataclass(frozen=True)
class Verdict:
    """The clip judged: a word, all findings in the order of the rules, and the worst of each topic, worst first."""

    word: str
    findings: tuple[Finding, ...]
    lacking: tuple[Finding, ...]

    @property
    def advice(self) -> list[str]:
        """What to do, the weightiest first."""
        return [finding.advice for finding in self.lacking]

    @property
    def line(self) -> str:
        """The verdict and the one or two things that matter most."""
        named = [x.advice for x in self.lacking[:2] if x.severity >= COMPARABLE * self.lacking[0].severity]
        return f"{self.word}: {'; '.join(named)}" if named else self.word


def judge(values: Mapping[str, float | None]) -> Verdict:
    """Hold measures against the rules.

    Args:
        values: rule's name → measure; None where it could not be taken.
    """
    findings = tuple(find(rule, values.get(rule.name)) for rule in RULES)
    lacking = [finding for finding in findings if finding.state in (USABLE, POOR)]
    decisive = [finding for finding in lacking if finding.rule.decisive]
    if any(finding.state == POOR for finding in decisive):
        word = POOR
    else:
        word = USABLE if decisive or len(lacking) > FORGIVEN else GOOD
    worst: dict[str, Finding] = {}
    for finding in sorted(lacking, key=lambda finding: -finding.severity):
        worst.setdefault(finding.rule.topic, finding)
    return Verdict(word, findings, tuple(worst.values()))


def find(rule: Rule, value: float | None) -> Finding:
    """Judge one measure."""
    if value is None:
        return Finding(rule, None, None, 0.0)
    way = (rule.good - value) / (rule.good - rule.poor)
    state = GOOD if way <= 0 else USABLE if way < 1 else POOR
    severity = min(max(way, 0.0), WORST) * (1.0 if rule.decisive else MINOR)
    return Finding(rule, value, state, severity)
