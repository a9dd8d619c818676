"""Functions called in other processes and on other machines; what they compute is not known here."""
