"""Score: what the rewards say of one response, as values and as the flat numbers that are logged."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Score:
    """The reward of one response, and what its text was like.

    total: sum of weight x raw term. terms: raw, each in [0, 1], None where it does not apply to the target's kind.
    failure: why the text did not parse, None if it did. breaches: the rules of the contract that it breaks.
    vertices: None unless the answer is a mask.
    """

    total: float
    terms: dict[str, float | None]
    failure: str | None
    breaches: tuple[str, ...]
    void: bool
    strict: bool
    truncated: bool
    n_answers: int
    vertices: int | None

    def metrics(self) -> dict[str, float | None]:
        """Flat numbers under the names they are logged by. The keys depend on the recipe only, as verl requires.

        None is "no such value for this response": whoever averages leaves it out, as group_stats.means and verl's
        validation do. (The plain name `reward` is left to verl, which logs the total under it.)
        """
        return {
            "reward/total": self.total,
            **{f"reward/{name}": value for name, value in self.terms.items()},
            "parse_failure": float(self.failure is not None),
            "void": float(self.void),
            "strict": float(self.strict),
            "truncated": float(self.truncated),
            "n_answers": float(self.n_answers),
            "vertices": None if self.vertices is None else float(self.vertices),
        }
