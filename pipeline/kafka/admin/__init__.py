"""What the broker says about topics and groups, and the topics that it is asked to make.

topic_admin    creates the catalogue's topics, reports drift and puts configs right
topic_drift    how topics differ from the catalogue
partitions     which partitions topics have
committed      what a group has committed, with its metadata
group_offsets  how far a group is with its topics
positions      where a group goes on, and that a loss of its offsets is no beginning
group_members  how many members consumer groups have
log_folders    what lies on the brokers' disks, and how much room is left
broker_figures  lag, sizes and disks as metrics
"""
