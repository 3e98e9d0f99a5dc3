"""What a new installation begins with, and what of it is kept in the data directory.

data_dir     the lock, the secrets and which broker's data it is
lost_pepper  a pepper that is not there: a fresh machine, or one that has lost it
demo         what an empty directory is filled with, and how its URLs follow the ports
people       who can log in to the panel of a new installation
"""
