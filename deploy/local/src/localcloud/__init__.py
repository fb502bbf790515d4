"""The whole cloud on a laptop: embedded servers, the resources that services own, and their processes.

Nothing here imports a service or servicekit: services are found by their folders, and told what they need by
environment variables, exactly as in the cloud.
"""
