"""When a delivery is tried again, and when it is set aside. Pure."""

from datetime import datetime, timedelta

from usercore.kernel.entity import evolve
from usercore.outbox.model import Delivery, DeliveryPolicy, DeliveryState


def pause_after(tries: int, policy: DeliveryPolicy) -> timedelta:
    """Give the pause after that many failed tries: one second, doubling up to an hour."""
    doublings: int = 2 ** min(tries - 1, 32)  # far above the longest pause, far below what a timedelta can hold
    return min(policy.first_pause * doublings, policy.longest_pause)


def after_success(delivery: Delivery, *, now: datetime) -> Delivery:
    """Give the delivery as it is after the subscriber took it, or did not want it any more."""
    return evolve(delivery, state=DeliveryState.DONE, revoked_at=now, problem=None)


def after_failure(delivery: Delivery, *, now: datetime, problem: str, policy: DeliveryPolicy) -> Delivery:
    """Give the delivery as it is after a failure: due again after a pause, or set aside after a day."""
    tries, since = delivery.tries + 1, delivery.failing_since or now
    failed = evolve(delivery, tries=tries, problem=problem, failing_since=since)
    if now - since >= policy.set_aside_after:
        return evolve(failed, state=DeliveryState.FAILED, revoked_at=now)
    return evolve(failed, due_at=now + pause_after(tries, policy))


def after_retry(delivery: Delivery, *, now: datetime) -> Delivery:
    """Give a delivery that was set aside a new day."""
    return evolve(
        delivery, state=DeliveryState.PENDING, due_at=now, tries=0, problem=None, failing_since=None, revoked_at=None
    )
