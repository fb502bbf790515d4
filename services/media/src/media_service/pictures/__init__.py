"""Pictures: what others see of one, made anew from its pixels, and what it says about itself."""
