"""Lock-outs: what wrong tries at a secret cost, and how often one may ask for a mail. The secrets are elsewhere."""
