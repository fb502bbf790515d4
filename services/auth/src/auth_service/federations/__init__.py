"""Federations: signing in with an account elsewhere, through Cognito's hosted UI. What begins then is of `sessions`.

Every person has one account of ours, whoever vouches for them: a provider's identity is only ever linked to one.
"""
