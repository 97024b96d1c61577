"""What networks cost before they run: their length (`length`), work (`work`), and what this machine's jobs took (`fit`)."""
