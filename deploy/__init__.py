"""Where it runs: files for people and programs that install smsout, and the code that makes some of them.

strimzi     the topics as resources for Strimzi; `make dashboards` writes them, too
dashboards  Grafana's dashboards as code; `make dashboards` writes deploy/grafana/dashboards
"""
