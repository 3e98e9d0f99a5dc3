"""Step 6: a segment becomes a POST, the answer an outcome, and the outcome what happens next. Pure,
but for `asking`.

outcome            what an attempt at a segment came to
profile_form       what a carrier's profile may hold
templates          how its request is written down
reading            how what it says is read
profiles           both together: a profile, shipped or one's own, with a carrier's settings
asking             a request goes to the first of its targets that can be reached
receipt_reference  where a carrier posts a segment's receipt to, and which segment that is
receipt            what a carrier posts there, and what it says
decision           what follows from an outcome: next segment, wait, or a final status
journal            what delivery's marks tell after a restart
"""
