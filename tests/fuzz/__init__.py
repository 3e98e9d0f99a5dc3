"""Made-up input, thrown at running parts for a length of time: a minute of each in `make test`, longer in `make fuzz`.

rounds             how long it lasts: examples of hypothesis, seed after seed
answers            raw HTTP answers, and what a simple model makes of them
answering_peer     a carrier or endpoint that gives them, and one beside it that is well
test_http_answers  what must hold whatever comes
strategies         batches, transactions and damage, as they may come to lie in a topic
pipeline           agents on a broker of their own, which is poisoned between good messages
draw               draws until the time is over
test_records       nothing that lies in the topic stops anybody
"""
