"""The whole of what is done to a file in a sandbox: find out what it is, and make of it what others see."""
