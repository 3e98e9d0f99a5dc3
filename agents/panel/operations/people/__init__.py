"""Who may use panel and management API, for those who may change that.

users         people who log in
by_email      who that is
passwords     what a person's password must be, and one that is made for them
api_keys      keys of programs
second_factors  one-time codes of people
last_uses     when users and keys were last used
"""
