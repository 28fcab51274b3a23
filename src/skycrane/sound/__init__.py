"""Sources, microphone, separation of breeze and rover noise."""
