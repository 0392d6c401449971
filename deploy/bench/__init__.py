"""`make bench`: how long a start takes, how much memory the sandbox holds, how many requests it answers, where the time goes."""
