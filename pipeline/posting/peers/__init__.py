"""Those who are posted to, carriers and endpoints alike: how each of them is, and what it is spared.

breaker      when to leave a peer alone
limit        how many segments a second, over all processes together
together     several such limits as one
pace         how many POSTs a peer has open at once
peer         how one peer is: its breaker, its pace, whether it is slow
known_peers  those that there are

Who waits for a peer, and whose turn it is, is not known here.
"""
