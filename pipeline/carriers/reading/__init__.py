"""What a carrier says, read as its profile tells: answers to our requests, and receipts. All of it is hostile.

pattern   regular expressions that cannot run away
xml_tree  XML without what is dangerous in it
document  an answer or a receipt, and how one value of it is found
search    what a profile says about where a value is, checked
answers   an answer becomes an outcome
reports   a receipt becomes reports
"""
