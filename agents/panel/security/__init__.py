"""What stands between the internet and the operations.

passwords    argon2id, a few at a time
throttle     how often somebody may guess
turns        whose password is checked next
devices      browsers that their user has logged in with before
sessions     who is logged in
csrf         did this browser mean to send this
cookies      a session's, a visitor's, and a known browser's
log_in       logging in, which puts these together
awaited_codes  who has the password, and is asked for a code
one_time_codes  the codes of authenticator apps
headers      what browsers must not do
"""
