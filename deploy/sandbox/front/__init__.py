"""The front page of a sandbox: what runs, who to sign in as, and a tour of the journey."""
