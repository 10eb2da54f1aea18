"""Indicators of every unit and month: definitions, measuring, recording, bands, alarms, pages.

``formulas`` holds the arithmetic, ``definitions`` what each indicator is, ``measuring`` turns
records into counters that add up over stores, ``recording`` writes them down once.
"""
