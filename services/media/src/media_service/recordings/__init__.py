"""Films and sounds: stripped copies, how long they last, a film's first frame, and a sound's waveform."""
