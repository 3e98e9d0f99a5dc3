"""Trunks in the management API.

trunks       /v3/sms_trunks
documents    trunks in requests and responses
credentials  /v3/sms_trunk_regenerate_credentials
"""
