"""The benchmark: seeded captures of known content, FlowMap and its peers on them in turn, one table of ratios.

Run as ``python -m bench`` from the checkout; no part of the wheel.
"""
