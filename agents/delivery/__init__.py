"""Posts segments to carriers: `sms.mt.segmented` and its retry tiers in, `sms.mt.status` out.

deliver   one message: its segments in order, then its status or its place in a retry tier
__main__  the process
"""
