"""Documents that are generated from the code, and checked against it.

schemas  JSON Schemas and AsyncAPI, from the models
metrics  the table of metrics, from their definitions
"""
