"""Mails: handing a letter to SES. What it says, and whether it may be sent, is of the rooms that write it."""
