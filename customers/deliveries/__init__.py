"""Deliveries without a person at the screen: rows of a program, files of a drop folder."""
