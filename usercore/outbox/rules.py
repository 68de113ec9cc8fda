"""When a delivery is retried, and when it is set aside. Pure."""

from datetime import datetime, timedelta

from usercore.kernel.entity import evolve
from usercore.outbox.model import Delivery, DeliveryPolicy, DeliveryState


def pause_after(tries: int, policy: DeliveryPolicy) -> timedelta:
    """Return the pause after this many failed tries: one second by default, doubled up to an hour."""
    doublings: int = 2 ** min(tries - 1, 32)  # far above the longest pause, far below what a timedelta can hold
    return min(policy.first_pause * doublings, policy.max_pause)


def latest_due(now: datetime, policy: DeliveryPolicy) -> datetime:
    """Return the latest instant at which deliveries are due; a later one is from before the clock was set back."""
    return now + max(policy.lease, policy.max_pause)


def after_success(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return the delivery as done: the subscriber handled it, or is no longer subscribed."""
    return evolve(delivery, state=DeliveryState.DONE, finished_at=now, problem=None)


def after_failure(delivery: Delivery, *, now: datetime, problem: str, policy: DeliveryPolicy) -> Delivery:
    """Return the delivery after a failure: due again after a pause, or set aside after a day of failures."""
    tries, since = delivery.tries + 1, min(delivery.failing_since or now, now)  # the clock may have been set back
    failed = evolve(delivery, tries=tries, problem=problem, failing_since=since)
    if now - since >= policy.set_aside_after:
        return evolve(failed, state=DeliveryState.FAILED, finished_at=now)
    return evolve(failed, due_at=now + pause_after(tries, policy))


def after_retry(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return a delivery that was set aside as pending, with a new day of tries."""
    return evolve(
        delivery, state=DeliveryState.PENDING, due_at=now, tries=0, problem=None, failing_since=None, finished_at=None
    )
