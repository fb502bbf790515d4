"""What nobody asks for and must be done in time: unfinished uploads, stuck files, the bin, what hangs nowhere."""
