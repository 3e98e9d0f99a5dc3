"""Grafana's dashboards: written here, generated into deploy/grafana/dashboards, shown by any Grafana from 11 on.

pages        what a dashboard is made of here, and how it becomes Grafana's JSON
overview     is everything well?
ingress      requests and their answers
delivery     carriers, from the segment to the answer
callbacks    customers' endpoints
message_log  the read model: does it keep up, does it answer
kafka        topics, lag and the broker's disks
trunk        one trunk
carrier      one carrier
"""
