"""Segments by model: risk by value, services by due date, the load of the workshops."""
