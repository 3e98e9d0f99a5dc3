"""Where messages go: entries that operators see and change, and nobody else knows of.

operated  what can be done with each kind of them
carriers  carriers
profiles  how carriers are spoken to
routes    routes, which lead destinations to a carrier
"""
