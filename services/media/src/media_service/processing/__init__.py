"""From uploaded bytes to what others see: the steps, and that they can be taken again."""
