"""A simulated dealer group for demonstrations, tests and benchmarks."""

from customers.demonstration.generate import Summary, generate

__all__ = ["Summary", "generate"]
