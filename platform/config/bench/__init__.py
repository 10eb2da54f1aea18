"""Measurements that anybody can repeat: ``manage.py bench NAME`` (docs/benchmarks.md)."""
