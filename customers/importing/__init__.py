"""Files of a dealer group in: read, checked, staged by COPY, loaded set by set (data-format.md)."""
