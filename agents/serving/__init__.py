"""What our HTTP servers have in common, before a request is anybody's business.

connections     how many connections a server holds, and which of them go first
protocol        aiohttp's server with these bounds; a client that closes its side gets its answers
parser          how large a head may be, and what is said of one that is no request
lingering       a moment for the last answer of a connection to arrive
head            which forms of body and answer a request's head asks for
authentication  which trunk is calling: IP allow-list, then HTTP Basic
message_query   what a query asks of the message log
message_shown   messages and their events as JSON:API shows them
prices          a price in JSON
errors          an error in the contract's shape
"""
