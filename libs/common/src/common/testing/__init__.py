"""Fakes and waits that several test suites need."""

from common.testing.fakes import FakeInbox, FakeOutbox
from common.testing.waiting import eventually

__all__ = ["FakeInbox", "FakeOutbox", "eventually"]
