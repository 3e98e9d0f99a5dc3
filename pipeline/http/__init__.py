"""HTTP as a client, safely: what goes out, to which address, and the truth about how it failed; and who calls us.

url             a URL taken apart, once and strictly; and what of it may be logged
addresses       which addresses may be called at all
tls             whom a connection trusts, and who we are
pinning         a host becomes addresses that have been checked, and connections go to no others
client          one POST over a kept-alive connection
connection      one connection: one request at a time, and whether any of it was sent
answer          bytes become an answer, within a budget
mending         a head in a looser form becomes the strict one, or is refused
client_address  which address a request to us comes from
"""
