"""What linked pages say of themselves: which links a message has, and how to look at them and reach nothing private."""
