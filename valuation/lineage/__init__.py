"""What stands behind a figure: one address for each, with formula, parts and rows.

``registry`` names every figure that executive pages show, ``anchors`` finds its stored counters,
``evidence`` lists the rows from which it recomputes, ``page`` shows all of it.
"""
