"""Step 6: a segment becomes a POST, the answer an outcome, and the outcome what happens next. Pure.

outcome            what an attempt at a segment came to
http_json          the request and the reading of the answer, for carriers that take JSON
decision           what follows from an outcome: next segment, wait, or a final status
journal            what delivery's marks tell after a restart
receipt_reference  where a carrier posts a segment's receipt to, and which segment that is
receipt            what a carrier posts there, and what it says
practice_receipt   the same, as the practice carrier writes it
"""
