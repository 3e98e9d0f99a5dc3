"""What a profile may hold. Values come as text (`pipeline.yaml_document`); an unknown attribute is a typing error.

profile     the whole of it
parameters  what differs from carrier to carrier, and is filled in for each
limits      what a carrier can take, and when
requests    how a request is made, and who we are to the carrier
answers     how an answer is read: where something is found in it, and what it means
questions   how the carrier is asked what it has, and what became of it
receipts    how what it reports is read
base        what these forms have in common

Templates are left as they are: `pipeline.carriers.templates` reads them.
"""
