"""The Cognito user pool: every call to it, and its errors in our words.

What the accounts and sessions rooms make of it does not belong here.
"""
