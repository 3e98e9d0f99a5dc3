"""How figures are taken so that nobody feels it, and so that they stay bounded.

What there is to measure says pipeline/metrics.py; here is what it is measured with.

spread        a histogram that costs a fifth of a microsecond to fill
counts        events by a name that is no closed set, counted in batches and bounded
catalogue     which metrics there are
ages          when the oldest of a row of offsets was written
"""
