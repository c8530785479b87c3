"""`billet top`: where the time of the requests goes, from the lines of the log.

sources      the lines of a running server, a file, standard input or CloudWatch Logs
window       the lines of the last minutes, added up by route, in bounded memory
summary      the figures of the table
causes       the rules that name the likely cause
screen       the table on a terminal
"""
