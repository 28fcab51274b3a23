"""How it moves: equations of motion, phases and events, guidance."""
