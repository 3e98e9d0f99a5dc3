"""The OpenAPI 3.1 document; what it says about the API is made of the table of routes and the models.

document         the whole of it
ingress          the part about ingress, which is another process on another port
messages         what a bulk request may hold
ingress_answers  what that answers with
"""
