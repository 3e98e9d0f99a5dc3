"""What pages of several rooms are made of. Nothing here has an address of its own, or knows a page.

entry_pages   list, form and deletion, which most kinds of entries have
listing       a list with its filter, order and pages
uploads       a CSV file that is imported
confirmation  the question before something that cannot be taken back
forms         what a posted form says, and problems by field
countries     countries with their names
day_use       how much of a day's limits is used up
limit_fields  the limits of trunks and accounts
navigation    where the browser goes next
following     until when a page follows what somebody has asked for
times         times that people type, in a zone
words         how times and long lists read
"""
