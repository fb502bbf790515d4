"""The interactive documentation of the public API, without a file from anywhere else."""
