"""Amazon ECS, with the traffic steered by App Mesh routes or by a load balancer's target groups.

Works against whatever boto3 is configured for: profile, role, instance identity, keys, endpoint.
"""
