"""What a text is, before anybody knows in which alphabet it travels.

characters      what a character is called
template        a text with places, and what stands in them for one destination
smart_encoding  what may be changed of a text so that it takes fewer segments, and what was

The alphabets of the air are in pipeline/alphabets.
"""
