"""What a request says and what it is answered, in the words of HTTP and JSON:API.

body          a request's body, with bounds
json_api      a body becomes the attributes of a resource
responses     answers and errors as bytes
rate_limits   what answers say of limits of requests per second
request_span  the span of a request that is traced

What is done about a request does not belong here.
"""
