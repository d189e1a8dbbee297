"""What is offered, and why the rest is not."""

from chimera.web.wizard import offers
from chimera.web.wizard.offers import Offer


def test_what_cannot_be_chosen_is_never_preselected() -> None:
    some = (Offer("a", "A", why_not="no"), Offer("b", "B"), Offer("c", "C"))
    assert offers.preselected(some) == "b"
    assert offers.preselected(some, "c") == "c"
    assert offers.preselected(some, "a") == "b"
    assert offers.preselected(some[:1]) == ""


def test_strategies_say_their_time_and_begin_with_what_most_want() -> None:
    names = [offer.value for offer in offers.strategies(known=False)]
    assert names == ["balanced", "careful", "fast"]
    assert all("at least" in offer.side for offer in offers.strategies(known=False))
    assert offers.strategies(known=True, before="as it was")[0].value == "as-before"


def test_aws_is_grey_with_the_reason_where_it_cannot_be_reached() -> None:
    local, *aws = offers.platforms("no credentials")
    assert not local.why_not
    assert {offer.why_not for offer in aws} == {"no credentials"}
