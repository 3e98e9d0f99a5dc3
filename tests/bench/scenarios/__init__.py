"""Scenarios of `make bench`: what one sender or one peer does to the others. Each is bounded in count and time.

stage         a system with peers that do as they are told, and what is sent to it
peer_process  such a peer as a process
flood         one number is sent more than its carrier takes one after the other
outage        a carrier, and then an endpoint, is away under load and comes back
neighbours    hundreds of hanging endpoints, and a hostile one on a shared host
verdict       a figure, and what it has to be
"""
