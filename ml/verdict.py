"""A list of checks and whether all of them were passed."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from ml.remarks import TEXT, Remark

Check: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Gate:
    """Whether a score set may be shown: every check with what was found and what is asked."""

    checks: tuple[dict[str, Any], ...]

    @property
    def passed(self) -> bool:
        return all(check["passed"] for check in self.checks)

    def refusals(self) -> list[Remark]:
        return [_why(check) for check in self.checks if not check["passed"]]

    def as_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "checks": list(self.checks)}


def _why(check: Check) -> Remark:
    """In a draft that an older version began, the sentence is all there is."""
    why = check.get("why")
    return Remark(why["code"], **why["values"]) if why else Remark(TEXT, text=check["message"])


def check(name: str, found: Any, passed: bool, why: Remark) -> Check:
    """One check: its name, what was found, and what to say where it was not passed."""
    return {
        "check": name,
        "found": found,
        "passed": bool(passed),
        "message": "" if passed else str(why),
        "why": why.as_dict(),
    }
