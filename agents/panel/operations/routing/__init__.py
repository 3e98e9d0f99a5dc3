"""Where messages go: entries that operators see and change, and nobody else knows of.

operated  what can be done with each kind of them
carriers  carriers
routes    routes, which lead destinations to a carrier
"""
