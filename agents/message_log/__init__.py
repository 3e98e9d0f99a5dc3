"""The message log: follows the topics into a database, and answers trunks that ask for their messages.

__main__  the process: what is started, and in which order it stops
catch_up  from the topics into the database
distance  how far it is behind, and whether that is near
api      a request becomes a question to the database, and its answer a document
"""
