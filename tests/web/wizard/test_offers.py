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


def test_this_machine_is_grey_with_the_reason_where_nobody_knows_which_it_would_be() -> None:
    local, *aws = offers.platforms("", "several workers")
    assert local.why_not == "several workers"
    assert {offer.why_not for offer in aws} == {""}
    assert offers.preselected((local, *aws)) == "ecs-alb"


def test_the_newest_image_is_chosen_unless_it_runs_already() -> None:
    new, running = Offer("2 r@sha256:2", "2"), Offer("1 r@sha256:1", "1", why_not="it runs")
    assert offers.newest((new, running)) == new.value
    assert offers.newest((running, new)) == ""
    assert offers.newest(()) == ""
