"""What stands between the internet and the operations.

passwords    argon2id, a few at a time
throttle     how often somebody may guess
sessions     who is logged in
csrf         did this browser mean to send this
headers      what browsers are told not to do
"""
