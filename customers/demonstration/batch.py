"""One batch of customers on its way into the files."""

from dataclasses import dataclass

import numpy as np

from customers.demonstration.network import Network
from customers.demonstration.orders import Orders
from customers.demonstration.people import Ints, Population
from customers.demonstration.register import Numbering, Register
from customers.demonstration.seasons import Clock
from customers.demonstration.writer import Times, chosen


@dataclass(frozen=True)
class Batch:
    """Everything that the rows of a batch are made of; ``numbers`` are the order numbers."""

    network: Network
    clock: Clock
    times: Times
    numbering: Numbering
    population: Population
    orders: Orders
    register: Register
    numbers: list[str]

    def stores(self, store: Ints) -> list[str]:
        """Store codes."""
        return chosen(store, [shop.code for shop in self.network.stores])

    def customers(self, spell: Ints, slot: Ints) -> list[str]:
        """Customer numbers of the owners of spells."""
        return self.register.numbers_of(self.population.spells.person[spell], slot)

    def vins(self, spell: Ints) -> list[str]:
        """VINs of the cars of spells."""
        return [self.register.vins[car] for car in self.population.spells.car[spell].tolist()]

    def order_numbers(self, order: Ints) -> list[str]:
        """Order numbers; negative places are empty."""
        return [self.numbers[place] if place >= 0 else "" for place in order.tolist()]

    def own_slot(self, spell: Ints, main: int, second: int) -> Ints:
        """Under which of his store's numbers each spell's owner stands."""
        return np.where(self.population.spells.second_number[spell], second, main)
