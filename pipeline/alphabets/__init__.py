"""Which characters a text can be written in on the air, and what stands in for those that are not there.

gsm0338          the GSM 7-bit default alphabet and its extension table
national         the same with a language's tables in their place, and the header that says so
national_tables  those tables
look_alikes      punctuation and spaces that another one stands in for
transliteration  letters that others stand in for

Tables and what is read off them; where they are used is said in `pipeline/steps`.
"""
