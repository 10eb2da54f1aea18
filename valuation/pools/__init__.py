"""Pools of customers by rule: built while one types, cut for good, taped, stratified, renewed."""
