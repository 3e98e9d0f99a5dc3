"""What our HTTP servers have in common, before a request is anybody's business.

connections  how many connections a server holds, and which of them go first
protocol     aiohttp's server with these bounds; a client that closes its side gets its answers
parser       how large a head may be, and what is said of one that is no request
lingering    a moment for the last answer of a connection to arrive
head         which forms of body and answer a request's head asks for
errors       an error in the contract's shape
"""
